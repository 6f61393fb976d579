//! YAML as a tree that knows where every part of it stands.

mod build;
mod scalar;

use std::ops::Range;

use serde_json::Value;

pub(crate) use build::parse;

/// Where something stands in a text, in bytes.
pub(crate) type Span = Range<usize>;

/// One value of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Null, a boolean, a number or a string.
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Span,
    pub(crate) value: Node,
}

impl Node {
    /// The value without its places.
    pub(crate) fn json(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(list) => list.iter().map(Self::json).collect(),
            Kind::Map(map) => Value::Object(
                map.iter()
                    .map(|entry| (entry.key.clone(), entry.value.json()))
                    .collect(),
            ),
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(value) => value.as_str(),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::List(list) => Some(list),
            Kind::Scalar(_) | Kind::Map(_) => None,
        }
    }

    pub(crate) fn map(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(map) => Some(map),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.kind == Kind::Scalar(Value::Null)
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.map()?
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// Calls `each` with every string inside.
    pub(crate) fn strings<'a>(&'a self, each: &mut dyn FnMut(&'a Self, &'a str)) {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => each(self, text),
            Kind::Scalar(_) => {}
            Kind::List(list) => list.iter().for_each(|one| one.strings(each)),
            Kind::Map(map) => map.iter().for_each(|entry| entry.value.strings(each)),
        }
    }

    /// The type, for people.
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(value) => crate::value::what(value),
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}
