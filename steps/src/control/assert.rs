//! `assert`: fails the run when an expression does not hold.

use runbook_step::expression::{evaluate, values_seen};
use runbook_step::scope::Scope;
use runbook_step::template::render;
use runbook_step::{Fault, FaultKind, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Fails unless every expression holds.
///
/// The failure shows the expression and the values that it saw.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assert {
    /// One CEL expression or a list of them; each must give true.
    that: Expressions,
    /// What a failure means, for people; a template.
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum Expressions {
    One(String),
    All(Vec<String>),
}

/// No outputs.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Nothing {}

pub(crate) fn run(with: &Value, scope: &Scope) -> StepResult<Value> {
    let assert: Assert = super::bind::parse(with)?;
    let expressions = match &assert.that {
        Expressions::One(one) => std::slice::from_ref(one),
        Expressions::All(all) => all,
    };
    for expression in expressions {
        let value = evaluate(expression, scope)
            .map_err(|error| Fault::new(FaultKind::Invalid, format!("`{expression}`: {error}")))?;
        match value {
            Value::Bool(true) => {}
            Value::Bool(false) => return Err(unmet(&assert, expression, scope)),
            other => {
                let message = format!("`{expression}` gives {other}, not true or false");
                return Err(Fault::new(FaultKind::Invalid, message));
            }
        }
    }
    Ok(json!({}))
}

fn unmet(assert: &Assert, expression: &str, scope: &Scope) -> Fault {
    let said = assert.message.as_ref().map(|message| {
        // A message that cannot be rendered must not hide that the assertion failed.
        match render(&Value::String(message.clone()), scope) {
            Ok(Value::String(text)) => text,
            Ok(other) => other.to_string(),
            Err(_) => message.clone(),
        }
    });
    let saw = match values_seen(expression, scope) {
        Value::Object(seen) => seen
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(", "),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let mut text = said.map(|said| format!("{said}: ")).unwrap_or_default();
    text.push_str(&format!("`{expression}` does not hold"));
    if !saw.is_empty() {
        text.push_str(&format!("; it saw {saw}"));
    }
    Fault::new(FaultKind::Unmet, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::new().with("steps", json!({ "tg": { "healthy": 1, "name": "web" } }))
    }

    #[test]
    fn what_holds_passes() {
        let with = json!({ "that": ["steps.tg.healthy == 1", "steps.tg.name == 'web'"] });
        assert_eq!(run(&with, &scope()), Ok(json!({})));
    }

    #[test]
    fn a_failure_shows_the_expression_and_what_it_saw() {
        let with =
            json!({ "that": "steps.tg.healthy >= 2", "message": "{{ steps.tg.name }} is short" });
        let fault = run(&with, &scope()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unmet);
        assert!(
            fault
                .message
                .starts_with("web is short: `steps.tg.healthy >= 2` does not hold"),
            "{fault}"
        );
        assert!(fault.message.contains("steps.tg.healthy = 1"), "{fault}");
    }

    #[test]
    fn what_is_no_boolean_or_no_name_is_invalid() {
        for that in ["steps.tg.healthy", "steps.nope.healthy == 1"] {
            assert_eq!(
                run(&json!({ "that": that }), &scope()).unwrap_err().kind,
                FaultKind::Invalid
            );
        }
    }
}
