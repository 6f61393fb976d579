//! A step that is a run of another runbook: created once under a derived id, driven in this process.

use std::sync::Arc;

use runbook_core::{Answer, Effect, Fault, FaultKind, Run, RunStatus};
use runbook_step::scope::Scope;
use runbook_step::template;
use serde_json::{Map, Value, json};

use super::flight::Landed;
use super::{Ended, Stop, drive};
use crate::engine::{Child, Engine, StartError};
use crate::prepare::Facts;
use crate::store::StoreError;
use crate::worker::failed;

/// What a child run needs from its parent.
pub(super) struct ChildStep {
    pub(super) engine: Engine,
    pub(super) facts: Arc<Facts>,
    pub(super) id: String,
    pub(super) inputs: Value,
    pub(super) stop: Stop,
    /// The parent was reopened: a child that failed is reopened too.
    pub(super) reopen: bool,
}

/// Creates the child run unless it exists, and drives it.
pub(super) async fn drive_child(step: ChildStep) -> Landed {
    if let Err(error) = create(&step).await {
        return match error {
            StartError::Store(error @ StoreError::Locked { .. }) => {
                answer(FaultKind::Conflict, error.to_string())
            }
            StartError::Store(error) => Landed::Lost(Box::new(error.into())),
            error @ (StartError::Lock(_) | StartError::Definition(_)) => {
                answer(FaultKind::Invalid, error.to_string())
            }
        };
    }
    let ChildStep {
        engine,
        facts,
        id,
        stop,
        reopen,
        ..
    } = step;
    let broken = matches!(
        status(&engine, &id),
        Some(RunStatus::Failed | RunStatus::Paused)
    );
    let actor = format!("run {}", facts.id);
    match drive(engine.clone(), id.clone(), actor, stop, reopen && broken).await {
        Ok(Ended::Finished {
            status, changed, ..
        }) => ended(&engine, &id, status, changed),
        Ok(Ended::Waiting | Ended::Paused | Ended::Interrupted) => Landed::Parked,
        Err(error) => Landed::Lost(Box::new(error)),
    }
}

fn answer(kind: FaultKind, message: String) -> Landed {
    Landed::Answer(failed(Fault::new(kind, message)))
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

fn status(engine: &Engine, id: &str) -> Option<RunStatus> {
    Some(engine.store().snapshot().ok()?.run(id).ok()?.status)
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
    let snapshot = engine.store().snapshot().ok()?;
    let info = snapshot.run(id).ok()?;
    let definition = snapshot.definition(&info).ok()?;
    let book = definition.entry(info.entry.as_deref())?.clone();
    let events = snapshot.events(id, 0).ok()?;
    let run = Run::new(Arc::new(book))
        .replay(events.iter().map(|row| &row.entry))
        .ok()?;
    let (step, fault) = Facts::first_failure(&run)?;
    Some(format!(": step `{step}`: {fault}"))
}
