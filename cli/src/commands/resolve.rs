//! `runbook resolve`.

use runbook_core::{InstanceState, Phase};
use runbook_runtime::now;
use runbook_runtime::store::Signal;
use serde_json::Value;

use crate::args::ResolveArgs;
use crate::drive::{Driving, actor};
use crate::failure::Failure;
use crate::project::Project;
use crate::{exit, state};

/// Records what became of a step in doubt; goes on with the run unless a live process drives it.
pub(crate) async fn run(project: &Project, args: &ResolveArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let loaded = state::load(&snapshot, snapshot.find(&args.run)?)?;
    let (id, item) = match args.step.split_once('[') {
        Some((id, rest)) => (id, rest.trim_end_matches(']').parse::<u32>().ok()),
        None => (args.step.as_str(), None),
    };
    let doubted = loaded.run.step_index(id).is_some_and(|index| {
        let at = item.unwrap_or(0) as usize;
        loaded.run.steps()[index]
            .instances
            .get(at)
            .is_some_and(|one| matches!(one.state, InstanceState::Live(Phase::InDoubt { .. })))
    });
    if !doubted {
        return Err(Failure::usage(format!(
            "step `{}` of run {} is not in doubt",
            args.step, loaded.info.id
        ))
        .help(format!("`runbook show {}` tells its state", loaded.info.id)));
    }
    let outputs = match &args.done {
        Some(text) => serde_json::from_str(text).map_err(|error| {
            Failure::usage(format!("--done takes the outputs as JSON: {error}"))
        })?,
        None => Value::Null,
    };
    let how = if args.done.is_some() {
        "done"
    } else if args.retry {
        "retry"
    } else {
        "skip"
    };
    let driving = Driving::new(project, args.json)?;
    let signal = Signal::Resolve {
        step: id.to_owned(),
        item,
        how: how.to_owned(),
        outputs,
        reason: args.reason.clone(),
    };
    driving
        .store
        .signal(&loaded.info.id, &actor(), now(), signal)
        .await?;
    if driving.store.is_driven(&loaded.info.family) {
        driving.recorded(&loaded.info.family)?;
        return Ok(exit::OK);
    }
    // Nothing else gets another chance by it, and a run that is held stays held.
    driving.as_it_stands(&loaded.info.family).await
}
