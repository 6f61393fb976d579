//! The language as JSON Schemas (draft 2020-12), so that an editor completes and checks it.

mod declaration;
mod environment;
mod step;

use runbook_step::Catalog;
use serde_json::{Map, Value, json};

pub use environment::environment_schema;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const SPAN: &str = r"^(\d+(ms|s|m|h|d))+$";

/// The schema of runbooks, with the inputs of every step type of the catalog.
#[must_use]
pub fn runbook_schema(catalog: &Catalog) -> Value {
    let mut defs = Map::new();
    let step = step::schema(catalog, &mut defs);
    defs.insert("step".to_owned(), step);
    defs.insert("retry".to_owned(), step::retry());
    defs.insert("duration".to_owned(), duration());
    defs.insert("template".to_owned(), template());
    defs.insert("param".to_owned(), declaration::param());
    let on_failure = json!({
        "enum": ["stop", "continue", "rollback", "pause"],
        "description": "What a failed step means for the run: stop (default), continue, rollback or pause.",
    });
    defs.insert("on_failure".to_owned(), on_failure);
    let steps = |text: &str| json!({ "type": "array", "items": { "$ref": "#/$defs/step" }, "description": text });
    let properties = json!({
        "name": { "type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "description": "Name of the runbook, kebab-case." },
        "summary": { "type": "string", "description": "One line for people; a template." },
        "owners": { "type": "array", "items": { "type": "string" }, "description": "Who is told, and who may approve." },
        "params": { "type": "object", "additionalProperties": { "$ref": "#/$defs/param" }, "description": "Declared parameters by name." },
        "objectives": objectives(),
        "lock": { "type": "string", "description": "Key of a lock, a template: one live run per key, across runbooks." },
        "timeout": { "$ref": "#/$defs/duration", "description": "Deadline of the main steps, from the start of the run; holds while nothing drives it." },
        "on_failure": { "$ref": "#/$defs/on_failure" },
        "defaults": defaults(),
        "steps": steps("The steps, from top to bottom unless `needs` says otherwise."),
        "finally": steps("Steps that run when the others have ended, however they ended."),
        "on_cancel": steps("Steps that run when an operator cancelled the run."),
        "outputs": { "type": "object", "description": "What the runbook gives, by name; templates over every step." },
    });
    json!({
        "$schema": DRAFT,
        "$id": "runbook.schema.json",
        "title": "Runbook",
        "description": "A durable, resumable graph of steps.",
        "type": "object",
        "required": ["name", "steps"],
        "additionalProperties": false,
        "properties": properties,
        "$defs": defs,
    })
}

fn objectives() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "Measured in every run; a missed one ends it with exit code 4.",
        "properties": {
            "rto": { "$ref": "#/$defs/duration", "description": "Recovery time: from the incident until a step with `marks: service_restored`." },
            "rpo": { "$ref": "#/$defs/duration", "description": "Recovery point: age of what a step with `marks: recovery_point` used." },
        },
    })
}

fn defaults() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "What steps have that say nothing themselves.",
        "properties": {
            "timeout": { "$ref": "#/$defs/duration", "description": "Deadline of a step with all its retries." },
            "retry": { "$ref": "#/$defs/retry" },
            "on_failure": { "$ref": "#/$defs/on_failure" },
        },
    })
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": SPAN, "description": "A span such as 250ms, 30s, 15m, 1h30m or 2d." })
}

fn template() -> Value {
    json!({ "type": "string", "pattern": r"\{\{", "description": "A template: {{ params.domain }}." })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::catalog;

    /// Every `$ref` leads somewhere, and everything that is a key has a description.
    fn walk(root: &Value, at: &Value, path: &str) {
        match at {
            Value::Object(map) => {
                if let Some(to) = map.get("$ref").and_then(Value::as_str) {
                    let pointer = to.strip_prefix('#').unwrap();
                    assert!(root.pointer(pointer).is_some(), "{path}: {to}");
                }
                for (key, one) in map {
                    walk(root, one, &format!("{path}/{key}"));
                }
            }
            Value::Array(list) => list.iter().for_each(|one| walk(root, one, path)),
            _ => {}
        }
    }

    #[test]
    fn references_lead_somewhere() {
        for schema in [runbook_schema(&catalog()), environment_schema(None)] {
            walk(&schema, &schema, "");
        }
    }

    #[test]
    fn every_key_of_the_language_is_described() {
        let schema = runbook_schema(&catalog());
        for (keys, place) in [
            (&crate::document::KEYS[..], "/properties"),
            (&crate::document::STEP_KEYS[..], "/$defs/step/properties"),
            (&crate::check::param::KEYS[..], "/$defs/param/properties"),
        ] {
            let properties = schema.pointer(place).and_then(Value::as_object).unwrap();
            assert_eq!(properties.len(), keys.len(), "{place}");
            for key in keys {
                let one = &properties[*key];
                assert!(
                    one["description"].is_string() || one["$ref"].is_string(),
                    "{place} {key}"
                );
            }
        }
        let environment = environment_schema(None);
        let properties = environment["properties"].as_object().unwrap();
        assert_eq!(properties.len(), crate::environment::KEYS.len());
    }

    #[test]
    fn inputs_are_chosen_by_type_and_take_templates() {
        let schema = runbook_schema(&catalog());
        let chosen = schema["$defs"]["step"]["allOf"].as_array().unwrap();
        let upsert = chosen
            .iter()
            .find(|one| one["if"]["properties"]["uses"]["const"] == "aws.route53.record.upsert")
            .unwrap();
        assert_eq!(
            upsert["then"]["properties"]["with"]["$ref"],
            "#/$defs/with:aws.route53.record.upsert"
        );
        let with = &schema["$defs"]["with:aws.route53.record.upsert"];
        assert_eq!(
            with["properties"]["weight"]["anyOf"][1]["$ref"],
            "#/$defs/template"
        );
        assert_eq!(
            with["properties"]["weight"]["description"],
            "Weight; 0 drains the record."
        );
        assert_eq!(with["properties"]["zone"]["type"], "string");
        assert!(
            upsert["then"]["required"]
                .as_array()
                .unwrap()
                .contains(&json!("with"))
        );
    }
}
