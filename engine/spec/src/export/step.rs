//! The schema of a step, with the inputs of its type.

use runbook_step::{Catalog, StepKind};
use serde_json::{Map, Value, json};

/// The schema of a step; the schemas of all inputs go into `defs`.
pub(super) fn schema(catalog: &Catalog, defs: &mut Map<String, Value>) -> Value {
    let mut types = Vec::new();
    let mut chosen = Vec::new();
    for kind in catalog.iter() {
        types.push(json!({ "const": kind.name, "description": kind.summary() }));
        chosen.push(choose(kind, defs));
    }
    types.push(json!({ "type": "string", "pattern": "^plugin:", "description": "A step type of a plugin: plugin:NAME/TYPE." }));
    json!({
        "type": "object",
        "required": ["id", "uses"],
        "additionalProperties": false,
        "properties": properties(types),
        "allOf": chosen,
    })
}

fn properties(types: Vec<Value>) -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let condition = |about: &str| json!({ "type": ["string", "boolean"], "description": about });
    json!({
        "id": { "type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "description": "Unique in the file; snake_case or kebab-case." },
        "summary": text("One line for people; a template."),
        "uses": { "anyOf": types, "description": "The step type." },
        "with": { "description": "Inputs of the step type; strings are templates." },
        "needs": { "type": "array", "items": { "type": "string" }, "description": "Ids of the steps that it waits for. Absent: the step above. Empty: it may start at once." },
        "when": condition("CEL; false skips the step."),
        "for_each": text("CEL that gives a list; the step runs once for each item (`item`, `index`)."),
        "max_parallel": {
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": r"^\d+(\.\d+)?%$" },
                { "type": "array", "minItems": 1, "items": { "type": ["integer", "string"] } },
            ],
            "default": 10,
            "description": "Items in flight at once: a number, a share such as 25%, or a list of them: batches that follow one another.",
        },
        "max_failures": { "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9.]+ *%$" }], "default": 0, "description": "Failed items that are tolerated: a number, or a share such as 10%." },
        "until": condition("CEL over the outputs of this attempt; false asks again after `interval` until `timeout`."),
        "interval": { "$ref": "#/$defs/duration", "description": "Between two questions of `until`; 5s when absent." },
        "timeout": { "$ref": "#/$defs/duration", "description": "Deadline of the step with all its retries." },
        "retry": { "$ref": "#/$defs/retry" },
        "on_failure": { "$ref": "#/$defs/on_failure" },
        "undo": undo(),
        "marks": { "type": "string", "examples": ["incident", "decision", "service_restored", "recovery_point"], "description": "Point in time that the step reaches when it succeeds." },
        "region": text("Region of this step's AWS calls; a template."),
        "allow": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "http": { "type": "array", "items": { "type": "string" }, "description": "Requests that it may send." },
                "aws": { "type": "array", "items": { "type": "string" }, "description": "AWS actions that it may call." },
                "secrets": { "type": "array", "items": { "type": "string" }, "description": "Secrets that it may use." },
                "state": { "type": "boolean", "description": "Whether it may keep values between runs." },
            },
            "description": "For steps of plugins: at most this, of what the plugin is granted.",
        },
        "role_arn": text("Role that this step assumes for its AWS calls; a template."),
    })
}

fn undo() -> Value {
    json!({
        "anyOf": [
            { "const": "none" },
            {
                "type": "object",
                "required": ["uses"],
                "additionalProperties": false,
                "properties": {
                    "uses": { "type": "string", "description": "The step type that takes the step back." },
                    "with": { "description": "Its inputs; they can read the step's own outputs." },
                },
            },
        ],
        "description": "How the step is taken back; most types bring their own. `none` declines it.",
    })
}

pub(super) fn retry() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "How failed attempts are repeated.",
        "properties": {
            "attempts": { "type": "integer", "minimum": 1, "default": 3, "description": "Attempts in all." },
            "delay": { "$ref": "#/$defs/duration", "default": "2s", "description": "Delay before the second attempt." },
            "max_delay": { "$ref": "#/$defs/duration", "default": "30s", "description": "Largest delay." },
            "backoff": { "type": "number", "minimum": 1, "default": 2.0, "description": "Factor from one delay to the next." },
            "jitter": { "enum": ["full", "none", true, false], "default": "full", "description": "Whether the delay is a random share of the computed one." },
            "on": {
                "type": "array",
                "items": { "enum": ["throttled", "transient", "conflict", "not_found", "unmet"] },
                "default": ["throttled", "transient", "conflict"],
                "description": "Classes of failures that are repeated; others are permanent.",
            },
        },
    })
}

/// `if uses is this type, then with is as it says`.
fn choose(kind: &StepKind, defs: &mut Map<String, Value>) -> Value {
    let name = format!("with:{}", kind.name);
    let mut schema = kind.inputs();
    let own = schema.as_object_mut().and_then(|all| all.remove("$defs"));
    if let Some(all) = schema.as_object_mut() {
        all.remove("$schema");
        all.remove("title");
    }
    let own = own.unwrap_or_default();
    for (key, one) in own.as_object().into_iter().flatten() {
        defs.insert(format!("{name}:{key}"), convert(one, &name));
    }
    let required = schema["required"]
        .as_array()
        .is_some_and(|all| !all.is_empty());
    defs.insert(name.clone(), convert(&schema, &name));
    let reference = format!("#/$defs/{name}");
    let mut then = json!({ "properties": { "with": { "$ref": reference } } });
    if required {
        then["required"] = json!(["with"]);
    }
    json!({
        "if": { "properties": { "uses": { "const": kind.name } }, "required": ["uses"] },
        "then": then,
    })
}

/// The same schema with its definitions under new names, taking templates wherever a value stands.
fn convert(schema: &Value, owner: &str) -> Value {
    let Some(map) = schema.as_object() else {
        return schema.clone();
    };
    let mut out = Map::new();
    for (key, one) in map {
        let converted = match (key.as_str(), one) {
            ("$ref", Value::String(to)) => {
                json!(to.replace("#/$defs/", &format!("#/$defs/{owner}:")))
            }
            ("properties", Value::Object(all)) => Value::Object(
                all.iter()
                    .map(|(name, one)| (name.clone(), loose(one, owner)))
                    .collect(),
            ),
            ("items" | "additionalProperties", Value::Object(_)) => loose(one, owner),
            ("anyOf" | "oneOf" | "allOf", Value::Array(all)) => {
                all.iter().map(|one| convert(one, owner)).collect()
            }
            _ => one.clone(),
        };
        out.insert(key.clone(), converted);
    }
    Value::Object(out)
}

/// A value or a template; plain texts are both.
fn loose(schema: &Value, owner: &str) -> Value {
    let mut converted = convert(schema, owner);
    let Some(map) = converted.as_object_mut() else {
        return converted;
    };
    let any = map
        .keys()
        .all(|key| matches!(key.as_str(), "description" | "default" | "title"));
    let plain = map.get("type") == Some(&json!("string"))
        && !["enum", "const", "pattern", "format"]
            .iter()
            .any(|key| map.contains_key(*key));
    if any || plain {
        return converted;
    }
    let about = map.remove("description");
    let default = map.remove("default");
    let mut out = json!({ "anyOf": [converted, { "$ref": "#/$defs/template" }] });
    for (key, value) in [("description", about), ("default", default)] {
        if let Some(value) = value {
            out[key] = value;
        }
    }
    out
}
