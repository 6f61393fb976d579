//! `let`: computed values under names of their own.

use std::collections::BTreeMap;

use runbook_step::expression::evaluate;
use runbook_step::scope::Scope;
use runbook_step::{Fault, FaultKind, StepResult};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Computes values and gives them names.
///
/// Each field is a name with a CEL expression; the names become the outputs. A text is written with
/// quotes inside: `tier: "'standby'"`.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("propertyNames" = { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" }))]
pub(crate) struct Let(BTreeMap<String, Expression>);

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum Expression {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
}

/// The computed values, by name.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Names(Map<String, Value>);

/// Inputs as the Rust type.
pub(super) fn parse<T: DeserializeOwned>(with: &Value) -> StepResult<T> {
    serde_json::from_value(with.clone())
        .map_err(|error| Fault::new(FaultKind::Invalid, format!("wrong input: {error}")))
}

pub(crate) fn run(with: &Value, scope: &Scope) -> StepResult<Value> {
    let Let(names) = parse(with)?;
    let mut values = Map::new();
    for (name, expression) in names {
        let value = match expression {
            Expression::Text(text) => evaluate(&text, scope).map_err(|error| {
                Fault::new(FaultKind::Invalid, format!("`{name}`: `{text}`: {error}"))
            })?,
            Expression::Number(number) => Value::Number(number),
            Expression::Truth(truth) => Value::Bool(truth),
        };
        values.insert(name, value);
    }
    Ok(Value::Object(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_get_values() {
        let scope = Scope::new().with("params", json!({ "count": 2 }));
        let with = json!({ "next": "params.count + 1", "limit": 5, "tier": "'standby'" });
        assert_eq!(
            run(&with, &scope),
            Ok(json!({ "next": 3, "limit": 5, "tier": "standby" }))
        );
    }

    #[test]
    fn a_wrong_expression_is_named() {
        let fault = run(&json!({ "next": "params.nope" }), &Scope::new()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert!(
            fault.message.starts_with("`next`: `params.nope`"),
            "{fault}"
        );
    }
}
