//! The keys of a map, and the types of their values.

use serde_json::Value;

use super::Report;
use crate::diagnostic::Code;
use crate::nearest::{hint, nearest};
use crate::tree::{Entry, Kind, Node, Span};

pub(crate) const CODES: &[Code] = &[UNKNOWN, MISSING, WRONG];

const UNKNOWN: Code = Code {
    code: "R003",
    title: "a key is not known here",
    explanation: "Every map of a file has fixed keys. A misspelt key would be ignored without a word, \
                  so an unknown one is an error anywhere.",
};

const MISSING: Code = Code {
    code: "R004",
    title: "a key is missing",
    explanation: "A runbook needs `name` and `steps`, a step needs `id` and `uses`, an environment \
                  needs `name`.",
};

pub(crate) const WRONG: Code = Code {
    code: "R005",
    title: "a value has the wrong type",
    explanation: "The value of this key has to be of another type: a text, a list, a map, a number, \
                  true or false, or one of a few words.",
};

/// A map whose keys are known.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) node: &'a Node,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// Opens a map; unknown keys are reported.
    pub(crate) fn open(
        report: &mut Report,
        node: &'a Node,
        what: &str,
        known: &[&str],
    ) -> Option<Self> {
        let entries = entries(report, node, what)?;
        for entry in entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let wrong = report
                .wrong(
                    &UNKNOWN,
                    &entry.at,
                    format!("{what} has no key `{}`", entry.key),
                )
                .label("not known here")
                .hint(match entry.key.as_str() {
                    "<<" => {
                        Some("merge keys are not part of YAML 1.2; write the keys out".to_owned())
                    }
                    key => hint(key, known.iter().copied()),
                });
            report.push(wrong);
        }
        Some(Self { node, entries })
    }

    /// The value of a key; null counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        self.given(key).filter(|value| !value.is_null())
    }

    /// The value of a key, null too.
    pub(crate) fn given(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// Where a key stands.
    pub(crate) fn at(&self, key: &str) -> Option<&'a Span> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.at)
    }

    /// Where the map begins, for what is missing in it: its first key.
    pub(crate) fn head(&self) -> Span {
        self.entries
            .first()
            .map_or_else(|| self.node.span.clone(), |entry| entry.at.clone())
    }

    /// The value of a key that has to be there.
    pub(crate) fn need(&self, report: &mut Report, what: &str, key: &str) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() {
            let at = self.at(key).cloned().unwrap_or_else(|| self.head());
            let wrong = report
                .wrong(&MISSING, &at, format!("{what} has no `{key}`"))
                .label(format!("`{key}` is missing here"));
            report.push(wrong);
        }
        found
    }

    pub(crate) fn text(&self, report: &mut Report, key: &str) -> Option<&'a str> {
        text(report, self.get(key)?, &format!("`{key}`"))
    }

    pub(crate) fn boolean(&self, report: &mut Report, key: &str) -> Option<bool> {
        let node = self.get(key)?;
        match &node.kind {
            Kind::Scalar(Value::Bool(given)) => Some(*given),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => {
                mistyped(report, node, &format!("`{key}`"), "true or false");
                None
            }
        }
    }

    /// A whole number of at least `least`.
    pub(crate) fn count(&self, report: &mut Report, key: &str, least: u64) -> Option<u64> {
        let node = self.get(key)?;
        let given = match &node.kind {
            Kind::Scalar(value) => value.as_u64().filter(|given| *given >= least),
            Kind::List(_) | Kind::Map(_) => None,
        };
        if given.is_none() {
            mistyped(
                report,
                node,
                &format!("`{key}`"),
                &format!("a whole number from {least}"),
            );
        }
        given
    }

    /// A list of texts.
    pub(crate) fn texts(&self, report: &mut Report, key: &str) -> Option<Vec<&'a Node>> {
        let node = self.get(key)?;
        let Some(list) = node.list() else {
            mistyped(report, node, &format!("`{key}`"), "a list of texts");
            return None;
        };
        let what = format!("an element of `{key}`");
        let mut texts = Vec::new();
        for one in list {
            if text(report, one, &what).is_some() {
                texts.push(one);
            }
        }
        Some(texts)
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(
        &self,
        report: &mut Report,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let node = self.get(key)?;
        let given = node.text().unwrap_or_default();
        let found = words.iter().find(|(word, _)| *word == given);
        if found.is_none() {
            let listed: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let wrong = report
                .wrong(
                    &WRONG,
                    &node.span,
                    format!("`{key}` has to be one of {}", listed.join(", ")),
                )
                .label("none of them")
                .hint(
                    nearest(given, words.iter().map(|(word, _)| *word))
                        .map(|one| format!("did you mean `{one}`?")),
                );
            report.push(wrong);
        }
        found.map(|(_, value)| *value)
    }
}

/// The entries of a node that has to be a map.
pub(crate) fn entries<'a>(report: &mut Report, node: &'a Node, what: &str) -> Option<&'a [Entry]> {
    let map = node.map();
    if map.is_none() {
        mistyped(report, node, what, "a map");
    }
    map
}

/// The text of a node that has to be one.
pub(crate) fn text<'a>(report: &mut Report, node: &'a Node, what: &str) -> Option<&'a str> {
    let text = node.text();
    if text.is_none() {
        mistyped(report, node, what, "a text");
    }
    text
}

/// Reports a value of the wrong type.
pub(crate) fn mistyped(report: &mut Report, node: &Node, what: &str, wanted: &str) {
    // A map with a key that is no text was reported as such: it is a template without quotes.
    if node.get("").is_some() {
        return;
    }
    let mut wrong = report
        .wrong(&WRONG, &node.span, format!("{what} has to be {wanted}"))
        .label(format!("this is {}", node.what()));
    if wanted == "a text" && matches!(node.kind, Kind::Scalar(_)) && !node.is_null() {
        wrong = wrong.help("put it in quotes");
    }
    report.push(wrong);
}
