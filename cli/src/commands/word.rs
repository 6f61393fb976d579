//! `runbook pause`, `retry` and `skip`: an operator's word to a run. The process that drives the run takes
//! it; where none does, this one carries it out.

use runbook_core::{InstanceState, Phase, Section, StepStatus};
use runbook_runtime::now;
use runbook_runtime::store::Signal;

use crate::args::{PauseArgs, RetryArgs, SkipArgs};
use crate::drive::{Driving, actor};
use crate::failure::Failure;
use crate::project::Project;
use crate::state::Loaded;
use crate::ui::say;
use crate::{exit, state};

/// Holds a run: what is in flight ends, nothing starts.
pub(crate) async fn pause(project: &Project, args: &PauseArgs) -> Result<u8, Failure> {
    let loaded = named(project, &args.run)?;
    refuse_ended(&loaded, "paused")?;
    if loaded.run.is_paused() {
        return Err(
            Failure::usage(format!("run {} is paused already", loaded.info.id))
                .help(format!("next: runbook resume {}", loaded.info.family)),
        );
    }
    let signal = Signal::Pause {
        reason: args.reason.clone(),
    };
    match leave(project, &loaded, signal, args.json).await? {
        // It was asked to be held, and is.
        exit::WAITING => Ok(exit::OK),
        code => Ok(code),
    }
}

/// Runs a step again.
pub(crate) async fn retry(project: &Project, args: &RetryArgs) -> Result<u8, Failure> {
    let loaded = named(project, &args.run)?;
    let index = step(&loaded, &args.step)?;
    let state = &loaded.run.steps()[index];
    if state.ended.is_none() {
        return Err(refused(&loaded, &args.step, "has not ended").help(format!(
            "`runbook show {}` tells what it does",
            loaded.info.id
        )));
    }
    if loaded.run.is_cancelled() || loaded.run.is_rolling_back() {
        return Err(refused(
            &loaded,
            &args.step,
            "belongs to a run that was cancelled or rolled back",
        ));
    }
    let signal = Signal::Retry {
        step: args.step.clone(),
        downstream: args.downstream,
        reason: args.reason.clone(),
    };
    leave(project, &loaded, signal, args.json).await
}

/// Does without a step.
pub(crate) async fn skip(project: &Project, args: &SkipArgs) -> Result<u8, Failure> {
    let loaded = named(project, &args.run)?;
    let index = step(&loaded, &args.step)?;
    let state = &loaded.run.steps()[index];
    let flying = state
        .instances
        .iter()
        .any(|one| one.state == InstanceState::Live(Phase::Flying));
    if flying {
        return Err(refused(&loaded, &args.step, "is in flight").help(
            "wait for its end, or `runbook cancel` the run; what is in flight is never dropped quietly",
        ));
    }
    if !matches!(state.ended, None | Some(StepStatus::Failed)) {
        return Err(refused(
            &loaded,
            &args.step,
            &format!("has ended already ({})", state.status().name()),
        ));
    }
    let signal = Signal::Skip {
        step: args.step.clone(),
        reason: args.reason.clone(),
    };
    leave(project, &loaded, signal, args.json).await
}

fn named(project: &Project, name: &str) -> Result<Loaded, Failure> {
    let snapshot = state::snapshot(project)?;
    let info = snapshot.find(name)?;
    state::load(&snapshot, info)
}

fn step(loaded: &Loaded, id: &str) -> Result<usize, Failure> {
    let book = loaded.run.book();
    let index = loaded.run.step_index(id).ok_or_else(|| {
        let known: Vec<&str> = book.steps.iter().map(|step| step.id.as_str()).collect();
        Failure::usage(format!("run {} has no step `{id}`", loaded.info.id))
            .help(format!("it has {}", known.join(", ")))
    })?;
    if book.steps[index].section != Section::Main {
        return Err(refused(
            loaded,
            id,
            "cleans up; it runs when the others have ended",
        ));
    }
    Ok(index)
}

fn refused(loaded: &Loaded, step: &str, why: &str) -> Failure {
    Failure::usage(format!(
        "step `{step}` of run {} {why}; nothing was done",
        loaded.info.id
    ))
}

fn refuse_ended(loaded: &Loaded, word: &str) -> Result<(), Failure> {
    if !loaded.info.status.is_terminal() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "run {} has ended ({}) and cannot be {word}",
        loaded.info.id,
        loaded.info.status.name()
    )))
}

/// Records the word; goes on with the run unless a live process drives it.
pub(crate) async fn leave(
    project: &Project,
    loaded: &Loaded,
    signal: Signal,
    json: bool,
) -> Result<u8, Failure> {
    let driving = Driving::new(project, json)?;
    let (run, root) = (&loaded.info.id, &loaded.info.family);
    driving.store.signal(run, &actor(), now(), signal).await?;
    if driving.store.is_driven(root) {
        say(&format!(
            "recorded; the process that drives run {root} takes it\n"
        ));
        return Ok(exit::OK);
    }
    driving.as_it_stands(root).await
}
