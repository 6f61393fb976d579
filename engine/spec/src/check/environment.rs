//! Environments: their files and their variables.

use super::Report;
use crate::diagnostic::Code;
use crate::tree::Span;

pub(crate) const CODES: &[Code] = &[FILE, VARIABLE];

const FILE: Code = Code {
    code: "R031",
    title: "an environment cannot be used",
    explanation: "`environments/NAME.yaml` gives the values of one environment and repeats its name in \
                  `name`; `environments/schema.yaml` declares the variables of all of them.",
};

const VARIABLE: Code = Code {
    code: "R032",
    title: "a variable is wrong",
    explanation: "Every variable that the schema declares without a default has a value of its type in \
                  every environment, and no environment has others.",
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

pub(crate) fn variable(
    report: &mut Report,
    at: &Span,
    message: String,
    label: &str,
    help: Option<String>,
) {
    let wrong = report.wrong(&VARIABLE, at, message).label(label).hint(help);
    report.push(wrong);
}
