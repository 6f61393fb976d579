//! Another chance for what failed.

use crate::run::{Life, section_index};
use crate::{
    Executed, InstanceState, Key, OnFailure, Phase, Run, Section, StepRun, StepStatus, Timestamp,
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
