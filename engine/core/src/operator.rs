//! What operators ask of a run: hold it, go on, run a step again, do without one, end it.

use serde_json::Value;

use crate::run::Life;
use crate::{
    Event, Executed, Fault, FaultKind, Instance, InstanceState, Key, Phase, Run, RunStatus,
    Section, StepRun, StepStatus, Timestamp, Work,
};

impl Run {
    /// Main items that only wait: for a time, for a person, for their next attempt.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Key> + '_ {
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
        self.active.iter().copied().filter(waits)
    }

    /// What only waits ends now; what is in flight ends by itself.
    pub(crate) fn cut_waiting(&self) -> Vec<Event> {
        self.waiting().map(|key| self.cut(key)).collect()
    }

    /// A step that the run's deadline ends has failed: it may be given another chance.
    pub(crate) fn cut_as_late(&self, key: Key) -> Event {
        Event::Failed {
            step: self.name(key.step),
            item: self.item(key),
            attempt: self.number(key),
            fault: Fault::new(FaultKind::Timeout, "the deadline of the run passed"),
        }
    }

    pub(crate) fn cut(&self, key: Key) -> Event {
        if self.late && !self.cancelled && !self.is_rolling_back() {
            return self.cut_as_late(key);
        }
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
        // What failed while an operator held the run did not hold it, and gets no other chance by this.
        let only_held = self.paused_by.is_some() || !self.held_by_failure();
        if self.life == Life::Paused && only_held {
            vec![Event::Unpaused { actor }]
        } else {
            Vec::new()
        }
    }

    /// Whether something failed that another chance may mend; on the way back nothing gets one.
    pub(crate) fn held_by_failure(&self) -> bool {
        (self.failed || self.late) && !self.is_rolling_back()
    }

    pub(crate) fn reopens(&self, actor: String) -> Vec<Event> {
        let children = || {
            self.active
                .iter()
                .any(|key| self.book.steps[key.step].work == crate::Work::Child)
        };
        match self.life {
            Life::Paused if !self.held_by_failure() => vec![Event::Unpaused { actor }],
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
        let main = |key: &Key| self.book.steps[key.step].section == Section::Main;
        // Nothing goes on before what cleans up has ended.
        let cleans = !self.active.iter().all(main);
        !ended_back && !cleans && !self.cancelled && !self.is_rolling_back()
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
        // What it was built on comes first.
        let stands = |need: &usize| unblocks(&self.steps[*need], &self.book.steps[*need]);
        let fits = step < self.steps.len()
            && self.book.steps[step].needs.iter().all(stands)
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
    /// new generation, with the same list if it is a loop. A step downstream that failed starts over
    /// too, since what it needs is another thing now, unless its last request may have been carried
    /// out: that one is sent again, so that nothing is doubled.
    pub(crate) fn evolve_retry(&mut self, at: Timestamp, step: usize, downstream: bool) {
        self.revive(at);
        let mut again = self.affected(step, downstream);
        // What another failure holds stays as it is.
        loop {
            let count = again.len();
            let held = |index: &usize| {
                let dead = |need: &usize| self.has_failed_for_good(*need) && !again.contains(need);
                *index != step && self.book.steps[*index].needs.iter().any(dead)
            };
            let free: Vec<usize> = again.iter().copied().filter(|one| !held(one)).collect();
            again = free;
            if again.len() == count {
                break;
            }
        }
        for index in again {
            match self.steps[index].ended {
                None => {}
                Some(StepStatus::Failed) if index == step || self.may_be_doubled(index) => {
                    self.retry_failed(index, at);
                }
                Some(_) => self.start_over(index),
            }
        }
        self.recount();
    }

    /// Whether a step failed and lets nothing start that needs it.
    pub(crate) fn has_failed_for_good(&self, step: usize) -> bool {
        self.steps[step].ended == Some(StepStatus::Failed)
            && !unblocks(&self.steps[step], &self.book.steps[step])
    }

    /// Whether a failed request of this step may have been carried out.
    fn may_be_doubled(&self, step: usize) -> bool {
        self.steps[step].instances.iter().any(|one| {
            let unsure = one.attempt.as_ref().is_some_and(|attempt| attempt.unsure);
            match &one.state {
                InstanceState::Failed { fault, .. } => {
                    unsure || fault.executed == Executed::Unknown
                }
                _ => false,
            }
        })
    }

    fn start_over(&mut self, index: usize) {
        let work = self.book.steps[index].work;
        let state = &mut self.steps[index];
        let instances = std::mem::take(&mut state.instances);
        let started = !instances.is_empty();
        let looped = state.items.as_ref().is_some_and(|items| !items.is_empty());
        *state = StepRun {
            instances: instances.into_iter().map(|one| fresh(work, one)).collect(),
            items: state.items.take().filter(|_| looped),
            generation: state.generation + u32::from(started),
            ..StepRun::default()
        };
        if looped {
            self.fanning.insert(index);
        }
    }

    pub(crate) fn evolve_skip(&mut self, at: Timestamp, step: usize) {
        let open = self.steps[step].ended.is_none();
        // To do without a step that has not begun sets nothing free that a failure holds.
        if !open {
            self.revive(at);
        }
        let state = &mut self.steps[step];
        for (item, instance) in state.instances.iter_mut().enumerate() {
            if matches!(instance.state, InstanceState::Live(_)) {
                let let_go = instance.may_be_done();
                if let Some(attempt) = &mut instance.attempt {
                    attempt.unsure |= let_go;
                }
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
        self.restart_cleanup();
        if self.failed || self.late || matches!(self.life, Life::Ended(_)) {
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
fn fresh(work: Work, instance: Instance) -> Instance {
    let attempts = instance.last_number();
    let made = instance.made(work);
    let mut earlier = instance.earlier;
    earlier.extend(made);
    Instance {
        attempts,
        earlier,
        ..Instance::default()
    }
}
