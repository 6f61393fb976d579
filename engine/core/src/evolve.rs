//! Folds one journaled fact into the state. The only place where state changes.

use serde_json::Value;
use thiserror::Error;

use crate::run::{Life, section_index};
use crate::{
    Attempt, Event, Executed, Instance, InstanceState, Journal, Key, OnFailure, Phase, Run,
    Section, SkipReason, StepRun, StepStatus, Timestamp,
};

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
    /// [`Corrupt`] when the event names an unknown step or one in another state; the run is left as it
    /// was.
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
            }
            Event::CancelRequested { .. } => {
                self.cancelled = true;
                if matches!(self.life, Life::Paused | Life::Pending) {
                    self.life = Life::Live;
                }
            }
            Event::Reopened { .. } => self.reopen(at),
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
            | Event::AttemptFailed { .. }
            | Event::Succeeded { .. }
            | Event::Failed { .. }
            | Event::InDoubt { .. }
            | Event::Resolved { .. }
            | Event::StepCancelled { .. }
            | Event::Answered { .. }
            | Event::Marked { .. } => {}
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
            Event::AttemptStarted { .. } => self.attempt_started(at, event, key),
            Event::Observed { before, .. } => {
                let epoch = self.epoch;
                let attempt = self.live(event, key)?;
                attempt.before = Some(before.clone());
                attempt.flown = at;
                attempt.epoch = epoch;
            }
            Event::Waiting { until, note, .. } => {
                self.live(event, key)?.note = Some(note.clone());
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
            Event::AttemptFailed {
                fault, retry_at, ..
            } => {
                self.live(event, key)?.unsure |= fault.executed == Executed::Unknown;
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
                let state = InstanceState::Succeeded {
                    outputs: outputs.clone(),
                    effect: *effect,
                    at,
                };
                self.end_instance(key, state);
            }
            Event::Failed { fault, .. } => {
                self.admit(key);
                let state = InstanceState::Failed {
                    fault: fault.clone(),
                    at,
                };
                self.end_instance(key, state);
            }
            Event::InDoubt { why, .. } => {
                self.set(key, Phase::InDoubt { why: why.clone() });
            }
            Event::Resolved { how, .. } => {
                let attempt = self.live(event, key)?;
                if how == "retry" {
                    // A person said that it was not done: a fresh start with a deadline of its own.
                    attempt.tries = 0;
                    attempt.unsure = false;
                    let fault = crate::Fault::new(crate::FaultKind::Internal, "was in doubt");
                    self.set(key, Phase::Retrying { at, fault });
                }
            }
            Event::StepCancelled { .. } => {
                self.end_instance(key, InstanceState::Cancelled);
            }
            Event::Answered { actor, granted, .. } => {
                let attempt = self.live(event, key)?;
                if *granted {
                    attempt.grants.push(actor.clone());
                }
            }
            Event::Marked { name, reached, .. } => self.marks.push((name.clone(), *reached)),
            Event::Created { .. }
            | Event::Started { .. }
            | Event::Resumed { .. }
            | Event::CancelRequested { .. }
            | Event::Reopened { .. }
            | Event::Finished { .. } => {}
        }
        Ok(())
    }

    fn expand(&mut self, step: usize, items: &[Value]) {
        let state = &mut self.steps[step];
        state.items = Some(items.to_vec());
        state.instances = vec![Instance::default(); items.len()];
        self.ready.remove(&step);
        self.fanning.insert(step);
    }

    /// Makes room for the instance and takes its step out of the ones that may start.
    fn admit(&mut self, key: Key) {
        let state = &mut self.steps[key.step];
        if state.instances.len() <= key.item {
            state.instances.resize_with(key.item + 1, Instance::default);
        }
        if state.instances[key.item].state == InstanceState::Queued {
            state.next = state.next.max(key.item + 1);
            state.live += 1;
        }
        // Items that ended before the run was reopened do not start again.
        while state
            .instances
            .get(state.next)
            .is_some_and(|one| one.state != InstanceState::Queued)
        {
            state.next += 1;
        }
        let started = state.next >= state.instances.len();
        self.ready.remove(&key.step);
        if started {
            self.fanning.remove(&key.step);
        }
    }

    fn attempt_started(&mut self, at: Timestamp, event: &Event, key: Key) {
        let Event::AttemptStarted {
            attempt: number,
            token,
            inputs,
            deadline,
            ..
        } = event
        else {
            return;
        };
        self.admit(key);
        let epoch = self.epoch;
        let instance = &mut self.steps[key.step].instances[key.item];
        let before = instance.attempt.take();
        let before_unsure = before.as_ref().is_some_and(|last| last.unsure);
        let fresh = before.as_ref().is_none_or(|last| last.tries == 0);
        instance.attempt = Some(Attempt {
            number: *number,
            tries: before.as_ref().map_or(0, |last| last.tries) + 1,
            token: token.clone(),
            inputs: match (inputs, &before) {
                (Some(inputs), _) => inputs.clone(),
                (None, Some(last)) => last.inputs.clone(),
                (None, None) => Value::Null,
            },
            deadline: *deadline,
            first: match &before {
                Some(last) if !fresh => last.first,
                Some(_) | None => at,
            },
            started: at,
            flown: at,
            epoch,
            before: before.and_then(|last| last.before),
            note: None,
            unsure: before_unsure,
            grants: Vec::new(),
        });
        instance.state = InstanceState::Live(Phase::Flying);
        self.active.insert(key);
    }

    fn set(&mut self, key: Key, phase: Phase) {
        self.steps[key.step].instances[key.item].state = InstanceState::Live(phase);
    }

    /// The attempt of an item that is live.
    fn live(&mut self, event: &Event, key: Key) -> Result<&mut Attempt, Corrupt> {
        let instance = self
            .steps
            .get_mut(key.step)
            .and_then(|state| state.instances.get_mut(key.item));
        instance
            .and_then(|one| one.attempt.as_mut())
            .ok_or_else(|| Corrupt {
                kind: event.kind(),
                step: event.subject().map_or("", |one| one.0).to_owned(),
                state: "without an attempt".to_owned(),
            })
    }

    fn end_instance(&mut self, key: Key, end: InstanceState) {
        let step = &self.book.steps[key.step];
        let state = &mut self.steps[key.step];
        let failed = matches!(end, InstanceState::Failed { .. });
        let cancelled = end == InstanceState::Cancelled;
        state.instances[key.item].state = end;
        state.live -= 1;
        state.done += 1;
        state.failed += usize::from(failed);
        self.active.remove(&key);
        let total = state.instances.len();
        // A list that could not be made tolerates nothing.
        let limit = match (&step.for_each, &state.items) {
            (Some(for_each), Some(_)) => for_each.max_failures.of(total),
            (Some(_) | None, _) => 0,
        };
        let broken = state.failed > limit;
        if cancelled && self.cancelled && state.live == 0 {
            self.fanning.remove(&key.step);
            self.end_step(key.step, StepStatus::Cancelled);
        } else if broken && state.live == 0 {
            self.fanning.remove(&key.step);
            self.end_step(key.step, StepStatus::Failed);
        } else if state.done == total {
            if state.failed > 0 {
                self.warned = true;
            }
            self.end_step(key.step, StepStatus::Succeeded);
        }
    }

    fn end_step(&mut self, step: usize, status: StepStatus) {
        let book = self.book.clone();
        let here = &book.steps[step];
        self.steps[step].ended = Some(status);
        self.ready.remove(&step);
        self.open[section_index(here.section)] -= 1;
        let mut unblocks = true;
        if status == StepStatus::Failed {
            let tolerated = here.section != Section::Main || here.on_failure == OnFailure::Continue;
            if tolerated {
                self.warned = true;
            } else {
                self.failed = true;
                unblocks = false;
                if here.on_failure == OnFailure::Pause && !self.cancelled {
                    self.life = Life::Paused;
                }
            }
        }
        if !unblocks {
            return;
        }
        for &dependent in &self.dependents.clone()[step] {
            self.blocked[dependent] -= 1;
            if self.blocked[dependent] == 0 && self.steps[dependent].ended.is_none() {
                self.ready.insert(dependent);
            }
        }
    }

    /// Failed steps that held the run up start over; `finally` runs again when they have ended.
    fn reopen(&mut self, at: Timestamp) {
        self.life = Life::Live;
        self.failed = false;
        self.finished = None;
        let book = self.book.clone();
        for (index, step) in book.steps.iter().enumerate() {
            if step.section != Section::Main {
                self.restart(index);
            } else if self.steps[index].ended == Some(StepStatus::Failed)
                && step.on_failure != OnFailure::Continue
            {
                self.retry_failed(index, at);
            }
        }
    }

    /// Nothing has happened to the step any more, whether it had ended or not.
    fn restart(&mut self, index: usize) {
        let here = &self.book.steps[index];
        if self.steps[index].ended.is_some() {
            self.open[section_index(here.section)] += 1;
        }
        self.blocked[index] = here.needs.len();
        self.steps[index] = StepRun::default();
        self.fanning.remove(&index);
        if self.blocked[index] == 0 {
            self.ready.insert(index);
        } else {
            self.ready.remove(&index);
        }
    }

    fn retry_failed(&mut self, index: usize, at: Timestamp) {
        let state = &mut self.steps[index];
        state.ended = None;
        self.open[0] += 1;
        if state.instances.iter().all(|one| one.attempt.is_none()) {
            *state = StepRun::default();
            self.ready.insert(index);
            return;
        }
        for (item, instance) in state.instances.iter_mut().enumerate() {
            let InstanceState::Failed { fault, .. } = &instance.state else {
                continue;
            };
            let fault = fault.clone();
            state.failed -= 1;
            state.done -= 1;
            match &mut instance.attempt {
                Some(attempt) => {
                    attempt.tries = 0;
                    attempt.unsure |= fault.executed == Executed::Unknown;
                    state.live += 1;
                    instance.state = InstanceState::Live(Phase::Retrying { at, fault });
                    self.active.insert(Key { step: index, item });
                }
                None => {
                    instance.state = InstanceState::Queued;
                    state.next = state.next.min(item);
                }
            }
        }
        if state.next < state.instances.len() {
            self.fanning.insert(index);
        }
    }
}
