//! What is declared and never read: allowed, and mostly a misspelt name elsewhere.

use std::collections::BTreeSet;

use super::Report;
use crate::diagnostic::Code;
use crate::document::Document;

pub(crate) const CODES: &[Code] = &[PARAM];

const PARAM: Code = Code {
    code: "R034",
    title: "a parameter is never read (a warning)",
    explanation: "The runbook asks for a value and does nothing with it. A parameter that is only there \
                  for the record can be shown in `summary`.",
};

/// `read` holds the parameters that something reads; none: all of them are.
pub(crate) fn check(report: &mut Report, document: &Document<'_>, read: Option<&BTreeSet<String>>) {
    let Some(read) = read else {
        return;
    };
    for declared in &document.params {
        if !read.contains(declared.name) {
            let wrong = report
                .wrong(
                    &PARAM,
                    &declared.at,
                    format!("parameter `{}` is never read", declared.name),
                )
                .label("nothing uses it")
                .warning();
            report.push(wrong);
        }
    }
}
