//! The names that templates and expressions see: `params`, `env`, `run`, `steps`, `item`, `index`,
//! `secrets`, `schedule`.

use serde_json::{Map, Value};

/// Names in scope, with their values. Values that expressions must not read (a clock, randomness, a
/// variable of the process, the network) are never put here; they enter as recorded step outputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    names: Map<String, Value>,
}

impl Scope {
    /// A scope without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same scope with one more name.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a name.
    pub fn set(&mut self, name: &str, value: Value) {
        self.names.insert(name.to_owned(), value);
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.names.get(name)
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.names.iter()
    }

    /// The scope as one JSON object.
    #[must_use]
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.names
    }
}
