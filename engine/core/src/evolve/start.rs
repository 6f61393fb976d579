//! How an item starts, and a list becomes items.

use serde_json::Value;

use super::{Corrupt, misfit};
use crate::{Attempt, Event, Instance, InstanceState, Key, Phase, Run, Timestamp, Work};

impl Run {
    pub(super) fn expand(&mut self, step: usize, items: &[Value]) {
        let state = &mut self.steps[step];
        state.items = Some(items.to_vec());
        // No late answer of an earlier generation is taken for one of this.
        let attempts = state.last_number();
        let one = || Instance {
            attempts,
            ..Instance::default()
        };
        state.instances.resize_with(items.len(), one);
        self.ready.remove(&step);
        self.fanning.insert(step);
    }

    /// Makes room for the instance and takes its step out of the ones that may start.
    pub(super) fn admit(&mut self, key: Key) {
        let state = &mut self.steps[key.step];
        if state.instances.is_empty() {
            // A plain step has one; growing by itself the list would make room for four.
            state.instances.reserve_exact(1);
            state.instances.push(Instance::default());
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

    pub(super) fn attempt_started(
        &mut self,
        at: Timestamp,
        event: &Event,
        key: Key,
    ) -> Result<(), Corrupt> {
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
                // They stand in the runbook, and a long run has many of them.
                _ if self.book.steps[key.step].work == Work::Pure => Value::Null,
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
            kept: before.as_ref().and_then(|last| last.kept.clone()),
            touched: before.as_ref().is_some_and(|last| last.touched),
            stray: before.as_ref().is_some_and(|last| last.stray),
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
}
