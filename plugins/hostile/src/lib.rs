//! A plugin of ill will, for the tests of the host: every step type tries one
//! thing that must not work, and says how far it came.

#[allow(clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "plugin", generate_all });
}

mod descriptor;
mod floods;
mod lies;
mod reach;

use bindings::exports::runbook::plugin::steps::{Guest, Outcome, StepError};
use bindings::runbook::plugin::types::ErrorKind;
use serde_json::Value;

struct Component;
bindings::export!(Component with_types_in bindings);

type Attempt = Result<Outcome, StepError>;

impl Guest for Component {
    fn describe() -> String {
        descriptor::describe()
    }

    fn run(step: String, inputs: String) -> Attempt {
        let input: Value = serde_json::from_str(&inputs).unwrap_or_default();
        match descriptor::STEPS.iter().find(|(name, ..)| *name == step) {
            Some((_, _, attempt)) => attempt(&input),
            None => Err(error(ErrorKind::Permanent, format!("no step {step}"))),
        }
    }
}

/// Finished, with this output.
fn done(output: Value) -> Attempt {
    Ok(Outcome::Done(output.to_string()))
}

fn error(kind: ErrorKind, message: String) -> StepError {
    StepError {
        kind,
        code: "hostile".into(),
        message,
        retry_after_ms: None,
        details: None,
    }
}

fn text<'a>(input: &'a Value, key: &str) -> &'a str {
    input[key].as_str().unwrap_or_default()
}

fn size(input: &Value, default: usize) -> usize {
    input["n"].as_u64().map_or(default, |n| n as usize)
}
