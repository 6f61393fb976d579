//! A run goes on with an edited runbook, when the edit leaves alone what has happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use runbook_core::{Event, Journal, Run, Runbook, Step};
use serde_json::Value;
use thiserror::Error;

use crate::store::{Commit, Rows, RunRow, StoreError};
use crate::{Definition, DriveError, Engine, project};

/// A runbook that a run cannot go on with. Nothing was changed.
#[derive(Debug, Error)]
pub enum RedefineError {
    /// The run cannot be taken.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The edit touches what has happened.
    #[error("the edited runbook does not fit run {run}: {}", reasons.join("; "))]
    Unfit {
        /// The run.
        run: String,
        /// Why, a line for each step.
        reasons: Vec<String>,
    },
    /// Nothing differs.
    #[error("the runbook is the one that run {run} has already")]
    Same {
        /// The run.
        run: String,
    },
}

impl From<StoreError> for RedefineError {
    fn from(error: StoreError) -> Self {
        Self::Drive(error.into())
    }
}

/// What differs between two runbooks, and what of it a run cannot go on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// A line for each step that was added, removed or changed: `+ id`, `- id`, `~ id: keys`.
    pub changes: Vec<String>,
    /// Why the run cannot go on with it; empty when it can.
    pub reasons: Vec<String>,
}

/// Compares an edited runbook with the one that `run` has.
#[must_use]
pub fn compare(run: &Run, edited: &Runbook, params: &Value) -> Edit {
    let book = run.book();
    let mut edit = Edit::default();
    for (step, state) in book.steps.iter().zip(run.steps()) {
        let touched = state.ended.is_some() || !state.instances.is_empty();
        let Some(index) = edited.index_of(&step.id) else {
            edit.changes.push(format!("- {}", step.id));
            if touched {
                edit.reasons.push(format!(
                    "step `{}` has {} and is not there any more (removed or renamed)",
                    step.id,
                    state.status().name()
                ));
            }
            continue;
        };
        let keys = differing(book, step, edited, &edited.steps[index]);
        if keys.is_empty() {
            continue;
        }
        edit.changes
            .push(format!("~ {}: {}", step.id, keys.join(", ")));
        if touched {
            edit.reasons.push(format!(
                "step `{}` has {} and differs in {}",
                step.id,
                state.status().name(),
                keys.join(", ")
            ));
        }
    }
    for step in &edited.steps {
        if book.index_of(&step.id).is_none() {
            edit.changes.push(format!("+ {}", step.id));
        }
    }
    for (name, param) in &edited.params {
        if params.get(name).is_none() && param.default.is_none() {
            edit.reasons.push(format!(
                "it declares the parameter `{name}`, which the run was not started with"
            ));
        }
    }
    let outer = |book: &Runbook| {
        let mut book = book.clone();
        book.steps.clear();
        book.params.clear();
        serde_json::to_value(book).unwrap_or_default()
    };
    edit.changes.extend(
        keys_that_differ(&outer(book), &outer(edited))
            .into_iter()
            .map(|key| format!("~ {key}")),
    );
    edit
}

/// The keys in which two forms of a step differ; its needs by name, since places move.
fn differing(book: &Runbook, step: &Step, edited: &Runbook, other: &Step) -> Vec<String> {
    let form = |book: &Runbook, step: &Step| {
        let needs: Vec<&str> = step
            .needs
            .iter()
            .map(|&need| book.steps[need].id.as_str())
            .collect();
        let mut form = serde_json::to_value(step).unwrap_or_default();
        form["needs"] = needs.into();
        // A line for people may change at any time.
        form["summary"] = Value::Null;
        // Taken from the catalog, which an older build did not ask.
        form["irreversible"] = Value::Null;
        form
    };
    keys_that_differ(&form(book, step), &form(edited, other))
}

fn keys_that_differ(one: &Value, other: &Value) -> Vec<String> {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return Vec::new();
    };
    let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| {
            let none = Value::Null;
            one.get(*key).unwrap_or(&none) != other.get(*key).unwrap_or(&none)
        })
        .cloned()
        .collect()
}

/// A plugin that the run has used stays the one that it was.
fn plugins(old: &Definition, edited: &Definition) -> BTreeMap<String, Value> {
    let mut plugins = edited.plugins.clone();
    plugins.extend(old.plugins.clone());
    plugins
}

impl Engine {
    /// Gives a run an edited runbook and its children; environment, accounts and tags stay as they were
    /// pinned. What differs, a line for each step.
    ///
    /// # Errors
    /// [`RedefineError`]; nothing was changed.
    pub async fn redefine(
        &self,
        run: &str,
        edited: &Definition,
        actor: &str,
    ) -> Result<Vec<String>, RedefineError> {
        let claim = crate::driver::claim(self, run).await?;
        let snapshot = self.store.snapshot()?;
        let info = snapshot.run(run)?;
        let old = snapshot.definition(&info)?;
        let rows = snapshot.events(run, 0)?;
        let corrupt = |source| {
            RedefineError::Drive(DriveError::Corrupt {
                run: run.to_owned(),
                source,
            })
        };
        let replay = |book: &Runbook| {
            Run::new(Arc::new(book.clone())).replay(rows.iter().map(|row| &row.entry))
        };
        let state = replay(&old.runbook).map_err(corrupt)?;
        let Edit { changes, reasons } = compare(&state, &edited.runbook, &info.params);
        if !reasons.is_empty() {
            return Err(RedefineError::Unfit {
                run: run.to_owned(),
                reasons,
            });
        }
        let definition = Definition {
            engine: edited.engine.clone(),
            file: edited.file.clone(),
            runbook: edited.runbook.clone(),
            children: edited.children.clone(),
            plugins: plugins(&old, edited),
            ..old.clone()
        };
        if definition.runbook == old.runbook && definition.children == old.children {
            return Err(RedefineError::Same {
                run: run.to_owned(),
            });
        }
        let (hash, text) = definition.encode().map_err(|error| StoreError::Corrupt {
            run: run.to_owned(),
            reason: format!("the edited definition cannot be written: {error}"),
        })?;
        let entry = Journal {
            at: self.now(),
            event: Event::Redefined {
                actor: actor.to_owned(),
                definition: hash.clone(),
                changes: changes.clone(),
            },
        };
        let mut state = replay(&definition.runbook).map_err(corrupt)?;
        state.evolve(&entry).map_err(corrupt)?;
        let commit = Commit {
            run: run.to_owned(),
            expected_seq: info.seq,
            epoch: claim.epoch,
            events: vec![entry],
            rows: Rows {
                run: Some(RunRow {
                    status: state.status(),
                    started: state.started(),
                    finished: state.finished(),
                    outputs: info.outputs.clone(),
                }),
                steps: project::all_steps(&state),
                ..Rows::default()
            },
            definition: Some((hash, text)),
            ..Commit::default()
        };
        self.store.append(commit).await?;
        Ok(changes)
    }
}
