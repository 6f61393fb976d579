//! The syntax of templates and expressions, and the helpers and functions that they call.

use runbook_step::expression::{self, FUNCTIONS};
use runbook_step::template::{self, HELPERS, Reference};

use super::Report;
use crate::diagnostic::{Code, Diagnostic};
use crate::nearest::hint;
use crate::source::Source;
use crate::tree::{Node, Span};

pub(crate) const CODES: &[Code] = &[TEMPLATE, EXPRESSION];

const TEMPLATE: Code = Code {
    code: "R015",
    title: "a template is wrong",
    explanation: "Templates are Handlebars: `{{ params.domain }}`, `{{ default env.zone \"a\" }}`, \
                  `{{ join (pluck env.subnets \"id\") \",\" }}`. Every helper is listed in the author's \
                  guide.",
};

const EXPRESSION: Code = Code {
    code: "R016",
    title: "an expression is wrong",
    explanation: "`when`, `until`, `for_each`, `assert` and `let` take CEL, without braces: \
                  `size(targets) > 0 && targets.all(t, t.state == 'healthy')`. No function reads a \
                  clock, a file or the network.",
};

/// A reference with its place in the file.
pub(crate) struct Placed {
    pub(crate) reference: Reference,
    pub(crate) at: Span,
    pub(crate) is_expression: bool,
}

/// The references of a template.
pub(crate) fn template(report: &mut Report, node: &Node, text: &str) -> Vec<Placed> {
    match template::references(text) {
        Ok(found) => place(&report.source, node, text, found, false),
        Err(error) => {
            let name = error.helper.clone();
            let at = match (&name, error.offset) {
                (Some(name), Some(offset)) => {
                    within(&report.source, node, text, offset, name.len())
                }
                (None, Some(offset)) => within(&report.source, node, text, offset, 1),
                (_, None) => node.span.clone(),
            };
            let help = match &name {
                Some(name) => hint(name, HELPERS.iter().copied()),
                None => Some(
                    "write it like {{ params.domain }} or {{ lower params.domain }}".to_owned(),
                ),
            };
            let label = if name.is_some() {
                "not a helper"
            } else {
                "cannot be read from here on"
            };
            let wrong = report
                .wrong(&TEMPLATE, &at, error.message)
                .label(label)
                .hint(help);
            report.push(wrong);
            Vec::new()
        }
    }
}

/// An expression that gives another type than its key asks for.
pub(super) fn mistyped(
    report: &Report,
    node: &Node,
    key: &str,
    (given, wanted): (&str, &str),
) -> Diagnostic {
    report
        .wrong(
            &EXPRESSION,
            &node.span,
            format!("`{key}` has to give {wanted}"),
        )
        .label(format!("this is {given}"))
}

/// The references of an expression.
pub(crate) fn expression(report: &mut Report, node: &Node, text: &str) -> Vec<Placed> {
    if template::is_template(text) {
        let wrong = report
            .wrong(
                &EXPRESSION,
                &node.span,
                "this is an expression, not a template",
            )
            .label("CEL has no braces")
            .help("write the names without `{{ }}`");
        report.push(wrong);
        return Vec::new();
    }
    match expression::references(text) {
        Ok(found) => place(&report.source, node, text, found, true),
        Err(error) => {
            let length = error.function.as_ref().map_or(1, String::len);
            let at = error.offset.map_or_else(
                || node.span.clone(),
                |offset| within(&report.source, node, text, offset, length),
            );
            let help = match &error.function {
                Some(name) if matches!(name.as_str(), "now" | "today" | "rand" | "random") => Some(
                    "no expression reads a clock or chance; `run.started_at` is when the run began"
                        .to_owned(),
                ),
                Some(name) => hint(name, FUNCTIONS.iter().copied()),
                None if text.contains("==='") || text.contains("===") => {
                    Some("CEL compares with `==`".to_owned())
                }
                None => None,
            };
            let label = if error.function.is_some() {
                "not a function"
            } else {
                "here"
            };
            let wrong = report
                .wrong(&EXPRESSION, &at, error.message)
                .label(label)
                .hint(help);
            report.push(wrong);
            Vec::new()
        }
    }
}

fn place(
    source: &Source,
    node: &Node,
    text: &str,
    found: Vec<Reference>,
    is_expression: bool,
) -> Vec<Placed> {
    found
        .into_iter()
        .map(|reference| {
            let rest = text.get(reference.offset..).unwrap_or_default();
            let length = written(rest, is_expression);
            Placed {
                at: within(source, node, text, reference.offset, length),
                reference,
                is_expression,
            }
        })
        .collect()
}

/// How long the path at the head of `rest` is as it is written.
fn written(rest: &str, is_expression: bool) -> usize {
    let part = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '_' | '.' | '[' | ']' | '\'')
            || (c == '-' && !is_expression)
    };
    let mut length = 0;
    let mut open = false;
    for c in rest.chars() {
        match c {
            '[' => open = true,
            ']' => open = false,
            _ => {}
        }
        let inside = open && c != ')' && c != ' ';
        if !part(c) && !inside {
            break;
        }
        length += c.len_utf8();
    }
    rest[..length].trim_end_matches('.').len()
}

/// Where a part of a string's value stands in the file: exactly when the file writes the string as it
/// is, else by counting how often the part occurs before.
fn within(source: &Source, node: &Node, text: &str, offset: usize, length: usize) -> Span {
    let offset = text.floor_char_boundary(offset);
    let end = text.floor_char_boundary((offset + length).min(text.len()));
    let raw = &source.text[node.span.clone()];
    if let Some(start) = raw.find(text) {
        let start = node.span.start + start;
        return start + offset..start + end.max(offset);
    }
    let part = text[offset..end].lines().next().unwrap_or_default();
    if part.is_empty() {
        return node.span.clone();
    }
    let before = text[..offset].matches(part).count();
    match raw.match_indices(part).nth(before) {
        Some((at, _)) => node.span.start + at..node.span.start + at + part.len(),
        None => node.span.clone(),
    }
}
