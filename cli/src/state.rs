//! Runs of the state file, as commands need them.

use std::sync::Arc;

use runbook_core::{Event, Measure, OnFailure, Run, Runbook, Step, StepStatus, Timestamp, Undoing};
use runbook_runtime::store::{Filter, RunInfo, Snapshot};
use runbook_runtime::{Options, Store, now};
use runbook_step::scope::Scope;
use runbook_step::template;
use serde_json::Value;

use crate::failure::Failure;
use crate::project::Project;
use crate::ui::{story, style};

/// Refuses when there is no state file.
pub(crate) fn needs_file(project: &Project) -> Result<(), Failure> {
    if !Store::exists(project.state()) {
        let path = Project::shown(project.state());
        return Err(
            Failure::usage(format!("there is no run yet: {path} does not exist"))
                .help("`runbook run FILE` starts one; --state FILE names another state file"),
        );
    }
    Ok(())
}

/// The state file for reading.
pub(crate) fn snapshot(project: &Project) -> Result<Snapshot, Failure> {
    needs_file(project)?;
    Ok(Snapshot::open(project.state())?)
}

/// The run that an argument names; the newest root when it names none.
pub(crate) fn find(snapshot: &Snapshot, name: Option<&str>) -> Result<RunInfo, Failure> {
    if let Some(name) = name {
        return Ok(snapshot.find(name)?);
    }
    let newest = Filter {
        roots: true,
        limit: Some(1),
        ..Filter::default()
    };
    snapshot
        .list(&newest)?
        .pop()
        .ok_or_else(|| Failure::usage("there is no run yet").help("`runbook run FILE` starts one"))
}

/// A run with its state, replayed from its journal.
pub(crate) struct Loaded {
    pub(crate) info: RunInfo,
    /// Names that the summaries of steps may read.
    scope: Scope,
    pub(crate) run: Run,
    /// What people decided and what was out of the ordinary.
    pub(crate) story: Vec<(Timestamp, String)>,
    /// When and why an operator paused it last.
    paused: Option<(Timestamp, String)>,
}

impl Loaded {
    /// A step's line for people; as it is written where it reads what is not known yet.
    pub(crate) fn summary(&self, step: &Step) -> Option<String> {
        let text = step.summary.as_deref()?;
        Some(template::render_text(text, &self.scope).unwrap_or_else(|_| text.to_owned()))
    }

    /// What took effect and was not taken back in a rollback: the step, and why.
    pub(crate) fn stays(&self) -> Vec<(String, String)> {
        let steps = self.run.book().steps.iter().zip(self.run.steps());
        steps
            .flat_map(|(step, state)| {
                state.instances.iter().filter_map(|one| match &one.undo {
                    Some(Undoing::Kept { message, .. }) => Some((step.id.clone(), message.clone())),
                    _ => None,
                })
            })
            .collect()
    }

    /// Who or what holds the run, while it is paused.
    pub(crate) fn held(&self) -> Option<String> {
        if !self.run.is_paused() {
            return None;
        }
        match (self.run.paused_by(), &self.paused) {
            (Some(actor), Some((at, reason))) => {
                Some(format!("{actor}, since {}: {reason}", style::time(*at)))
            }
            (Some(actor), None) => Some(actor.to_owned()),
            (None, _) => {
                let mut steps = self.run.book().steps.iter().zip(self.run.steps());
                let (step, _) = steps.find(|(step, state)| {
                    state.ended == Some(StepStatus::Failed) && step.on_failure == OnFailure::Pause
                })?;
                Some(format!("the failure of `{}`", step.id))
            }
        }
    }

    pub(crate) fn measures(&self) -> Vec<Measure> {
        self.run.measures()
    }
}

/// Replays a run.
pub(crate) fn load(snapshot: &Snapshot, info: RunInfo) -> Result<Loaded, Failure> {
    let (env, book) = pinned(snapshot, &info)?;
    replay(snapshot, info, (env, book), |_| {})
}

/// The environment and the runbook of a run.
fn pinned(snapshot: &Snapshot, info: &RunInfo) -> Result<(Value, Arc<Runbook>), Failure> {
    let mut definition = snapshot.definition(info)?;
    let book = definition
        .take_entry(info.entry.as_deref())
        .ok_or_else(|| Failure::new(1, format!("run {} has lost its runbook", info.id)))?;
    Ok((definition.env, Arc::new(book)))
}

/// Replays a run from its events, as `seen` leaves them.
fn replay(
    snapshot: &Snapshot,
    info: RunInfo,
    (env, book): (Value, Arc<Runbook>),
    seen: impl Fn(&mut Event),
) -> Result<Loaded, Failure> {
    let mut run = Run::new(book);
    let mut story = Vec::new();
    let mut paused = None;
    snapshot.for_each_event(&info.id, 0, |mut row| {
        seen(&mut row.entry.event);
        let entry = &row.entry;
        run.evolve(entry)
            .map_err(|error| Failure::new(1, format!("run {} is corrupt: {error}", info.id)))?;
        story.extend(story::line(entry).map(|line| (entry.at, line)));
        if let Event::PauseRequested { reason, .. } = &entry.event {
            paused = Some((entry.at, reason.clone()));
        }
        Ok::<_, Failure>(())
    })?;
    let scope = Scope::new()
        .with("params", info.params.clone())
        .with("env", env);
    Ok(Loaded {
        info,
        scope,
        run,
        story,
        paused,
    })
}

/// Since when the process that drives a run was not heard of, when that is longer than its lease: it is
/// stopped, or its machine is.
pub(crate) fn silent_since(snapshot: &Snapshot, root: &str) -> Result<Option<Timestamp>, Failure> {
    let heard = snapshot.lease(root)?.map(|(_, at)| at);
    let lease = Options::default().lease;
    Ok(heard.filter(|at| snapshot.is_driven(root) && at.plus(lease) <= now()))
}

/// A run and the child runs below it, of all depths; not what prepared it.
pub(crate) fn tree(snapshot: &Snapshot, info: RunInfo) -> Result<Vec<Loaded>, Failure> {
    tree_by(snapshot, info, load)
}

/// The same without what the steps took and gave, which is most of the memory of a long run, for one whose
/// summaries nobody reads. `book` knows runbooks that are in memory already.
pub(crate) fn outline(
    snapshot: &Snapshot,
    info: RunInfo,
    book: impl Fn(&str) -> Option<Arc<Runbook>>,
) -> Result<Vec<Loaded>, Failure> {
    tree_by(snapshot, info, |snapshot, info| {
        let pinned = match book(&info.id) {
            Some(book) => (Value::Null, book),
            None => pinned(snapshot, &info)?,
        };
        replay(snapshot, info, pinned, |event| match event {
            Event::AttemptStarted {
                inputs: Some(inputs),
                ..
            } => *inputs = Value::Null,
            // A mark may stand for a time that its step found.
            Event::Succeeded { outputs, .. } if outputs.get("at").is_none() => {
                *outputs = Value::Null;
            }
            _ => {}
        })
    })
}

fn tree_by(
    snapshot: &Snapshot,
    info: RunInfo,
    load: impl Fn(&Snapshot, RunInfo) -> Result<Loaded, Failure>,
) -> Result<Vec<Loaded>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![info];
    while let Some(info) = open.pop() {
        let below = Filter {
            parent: Some(info.id.clone()),
            ..Filter::default()
        };
        open.extend(
            snapshot
                .list(&below)?
                .into_iter()
                .filter(|one| one.role == "child"),
        );
        found.push(load(snapshot, info)?);
    }
    Ok(found)
}
