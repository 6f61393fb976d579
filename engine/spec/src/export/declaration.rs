//! The schema of declarations: parameters, and variables of environments as JSON Schema.

use runbook_core::{Param, ParamType};
use serde_json::{Map, Value, json};

use crate::environment::Variable;
use crate::value::{TYPES, a_type};

/// The schema of a parameter's declaration.
pub(super) fn param() -> Value {
    let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {
            "type": { "enum": names, "description": "Type of the value." },
            "description": { "type": "string", "description": "What it is for." },
            "default": { "description": "Used when nothing is given; may be a template over `env`." },
            "secret": { "type": "boolean", "description": "Given as env:NAME or file:PATH; the value is never stored or shown." },
            "enum": { "type": "array", "minItems": 1, "description": "The only values allowed." },
            "pattern": { "type": "string", "format": "regex", "description": "Regular expression that a text must match." },
            "min": { "description": "Smallest number or duration." },
            "max": { "description": "Largest number or duration." },
            "min_length": { "type": "integer", "minimum": 0, "description": "Shortest text, list or map." },
            "max_length": { "type": "integer", "minimum": 0, "description": "Longest text, list or map." },
            "items": { "anyOf": [{ "$ref": "#/$defs/param" }, { "enum": names }], "description": "What each element of a list is." },
        },
    })
}

/// The schema of the values of a variable.
pub(super) fn variable(declared: &Variable) -> Value {
    let mut schema = values(&declared.param);
    if !declared.fields.is_empty() {
        let properties: Map<String, Value> = declared
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), variable(field)))
            .collect();
        let required: Vec<&String> = declared
            .fields
            .iter()
            .filter(|(_, field)| field.param.default.is_none())
            .map(|(name, _)| name)
            .collect();
        schema["required"] = json!(required);
        schema["properties"] = Value::Object(properties);
        schema["additionalProperties"] = json!(false);
    }
    if let Some(elements) = &declared.elements {
        schema["items"] = variable(elements);
    }
    schema
}

/// The schema of the values that a declaration takes.
fn values(param: &Param) -> Value {
    let kind = match param.kind {
        ParamType::Integer => "integer",
        ParamType::Number => "number",
        ParamType::Boolean => "boolean",
        ParamType::List => "array",
        ParamType::Map => "object",
        _ => "string",
    };
    let mut schema = json!({ "type": kind });
    let about = param
        .description
        .clone()
        .unwrap_or_else(|| a_type(param.kind).to_owned());
    schema["description"] = about.into();
    if param.kind == ParamType::Duration {
        schema["pattern"] = super::SPAN.into();
    }
    let lengths = match param.kind {
        ParamType::List => ("minItems", "maxItems"),
        ParamType::Map => ("minProperties", "maxProperties"),
        _ => ("minLength", "maxLength"),
    };
    let numbers = matches!(param.kind, ParamType::Integer | ParamType::Number);
    for (key, value) in [
        ("default", param.default.clone()),
        ("enum", param.choices.clone().map(Value::Array)),
        ("pattern", param.pattern.clone().map(Value::String)),
        ("minimum", param.min.clone().filter(|_| numbers)),
        ("maximum", param.max.clone().filter(|_| numbers)),
        (lengths.0, param.min_length.map(Value::from)),
        (lengths.1, param.max_length.map(Value::from)),
    ] {
        if let Some(value) = value {
            schema[key] = value;
        }
    }
    schema
}
