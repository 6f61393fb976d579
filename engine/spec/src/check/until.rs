//! `until`: only on steps that may ask again.

use runbook_core::{Shape, Work};

use super::Report;
use crate::diagnostic::Code;
use crate::document::StepNode;

pub(crate) const CODES: &[Code] = &[NOT_A_QUERY];

const NOT_A_QUERY: Code = Code {
    code: "R024",
    title: "`until` on a step that must not run again",
    explanation: "`until` runs a step again until its outputs are as wished. That is harmless for a \
                  query and nothing else: a change or an action would repeat its effect. Put a query \
                  after it and wait there.",
};

pub(crate) fn check(report: &mut Report, step: &StepNode<'_>) {
    let (Some(until), Some(kind)) = (step.until, step.kind) else {
        return;
    };
    if matches!(kind.work(), Work::Call(Shape::Query | Shape::Wait)) {
        return;
    }
    let wrong = report
        .wrong(
            &NOT_A_QUERY,
            &until.span,
            format!("step `{}` cannot have `until`", step.id),
        )
        .label(format!("`{}` is not a query", kind.name))
        .help("put a query after it and wait there");
    report.push(wrong);
}
