//! `runbook pause`, `retry` and `skip`: an operator's word to a run. The process that drives the run takes
//! it; where none does, this one carries it out.

use runbook_core::{Input, InstanceState, Phase, Section, StepStatus, Work};
use runbook_runtime::now;
use runbook_runtime::store::Signal;

use crate::args::{PauseArgs, RetryArgs, SkipArgs};
use crate::drive::{Driving, actor};
use crate::failure::Failure;
use crate::project::Project;
use crate::state::Loaded;
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
    let ending = if loaded.run.is_rolling_back() {
        Some("is being rolled back")
    } else if loaded.run.is_cancelled() {
        Some("is being cancelled")
    } else if loaded.run.has_failed() {
        Some("is ending, since a step has failed")
    } else {
        None
    };
    if let Some(ending) = ending {
        return Err(Failure::usage(format!(
            "run {} {ending}; nothing was done",
            loaded.info.id
        )));
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
    let input = Input::Retry {
        step: index,
        downstream: args.downstream,
        actor: actor(),
        reason: args.reason.clone(),
    };
    if loaded.run.decide(now(), input).is_empty() {
        let why = over(&loaded).unwrap_or(if args.downstream {
            "or one that depends on it is under way"
        } else {
            "is under way"
        });
        return Err(refused(&loaded, &args.step, why));
    }
    let signal = Signal::Retry {
        step: args.step.clone(),
        downstream: args.downstream,
        reason: args.reason.clone(),
    };
    with_parents(project, &loaded, signal, &args.reason, args.json).await
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
    let input = Input::Skip {
        step: index,
        actor: actor(),
        reason: args.reason.clone(),
    };
    let started = loaded.run.started().is_some();
    if started && loaded.run.decide(now(), input).is_empty() {
        let why = over(&loaded).unwrap_or("failed, and the run goes on without it already");
        return Err(refused(&loaded, &args.step, why));
    }
    let signal = Signal::Skip {
        step: args.step.clone(),
        reason: args.reason.clone(),
    };
    with_parents(project, &loaded, signal, &args.reason, args.json).await
}

/// Why no step of the run can be changed any more.
fn over(loaded: &Loaded) -> Option<&'static str> {
    if loaded.run.is_rolling_back() {
        Some("belongs to a run that was rolled back")
    } else if loaded.run.is_cancelled() {
        Some("belongs to a run that was cancelled")
    } else {
        None
    }
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
    let words = vec![(loaded.info.id.clone(), signal)];
    say_all(project, &loaded.info.family, words, json).await
}

async fn say_all(
    project: &Project,
    root: &str,
    words: Vec<(String, Signal)>,
    json: bool,
) -> Result<u8, Failure> {
    let driving = Driving::new(project, json)?;
    for (run, word) in words {
        driving.store.signal(&run, &actor(), now(), word).await?;
    }
    if driving.store.is_driven(root) {
        driving.recorded(root)?;
        return Ok(exit::OK);
    }
    driving.as_it_stands(root).await
}

/// The same for a word that brings a run back: where the steps that wait for a child run have failed
/// with it, they go on too.
async fn with_parents(
    project: &Project,
    loaded: &Loaded,
    signal: Signal,
    reason: &str,
    json: bool,
) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    // The child has its word before anything asks it to go on.
    let mut words = vec![(loaded.info.id.clone(), signal)];
    let mut child = loaded.info.clone();
    while let Some(parent) = child.parent.clone().filter(|_| child.role == "child") {
        let above = state::load(&snapshot, snapshot.run(&parent)?)?;
        let Some(index) = waits_for(&above, &child.id) else {
            break;
        };
        let step = above.run.book().steps[index].id.clone();
        match above.run.steps()[index].ended {
            None => {}
            Some(StepStatus::Failed) if over(&above).is_none() => {
                let signal = Signal::Retry {
                    step,
                    downstream: false,
                    reason: format!("run {} goes on: {reason}", child.id),
                };
                words.push((parent, signal));
            }
            Some(status) => {
                return Err(Failure::usage(format!(
                    "step `{step}` of run {parent}, which waits for run {}, has ended ({}); nothing was done",
                    child.id,
                    status.name()
                ))
                .help(format!("`runbook retry {parent} {step} --only` starts that one over")));
            }
        }
        child = above.info;
    }
    say_all(project, &loaded.info.family, words, json).await
}

/// The step that waits for this child run.
fn waits_for(parent: &Loaded, child: &str) -> Option<usize> {
    let below = child
        .strip_prefix(parent.info.id.as_str())?
        .strip_prefix('.')?;
    let steps = &parent.run.book().steps;
    steps.iter().position(|step| {
        step.work == Work::Child
            && below
                .strip_prefix(step.id.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}
