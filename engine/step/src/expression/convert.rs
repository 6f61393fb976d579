//! Between JSON and CEL values: integers stay integers, null stays null.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map as CelMap};
use serde_json::{Map, Value};

/// A JSON value as CEL sees it.
pub(super) fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(given) => cel::Value::Bool(*given),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => cel::Value::Int(whole),
            (None, Some(large)) => cel::Value::UInt(large),
            (None, None) => cel::Value::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(list) => cel::Value::List(Arc::new(list.iter().map(to_cel).collect())),
        Value::Object(map) => {
            let map: HashMap<Key, cel::Value> = map
                .iter()
                .map(|(key, one)| (Key::String(Arc::new(key.clone())), to_cel(one)))
                .collect();
            cel::Value::Map(CelMap { map: Arc::new(map) })
        }
    }
}

/// A CEL value as JSON: durations as people write them, times as RFC 3339.
pub(super) fn to_json(value: &cel::Value) -> Result<Value, String> {
    Ok(match value {
        cel::Value::List(list) => Value::Array(list.iter().map(to_json).collect::<Result<_, _>>()?),
        cel::Value::Map(map) => {
            let mut object = Map::new();
            for (key, one) in map.map.iter() {
                object.insert(key.to_string(), to_json(one)?);
            }
            Value::Object(object)
        }
        cel::Value::Duration(span) => match u64::try_from(span.num_milliseconds()) {
            Ok(span) => Value::String(crate::duration::format(span)),
            Err(_) => return Err("a duration came out negative".to_owned()),
        },
        cel::Value::Float(float) if !float.is_finite() => {
            return Err("a number left its range".to_owned());
        }
        other => other
            .json()
            .map_err(|_| "its value is not a value of a runbook".to_owned())?,
    })
}

/// The words of the `cel` crate without its names for operators and types.
pub(super) fn plain(message: &str) -> String {
    let Some(rest) = message.strip_prefix("found no matching overload for '") else {
        return message.to_owned();
    };
    let Some((function, given)) = rest.split_once("' applied to '") else {
        return message.to_owned();
    };
    let operator = function.replace("@in", "in").replace('_', "");
    let given = given.trim_end_matches('\'').trim_matches(['(', ')']);
    format!("`{operator}` does not work with {given}")
}

/// The words for an operator that two types do not have.
pub(super) fn no_operator(operator: &str, one: &cel::Value, two: &cel::Value) -> String {
    let sign = match operator {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        other => other,
    };
    format!(
        "`{sign}` does not work with {} and {}",
        kind(one),
        kind(two)
    )
}

fn kind(value: &cel::Value) -> String {
    format!("{:?}", value.type_of()).to_lowercase()
}
