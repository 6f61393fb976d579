//! `undo`: what takes a step back.

use runbook_core::{Shape, Work};

use super::Report;
use crate::diagnostic::Code;
use crate::document::{StepNode, UndoNode};
use crate::tree::Node;

pub(crate) const CODES: &[Code] = &[UNDO];

const UNDO: Code = Code {
    code: "R026",
    title: "`undo` does not make sense",
    explanation: "`undo: none` says that a step is not taken back; `undo: { uses, with }` names the step \
                  type that does it: a change or an action. Most changes bring their own undo and need \
                  neither.",
};

pub(crate) fn wrong_word(report: &mut Report, node: &Node) {
    let wrong = report
        .wrong(
            &UNDO,
            &node.span,
            "`undo` has to be `none` or `{ uses, with }`",
        )
        .label("neither of them");
    report.push(wrong);
}

pub(crate) fn check(report: &mut Report, step: &StepNode<'_>) {
    let Some(UndoNode::With {
        kind: Some(kind),
        at,
        ..
    }) = &step.undo
    else {
        return;
    };
    if matches!(
        kind.work(),
        Work::Call(Shape::Modify | Shape::Create | Shape::Action)
    ) {
        return;
    }
    let wrong = report
        .wrong(
            &UNDO,
            at,
            format!("`{}` cannot take step `{}` back", kind.name, step.id),
        )
        .label("it changes nothing")
        .help("name a change or an action, or write `undo: none`");
    report.push(wrong);
}
