//! Objectives and the marks that measure them.

use super::Report;
use crate::diagnostic::Code;
use crate::document::Document;

pub(crate) const CODES: &[Code] = &[NEVER_MADE];

const NEVER_MADE: Code = Code {
    code: "R027",
    title: "an objective that cannot be measured",
    explanation: "`rto` ends when a step with `marks: service_restored` succeeds, `rpo` is the age of \
                  the recovery point that a step with `marks: recovery_point` used. Without such a step \
                  the objective could only be missed.",
};

pub(crate) fn check(report: &mut Report, document: &Document<'_>) {
    let Some(fields) = &document.objectives_at else {
        return;
    };
    for (key, mark) in [("rto", "service_restored"), ("rpo", "recovery_point")] {
        let Some(at) = fields.get(key).and_then(|_| fields.at(key)) else {
            continue;
        };
        let made = document
            .steps
            .iter()
            .any(|step| step.marks.and_then(crate::tree::Node::text) == Some(mark));
        if !made {
            let wrong = report
                .wrong(
                    &NEVER_MADE,
                    at,
                    format!("objective `{key}` is never measured"),
                )
                .label(format!("no step marks `{mark}`"))
                .help(format!("write `marks: {mark}` on the step that reaches it"));
            report.push(wrong);
        }
    }
}
