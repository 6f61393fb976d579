//! `runbook steps`.

use runbook_core::{Shape, Work, format_millis};
use runbook_step::{Catalog, StepKind};
use serde_json::{Value, json};

use crate::args::{StepsArgs, StepsCommand};
use crate::failure::Failure;
use crate::plugged;
use crate::project::Project;
use crate::ui::table::{table, text};
use crate::ui::{self, out, style};

/// Lists step types, or shows the manual of one.
pub(crate) fn run(project: &Project, args: &StepsArgs) -> Result<u8, Failure> {
    let catalog = plugged::all(project, None)?.catalog;
    match &args.command {
        None | Some(StepsCommand::List) => list(&catalog, args.json),
        Some(StepsCommand::Show { kind }) => show(&catalog, kind, args.json)?,
    }
    Ok(0)
}

fn shape(kind: &StepKind) -> &'static str {
    match kind.work() {
        Work::Pure | Work::Timer => "control",
        Work::Gate(_) => "question",
        Work::Child => "run",
        Work::Call(Shape::Query) => "query",
        Work::Call(Shape::Modify | Shape::Create) => "change",
        Work::Call(Shape::Action) => "action",
        Work::Call(Shape::Wait) => "wait",
    }
}

fn list(catalog: &Catalog, as_json: bool) {
    if as_json {
        let kinds: Vec<Value> = catalog
            .iter()
            .map(|kind| {
                json!({ "name": kind.name, "shape": shape(kind), "class": kind.class.name(),
                        "summary": kind.summary() })
            })
            .collect();
        ui::json(&json!(kinds));
        return;
    }
    let mut rows = table(&["TYPE", "SHAPE", ""]);
    for kind in catalog.iter() {
        rows.add_row([
            kind.name.to_owned(),
            shape(kind).to_owned(),
            style::dim(&kind.summary()),
        ]);
    }
    out(&text(&rows));
}

fn show(catalog: &Catalog, name: &str, as_json: bool) -> Result<(), Failure> {
    let kind = catalog.get(name).ok_or_else(|| {
        let near: Vec<&str> = catalog
            .iter()
            .map(|kind| kind.name)
            .filter(|known| known.contains(name) || name.contains(known))
            .take(5)
            .collect();
        let failure = Failure::usage(format!("no step type `{name}`"));
        if near.is_empty() {
            failure.help("`runbook steps` lists them")
        } else {
            failure.help(format!("there is {}", near.join(", ")))
        }
    })?;
    let (inputs, outputs) = (kind.inputs(), kind.outputs());
    if as_json {
        ui::json(&json!({
            "name": kind.name, "shape": shape(kind), "class": kind.class.name(),
            "timeout_ms": kind.timeout.map(|span| span.as_millis()), "iam": kind.iam,
            "irreversible": kind.irreversible, "inputs": inputs, "outputs": outputs,
        }));
        return Ok(());
    }
    let mut page = format!("{}  {}\n", style::bold(kind.name), style::dim(shape(kind)));
    if let Some(manual) = inputs["description"].as_str() {
        page.push_str(&format!("\n{manual}\n"));
    }
    page.push_str(&format!("\n{}\n{}", style::bold("with"), fields(&inputs)));
    page.push_str(&format!(
        "\n{}\n{}",
        style::bold("outputs"),
        fields(&outputs)
    ));
    page.push('\n');
    let timeout = kind.timeout.map_or_else(
        || "none".to_owned(),
        |span| format_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
    );
    page.push_str(&format!("  timeout          {timeout}\n"));
    page.push_str(&format!(
        "  lost answers     {}: {}\n",
        kind.class.name(),
        kind.class.explain()
    ));
    if matches!(kind.work(), Work::Call(Shape::Modify | Shape::Create)) {
        let undo = kind.irreversible.unwrap_or("takes back what it did");
        page.push_str(&format!("  undo             {undo}\n"));
    }
    if !kind.iam.is_empty() {
        page.push_str(&format!("  IAM              {}\n", kind.iam.join(", ")));
    }
    out(&page);
    Ok(())
}

fn fields(schema: &Value) -> String {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut rows = table(&[]);
    let Some(properties) = schema["properties"].as_object() else {
        return "  any\n".to_owned();
    };
    for (name, field) in properties {
        let mut kind = type_of(schema, field);
        if required.contains(&name.as_str()) {
            kind.push_str(", required");
        }
        if let Some(default) = field.get("default").filter(|default| !default.is_null()) {
            kind.push_str(&format!(", default {default}"));
        }
        let about = field["description"]
            .as_str()
            .unwrap_or_default()
            .replace('\n', " ");
        rows.add_row([format!(" {name}"), style::dim(&kind), about]);
    }
    if properties.is_empty() {
        return "  none\n".to_owned();
    }
    text(&rows)
}

fn type_of(root: &Value, field: &Value) -> String {
    if let Some(target) = field["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix("#/$defs/"))
    {
        return type_of(root, &root["$defs"][target]);
    }
    if let Some(options) = field["anyOf"]
        .as_array()
        .or_else(|| field["oneOf"].as_array())
    {
        let names: Vec<String> = options
            .iter()
            .map(|option| type_of(root, option))
            .filter(|name| name != "null")
            .collect();
        return names.join(" or ");
    }
    if let Some(choices) = field["enum"].as_array() {
        let names: Vec<String> = choices
            .iter()
            .map(|one| one.to_string().replace('"', ""))
            .collect();
        return names.join(" | ");
    }
    if let Some(constant) = field.get("const") {
        return constant.to_string().replace('"', "");
    }
    match &field["type"] {
        Value::String(name) if name == "array" => {
            format!("list of {}", type_of(root, &field["items"]))
        }
        Value::String(name) if name == "object" => "map".to_owned(),
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names: Vec<&str> = names
                .iter()
                .filter_map(Value::as_str)
                .filter(|name| *name != "null")
                .collect();
            names.join(" or ")
        }
        _ => "any".to_owned(),
    }
}
