//! How an item and a step end, and what that sets free.

use crate::run::{Life, section_index};
use crate::{Instance, InstanceState, Key, OnFailure, Run, Section, StepStatus};

impl Run {
    pub(super) fn end_instance(&mut self, key: Key, end: InstanceState) {
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
        let cut = self.cancelled || self.rollback_wanted;
        let cancelled = cancelled || cut && state.instances.iter().any(Instance::is_cancelled);
        if cancelled && state.live == 0 {
            self.fanning.remove(&key.step);
            self.end_step(key.step, StepStatus::Cancelled);
        } else if broken && state.live == 0 {
            self.fanning.remove(&key.step);
            self.end_step(key.step, StepStatus::Failed);
        } else if state.done == total {
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
            if !tolerated {
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
}
