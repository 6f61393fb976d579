//! Folds one journaled fact into the state. The only place where state changes.

mod ends;
mod reopen;
mod start;

use thiserror::Error;

use crate::run::Life;
use crate::{
    Attempt, Event, Executed, Instance, InstanceState, Journal, Key, Millis, OnFailure, Phase, Run,
    Shape, SkipReason, StepStatus, Timestamp, Undoing, Work,
};

/// How long an attempt may still take whose deadline passed while nothing drove the run.
const LAST_LOOK: Millis = 60_000;

/// A journal that cannot be: the state has no place for the event. The run is marked corrupt and
/// nothing is guessed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("event `{kind}` of step {step} does not fit the state {state}")]
pub struct Corrupt {
    /// The event's kind.
    pub kind: &'static str,
    /// The step that it names.
    pub step: String,
    /// What the state was.
    pub state: String,
}

impl Run {
    /// Folds a whole journal.
    ///
    /// # Errors
    /// [`Corrupt`] at the first event that does not fit.
    pub fn replay<'a>(
        mut self,
        journal: impl IntoIterator<Item = &'a Journal>,
    ) -> Result<Self, Corrupt> {
        for entry in journal {
            self.evolve(entry)?;
        }
        Ok(self)
    }

    /// Folds one fact into the state; answers the step that it touched.
    ///
    /// # Errors
    /// [`Corrupt`] when the event names an unknown step or one in another state.
    pub fn evolve(&mut self, entry: &Journal) -> Result<Option<usize>, Corrupt> {
        let at = entry.at;
        let event = &entry.event;
        let Some((name, item)) = event.subject() else {
            self.fits_run(event)?;
            self.evolve_run(at, event);
            return Ok(None);
        };
        let step = self.step_index(name).ok_or_else(|| Corrupt {
            kind: event.kind(),
            step: name.to_owned(),
            state: "a runbook without it".to_owned(),
        })?;
        let key = Key {
            step,
            item: item.unwrap_or(0) as usize,
        };
        self.fits_step(event, key)?;
        self.evolve_step(at, event, key)?;
        Ok(Some(step))
    }

    fn evolve_run(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Started { epoch, .. } => {
                self.life = Life::Live;
                self.started = Some(at);
                self.epoch = *epoch;
            }
            Event::Resumed { epoch, .. } => {
                self.epoch = *epoch;
                self.resumes += 1;
                self.grant_last_look(at);
            }
            Event::CancelRequested { .. } => {
                self.cancelled = true;
                if matches!(self.life, Life::Paused | Life::Pending) {
                    self.life = Life::Live;
                }
            }
            Event::CancelForced { .. } => self.forced = true,
            Event::PauseRequested { actor, .. } => {
                self.life = Life::Paused;
                self.paused_by = Some(actor.clone());
            }
            Event::Unpaused { .. } => self.life = Life::Live,
            Event::Reopened { steps, .. } => {
                if steps.is_some() {
                    self.stirred = Some(at);
                } else {
                    self.reopened = Some(at);
                    self.reopen(at);
                }
            }
            Event::DeadlinePassed { .. } => self.pass_deadline(),
            Event::Restored { .. } => self.restore(),
            Event::Redefined { .. } => {}
            Event::RollbackRequested { .. } => self.want_rollback(),
            Event::RollbackStarted {} => self.unwind(),
            Event::Finished { status, outputs } => {
                self.life = Life::Ended(*status);
                self.finished = Some(at);
                self.outputs = outputs.clone();
            }
            Event::Created { .. }
            | Event::Skipped { .. }
            | Event::Expanded { .. }
            | Event::AttemptStarted { .. }
            | Event::Observed { .. }
            | Event::Waiting { .. }
            | Event::Woken { .. }
            | Event::Noted { .. }
            | Event::AttemptFailed { .. }
            | Event::Succeeded { .. }
            | Event::Failed { .. }
            | Event::InDoubt { .. }
            | Event::Resolved { .. }
            | Event::StepCancelled { .. }
            | Event::Answered { .. }
            | Event::RetryRequested { .. }
            | Event::StepSkipped { .. }
            | Event::UndoStarted { .. }
            | Event::UndoWaiting { .. }
            | Event::Undone { .. }
            | Event::NotUndone { .. }
            | Event::Marked { .. } => {}
        }
    }

    /// The run is live again to go back, also one that a second cancel let go of.
    fn want_rollback(&mut self) {
        self.rollback_wanted = true;
        self.rollback = None;
        self.forced = false;
        self.life = Life::Live;
        self.finished = None;
    }

    /// What was in flight when the last owner let go may be looked at once more, however late it is.
    fn grant_last_look(&mut self, at: Timestamp) {
        for key in self.active.clone() {
            let waits_by_itself =
                matches!(self.book.steps[key.step].work, Work::Gate(_) | Work::Timer);
            let instance = &mut self.steps[key.step].instances[key.item];
            if let Some(Undoing::Flying(attempt) | Undoing::Waiting { attempt, .. }) =
                &mut instance.undo
            {
                attempt.deadline = attempt.deadline.max(at.plus(LAST_LOOK));
            } else if let Some(attempt) = &mut instance.attempt {
                attempt.stray |= instance.state == InstanceState::Live(Phase::Flying);
                if attempt.deadline <= at
                    && !waits_by_itself
                    && !matches!(instance.state, InstanceState::Live(Phase::Retrying { .. }))
                {
                    attempt.overdue = true;
                    attempt.deadline = at.plus(LAST_LOOK);
                }
            }
        }
    }

    /// The journal may be older than the world: what is in flight, and what failed, may be done.
    fn restore(&mut self) {
        self.restored = true;
        for instance in self.steps.iter_mut().flat_map(|step| &mut step.instances) {
            if let Some(attempt) = &mut instance.attempt {
                attempt.unsure = true;
            }
            if let Some(Undoing::Flying(attempt) | Undoing::Waiting { attempt, .. }) =
                &mut instance.undo
            {
                attempt.unsure = true;
            }
        }
    }

    fn evolve_step(&mut self, at: Timestamp, event: &Event, key: Key) -> Result<(), Corrupt> {
        match event {
            Event::Skipped { reason, .. } => {
                self.steps[key.step].skipped = true;
                if *reason == SkipReason::Empty {
                    self.steps[key.step].items = Some(Vec::new());
                }
                self.end_step(key.step, StepStatus::Skipped);
            }
            Event::Expanded { items, .. } => self.expand(key.step, items),
            Event::AttemptStarted { .. } => self.attempt_started(at, event, key)?,
            Event::Observed { before, .. } => {
                let attempt = self.flying(event, key)?;
                attempt.before = Some(before.clone());
                attempt.flown = at;
                let epoch = self.epoch;
                self.flying(event, key)?.epoch = epoch;
            }
            Event::Waiting { until, note, .. } => {
                let acts = self.book.steps[key.step].work == Work::Call(Shape::Action);
                let epoch = self.epoch;
                let attempt = self.flying(event, key)?;
                attempt.note = Some(note.clone());
                // What an earlier owner had in flight may have happened, whatever came of it since.
                attempt.unsure |= acts && attempt.epoch < epoch;
                self.set(
                    key,
                    Phase::Waiting {
                        until: *until,
                        note: note.clone(),
                    },
                );
            }
            Event::Woken { .. } => {
                let epoch = self.epoch;
                let attempt = self.live(event, key)?;
                attempt.flown = at;
                attempt.epoch = epoch;
                self.set(key, Phase::Flying);
            }
            Event::Noted { note, .. } => self.evolve_noted(key, note),
            Event::AttemptFailed {
                fault, retry_at, ..
            } => {
                let epoch = self.epoch;
                let attempt = self.flying(event, key)?;
                attempt.unsure |= may_have_happened(fault, attempt.epoch, epoch);
                self.set(
                    key,
                    Phase::Retrying {
                        at: *retry_at,
                        fault: fault.clone(),
                    },
                );
            }
            Event::Succeeded {
                outputs, effect, ..
            } => {
                self.live(event, key)?;
                let state = InstanceState::Succeeded {
                    outputs: outputs.clone(),
                    effect: *effect,
                    at,
                };
                self.end_instance(key, state);
            }
            Event::Failed { fault, .. } => {
                self.admit(key);
                let epoch = self.epoch;
                let instance = &mut self.steps[key.step].instances[key.item];
                if instance.state == InstanceState::Live(Phase::Flying)
                    && let Some(attempt) = &mut instance.attempt
                {
                    attempt.unsure |= may_have_happened(fault, attempt.epoch, epoch);
                }
                let state = InstanceState::Failed {
                    fault: fault.clone(),
                    at,
                };
                self.end_instance(key, state);
            }
            Event::InDoubt { why, .. } => {
                self.flying(event, key)?;
                self.set(key, Phase::InDoubt { why: why.clone() });
            }
            Event::Resolved { how, .. } => {
                let attempt = self.live(event, key)?;
                if how == "retry" {
                    // A person said that it was not done: a fresh start with a deadline of its own.
                    attempt.tries = 0;
                    attempt.unsure = false;
                    attempt.touched = false;
                    let fault = crate::Fault::new(crate::FaultKind::Internal, "was in doubt");
                    self.set(key, Phase::Retrying { at, fault });
                }
            }
            Event::StepCancelled { .. } => {
                let instance = &self.steps[key.step].instances;
                let let_go = instance.get(key.item).is_some_and(Instance::may_be_done);
                self.live(event, key)?.unsure |= let_go;
                self.end_instance(key, InstanceState::Cancelled);
            }
            Event::Answered { actor, granted, .. } => {
                let attempt = self.live(event, key)?;
                if *granted {
                    attempt.grants.push(actor.clone());
                }
            }
            Event::Marked { name, reached, .. } => self.marks.push((name.clone(), *reached)),
            Event::RetryRequested { downstream, .. } => {
                self.evolve_retry(at, key.step, *downstream);
            }
            Event::StepSkipped { .. } => self.evolve_skip(at, key.step),
            Event::UndoStarted { .. }
            | Event::UndoWaiting { .. }
            | Event::Undone { .. }
            | Event::NotUndone { .. } => self.evolve_undo(at, event, key),
            Event::CancelForced { .. }
            | Event::PauseRequested { .. }
            | Event::Unpaused { .. }
            | Event::DeadlinePassed { .. }
            | Event::Restored { .. }
            | Event::Redefined { .. }
            | Event::RollbackRequested { .. }
            | Event::RollbackStarted { .. } => {}
            Event::Created { .. }
            | Event::Started { .. }
            | Event::Resumed { .. }
            | Event::CancelRequested { .. }
            | Event::Reopened { .. }
            | Event::Finished { .. } => {}
        }
        Ok(())
    }

    /// The main steps are out of time: the run fails, is held, or is rolled back, as its runbook says.
    fn pass_deadline(&mut self) {
        self.late = true;
        match self.book.on_failure {
            OnFailure::Rollback => self.rollback_wanted = true,
            OnFailure::Pause => {
                self.life = Life::Paused;
                self.paused_by = None;
            }
            OnFailure::Stop | OnFailure::Continue => {}
        }
    }

    fn set(&mut self, key: Key, phase: Phase) {
        self.steps[key.step].instances[key.item].state = InstanceState::Live(phase);
    }

    fn live(&mut self, event: &Event, key: Key) -> Result<&mut Attempt, Corrupt> {
        let name = &self.book.steps[key.step].id;
        let missing = || Corrupt {
            kind: event.kind(),
            step: name.clone(),
            state: "not started".to_owned(),
        };
        let instance = self.steps[key.step]
            .instances
            .get_mut(key.item)
            .ok_or_else(missing)?;
        if !matches!(instance.state, InstanceState::Live(_)) {
            return Err(misfit(event, key, &instance.state));
        }
        instance.attempt.as_mut().ok_or_else(missing)
    }

    fn flying(&mut self, event: &Event, key: Key) -> Result<&mut Attempt, Corrupt> {
        let flies = self
            .instance(key)
            .is_some_and(|one| one.state == InstanceState::Live(Phase::Flying));
        if !flies && let Some(instance) = self.instance(key) {
            return Err(misfit(event, key, &instance.state));
        }
        self.live(event, key)
    }
}

/// Whether an attempt that failed may have had its effect. What an earlier owner had in flight may have
/// happened, whatever the look at it failed with.
fn may_have_happened(fault: &crate::Fault, flown: u64, epoch: u64) -> bool {
    fault.executed == Executed::Unknown || flown < epoch
}

fn misfit(event: &Event, key: Key, state: &InstanceState) -> Corrupt {
    Corrupt {
        kind: event.kind(),
        step: format!("{}[{}]", event.subject().map_or("", |one| one.0), key.item),
        state: match state {
            InstanceState::Queued => "queued",
            InstanceState::Live(_) => "live",
            InstanceState::Succeeded { .. } => "succeeded",
            InstanceState::Failed { .. } => "failed",
            InstanceState::Cancelled => "cancelled",
        }
        .to_owned(),
    }
}
