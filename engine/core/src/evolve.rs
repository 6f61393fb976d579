//! Folds one journaled fact into the state. The only place where state changes.

use serde_json::Value;
use thiserror::Error;

use crate::run::{Life, section_index};
use crate::{
    Attempt, Event, Executed, Instance, InstanceState, Journal, Key, Millis, OnFailure, Phase, Run,
    Section, SkipReason, StepRun, StepStatus, Timestamp, Undoing, Work,
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
            self.evolve_run(at, event)?;
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
        self.evolve_step(at, event, key)?;
        Ok(Some(step))
    }

    fn evolve_run(&mut self, at: Timestamp, event: &Event) -> Result<(), Corrupt> {
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
            Event::DeadlinePassed { .. } => self.late = true,
            Event::Restored { .. } => self.restore(),
            Event::Redefined { .. } => {}
            Event::RollbackRequested { .. } => {
                self.rollback_wanted = true;
                self.rollback = None;
                self.life = Life::Live;
                self.finished = None;
            }
            Event::RollbackStarted {} => {
                if !self.active.is_empty() {
                    return Err(Corrupt {
                        kind: event.kind(),
                        step: "none".to_owned(),
                        state: "with work in flight".to_owned(),
                    });
                }
                self.unwind();
            }
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
            | Event::RetryRequested { .. }
            | Event::StepSkipped { .. }
            | Event::UndoStarted { .. }
            | Event::UndoWaiting { .. }
            | Event::Undone { .. }
            | Event::NotUndone { .. }
            | Event::Marked { .. } => {}
        }
        Ok(())
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
            } else if let Some(attempt) = &mut instance.attempt
                && attempt.deadline <= at
                && !waits_by_itself
            {
                attempt.overdue = true;
                attempt.deadline = at.plus(LAST_LOOK);
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
                self.flying(event, key)?.note = Some(note.clone());
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
                    let fault = crate::Fault::new(crate::FaultKind::Internal, "was in doubt");
                    self.set(key, Phase::Retrying { at, fault });
                }
            }
            Event::StepCancelled { .. } => {
                self.live(event, key)?;
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
            | Event::NotUndone { .. } => {
                if !self.evolve_undo(at, event, key) {
                    let state = self.instance(key).map(|one| one.state.clone());
                    return Err(misfit(event, key, &state.unwrap_or_default()));
                }
            }
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
            // A plain step has one; growing by itself the list would make room for four.
            let more = key.item + 1 - state.instances.len();
            state.instances.reserve_exact(more);
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

    fn attempt_started(&mut self, at: Timestamp, event: &Event, key: Key) -> Result<(), Corrupt> {
        let Event::AttemptStarted {
            attempt: number,
            token,
            inputs,
            deadline,
            ..
        } = event
        else {
            return Ok(());
        };
        self.admit(key);
        let epoch = self.epoch;
        let instance = &mut self.steps[key.step].instances[key.item];
        let before = instance.attempt.take();
        let fits = match (&instance.state, &before, inputs) {
            (InstanceState::Queued, None, Some(_)) => true,
            (InstanceState::Live(Phase::Retrying { .. }), Some(last), None) => {
                last.number + 1 == *number
            }
            _ => false,
        };
        if !fits {
            return Err(misfit(event, key, &instance.state));
        }
        // Of a first attempt a restored journal cannot tell; later ones know it from the one before.
        let unsure = before.as_ref().map_or(self.restored, |last| last.unsure);
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
            unsure,
            grants: Vec::new(),
            overdue: false,
        });
        instance.state = InstanceState::Live(Phase::Flying);
        self.active.insert(key);
        Ok(())
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
        if cancelled && state.live == 0 {
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

    pub(crate) fn end_step(&mut self, step: usize, status: StepStatus) {
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
                let free = !self.cancelled && !self.late && !self.is_rolling_back();
                match here.on_failure {
                    OnFailure::Pause if free => {
                        self.life = Life::Paused;
                        self.paused_by = None;
                    }
                    OnFailure::Rollback if free => self.rollback_wanted = true,
                    OnFailure::Stop
                    | OnFailure::Continue
                    | OnFailure::Rollback
                    | OnFailure::Pause => {}
                }
            }
        }
        if !unblocks {
            return;
        }
        for &dependent in &self.dependents.clone()[step] {
            self.blocked[dependent] -= 1;
            if self.blocked[dependent] == 0 {
                self.release(dependent);
            }
        }
    }

    /// Failed steps that held the run up start over; `finally` runs again when they have ended.
    fn reopen(&mut self, at: Timestamp) {
        self.life = Life::Live;
        self.failed = false;
        self.late = false;
        self.finished = None;
        let book = self.book.clone();
        self.restart_cleanup();
        for (index, step) in book.steps.iter().enumerate() {
            if step.section != Section::Main {
                continue;
            }
            if self.steps[index].ended == Some(StepStatus::Failed)
                && step.on_failure != OnFailure::Continue
            {
                self.retry_failed(index, at);
            }
        }
    }

    /// `finally` and `on_cancel` run again when the main steps have ended again.
    pub(crate) fn restart_cleanup(&mut self) {
        for index in 0..self.steps.len() {
            if self.book.steps[index].section != Section::Main {
                self.restart(index);
            }
        }
    }

    fn restart(&mut self, index: usize) {
        if self.steps[index].ended.is_none() {
            return;
        }
        let section = self.book.steps[index].section;
        self.steps[index] = StepRun::default();
        self.open[section_index(section)] += 1;
        self.blocked[index] = self.book.steps[index].needs.len();
        if self.blocked[index] == 0 {
            self.ready.insert(index);
        }
    }

    pub(crate) fn retry_failed(&mut self, index: usize, at: Timestamp) {
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
