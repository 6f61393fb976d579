//! The state of one step: its items, their attempts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::undo::Undoing;
use crate::{Effect, Fault, StepStatus, Timestamp};

/// One item of one step. Plain steps have the item 0 only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Index of the step in the runbook.
    pub step: usize,
    /// Index of the item.
    pub item: usize,
}

/// The attempt that an instance is in, or was in last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// Attempts since the step was (re)opened; retries are counted by it.
    pub tries: u32,
    /// The same on every attempt.
    pub token: String,
    /// The rendered inputs, sent again as they stand; null for a pure step, which sends nothing:
    /// [`Run::inputs`](crate::Run::inputs) has them.
    pub inputs: Value,
    /// When the step with all its retries must be done.
    pub deadline: Timestamp,
    /// When the first attempt since the step was (re)opened started.
    pub first: Timestamp,
    /// When this attempt started.
    pub started: Timestamp,
    /// When it last went into flight.
    pub flown: Timestamp,
    /// Fencing epoch in which it last went into flight; an older one than the owner's means that a
    /// process died inside it.
    pub epoch: u64,
    /// What was observed before the first change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it waited for last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// An earlier attempt ended and nobody knows whether it had its effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
    /// An owner that is gone had it in flight: that one's last call may still arrive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stray: bool,
    /// Who said yes so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
    /// What the step put down last, to find it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// A call that can change something has left since the step was (re)opened, by its own notes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub touched: bool,
    /// Its deadline passed while nothing drove the run: it may be looked at once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A call is in flight.
    Flying,
    /// A timer or a person will move it.
    Waiting {
        /// When to look again, or when a question expires.
        until: Option<Timestamp>,
        /// What it waits for.
        note: String,
    },
    /// The next attempt is due at a time.
    Retrying {
        /// When.
        at: Timestamp,
        /// Why the last one failed.
        fault: Fault,
    },
    /// Nothing can tell whether the effect happened.
    InDoubt {
        /// What is known.
        why: String,
    },
}

/// The state of one item of a step; a state owns its data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Not started.
    #[default]
    Queued,
    /// In an attempt.
    Live(Phase),
    /// Done.
    Succeeded {
        /// Its outputs.
        outputs: Value,
        /// What it did to the outside world.
        effect: Effect,
        /// When.
        at: Timestamp,
    },
    /// Failed for good.
    Failed {
        /// Why.
        fault: Fault,
        /// When.
        at: Timestamp,
    },
    /// The run ended first.
    Cancelled,
}

/// What one generation of an item did. Those of earlier generations are kept for the way back when an
/// operator has the item run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// The token under which it was done.
    pub token: String,
    /// The request.
    pub inputs: Value,
    /// Its outputs.
    pub outputs: Value,
    /// What was observed before the first change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it put down last, to find its work again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// When it ended; none when it was let go of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Whether a call of it may still arrive: one without an answer, or of an owner that is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
}

/// One item of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its state.
    pub state: InstanceState,
    /// How far it is taken back, in a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undoing>,
    /// Highest number of an attempt of an earlier generation or of its undo.
    #[serde(default)]
    pub attempts: u32,
    /// What its earlier generations did, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Made>,
    /// How many generations a rollback has taken back while older ones are left, newest first.
    #[serde(default, skip_serializing_if = "crate::event::is_zero")]
    pub taken_back: u32,
    /// Its attempt, once it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

impl Instance {
    /// The highest number that an attempt of it, or of its undo, ever had.
    #[must_use]
    pub fn last_number(&self) -> u32 {
        let own = self.attempt.as_ref().map_or(0, |one| one.number);
        own.max(self.attempts)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.state == InstanceState::Cancelled
    }

    /// Whether letting go of it now leaves open what became of it.
    pub(crate) fn may_be_done(&self) -> bool {
        matches!(
            self.state,
            InstanceState::Live(Phase::Flying | Phase::InDoubt { .. })
        )
    }

    /// The name of its state.
    #[must_use]
    pub fn status(&self) -> StepStatus {
        match &self.undo {
            Some(Undoing::Flying(_) | Undoing::Waiting { .. }) => return StepStatus::Undoing,
            Some(Undoing::Done { .. }) => return StepStatus::Undone,
            Some(Undoing::Kept { .. }) | None => {}
        }
        match &self.state {
            InstanceState::Queued => StepStatus::Pending,
            InstanceState::Live(Phase::Flying) => StepStatus::Running,
            InstanceState::Live(Phase::Waiting { .. }) => StepStatus::Waiting,
            InstanceState::Live(Phase::Retrying { .. }) => StepStatus::Retrying,
            InstanceState::Live(Phase::InDoubt { .. }) => StepStatus::InDoubt,
            InstanceState::Succeeded { .. } => StepStatus::Succeeded,
            InstanceState::Failed { .. } => StepStatus::Failed,
            InstanceState::Cancelled => StepStatus::Cancelled,
        }
    }
}

/// A step of a run with all its items.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRun {
    /// Its items; empty until it starts.
    pub instances: Vec<Instance>,
    /// The values of `for_each`, once evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Value>>,
    /// Set when it was skipped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// Set when it needs no more work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<StepStatus>,
    /// How often an operator had it run again after it had ended well; part of its token.
    #[serde(default)]
    pub generation: u32,
    /// First item that was not started.
    #[serde(default)]
    pub(crate) next: usize,
    /// Items in an attempt.
    #[serde(default)]
    pub(crate) live: usize,
    /// Items that failed.
    #[serde(default)]
    pub(crate) failed: usize,
    /// Items that ended.
    #[serde(default)]
    pub(crate) done: usize,
}

impl StepRun {
    /// The highest number that an attempt of any of its items, or of their undo, ever had.
    pub(crate) fn last_number(&self) -> u32 {
        let numbers = self.instances.iter().map(Instance::last_number);
        numbers.max().unwrap_or(0)
    }

    /// The name of its state: the end it reached, or what its liveliest item does.
    #[must_use]
    pub fn status(&self) -> StepStatus {
        if let Some(status) = self.ended {
            return self.undo_status().unwrap_or(status);
        }
        let states = self.instances.iter().map(Instance::status);
        let rank = |status: StepStatus| match status {
            StepStatus::Running => 5,
            StepStatus::Retrying => 4,
            StepStatus::InDoubt => 3,
            StepStatus::Waiting => 2,
            StepStatus::Undoing => 1,
            StepStatus::Pending
            | StepStatus::Succeeded
            | StepStatus::Failed
            | StepStatus::Skipped
            | StepStatus::Cancelled
            | StepStatus::Undone => 0,
        };
        let liveliest = states.max_by_key(|status| rank(*status));
        match liveliest {
            Some(status) if rank(status) > 0 => status,
            Some(_) if self.done > 0 => StepStatus::Running,
            Some(_) | None => StepStatus::Pending,
        }
    }

    /// Undoing while any item is, undone when all that took effect are.
    fn undo_status(&self) -> Option<StepStatus> {
        let mut undone = false;
        for instance in &self.instances {
            match &instance.undo {
                Some(Undoing::Flying(_) | Undoing::Waiting { .. }) => {
                    return Some(StepStatus::Undoing);
                }
                Some(Undoing::Done { .. }) => undone = true,
                Some(Undoing::Kept { .. }) => return None,
                None => {}
            }
        }
        undone.then_some(StepStatus::Undone)
    }

    /// What expressions see as `steps.<id>`: its outputs, or a list of them for a `for_each`.
    #[must_use]
    pub fn outputs(&self) -> Value {
        let of = |instance: &Instance| match &instance.state {
            InstanceState::Succeeded { outputs, .. } => outputs.clone(),
            InstanceState::Queued
            | InstanceState::Live(_)
            | InstanceState::Failed { .. }
            | InstanceState::Cancelled => Value::Null,
        };
        match (&self.items, self.instances.first()) {
            (Some(_), _) => Value::Array(self.instances.iter().map(of).collect()),
            (None, Some(instance)) => of(instance),
            (None, None) => Value::Null,
        }
    }
}
