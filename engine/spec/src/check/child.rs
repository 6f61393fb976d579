//! Child runbooks.

use super::Report;
use crate::diagnostic::Code;
use crate::tree::Span;

pub(crate) const CODES: &[Code] = &[FILE, PARAMS];

const FILE: Code = Code {
    code: "R029",
    title: "a child runbook cannot be used",
    explanation: "`uses: runbook` takes a literal `file`, relative to the folder of the parent or to \
                  `runbooks/`. The child is checked with its parent. A runbook that calls itself, also \
                  by way of others, would never end; eight levels are the most.",
};

const PARAMS: Code = Code {
    code: "R030",
    title: "a child runbook gets wrong parameters",
    explanation: "`with.params` gives the parameters that the child declares: all required ones, no \
                  unknown ones, values of their types.",
};

pub(crate) fn file(
    report: &mut Report,
    at: &Span,
    message: String,
    label: &str,
    help: Option<String>,
) {
    let wrong = report.wrong(&FILE, at, message).label(label).hint(help);
    report.push(wrong);
}

pub(crate) fn param(
    report: &mut Report,
    at: &Span,
    message: String,
    label: &str,
    help: Option<String>,
) {
    let wrong = report.wrong(&PARAMS, at, message).label(label).hint(help);
    report.push(wrong);
}
