//! What a plugin is, for people: what it brings, what it wants, what it is made of.

use runbook_wasm::component::Component;
use runbook_wasm::descriptor::{Descriptor, Idempotency, StepDescriptor, Want};
use serde_json::{Value, json};

use crate::ui::table::{table, text};
use crate::ui::{size, style};

/// Name, version and summary.
pub(super) fn title(descriptor: &Descriptor) -> String {
    let name = format!("{} {}", descriptor.name, descriptor.version);
    match descriptor.summary.is_empty() {
        true => style::bold(&name),
        false => format!("{}  {}", style::bold(&name), descriptor.summary),
    }
}

/// Size, digest and version of the contract.
pub(super) fn facts(component: &Component) -> String {
    let wit = component
        .wit_version()
        .map(|wit| format!("  runbook:plugin {wit}"))
        .unwrap_or_default();
    format!(
        "{}  {}",
        size(component.size),
        style::dim(&format!("{}{wit}", component.digest))
    )
}

/// Step types and wants.
pub(super) fn body(descriptor: &Descriptor) -> String {
    let mut lines = table(&[]);
    for step in &descriptor.steps {
        lines.add_row([
            format!("   plugin:{}/{}", descriptor.name, step.name),
            abilities(step),
            step.summary.clone(),
        ]);
    }
    format!(
        "\n  it brings\n{}\n{}",
        text(&lines),
        wants(&descriptor.wants)
    )
}

/// What it wants, as sentences for somebody who has to decide.
pub(super) fn wants(wants: &[Want]) -> String {
    if wants.is_empty() {
        return "  it wants nothing: it only computes\n".to_owned();
    }
    let mut out = String::from("  it wants to\n");
    for want in wants {
        out.push_str(&format!("    {}", want.kind.sentence()));
        if want.optional {
            out.push_str(", if it may");
        }
        if !want.why.is_empty() {
            out.push_str(&style::dim(&format!("  ({})", want.why)));
        }
        out.push('\n');
    }
    out
}

/// What the engine may do with a step type: `keyed, undo`.
fn abilities(step: &StepDescriptor) -> String {
    let mut words = vec![step.idempotency.name()];
    words.extend(step.undo.then_some("undo"));
    words.extend(step.plan.then_some("plan"));
    words.join(", ")
}

/// Everything that is known of a component.
pub(super) fn to_json(component: &Component, descriptor: Option<&Descriptor>) -> Value {
    let names = |list: &[runbook_wasm::component::Name]| -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    };
    json!({
        "component": component.digest.to_string(),
        "size": component.size,
        "wit": component.wit_version().map(|wit| wit.to_string()),
        "imports": names(&component.imports),
        "exports": names(&component.exports),
        "name": descriptor.map(|one| one.name.clone()),
        "version": descriptor.map(|one| one.version.to_string()),
        "steps": descriptor.map(|one| {
            let names = one.steps.iter().map(|step| format!("plugin:{}/{}", one.name, step.name));
            names.collect::<Vec<_>>()
        }),
        "wants": descriptor.map(|one| {
            let wants = one.wants.iter().map(|want| json!({ "want": want.kind.to_string(), "sentence": want.kind.sentence(), "why": want.why, "optional": want.optional }));
            wants.collect::<Vec<_>>()
        }),
        "descriptor": descriptor.map(|one| one.document.clone()),
    })
}

/// What is imported and exported, of the contract alone.
pub(super) fn interfaces(component: &Component) -> String {
    let ours = |list: &[runbook_wasm::component::Name]| {
        let names = list.iter().filter(|name| name.is_ours());
        let names: Vec<&str> = names.map(|name| name.interface.as_str()).collect();
        match names.is_empty() {
            true => "nothing".to_owned(),
            false => names.join(", "),
        }
    };
    format!(
        "\n  imports  {}\n  exports  {}\n",
        ours(&component.imports),
        ours(&component.exports)
    )
}

/// A page of documentation in Markdown.
pub(super) fn markdown(component: &Component, descriptor: &Descriptor) -> String {
    let mut page = format!("# {}\n\n", descriptor.name);
    if !descriptor.summary.is_empty() {
        page.push_str(&format!(
            "{}.\n\n",
            descriptor.summary.trim_end_matches('.')
        ));
    }
    page.push_str(&format!(
        "Version {}, `{}`, {}.\n\n## What it wants\n\n",
        descriptor.version,
        component.digest,
        size(component.size)
    ));
    if descriptor.wants.is_empty() {
        page.push_str("Nothing: it only computes.\n");
    }
    for want in &descriptor.wants {
        let why = match want.why.is_empty() {
            true => String::new(),
            false => format!(": {}", want.why),
        };
        page.push_str(&format!("* {}{why}\n", want.kind.sentence()));
    }
    if let Some(config) = &descriptor.config {
        page.push_str(&format!(
            "\n## Settings\n\n{}",
            properties(&config.document)
        ));
    }
    for step in &descriptor.steps {
        page.push_str(&section(descriptor, step));
    }
    page
}

fn section(descriptor: &Descriptor, step: &StepDescriptor) -> String {
    let mut page = format!(
        "\n## `plugin:{}/{}`\n\n{}. After an interruption {}.\n",
        descriptor.name,
        step.name,
        step.summary.trim_end_matches('.'),
        after_an_interruption(step.idempotency)
    );
    if step.undo {
        page.push_str("It can be undone.\n");
    }
    if let Some(why) = &step.irreversible {
        page.push_str(&format!("It cannot be undone: {why}.\n"));
    }
    page.push_str(&format!("\nInputs\n\n{}", properties(&step.input.document)));
    if let Some(output) = &step.output {
        page.push_str(&format!("\nOutputs\n\n{}", properties(&output.document)));
    }
    for example in &step.examples {
        page.push_str(&format!(
            "\n```yaml\nuses: plugin:{}/{}\nwith: {}\n```\n",
            descriptor.name, step.name, example.with
        ));
    }
    page
}

fn after_an_interruption(idempotency: Idempotency) -> &'static str {
    match idempotency {
        Idempotency::Pure => "it is run again; it has no effect",
        Idempotency::Idempotent => "it is run again; that does nothing more",
        Idempotency::Keyed => "it is run again with the same key; that does nothing more",
        Idempotency::Reconcilable => "the plugin is asked what became of it",
        Idempotency::Once => "a person decides; the project has to allow it with `once`",
    }
}

/// The properties of an object, as a table.
fn properties(schema: &Value) -> String {
    let Some(all) = schema["properties"]
        .as_object()
        .filter(|all| !all.is_empty())
    else {
        return "None are named.\n".to_owned();
    };
    let required = |name: &str| {
        let names = schema["required"].as_array();
        names.is_some_and(|names| names.iter().any(|one| one == name))
    };
    let mut page = String::from("| name | type | |\n|---|---|---|\n");
    for (name, property) in all {
        let kind = match &property["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => {
                let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                kinds.join(" or ")
            }
            _ => String::new(),
        };
        let about = property["description"].as_str().unwrap_or_default();
        let about = about.replace('\n', " ").replace('|', "\\|");
        let must = if required(name) { "; required" } else { "" };
        page.push_str(&format!("| `{name}` | {kind} | {about}{must} |\n"));
    }
    page
}
