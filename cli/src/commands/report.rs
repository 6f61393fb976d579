//! `runbook report`: what happened, told from the journal alone, as Markdown for a ticket or as JSON.

use std::fmt::Write as _;

use runbook_core::{Effect, Event, InstanceState, Objective, StepStatus, Timestamp, Undoing};
use runbook_runtime::rfc3339;
use runbook_runtime::store::Snapshot;
use serde_json::{Value, json};

use crate::args::ReportArgs;
use crate::failure::Failure;
use crate::project::Project;
use crate::state::{self, Loaded};
use crate::ui::line::word;
use crate::ui::{self, out, style};

/// Something that a reader of the report must not miss.
struct Remark {
    at: Timestamp,
    run: String,
    text: String,
}

/// Prints the report of a run with its child runs.
pub(crate) fn run(project: &Project, args: &ReportArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let info = state::find(&snapshot, args.run.as_deref())?;
    let tree = state::tree(&snapshot, info)?;
    let remarks = remarks(&snapshot, &tree)?;
    if args.json {
        ui::json(&as_json(&tree, &remarks));
    } else {
        out(&as_markdown(&tree, &remarks));
    }
    Ok(0)
}

/// Words of operators, answers, adoptions, doubts and what could not be taken back, in order of time.
fn remarks(snapshot: &Snapshot, tree: &[Loaded]) -> Result<Vec<Remark>, Failure> {
    let mut found = Vec::new();
    for loaded in tree {
        let run = &loaded.info.id;
        for row in snapshot.events(run, 0)? {
            let text = remark(&row.entry.event);
            found.extend(text.map(|text| Remark {
                at: row.entry.at,
                run: run.clone(),
                text,
            }));
        }
    }
    found.sort_by_key(|one| one.at);
    Ok(found)
}

fn remark(event: &Event) -> Option<String> {
    Some(match event {
        Event::Succeeded {
            step,
            effect: Effect::Adopted,
            ..
        } => format!("{step} took over what a lost attempt of it had made"),
        Event::InDoubt { step, why, .. } => format!("{step} was in doubt: {why}"),
        Event::AttemptFailed { step, fault, .. } => {
            format!("{step} failed and was tried again: {fault}")
        }
        Event::Failed { step, fault, .. } => format!("{step} failed: {fault}"),
        Event::NotUndone { step, message, .. } => format!("{step} stays: {message}"),
        Event::Answered {
            step,
            actor,
            granted,
            comment,
            ..
        } => {
            let word = if *granted { "granted" } else { "rejected" };
            let said = comment.as_deref().map(|text| format!(": {text}"));
            format!("{step} was {word} by {actor}{}", said.unwrap_or_default())
        }
        Event::Resumed { actor, .. } => format!("taken up again by {actor}"),
        Event::Reopened { actor, .. } => format!("failed work got another chance, by {actor}"),
        other => return word(other),
    })
}

fn as_markdown(tree: &[Loaded], remarks: &[Remark]) -> String {
    let root = &tree[0];
    let mut text = format!(
        "# {} `{}`: {}\n\n",
        root.info.runbook,
        root.info.id,
        root.info.status.name().replace('_', " ")
    );
    if let Some(summary) = &root.run.book().summary {
        let _ = writeln!(text, "{summary}\n");
    }
    let _ = writeln!(text, "| | |\n|---|---|");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "| {name} | {} |", value.replace('|', "\\|"));
    };
    row("environment", root.info.environment.clone());
    if let Some(at) = root.run.started() {
        row("started", rfc3339(at));
    }
    if let (Some(from), Some(to)) = (root.run.started(), root.run.finished()) {
        row(
            "finished",
            format!("{} ({})", rfc3339(to), style::span(to.since(from))),
        );
    }
    for (name, at) in root.run.marks() {
        row(&name.replace('_', " "), rfc3339(at));
    }
    for measure in root.measures() {
        let name = match measure.objective {
            Objective::Rto => "recovery time",
            Objective::Rpo => "recovery point",
        };
        let actual = measure
            .actual
            .map_or_else(|| "not measured".to_owned(), style::span);
        let verdict = if measure.met() { "met" } else { "**missed**" };
        let target = runbook_core::format_millis(measure.target);
        row(name, format!("{actual} of {target}, {verdict}"));
    }
    for loaded in tree {
        let _ = writeln!(text, "\n## Steps of `{}`\n", loaded.info.id);
        let _ = writeln!(
            text,
            "| step | state | began | took | |\n|---|---|---|---|---|"
        );
        for line in steps(loaded) {
            let cell = |name: &str| {
                line[name]
                    .as_str()
                    .unwrap_or_default()
                    .replace('|', "\\|")
                    .replace('\n', " ")
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                cell("step"),
                cell("status"),
                cell("started"),
                cell("took"),
                cell("detail")
            );
        }
    }
    if !remarks.is_empty() {
        text.push_str("\n## What else happened\n\n");
        for one in remarks {
            let _ = writeln!(text, "- {} `{}` {}", rfc3339(one.at), one.run, one.text);
        }
    }
    if let Some(Value::Object(outputs)) = &root.info.outputs {
        text.push_str("\n## Outputs\n\n");
        for (name, value) in outputs {
            let _ = writeln!(text, "- {name}: `{value}`");
        }
    }
    text
}

/// A line for each item of each step that was touched.
fn steps(loaded: &Loaded) -> Vec<Value> {
    let mut rows = Vec::new();
    for (step, state) in loaded.run.book().steps.iter().zip(loaded.run.steps()) {
        if state.instances.is_empty() {
            if state.status() != StepStatus::Pending {
                rows.push(json!({ "step": step.id, "status": state.status().name() }));
            }
            continue;
        }
        for (item, one) in state.instances.iter().enumerate() {
            let name = match &state.items {
                Some(_) => format!("{}[{item}]", step.id),
                None => step.id.clone(),
            };
            let began = one.attempt.as_ref().map(|attempt| attempt.first);
            let (end, detail) = match &one.state {
                InstanceState::Succeeded { effect, at, .. } => {
                    (Some(*at), effect_word(*effect).to_owned())
                }
                InstanceState::Failed { fault, at } => (Some(*at), fault.to_string()),
                InstanceState::Queued | InstanceState::Live(_) | InstanceState::Cancelled => {
                    (None, String::new())
                }
            };
            let detail = match &one.undo {
                Some(Undoing::Kept { message, .. }) => format!("{detail}; stays: {message}"),
                Some(Undoing::Done { at }) => format!("{detail}; taken back {}", rfc3339(*at)),
                Some(Undoing::Flying(_) | Undoing::Waiting { .. }) | None => detail,
            };
            rows.push(json!({
                "step": name,
                "uses": step.uses,
                "status": one.status().name(),
                "attempts": one.attempt.as_ref().map(|attempt| attempt.number),
                "started": began.map(rfc3339),
                "took": began.zip(end).map(|(from, to)| style::span(to.since(from))),
                "detail": detail,
            }));
        }
    }
    rows
}

fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::None => "",
        Effect::Unchanged => "no change",
        Effect::Changed => "changed",
        Effect::Adopted => "adopted",
    }
}

fn as_json(tree: &[Loaded], remarks: &[Remark]) -> Value {
    let runs: Vec<Value> = tree
        .iter()
        .map(|loaded| {
            json!({
                "run": loaded.info.id,
                "runbook": loaded.info.runbook,
                "environment": loaded.info.environment,
                "status": loaded.info.status,
                "started": loaded.run.started().map(rfc3339),
                "finished": loaded.run.finished().map(rfc3339),
                "marks": loaded.run.marks()
                    .map(|(name, at)| json!({ "name": name, "at": rfc3339(at) }))
                    .collect::<Vec<_>>(),
                "objectives": loaded.measures().iter().map(|one| json!({
                    "objective": one.objective,
                    "target_ms": one.target,
                    "actual_ms": one.actual,
                    "met": one.met(),
                })).collect::<Vec<_>>(),
                "steps": steps(loaded),
                "outputs": loaded.info.outputs,
            })
        })
        .collect();
    let remarks: Vec<Value> = remarks
        .iter()
        .map(|one| json!({ "at": rfc3339(one.at), "run": one.run, "text": one.text }))
        .collect();
    json!({ "runs": runs, "remarks": remarks })
}
