//! The checks. Each file holds one group: its codes with their explanations, the check, its tests.

pub(crate) mod child;
pub(crate) mod environment;
pub(crate) mod expression;
pub(crate) mod form;
pub(crate) mod given;
pub(crate) mod id;
pub(crate) mod inputs;
pub(crate) mod keys;
pub(crate) mod marks;
pub(crate) mod needs;
pub(crate) mod param;
pub(crate) mod reference;
pub(crate) mod syntax;
pub(crate) mod timing;
pub(crate) mod undo;
pub(crate) mod until;
pub(crate) mod unused;
pub(crate) mod uses;

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Source;

const GROUPS: &[&[Code]] = &[
    syntax::CODES,
    keys::CODES,
    id::CODES,
    uses::CODES,
    inputs::CODES,
    needs::CODES,
    expression::CODES,
    reference::CODES,
    timing::CODES,
    until::CODES,
    undo::CODES,
    marks::CODES,
    param::CODES,
    child::CODES,
    environment::CODES,
    given::CODES,
    unused::CODES,
    form::CODES,
];

/// Every code, in order.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    GROUPS.iter().copied().flatten()
}

/// The code with this name.
#[must_use]
pub fn explain(code: &str) -> Option<&'static Code> {
    codes().find(|one| one.code.eq_ignore_ascii_case(code))
}

/// Collects the mistakes of one file.
pub(crate) struct Report {
    pub(crate) source: Arc<Source>,
    pub(crate) list: Vec<Diagnostic>,
}

impl Report {
    pub(crate) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            list: Vec::new(),
        }
    }

    /// A mistake that is not yet in the list.
    pub(crate) fn wrong(
        &self,
        code: &Code,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::new(code, &self.source, span.clone(), message)
    }

    pub(crate) fn push(&mut self, one: Diagnostic) {
        self.list.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::{codes, explain};

    #[test]
    fn codes_are_in_order_and_explained() {
        let all: Vec<_> = codes().collect();
        // R025 said that `on_failure: rollback` was not there yet; a code is never used again.
        let numbers = (1..).filter(|number| *number != 25);
        for (number, one) in numbers.zip(&all) {
            assert_eq!(one.code, format!("R{number:03}"));
            assert!(
                !one.title.is_empty() && !one.explanation.is_empty(),
                "{}",
                one.code
            );
        }
        assert_eq!(explain("r012").unwrap().code, "R012");
    }
}
