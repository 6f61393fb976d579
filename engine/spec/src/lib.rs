//! From YAML text to a runbook that the engine can run, with every mistake of the text in one pass.
//!
//! The crate reads files and cannot connect to anything. What a step type takes and gives is read from
//! its catalog entry.

mod check;
mod compile;
mod diagnostic;
mod document;
mod environment;
mod export;
mod form;
mod load;
mod nearest;
mod params;
mod source;
mod tree;
mod value;

pub use check::{codes, explain};
pub use compile::NEVER;
pub use diagnostic::{Code, Diagnostic, Diagnostics, Severity};
pub use environment::{
    AwsSettings, CatchUp, Difference, Environment, EnvironmentSchema, Freeze, Overlap, Plugins,
    Schedule, Variable, environments,
};
pub use export::{environment_schema, runbook_schema};
pub use form::check_answers;
pub use load::{Loaded, NotFound, find_runbook, load_runbook, load_source};
pub use params::{CheckedParams, ParamError, check_params};
pub use source::Source;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
