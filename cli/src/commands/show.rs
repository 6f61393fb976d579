//! `runbook show`.

use runbook_core::{Instance, InstanceState, Key, Phase, Run, Timestamp, Undoing};
use runbook_runtime::rfc3339;
use runbook_runtime::store::{EffectRow, Filter, LogRow, Snapshot};
use serde_json::{Value, json};

use super::list::run_json;
use crate::args::ShowArgs;
use crate::failure::Failure;
use crate::project::Project;
use crate::state::{self, Loaded};
use crate::ui::next::next;
use crate::ui::{self, calls, out, show, story, style};

/// Shows a run, or one step of it.
pub(crate) fn run(project: &Project, args: &ShowArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let info = state::find(&snapshot, args.run.as_deref())?;
    let driven = snapshot.is_driven(&info.id);
    let loaded = state::load(&snapshot, info)?;
    if let Some(step) = &args.step {
        return one_step(&snapshot, &loaded, step, args.json);
    }
    if args.json {
        ui::json(&whole_json(&snapshot, &loaded, driven)?);
        return Ok(0);
    }
    whole(&snapshot, &loaded, driven)?;
    Ok(0)
}

fn whole(snapshot: &Snapshot, loaded: &Loaded, driven: bool) -> Result<(), Failure> {
    let info = &loaded.info;
    let mut text = format!(
        "run {}  {}  {}  {}\n",
        style::bold(&info.id),
        style::bold(&info.runbook),
        info.environment,
        show::status_words(info, driven)
    );
    if let Some(summary) = &loaded.run.book().summary {
        text.push_str(&format!("{}\n", style::dim(summary)));
    }
    text.push('\n');
    text.push_str(&show::steps(loaded));
    let below = Filter {
        parent: Some(info.id.clone()),
        ..Filter::default()
    };
    let below = snapshot.list(&below)?;
    if !below.is_empty() {
        text.push('\n');
        for child in below.iter().rev() {
            text.push_str(&format!(
                "  {:<8} {:<34} {}\n",
                child.role,
                child.id,
                style::status(child.status)
            ));
        }
    }
    text.push('\n');
    if let Some(held) = loaded.held() {
        text.push_str(&format!("  {:<16} {held}\n", "held by"));
    }
    text.push_str(&times(loaded));
    text.push_str(&show::measures(&loaded.measures()));
    if driven && let Some(owner) = &info.owner {
        text.push_str(&format!("  driven by        {owner}\n"));
    }
    if let Some(outputs) = &info.outputs
        && !outputs.is_null()
    {
        text.push_str(&format!("  outputs\n{}", show::yaml(outputs, 4)));
    }
    let tree = state::tree(snapshot, info.clone())?;
    text.push_str(&story(&tree));
    let questions: Vec<(String, String)> = snapshot
        .questions(Some(&info.family))?
        .into_iter()
        .map(|one| (one.run, one.step))
        .collect();
    let silent = state::silent_since(snapshot, &info.family)?;
    if let Some(at) = silent {
        text.push_str(&format!(
            "  {}  the process that drives it was not heard of since then\n",
            style::time(at)
        ));
    }
    let next = next(&tree, driven && silent.is_none(), &questions);
    if !next.is_empty() {
        text.push_str(&format!("\nnext: {}\n", next.join("\n      ")));
    }
    out(&text);
    Ok(())
}

/// The words and oddities of a run and of those below it.
fn story(tree: &[Loaded]) -> String {
    let Some(top) = tree.first() else {
        return String::new();
    };
    let mut lines = Vec::new();
    for loaded in tree {
        let below = loaded.info.id.strip_prefix(&top.info.id).unwrap_or("");
        let prefix = match below.strip_prefix('.') {
            Some(below) => format!("{below}/ "),
            None => String::new(),
        };
        let own = loaded.story.iter();
        lines.extend(own.map(|(at, line)| (*at, format!("{prefix}{line}"))));
    }
    let text = story::text(lines, &top.info.id);
    if text.is_empty() {
        text
    } else {
        format!("\n{text}")
    }
}

fn times(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut line = |name: &str, at: Option<Timestamp>| {
        if let Some(at) = at {
            text.push_str(&format!("  {name:<16} {}\n", style::time(at)));
        }
    };
    line("started", loaded.run.started());
    line("finished", loaded.run.finished());
    for (name, at) in loaded.run.marks() {
        line(&name.replace('_', " "), Some(at));
    }
    text
}

fn whole_json(snapshot: &Snapshot, loaded: &Loaded, driven: bool) -> Result<Value, Failure> {
    let mut value = run_json(&loaded.info, driven);
    let steps: Vec<Value> = loaded
        .run
        .book()
        .steps
        .iter()
        .zip(loaded.run.steps())
        .map(|(step, state)| {
            json!({
                "id": step.id,
                "uses": step.uses,
                "section": step.section,
                "status": state.status(),
                "items": state.items.as_ref().map(Vec::len),
                "outputs": state.outputs(),
                "faults": state.instances.iter().filter_map(fault).collect::<Vec<_>>(),
            })
        })
        .collect();
    value["steps"] = json!(steps);
    value["held_by"] = json!(loaded.held());
    value["story"] = loaded
        .story
        .iter()
        .map(|(at, line)| json!({ "at": rfc3339(*at), "line": line }))
        .collect();
    value["marks"] = loaded
        .run
        .marks()
        .map(|(name, at)| json!({ "name": name, "at": rfc3339(at) }))
        .collect();
    value["objectives"] = loaded
        .measures()
        .iter()
        .map(|one| json!({ "objective": one.objective, "target_ms": one.target, "actual_ms": one.actual, "met": one.met() }))
        .collect();
    let below = Filter {
        parent: Some(loaded.info.id.clone()),
        ..Filter::default()
    };
    value["children"] = json!(
        snapshot
            .list(&below)?
            .iter()
            .map(|one| run_json(one, snapshot.is_driven(&one.id)))
            .collect::<Vec<_>>()
    );
    Ok(value)
}

fn fault(instance: &Instance) -> Option<Value> {
    match &instance.state {
        InstanceState::Failed { fault, .. }
        | InstanceState::Live(Phase::Retrying { fault, .. }) => serde_json::to_value(fault).ok(),
        InstanceState::Queued
        | InstanceState::Live(Phase::Flying | Phase::Waiting { .. } | Phase::InDoubt { .. })
        | InstanceState::Succeeded { .. }
        | InstanceState::Cancelled => None,
    }
}

fn one_step(
    snapshot: &Snapshot,
    loaded: &Loaded,
    name: &str,
    as_json: bool,
) -> Result<u8, Failure> {
    let (id, item) = match name.split_once('[') {
        Some((id, rest)) => (id, rest.trim_end_matches(']').parse::<usize>().ok()),
        None => (name, None),
    };
    let index = loaded.run.step_index(id).ok_or_else(|| {
        let ids: Vec<&str> = loaded
            .run
            .book()
            .steps
            .iter()
            .map(|step| step.id.as_str())
            .collect();
        Failure::usage(format!("run {} has no step `{id}`", loaded.info.id))
            .help(format!("it has {}", ids.join(", ")))
    })?;
    let effects: Vec<EffectRow> = snapshot
        .effects(&loaded.info.id)?
        .into_iter()
        .filter(|one| one.step == id)
        .collect();
    let logs = snapshot.logs(&loaded.info.id, Some(id))?;
    let events = snapshot.events(&loaded.info.id, 0)?;
    let calls = calls::of(events.iter().map(|row| &row.entry), id);
    let step = &loaded.run.book().steps[index];
    let state = &loaded.run.steps()[index];
    let keys = (0..state.instances.len()).map(|item| Key { step: index, item });
    let chosen: Vec<(usize, Instance)> = keys
        .filter(|key| item.is_none_or(|item| item == key.item))
        .map(|key| (key.item, told(&loaded.run, key)))
        .collect();
    if as_json {
        let instances: Vec<Value> = chosen
            .iter()
            .map(|(_, one)| serde_json::to_value(one).unwrap_or_default())
            .collect();
        ui::json(&json!({
            "id": step.id, "uses": step.uses, "status": state.status(), "instances": instances,
            "effects": effects, "calls": calls::to_json(&calls), "logs": logs,
        }));
        return Ok(0);
    }
    let mut text = format!(
        "{} {}  {}\n",
        style::word(state.status()),
        style::bold(&step.id),
        style::dim(&step.uses)
    );
    if let Some(summary) = loaded.summary(step) {
        text.push_str(&format!("{}\n", style::dim(&summary)));
    }
    for (at, instance) in chosen {
        if state.items.is_some() {
            text.push_str(&format!("\n[{at}] {}\n", style::word(instance.status())));
        }
        text.push_str(&one_instance(&instance));
    }
    text.push_str(&calls::lines(&calls));
    text.push_str(&traces(&effects, &logs));
    out(&text);
    Ok(0)
}

/// An item with the inputs that its state leaves to the runbook.
fn told(run: &Run, key: Key) -> Instance {
    let mut instance = run.instance(key).cloned().unwrap_or_default();
    if let (Some(attempt), Some(inputs)) = (&mut instance.attempt, run.inputs(key)) {
        attempt.inputs = inputs.clone();
    }
    instance
}

fn one_instance(instance: &Instance) -> String {
    let mut text = String::new();
    if let Some(attempt) = &instance.attempt {
        text.push_str(&format!(
            "  attempt {}  started {}  deadline {}\n",
            attempt.number,
            style::time(attempt.started),
            if attempt.deadline.0 == i64::MAX || attempt.deadline.0 > 1 << 52 {
                "none".to_owned()
            } else {
                style::time(attempt.deadline)
            }
        ));
        if !attempt.token.is_empty() {
            text.push_str(&format!("  token {}\n", attempt.token));
        }
        text.push_str(&format!("  inputs\n{}", show::yaml(&attempt.inputs, 4)));
        if let Some(before) = &attempt.before {
            text.push_str(&format!("  before\n{}", show::yaml(before, 4)));
        }
    }
    match &instance.state {
        InstanceState::Succeeded { outputs, .. } => {
            text.push_str(&format!("  outputs\n{}", show::yaml(outputs, 4)));
        }
        InstanceState::Failed { fault, .. }
        | InstanceState::Live(Phase::Retrying { fault, .. }) => {
            text.push_str(&format!("  {} {fault}\n", style::red(fault.kind.name())));
            if let Some(help) = &fault.help {
                text.push_str(&format!("  help: {help}\n"));
            }
        }
        InstanceState::Live(Phase::Waiting { note, .. }) => {
            text.push_str(&format!("  waits: {note}\n"));
        }
        InstanceState::Live(Phase::InDoubt { why }) => {
            text.push_str(&format!("  {} {why}\n", style::red("in doubt:")));
        }
        InstanceState::Queued | InstanceState::Live(Phase::Flying) | InstanceState::Cancelled => {}
    }
    text.push_str(&taken_back(instance));
    text
}

fn taken_back(instance: &Instance) -> String {
    match &instance.undo {
        None => String::new(),
        Some(Undoing::Flying(_)) => "  undo: in flight\n".to_owned(),
        Some(Undoing::Waiting { until, note, .. }) => {
            format!("  undo: {note}; again at {}\n", style::time(*until))
        }
        Some(Undoing::Done { at }) => format!("  undo: done {}\n", style::time(*at)),
        Some(Undoing::Kept { message, .. }) => format!("  {} {message}\n", style::red("stays:")),
    }
}

fn traces(effects: &[EffectRow], logs: &[LogRow]) -> String {
    let mut text = String::new();
    if !effects.is_empty() {
        text.push_str("  effects\n");
    }
    for effect in effects {
        let state = serde_json::to_value(effect.state).unwrap_or_default();
        text.push_str(&format!(
            "    attempt {} item {}: {}  {}  {}\n",
            effect.attempt,
            effect.item,
            state.as_str().unwrap_or_default(),
            effect.resource.as_deref().unwrap_or(""),
            effect
                .request_id
                .as_deref()
                .map(|id| format!("request {id}"))
                .unwrap_or_default()
        ));
    }
    if !logs.is_empty() {
        text.push_str("  log\n");
    }
    for row in logs {
        text.push_str(&format!(
            "    {} {}\n",
            style::dim(&style::time(row.at)),
            row.line
        ));
    }
    text
}
