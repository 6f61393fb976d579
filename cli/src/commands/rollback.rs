//! `runbook rollback`: what would be taken back, and then does it.

use std::collections::BTreeMap;

use runbook_core::{Kept, Key, Run, RunStatus, Work};
use runbook_runtime::store::{Filter, Signal, Snapshot};
use serde_json::{Value, json};

use crate::args::RollbackArgs;
use crate::commands::word::leave;
use crate::failure::Failure;
use crate::project::Project;
use crate::state::{self, Loaded};
use crate::ui::{out, style};
use crate::{exit, prompt};

/// One line of the preview.
struct Row {
    name: String,
    uses: String,
    /// The generation before the last one is 1.
    earlier: usize,
    stays: Option<(Kept, String)>,
}

/// Shows what a rollback of the run would do, and does it when that is confirmed.
pub(crate) async fn run(project: &Project, args: &RollbackArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let named = snapshot.find(&args.run)?;
    // A child run goes back with the run that waits for it.
    let loaded = state::load(&snapshot, snapshot.run(&named.family)?)?;
    if loaded.run.is_rolling_back() && !loaded.info.status.is_terminal() {
        return Err(Failure::usage(format!(
            "run {} is being rolled back already",
            loaded.info.id
        ))
        .help(format!("next: runbook resume {}", loaded.info.id)));
    }
    let mut rows = Vec::new();
    preview(&snapshot, &loaded, "", &mut rows)?;
    let back = rows.iter().filter(|row| row.stays.is_none()).count();
    if args.json && args.preview {
        out(&format!("{}\n", as_json(&loaded, &rows)));
        return Ok(exit::OK);
    }
    if !args.json {
        print(&loaded, &rows);
    }
    if args.preview {
        return Ok(exit::OK);
    }
    if back == 0 {
        return Err(Failure::usage(format!(
            "there is nothing that a rollback of run {} could take back",
            loaded.info.id
        )));
    }
    confirm(&loaded, args, back)?;
    let signal = Signal::RollBack {
        reason: args.reason.clone().unwrap_or_default(),
    };
    match leave(project, &loaded, signal, args.json).await? {
        exit::FAILED if ended_back(project, &loaded.info.id)? => Ok(exit::OK),
        code => Ok(code),
    }
}

/// Everything was taken back that was to be: what was asked for.
fn ended_back(project: &Project, id: &str) -> Result<bool, Failure> {
    let snapshot = state::snapshot(project)?;
    let loaded = state::load(&snapshot, snapshot.run(id)?)?;
    Ok(loaded.info.status == RunStatus::RolledBack && loaded.stays().is_empty())
}

fn confirm(loaded: &Loaded, args: &RollbackArgs, back: usize) -> Result<(), Failure> {
    let id = &loaded.info.id;
    let sandbox = loaded
        .info
        .meta
        .get("sandbox")
        .is_some_and(|one| !one.is_null());
    if args.yes || sandbox {
        return Ok(());
    }
    if !args.json && prompt::possible() {
        let question = format!("Take {back} of them back? Type the run's id to go on: ");
        if prompt::line(&question).as_deref() == Some(id.as_str()) {
            return Ok(());
        }
    }
    Err(Failure::new(
        exit::REFUSED,
        format!("the rollback of run {id} was not confirmed; nothing was done"),
    )
    .help(format!("runbook rollback {id} --yes")))
}

/// Newest first; the steps of a child run stand where the child does.
fn preview(
    snapshot: &Snapshot,
    loaded: &Loaded,
    prefix: &str,
    rows: &mut Vec<Row>,
) -> Result<(), Failure> {
    let run = &loaded.run;
    let mut children = BTreeMap::new();
    for child in snapshot.list(&Filter {
        parent: Some(loaded.info.id.clone()),
        ..Filter::default()
    })? {
        if child.role == "child" {
            children.insert(child.id.clone(), child);
        }
    }
    let mut seen: BTreeMap<Key, usize> = BTreeMap::new();
    for (key, stays) in run.rollback_preview() {
        let times = seen.entry(key).or_default();
        let earlier = std::mem::replace(times, *times + 1);
        let step = &run.book().steps[key.step];
        let looped = step.for_each.is_some();
        let name = if looped {
            format!("{prefix}{}[{}]", step.id, key.item)
        } else {
            format!("{prefix}{}", step.id)
        };
        if step.work == Work::Child && stays.is_none() {
            let mut id = format!("{}.{}", loaded.info.id, step.id);
            if looped {
                id.push_str(&format!(".{}", key.item));
            }
            let found = children
                .iter()
                .filter(|(known, _)| **known == id || known.starts_with(&format!("{id}.again")))
                .map(|(_, info)| info.clone());
            for info in found.collect::<Vec<_>>().into_iter().rev() {
                let child = state::load(snapshot, info)?;
                preview(snapshot, &child, &format!("{name}/"), rows)?;
            }
            continue;
        }
        rows.push(Row {
            name,
            uses: undone_by(run, key.step),
            earlier,
            stays,
        });
    }
    Ok(())
}

/// The step type that takes a step back.
fn undone_by(run: &Run, step: usize) -> String {
    let step = &run.book().steps[step];
    match &step.undo {
        runbook_core::Undo::With { uses, .. } => uses.clone(),
        runbook_core::Undo::Own | runbook_core::Undo::None => step.uses.clone(),
    }
}

fn print(loaded: &Loaded, rows: &[Row]) {
    out(&format!(
        "rollback of run {}  {}, newest first:\n\n",
        style::bold(&loaded.info.id),
        style::bold(&loaded.info.runbook)
    ));
    for row in rows {
        let line = match &row.stays {
            None => format!(
                "  {} {:<42} {}",
                style::bold("undo "),
                row.name,
                style::dim(&match row.earlier {
                    0 => row.uses.clone(),
                    _ => format!("{}  what it did before it was run again", row.uses),
                })
            ),
            Some((_, why)) => format!("  {} {:<42} {why}", style::red("stays"), row.name),
        };
        out(&format!("{}\n", line.trim_end()));
    }
    let stays = rows.iter().filter(|row| row.stays.is_some()).count();
    out(&format!(
        "\n  {} to take back, {stays} stay\n\n",
        rows.len() - stays
    ));
}

fn as_json(loaded: &Loaded, rows: &[Row]) -> Value {
    json!({
        "run": loaded.info.id,
        "steps": rows.iter().map(|row| json!({
            "step": row.name,
            "undo": row.stays.is_none().then_some(&row.uses),
            "earlier": row.earlier,
            "stays": row.stays.as_ref().map(|(why, _)| why),
            "why": row.stays.as_ref().map(|(_, text)| text),
        })).collect::<Vec<_>>(),
    })
}
