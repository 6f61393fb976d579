//! What a new version of a plugin does otherwise than the old one.

use std::collections::BTreeSet;

use runbook_wasm::descriptor::{Descriptor, Schema, StepDescriptor};
use serde_json::Value;

/// What it wants that it did not want, and the other way round.
pub(super) fn wants(old: &Descriptor, new: &Descriptor) -> Vec<String> {
    let all = |one: &Descriptor| -> BTreeSet<String> {
        one.wants.iter().map(|want| want.kind.sentence()).collect()
    };
    let (before, after) = (all(old), all(new));
    let more = after.difference(&before);
    let less = before.difference(&after);
    more.map(|want| format!("wants to {want}"))
        .chain(less.map(|want| format!("no longer wants to {want}")))
        .collect()
}

/// What its step types take and give otherwise; what breaks runbooks says so.
pub(super) fn steps(old: &Descriptor, new: &Descriptor) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &new.steps {
        match old.step(&step.name) {
            None => lines.push(format!("new step type {}", step.name)),
            Some(before) => lines.extend(step_changes(before, step)),
        }
    }
    for step in old
        .steps
        .iter()
        .filter(|step| new.step(&step.name).is_none())
    {
        lines.push(format!("BREAKS runbooks: step type {} is gone", step.name));
    }
    lines
}

fn step_changes(old: &StepDescriptor, new: &StepDescriptor) -> Vec<String> {
    let name = &new.name;
    let mut lines = Vec::new();
    if old.idempotency != new.idempotency {
        lines.push(format!(
            "{name} is {} and was {}",
            new.idempotency.name(),
            old.idempotency.name()
        ));
    }
    if old.undo != new.undo {
        lines.push(match new.undo {
            true => format!("{name} can be undone now"),
            false => format!("BREAKS runbooks: {name} can no longer be undone"),
        });
    }
    let (before, after) = (&old.input.document, &new.input.document);
    let required = |schema: &Value, one: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|name| name == one))
    };
    for (input, schema) in properties(after) {
        let was = properties(before).find(|(name, _)| *name == input);
        match was {
            None if required(after, input) => {
                lines.push(format!(
                    "BREAKS runbooks: {name} requires the input {input}"
                ));
            }
            None => lines.push(format!("{name} takes {input}")),
            Some(_) if required(after, input) && !required(before, input) => {
                lines.push(format!(
                    "BREAKS runbooks: {name} requires the input {input}"
                ));
            }
            Some((_, was)) if was["type"] != schema["type"] => {
                lines.push(format!(
                    "BREAKS runbooks: the input {input} of {name} has another type"
                ));
            }
            Some(_) => {}
        }
    }
    for (input, _) in gone(before, after) {
        lines.push(format!("BREAKS runbooks: {name} no longer takes {input}"));
    }
    let output = |one: &StepDescriptor| {
        one.output
            .as_deref()
            .map(|one: &Schema| one.document.clone())
    };
    let (before, after) = (
        output(old).unwrap_or_default(),
        output(new).unwrap_or_default(),
    );
    for (output, _) in gone(&before, &after) {
        lines.push(format!("BREAKS runbooks: {name} no longer gives {output}"));
    }
    for (output, _) in gone(&after, &before) {
        lines.push(format!("{name} gives {output}"));
    }
    lines
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// Properties of one schema that the other does not have.
fn gone<'a>(schema: &'a Value, other: &'a Value) -> impl Iterator<Item = (&'a String, &'a Value)> {
    properties(schema).filter(|(name, _)| other["properties"].get(name.as_str()).is_none())
}

#[cfg(test)]
mod tests {
    use super::{steps, wants};
    use runbook_wasm::descriptor::Descriptor;
    use serde_json::{Value, json};

    fn descriptor(wants: &Value, steps: &Value) -> Descriptor {
        let document = json!({
            "descriptor": "runbook.plugin/1", "name": "chat", "version": "0.1.0", "summary": "x",
            "wants": wants, "steps": steps,
        });
        Descriptor::parse(document.to_string()).unwrap()
    }

    fn step(name: &str, input: &Value, output: &Value) -> Value {
        let object = |properties: &Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required });
        let required: &[&str] = if input.get("must").is_some() {
            &["must"]
        } else {
            &[]
        };
        json!({ "name": name, "summary": "x", "idempotency": "keyed",
                "input": object(input, required), "output": object(output, &[]) })
    }

    #[test]
    fn what_breaks_runbooks_says_so() {
        let text = json!({ "type": "string" });
        let old = descriptor(
            &json!([{ "http": "https://a.example.com/*", "why": "x" }]),
            &json!([
                step(
                    "post",
                    &json!({ "text": text, "old": text }),
                    &json!({ "id": text })
                ),
                step("gone", &json!({}), &json!({}))
            ]),
        );
        let new = descriptor(
            &json!([{ "http": "POST https://a.example.com/*", "why": "x" }]),
            &json!([
                step(
                    "post",
                    &json!({ "text": { "type": "integer" }, "must": text, "may": text }),
                    &json!({ "ts": text })
                ),
                step("edit", &json!({}), &json!({}))
            ]),
        );
        let found = wants(&old, &new);
        assert!(found[0].starts_with("wants to send POST"), "{found:?}");
        assert!(found[1].starts_with("no longer wants to read"), "{found:?}");
        let mut found = steps(&old, &new);
        found.sort();
        assert_eq!(
            found,
            [
                "BREAKS runbooks: post no longer gives id",
                "BREAKS runbooks: post no longer takes old",
                "BREAKS runbooks: post requires the input must",
                "BREAKS runbooks: step type gone is gone",
                "BREAKS runbooks: the input text of post has another type",
                "new step type edit",
                "post gives ts",
                "post takes may",
            ]
        );
        assert!(wants(&old, &old).is_empty() && steps(&old, &old).is_empty());
    }
}
