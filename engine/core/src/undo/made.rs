//! What the generations of an item did. Each has its own request, token and look at how it was before,
//! so each is taken back for itself, the newest first.

use std::borrow::Cow;

use serde_json::Value;

use crate::{Effect, Executed, Instance, InstanceState, Made, Shape, Work};

impl Instance {
    /// What its present generation changed outside, or may have changed.
    pub(crate) fn made(&self, work: Work) -> Option<Made> {
        let attempt = self.attempt.as_ref()?;
        if !took_effect(work, self) {
            return None;
        }
        let (outputs, at, unknown) = match &self.state {
            InstanceState::Succeeded { outputs, at, .. } => (outputs.clone(), Some(*at), false),
            InstanceState::Failed { fault, at } => {
                let unknown = fault.executed == Executed::Unknown;
                (Value::Null, Some(*at), unknown)
            }
            InstanceState::Queued | InstanceState::Live(_) | InstanceState::Cancelled => {
                (Value::Null, None, false)
            }
        };
        Some(Made {
            token: attempt.token.clone(),
            inputs: attempt.inputs.clone(),
            outputs,
            before: attempt.before.clone(),
            kept: attempt.kept.clone(),
            at,
            unsure: attempt.unsure || attempt.stray || unknown,
        })
    }

    /// Generations of it that took effect, or may have. A child run counts once, however often it was
    /// run: it goes back with all its generations.
    pub(super) fn generations(&self, work: Work) -> usize {
        let all = self.earlier.len() + usize::from(took_effect(work, self));
        if work == Work::Child { all.min(1) } else { all }
    }

    /// Generations that a rollback has still to take back.
    pub(super) fn left(&self, work: Work) -> usize {
        self.generations(work)
            .saturating_sub(self.taken_back as usize)
    }

    /// What a rollback takes back next: the newest that is left.
    #[must_use]
    pub fn next_back(&self, work: Work) -> Option<Cow<'_, Made>> {
        match self.earlier_back(work) {
            Some(place) => self.earlier.get(place).map(Cow::Borrowed),
            None if self.taken_back == 0 => self.made(work).map(Cow::Owned),
            None => None,
        }
    }

    /// Which of the earlier generations is taken back next, when the present one is not.
    pub(super) fn earlier_back(&self, work: Work) -> Option<usize> {
        let own = usize::from(took_effect(work, self));
        let past = (self.taken_back as usize).checked_sub(own)?;
        self.earlier.len().checked_sub(past + 1)
    }
}

/// Whether the present generation changed something outside, or may have.
fn took_effect(work: Work, instance: &Instance) -> bool {
    let Some(attempt) = &instance.attempt else {
        return false;
    };
    match (&instance.state, work) {
        (_, Work::Pure | Work::Timer | Work::Gate(_)) => false,
        (_, Work::Call(Shape::Query | Shape::Wait)) => false,
        (InstanceState::Queued | InstanceState::Live(_), _) => false,
        (InstanceState::Succeeded { effect, .. }, _) => {
            matches!(effect, Effect::Changed | Effect::Adopted)
        }
        (InstanceState::Failed { .. } | InstanceState::Cancelled, Work::Child) => true,
        (
            InstanceState::Failed { .. } | InstanceState::Cancelled,
            Work::Call(Shape::Modify | Shape::Create),
        ) => attempt.before.is_some(),
        (InstanceState::Failed { fault, .. }, Work::Call(Shape::Action)) => {
            attempt.unsure || fault.executed == Executed::Unknown
        }
        (InstanceState::Cancelled, Work::Call(Shape::Action)) => attempt.unsure,
    }
}
