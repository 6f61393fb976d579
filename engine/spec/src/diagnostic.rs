//! A mistake in a file: what is wrong, where, and what was meant.

mod render;

use std::ops::Range;
use std::sync::Arc;

use miette::{LabeledSpan, SourceCode};
use serde::Serialize;

use crate::source::Source;

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken.
    Warning,
}

/// A stable code with its explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Such as `R012`.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// What the rule is and how to follow it.
    pub explanation: &'static str,
}

/// One mistake.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Its code.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// A lowercase fragment without a full stop.
    pub message: String,
    /// The file.
    pub source: Arc<Source>,
    /// Where in the file, in bytes.
    pub span: Range<usize>,
    /// What is at that place.
    pub label: String,
    /// What was meant, or what to do.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(
        code: &Code,
        source: &Arc<Source>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: code.code,
            severity: Severity::Error,
            message: message.into(),
            source: Arc::clone(source),
            span,
            label: String::new(),
            help: None,
        }
    }

    #[must_use]
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    #[must_use]
    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Line and column, both from 1.
    #[must_use]
    pub fn position(&self) -> (usize, usize) {
        self.source.position(self.span.start)
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some(self.label.clone()), self.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

/// Every mistake of one pass, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    /// The mistakes.
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorted by place, errors and warnings together.
    pub(crate) fn sorted(mut list: Vec<Diagnostic>) -> Self {
        list.sort_by(|one, two| {
            let key = |of: &Diagnostic| (of.source.name.clone(), of.span.start, of.code);
            key(one).cmp(&key(two))
        });
        list.dedup_by(|one, two| {
            one.code == two.code && one.span == two.span && one.message == two.message
        });
        Self { list }
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|one| one.severity == Severity::Error)
    }
}

impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render_plain())
    }
}

impl std::error::Error for Diagnostics {}

impl miette::Diagnostic for Diagnostics {
    fn severity(&self) -> Option<miette::Severity> {
        self.list.first().and_then(miette::Diagnostic::severity)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(
            self.list.iter().map(|one| one as &dyn miette::Diagnostic),
        ))
    }
}

#[cfg(test)]
mod tests {
    use miette::Diagnostic as _;

    use super::*;

    #[test]
    fn it_is_a_miette_diagnostic() {
        let code = Code {
            code: "R999",
            title: "",
            explanation: "",
        };
        let source = Source::new("a.yaml", "name: x\n");
        let one = Diagnostic::new(&code, &source, 6..7, "wrong")
            .label("here")
            .help("so");
        assert_eq!(one.code().unwrap().to_string(), "R999");
        assert_eq!(one.labels().unwrap().next().unwrap().label(), Some("here"));
        let all = Diagnostics { list: vec![one] };
        assert_eq!(all.related().unwrap().count(), 1);
    }
}
