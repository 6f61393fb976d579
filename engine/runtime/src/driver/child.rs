//! A step that is a run of another runbook: created once under a derived id, driven in this process.

use std::sync::Arc;
use std::time::Duration;

use runbook_core::{
    Answer, Effect, Fault, FaultKind, Instance, Run, RunStatus, Timestamp, Undoing,
};
use runbook_step::scope::Scope;
use runbook_step::template;
use serde_json::{Map, Value, json};

use super::flight::Landed;
use super::tie::Tie;
use super::{Begin, Drive, DriveError, Ended, Stop, drive};
use crate::engine::{Child, Engine, StartError};
use crate::prepare::Facts;
use crate::store::StoreError;
use crate::worker::{done, failed};

/// What a child run needs from its parent.
pub(super) struct ChildStep {
    pub(super) engine: Engine,
    pub(super) facts: Arc<Facts>,
    pub(super) id: String,
    /// The runs of earlier generations of the step, newest first.
    pub(super) earlier: Vec<String>,
    pub(super) inputs: Value,
    pub(super) stop: Stop,
    /// When the parent last asked for it: a run that failed or was held before gets another chance.
    pub(super) asked: Timestamp,
    pub(super) tie: Tie,
}

/// Creates the child run unless it exists, and drives it.
pub(super) async fn drive_child(step: ChildStep) -> Landed {
    if let Err(error) = create(&step).await {
        return match error {
            StartError::Store(error @ StoreError::Locked { .. }) => {
                answer(FaultKind::Conflict, error.to_string())
            }
            StartError::Store(error) => Landed::Lost(Box::new(error.into())),
            error => answer(FaultKind::Invalid, error.to_string()),
        };
    }
    match patiently(&step, &step.id, begin).await {
        Ok(Ended::Finished {
            status, changed, ..
        }) => ended(&step.engine, &step.id, status, changed),
        Ok(Ended::Waiting | Ended::Paused | Ended::Interrupted) => Landed::Parked,
        // It had ended, and another run holds its lock by now: it is left as it was.
        Err(DriveError::Store(error @ StoreError::Locked { .. })) => {
            answer(FaultKind::Conflict, error.to_string())
        }
        Err(error) => Landed::Lost(Box::new(error)),
    }
}

/// Rolls the child run back, and those of earlier generations after it.
pub(super) async fn roll_back(step: ChildStep) -> Landed {
    let mut kept = Vec::new();
    for id in std::iter::once(&step.id).chain(&step.earlier) {
        let known = step
            .engine
            .store()
            .snapshot()
            .and_then(|snapshot| snapshot.run(id));
        match known {
            Ok(_) => {}
            // Its process died before the run was made: there is nothing to take back.
            Err(StoreError::NoRun { .. }) => continue,
            Err(error) => return Landed::Lost(Box::new(error.into())),
        }
        match patiently(&step, id, |_| Ok(Begin::Go)).await {
            Ok(Ended::Finished {
                status: RunStatus::RolledBack,
                ..
            }) => match exceptions(&step.engine, id) {
                Ok(names) => kept.extend(names),
                Err(error) => return Landed::Lost(Box::new(error)),
            },
            Ok(Ended::Finished { status, .. }) => {
                kept.push(format!("run {id} ended as {}", status.name()));
            }
            Ok(Ended::Waiting | Ended::Paused | Ended::Interrupted) => return Landed::Parked,
            Err(error) => return Landed::Lost(Box::new(error)),
        }
    }
    if kept.is_empty() {
        return Landed::Answer(done(Value::Null, Effect::Changed));
    }
    answer(
        FaultKind::Unmet,
        format!("not everything was taken back: {}", kept.join(", ")),
    )
}

impl ChildStep {
    fn drive(&self, id: &str, begin: Begin) -> Drive {
        Drive {
            engine: self.engine.clone(),
            run: id.to_owned(),
            actor: format!("run {}", self.facts.id),
            stop: self.stop.clone(),
            begin,
            tie: Some(self.tie.clone()),
        }
    }
}

/// Drives a run of the step. Who drove the parent before us may still drive its child: it cannot commit
/// for the parent any more, lets go when it finds out, and its lease runs out when it does not.
async fn patiently(
    step: &ChildStep,
    id: &str,
    begin: impl Fn(&ChildStep) -> Result<Begin, StoreError>,
) -> Result<Ended, DriveError> {
    let options = &step.engine.options;
    let end = (options.clock.monotonic)() + Duration::from_millis(options.lease) * 2;
    loop {
        match drive(step.drive(id, begin(step)?)).await {
            Err(DriveError::Busy { .. }) if (options.clock.monotonic)() < end => {
                tokio::time::sleep(AGAIN).await;
            }
            driven => return driven,
        }
    }
}

/// Pause between two tries to drive a run that another process still holds.
const AGAIN: Duration = Duration::from_millis(200);

/// What failed or was held before the parent asked for it gets another chance. Both times stand in
/// journals, so that a crash in between loses nothing.
fn begin(step: &ChildStep) -> Result<Begin, StoreError> {
    let snapshot = step.engine.store().snapshot()?;
    let info = snapshot.run(&step.id)?;
    let stuck = matches!(info.status, RunStatus::Failed | RunStatus::Paused);
    let before = snapshot.last_event_at(&step.id)? <= step.asked;
    Ok(if stuck && before && info.seq > 1 {
        Begin::Reopen
    } else {
        Begin::Go
    })
}

/// What a rolled back run left as it was, and what it was built on has to stay for.
fn exceptions(engine: &Engine, id: &str) -> Result<Vec<String>, DriveError> {
    let run = replayed(engine, id)?;
    let bars = |one: &Instance| matches!(&one.undo, Some(Undoing::Kept { why, .. }) if why.bars());
    let steps = run.book().steps.iter().zip(run.steps());
    Ok(steps
        .filter(|(_, state)| state.instances.iter().any(bars))
        .map(|(step, _)| format!("{id} {}", step.id))
        .collect())
}

fn replayed(engine: &Engine, id: &str) -> Result<Run, DriveError> {
    let snapshot = engine.store().snapshot()?;
    let info = snapshot.run(id)?;
    let (_, book) = engine.shelf.take(&snapshot, &info)?;
    super::replayed(&snapshot, id, book)
}

fn answer(kind: FaultKind, message: String) -> Landed {
    // A child run has no jitter: its own steps have waited already.
    Landed::Answer(failed(Fault::new(kind, message), 1.0))
}

async fn create(step: &ChildStep) -> Result<(), StartError> {
    let facts = &step.facts;
    let file = step.inputs["file"].as_str().unwrap_or_default().to_owned();
    let object = |name: &str| match step.inputs.get(name) {
        Some(Value::Object(map)) => map.clone(),
        Some(_) | None => Map::new(),
    };
    let child = Child {
        id: step.id.clone(),
        parent: &facts.id,
        family: &facts.family,
        definition: &facts.definition,
        definition_hash: &facts.definition_hash,
        params: with_defaults(facts, &file, object("params")),
        file,
        env: Value::Object(object("env")),
        secrets: &facts.references,
    };
    step.engine.start_child(child).await
}

/// Parameters that the parent does not give have their defaults.
fn with_defaults(facts: &Facts, file: &str, mut given: Map<String, Value>) -> Value {
    let scope = Scope::new().with("env", facts.env.clone());
    let declared = facts.definition.entry(Some(file)).map(|book| &book.params);
    for (name, param) in declared.into_iter().flatten() {
        if let (None, Some(default)) = (given.get(name), &param.default)
            && let Ok(value) = template::render(default, &scope)
        {
            given.insert(name.clone(), value);
        }
    }
    Value::Object(given)
}

fn ended(engine: &Engine, id: &str, status: RunStatus, changed: bool) -> Landed {
    let good = matches!(
        status,
        RunStatus::Succeeded | RunStatus::SucceededWithWarnings | RunStatus::ObjectiveMissed
    );
    if !good {
        let why = first_failure(engine, id).unwrap_or_default();
        return answer(
            FaultKind::Unmet,
            format!("child run {id} ended as {}{why}", status.name()),
        );
    }
    let info = match engine
        .store()
        .snapshot()
        .and_then(|snapshot| snapshot.run(id))
    {
        Ok(info) => info,
        Err(error) => return Landed::Lost(Box::new(error.into())),
    };
    let mut outputs = match info.outputs {
        Some(Value::Object(outputs)) => outputs,
        Some(_) | None => Map::new(),
    };
    outputs.insert("run_id".to_owned(), json!(id));
    Landed::Answer(Answer::Done {
        outputs: Value::Object(outputs),
        effect: if changed {
            Effect::Changed
        } else {
            Effect::Unchanged
        },
        at: None,
    })
}

fn first_failure(engine: &Engine, id: &str) -> Option<String> {
    let run = replayed(engine, id).ok()?;
    let (step, fault) = Facts::first_failure(&run)?;
    Some(format!(": step `{step}`: {fault}"))
}
