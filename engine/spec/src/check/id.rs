//! The names of runbooks, steps and parameters.

use std::collections::BTreeMap;

use super::Report;
use crate::diagnostic::Code;
use crate::document::Document;
use crate::tree::Span;

pub(crate) const CODES: &[Code] = &[SYNTAX, TWICE];

const SYNTAX: Code = Code {
    code: "R006",
    title: "a name has the wrong form",
    explanation: "A runbook's name is kebab-case (`prod-failover`), since it is a file name and part of \
                  commands. The id of a step is snake_case or kebab-case, a parameter snake_case. An id \
                  with a hyphen is written `steps['my-step']` in expressions.",
};

const TWICE: Code = Code {
    code: "R007",
    title: "two steps have one id",
    explanation: "An id names one step of the whole file: `steps`, `finally` and `on_cancel` together.",
};

/// `prod-failover`.
pub(crate) fn name(report: &mut Report, name: &str, at: &Span) {
    if !is_kebab(name) {
        let wrong = report
            .wrong(&SYNTAX, at, format!("name `{name}` is not kebab-case"))
            .label("lower-case letters, digits and single hyphens");
        let meant = kebab(name);
        let meant = (is_kebab(&meant)).then(|| format!("write `{meant}`"));
        report.push(wrong.hint(meant));
    }
}

/// A step's id: snake_case or kebab-case.
pub(crate) fn step(report: &mut Report, id: &str, at: &Span) {
    if !is_id(id) {
        let wrong = report
            .wrong(
                &SYNTAX,
                at,
                format!("id `{id}` is neither snake_case nor kebab-case"),
            )
            .label("a lower-case letter, then lower-case letters, digits, `_` or `-`");
        let meant = kebab(id).replace('-', "_");
        let meant = is_id(&meant).then(|| format!("write `{meant}`"));
        report.push(wrong.hint(meant));
    }
}

/// A parameter, a variable, an output: an identifier that templates and expressions can name.
pub(crate) fn identifier(report: &mut Report, what: &str, name: &str, at: &Span) {
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !fits {
        let meant = name.replace(['-', ' ', '.'], "_");
        let wrong = report
            .wrong(&SYNTAX, at, format!("{what} `{name}` is not an identifier"))
            .label("letters, digits and `_`")
            .help(format!("write `{meant}`"));
        report.push(wrong);
    }
}

/// Every id once.
pub(crate) fn unique(report: &mut Report, document: &Document<'_>) {
    let mut known: BTreeMap<&str, &Span> = BTreeMap::new();
    for step in &document.steps {
        if step.id.is_empty() {
            continue;
        }
        match known.get(step.id.as_str()) {
            None => {
                known.insert(&step.id, &step.at);
            }
            Some(first) => {
                let (line, _) = report.source.position(first.start);
                let wrong = report
                    .wrong(
                        &TWICE,
                        &step.at,
                        format!("two steps have the id `{}`", step.id),
                    )
                    .label(format!("the first one is in line {line}"));
                report.push(wrong);
            }
        }
    }
}

fn is_kebab(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

fn is_id(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            'A'..='Z' if out.ends_with(|last: char| last.is_ascii_lowercase()) => {
                out.push('-');
                out.push(c.to_ascii_lowercase());
            }
            ' ' | '_' | '.' => out.push('-'),
            _ => out.extend(c.to_lowercase()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{is_id, is_kebab, kebab};

    #[test]
    fn forms() {
        for name in ["a", "prod-failover", "az-2"] {
            assert!(is_kebab(name), "{name}");
        }
        for name in ["", "A", "a_b", "a--b", "-a", "2a", "a b"] {
            assert!(!is_kebab(name), "{name}");
        }
        for id in ["a", "my_step", "my-step", "a1"] {
            assert!(is_id(id), "{id}");
        }
        for id in ["", "A", "1a", "_a", "a b", "a.b"] {
            assert!(!is_id(id), "{id}");
        }
        assert_eq!(kebab("ProdFailover 2"), "prod-failover-2");
    }
}
