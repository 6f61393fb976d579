//! Another chance for what failed.

use crate::run::{Life, section_index};
use crate::{
    Executed, Instance, InstanceState, Key, OnFailure, Phase, Run, Section, StepRun, StepStatus,
    Timestamp,
};

impl Run {
    /// Failed steps that held the run up start over; `finally` runs again when they have ended.
    pub(super) fn reopen(&mut self, at: Timestamp) {
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

    /// `finally` and `on_cancel` run again, as a new generation, when the main steps have ended again.
    pub(crate) fn restart_cleanup(&mut self) {
        let book = self.book.clone();
        for (index, step) in book.steps.iter().enumerate() {
            if step.section == Section::Main {
                continue;
            }
            let state = &mut self.steps[index];
            self.open[section_index(step.section)] += usize::from(state.ended.is_some());
            let attempts = state.last_number();
            let begun = Instance {
                attempts,
                ..Instance::default()
            };
            *state = StepRun {
                generation: state.generation + u32::from(attempts > 0),
                instances: if attempts > 0 {
                    vec![begun]
                } else {
                    Vec::new()
                },
                ..StepRun::default()
            };
            self.fanning.remove(&index);
            self.blocked[index] = step.needs.len();
            if step.needs.is_empty() {
                self.ready.insert(index);
            } else {
                self.ready.remove(&index);
            }
        }
    }

    pub(crate) fn retry_failed(&mut self, index: usize, at: Timestamp) {
        let state = &mut self.steps[index];
        state.ended = None;
        self.open[0] += 1;
        let untouched = state
            .instances
            .iter()
            .all(|one| one.attempt.is_none() && (state.items.is_none() || one.earlier.is_empty()));
        if untouched {
            // Its list is made again too; what an earlier generation did is kept.
            let mut instances = std::mem::take(&mut state.instances);
            instances.retain(|one| one.last_number() > 0 || !one.earlier.is_empty());
            for instance in &mut instances {
                instance.state = InstanceState::Queued;
            }
            *state = StepRun {
                generation: state.generation,
                instances,
                ..StepRun::default()
            };
            if self.blocked[index] == 0 {
                self.ready.insert(index);
            }
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
        if state.next < state.instances.len() && self.blocked[index] == 0 {
            self.fanning.insert(index);
        }
    }
}
