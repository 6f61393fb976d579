//! `log`: a line for people in the run's journal.

use runbook_step::scope::Scope;
use runbook_step::template::render;
use runbook_step::{Fault, FaultKind, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Writes a line into the run's log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// The line; a template.
    message: String,
    /// How important it is.
    #[serde(default)]
    level: Level,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Level {
    /// For the author of the runbook.
    Debug,
    /// For everybody.
    #[default]
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something is wrong.
    Error,
}

/// The line as it was written.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Logged {
    /// The rendered line.
    message: String,
    /// Its level.
    level: Level,
}

pub(crate) fn run(with: &Value, scope: &Scope) -> StepResult<Value> {
    let log: Log = super::bind::parse(with)?;
    let message = match render(&Value::String(log.message.clone()), scope) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(error) => {
            let message = format!("`{}`: {error}", log.message);
            return Err(Fault::new(FaultKind::Invalid, message));
        }
    };
    let logged = Logged {
        message,
        level: log.level,
    };
    Ok(json!(logged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_rendered() {
        let scope = Scope::new().with("params", json!({ "domain": "a.example" }));
        let with = json!({ "message": "moved {{ params.domain }}" });
        let written = json!({ "message": "moved a.example", "level": "info" });
        assert_eq!(run(&with, &scope), Ok(written));
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let fault = run(&json!({ "message": "{{ params.nope }}" }), &Scope::new()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
    }
}
