//! What the language has and this version does not.

use super::Report;
use crate::diagnostic::Code;
use crate::tree::Span;

pub(crate) const CODES: &[Code] = &[LATER];

const LATER: Code = Code {
    code: "R025",
    title: "not available in this version",
    explanation: "The language knows it, this version does not carry it out yet. It is refused rather \
                  than ignored.",
};

pub(crate) fn rollback(report: &mut Report, at: &Span) {
    let wrong = report
        .wrong(
            &LATER,
            at,
            "`on_failure: rollback` is not available in this version",
        )
        .label("not yet")
        .help("use `stop` or `pause`");
    report.push(wrong);
}
