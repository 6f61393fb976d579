//! What operators ask of a run: hold it, go on, run a step again, do without one, end it.

use serde_json::Value;

use crate::run::Life;
use crate::{
    Attempt, Effect, Event, Instance, InstanceState, Key, Made, Phase, Run, RunStatus, Section,
    StepRun, StepStatus, Timestamp,
};

impl Run {
    /// What only waits ends now; what is in flight ends by itself.
    pub(crate) fn cut_waiting(&self) -> Vec<Event> {
        let waits = |key: &Key| {
            self.book.steps[key.step].section == Section::Main
                && self.instance(*key).is_some_and(|instance| {
                    instance.undo.is_none()
                        && matches!(
                            instance.state,
                            InstanceState::Live(Phase::Waiting { .. } | Phase::Retrying { .. })
                        )
                })
        };
        self.active
            .iter()
            .copied()
            .filter(waits)
            .map(|key| self.cut(key))
            .collect()
    }

    fn cut(&self, key: Key) -> Event {
        Event::StepCancelled {
            step: self.name(key.step),
            item: self.item(key),
        }
    }

    /// The first cancel lets what is in flight end and cleans up; the second lets go of everything.
    pub(crate) fn cancel(&self, actor: String, reason: Option<String>) -> Vec<Event> {
        if matches!(self.life, Life::Ended(_)) || self.is_rolling_back() {
            return Vec::new();
        }
        if !self.cancelled {
            let mut events = vec![Event::CancelRequested { actor, reason }];
            events.extend(self.cut_waiting());
            return events;
        }
        let mut events = vec![Event::CancelForced { actor, reason }];
        events.extend(self.active.iter().map(|&key| self.cut(key)));
        events.push(Event::Finished {
            status: RunStatus::Cancelled,
            outputs: Value::Null,
        });
        events
    }

    pub(crate) fn pause(&self, actor: String, reason: String) -> Vec<Event> {
        if self.life == Life::Live && !self.halted() {
            vec![Event::PauseRequested { actor, reason }]
        } else {
            Vec::new()
        }
    }

    pub(crate) fn unpause(&self, actor: String) -> Vec<Event> {
        if self.life == Life::Paused && !self.failed {
            vec![Event::Unpaused { actor }]
        } else {
            Vec::new()
        }
    }

    pub(crate) fn reopens(&self, actor: String) -> Vec<Event> {
        let children = || {
            self.active
                .iter()
                .any(|key| self.book.steps[key.step].work == crate::Work::Child)
        };
        match self.life {
            Life::Paused if !self.failed => vec![Event::Unpaused { actor }],
            Life::Paused | Life::Ended(RunStatus::Failed) if self.may_reopen() => {
                vec![Event::Reopened { actor, steps: None }]
            }
            // A child run that is held gets another chance; nothing of this run does.
            Life::Live if children() => vec![Event::Reopened {
                actor,
                steps: Some(Vec::new()),
            }],
            Life::Pending | Life::Live | Life::Paused | Life::Ended(_) => Vec::new(),
        }
    }

    fn may_be_changed(&self) -> bool {
        let ended_back = matches!(
            self.life,
            Life::Pending | Life::Ended(RunStatus::RolledBack | RunStatus::Cancelled)
        );
        !ended_back && !self.cancelled && !self.is_rolling_back()
    }

    /// The step, and every step that depends on it when asked for.
    fn affected(&self, step: usize, downstream: bool) -> Vec<usize> {
        let mut found = vec![step];
        let mut next = 0;
        while downstream && next < found.len() {
            for &dependent in &self.dependents[found[next]] {
                if !found.contains(&dependent) {
                    found.push(dependent);
                }
            }
            next += 1;
        }
        found
    }

    pub(crate) fn retry(
        &self,
        step: usize,
        downstream: bool,
        actor: String,
        reason: String,
    ) -> Vec<Event> {
        let idle = |step: &usize| !self.active.iter().any(|key| key.step == *step);
        let fits = step < self.steps.len()
            && self.book.steps[step].section == Section::Main
            && self.steps[step].ended.is_some()
            && self.may_be_changed()
            && self.affected(step, downstream).iter().all(idle);
        if !fits {
            return Vec::new();
        }
        vec![Event::RetryRequested {
            step: self.name(step),
            downstream,
            actor,
            reason,
        }]
    }

    pub(crate) fn skip(&self, step: usize, actor: String, reason: String) -> Vec<Event> {
        let Some(state) = self.steps.get(step) else {
            return Vec::new();
        };
        let flying = state
            .instances
            .iter()
            .any(|one| one.state == InstanceState::Live(Phase::Flying));
        let tolerated = self.book.steps[step].on_failure == crate::OnFailure::Continue;
        let open = state
            .ended
            .is_none_or(|status| status == StepStatus::Failed && !tolerated);
        let main = self.book.steps[step].section == Section::Main;
        if flying || !open || !main || !self.may_be_changed() {
            return Vec::new();
        }
        vec![Event::StepSkipped {
            step: self.name(step),
            actor,
            reason,
        }]
    }

    /// A step that failed sends its stored request again; one that ended otherwise starts over as a
    /// new generation, with the same list if it is a loop.
    pub(crate) fn evolve_retry(&mut self, at: Timestamp, step: usize, downstream: bool) {
        self.revive(at);
        for index in self.affected(step, downstream) {
            match self.steps[index].ended {
                None => {}
                Some(StepStatus::Failed) => self.retry_failed(index, at),
                Some(_) => self.start_over(index),
            }
        }
        self.recount();
    }

    fn start_over(&mut self, index: usize) {
        let state = &mut self.steps[index];
        let instances = std::mem::take(&mut state.instances);
        let started = !instances.is_empty();
        let looped = state.items.is_some() && !state.skipped;
        *state = StepRun {
            instances: instances.into_iter().map(fresh).collect(),
            items: state.items.take().filter(|_| looped),
            generation: state.generation + u32::from(started),
            ..StepRun::default()
        };
        if looped && started {
            self.fanning.insert(index);
        }
    }

    pub(crate) fn evolve_skip(&mut self, at: Timestamp, step: usize) {
        self.revive(at);
        let state = &mut self.steps[step];
        let open = state.ended.is_none();
        for (item, instance) in state.instances.iter_mut().enumerate() {
            if matches!(instance.state, InstanceState::Live(_)) {
                instance.state = InstanceState::Cancelled;
                state.live -= 1;
                state.done += 1;
                self.active.remove(&Key { step, item });
            }
        }
        state.skipped = true;
        self.fanning.remove(&step);
        if !open {
            self.open[0] += 1;
        }
        self.end_step(step, StepStatus::Skipped);
    }

    /// The run is live again if a failure had ended or held it.
    fn revive(&mut self, at: Timestamp) {
        if self.failed || self.late || matches!(self.life, Life::Ended(_)) {
            if matches!(self.life, Life::Ended(_)) {
                self.restart_cleanup();
            }
            self.life = Life::Live;
            self.failed = false;
            self.late = false;
            self.finished = None;
            self.reopened = Some(at);
        }
    }

    /// What follows from the ends of the steps, counted anew.
    fn recount(&mut self) {
        self.open = [0; 3];
        self.ready.clear();
        for (index, step) in self.book.steps.iter().enumerate() {
            if self.steps[index].ended.is_none() {
                self.open[crate::run::section_index(step.section)] += 1;
            }
            self.blocked[index] = step
                .needs
                .iter()
                .filter(|&&need| !unblocks(&self.steps[need], &self.book.steps[need]))
                .count();
            if self.steps[index].ended.is_none()
                && self.blocked[index] == 0
                && self.steps[index].is_new()
            {
                self.ready.insert(index);
            }
        }
        // A loop that starts over waits for its needs like any other step.
        let blocked = &self.blocked;
        self.fanning.retain(|step| blocked[*step] == 0);
    }

    /// The needs of a step have ended: it starts, or starts over with the list that it has.
    pub(crate) fn release(&mut self, step: usize) {
        let state = &self.steps[step];
        if state.ended.is_some() {
            return;
        }
        if state.is_new() {
            self.ready.insert(step);
        } else if state.items.is_some() && state.next < state.instances.len() {
            self.fanning.insert(step);
        }
    }
}

impl StepRun {
    /// Whether nothing of it has started and its list, if it is a loop, is not known.
    fn is_new(&self) -> bool {
        self.items.is_none()
            && self
                .instances
                .iter()
                .all(|one| one.state == InstanceState::Queued)
    }
}

/// Whether a need that ended lets its dependents start.
fn unblocks(need: &StepRun, step: &crate::Step) -> bool {
    match need.ended {
        None => false,
        Some(StepStatus::Failed) => {
            step.section != Section::Main || step.on_failure == crate::OnFailure::Continue
        }
        Some(_) => true,
    }
}

/// An item that starts over, with what it did for the way back.
fn fresh(instance: Instance) -> Instance {
    let outputs = match &instance.state {
        InstanceState::Succeeded {
            outputs,
            effect: Effect::Changed | Effect::Adopted,
            ..
        } => Some(outputs.clone()),
        InstanceState::Failed { .. } | InstanceState::Cancelled => Some(Value::Null),
        InstanceState::Succeeded { .. } | InstanceState::Queued | InstanceState::Live(_) => None,
    };
    let began = |attempt: &&Attempt| {
        !outputs.as_ref().is_some_and(Value::is_null) || attempt.before.is_some()
    };
    let made = instance
        .attempt
        .as_ref()
        .filter(began)
        .zip(outputs.clone())
        .map(|(attempt, outputs)| {
            Box::new(Made {
                token: attempt.token.clone(),
                inputs: attempt.inputs.clone(),
                outputs,
                before: attempt.before.clone(),
            })
        });
    Instance {
        attempts: instance.last_number(),
        // The first one knows how it was before everything.
        earlier: instance.earlier.or(made),
        ..Instance::default()
    }
}
