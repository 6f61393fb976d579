//! Step types that are not part of this binary, beside those that are.

use serde_json::Value;

use crate::catalog::{Answering, Ask};
use crate::context::Context;

/// A step type that is not part of this binary: a plugin's.
pub trait External: Sync {
    /// Carries out what the engine asks.
    fn call<'a>(&'a self, inputs: Value, ask: Ask, context: &'a Context) -> Answering<'a>;

    /// Checks inputs against its schema.
    ///
    /// # Errors
    /// What does not fit, and where.
    fn check(&self, inputs: &Value) -> Result<(), String>;
}

/// JSON Schema of inputs or outputs.
#[derive(Clone, Copy)]
pub enum Schema {
    /// Made from a Rust type.
    Made(fn() -> Value),
    /// A document.
    Is(&'static Value),
}

impl Schema {
    pub(crate) fn value(self) -> Value {
        match self {
            Self::Made(make) => make(),
            Self::Is(document) => document.clone(),
        }
    }
}

/// How inputs are checked.
#[derive(Clone, Copy)]
pub enum Check {
    /// Against a Rust type.
    Type(fn(&Value) -> Result<(), String>),
    /// As a plugin's step type says.
    External(&'static dyn External),
}

/// The code of a step type that calls out.
#[derive(Clone, Copy)]
pub enum Run {
    /// Of this binary.
    Built(for<'a> fn(Value, Ask, &'a Context) -> Answering<'a>),
    /// Of a plugin; entries live as long as the process.
    External(&'static dyn External),
}

impl Run {
    /// Carries out what the engine asks.
    pub fn call(self, inputs: Value, ask: Ask, context: &Context) -> Answering<'_> {
        match self {
            Self::Built(run) => run(inputs, ask, context),
            Self::External(step) => step.call(inputs, ask, context),
        }
    }
}
