//! What a journal holds: facts about one run, in order.
//!
//! Events are versioned by addition: fields and kinds may be added, never renamed or removed, since
//! journals that were recorded with every release must replay for ever.

mod kind;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Fault, Note, RunStatus, Timestamp};

/// One event as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// When the scheduler was told of it.
    pub at: Timestamp,
    /// The fact.
    #[serde(flatten)]
    pub event: Event,
}

/// What a successful step did to the outside world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It only read, or computed.
    #[default]
    None,
    /// Everything was already as wished.
    Unchanged,
    /// It changed something.
    Changed,
    /// It found what a lost attempt of the same step had made, and took it over.
    Adopted,
}

/// Why a step did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `when` was false.
    Condition,
    /// Its `for_each` gave an empty list.
    Empty,
    /// An operator said so.
    Operator,
}

/// Why something that took effect was not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Its type cannot be taken back, by its own word; what it was built on stays too.
    Irreversible,
    /// Its author said `undo: none`.
    Declined,
    /// Its type acts and has no way back, and its author gave none.
    NoUndo,
    /// Its undo failed, or refused since the world has changed; what it was built on stays too.
    Failed,
    /// A step that was built on it stays.
    Behind,
}

impl Kept {
    /// Whether what the step was built on must stay too.
    #[must_use]
    pub fn bars(self) -> bool {
        matches!(self, Self::Irreversible | Self::Failed | Self::Behind)
    }
}

/// One fact about a run. `item` is the index of a `for_each` item; plain steps have none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The run exists and its definition is pinned.
    Created {
        /// Who asked for it.
        actor: String,
        /// The runbook's name.
        runbook: String,
        /// The environment's name.
        environment: String,
        /// Parameters as given; secrets are references.
        params: Value,
        /// Environment variables that were overridden for this run.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        overrides: Value,
    },
    /// The first owner began to drive it.
    Started {
        /// Who started it.
        actor: String,
        /// Fencing epoch of the owner.
        epoch: u64,
    },
    /// A new owner took over.
    Resumed {
        /// Who resumed it.
        actor: String,
        /// Fencing epoch of the owner.
        epoch: u64,
    },
    /// A step will not run.
    Skipped {
        /// The step.
        step: String,
        /// Why.
        reason: SkipReason,
        /// The values that the condition saw.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        saw: Value,
    },
    /// A `for_each` was evaluated.
    Expanded {
        /// The step.
        step: String,
        /// One value for each item.
        items: Vec<Value>,
    },
    /// An attempt is intended: its request is on disk before its first byte leaves.
    AttemptStarted {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// 1 for the first.
        attempt: u32,
        /// Derived from run, step, item, generation and request; the same on every attempt.
        token: String,
        /// The rendered inputs; absent on a repeated attempt, which sends the stored ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Value>,
        /// When the step with all its retries must be done.
        deadline: Timestamp,
    },
    /// What was there before a change; what undo needs.
    Observed {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// The step type's own record.
        before: Value,
    },
    /// Nothing to do until a time, or until a person answers.
    Waiting {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// When to look again, or when a question expires.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// What it waits for.
        note: String,
    },
    /// A wait is over and the attempt goes on.
    Woken {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
    },
    /// An attempt in flight put something down: a call that it makes, or what it wants to find again.
    Noted {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// What.
        note: Note,
    },
    /// An attempt failed and another one is due.
    AttemptFailed {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// Why.
        fault: Fault,
        /// When the next attempt is due.
        retry_at: Timestamp,
    },
    /// The step, or the item, succeeded.
    Succeeded {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// Its outputs.
        outputs: Value,
        /// What it did to the outside world.
        #[serde(default)]
        effect: Effect,
    },
    /// The step, or the item, failed for good.
    Failed {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// Why.
        fault: Fault,
    },
    /// The process died inside an attempt and nothing can tell whether the effect happened.
    InDoubt {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// What is known.
        why: String,
    },
    /// A person decided what became of an attempt in doubt.
    Resolved {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Who.
        actor: String,
        /// `done`, `retry` or `skip`.
        how: String,
        /// Why.
        reason: String,
    },
    /// The run ended before the step could.
    StepCancelled {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
    },
    /// A person answered a gate.
    Answered {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// Who.
        actor: String,
        /// Yes or no.
        granted: bool,
        /// What they said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// A named point in time was reached.
    Marked {
        /// `incident`, `decision`, `service_restored`, `recovery_point`, or any other name.
        name: String,
        /// When; a step's output `at` if it has one, else when it succeeded.
        reached: Timestamp,
        /// The step that reached it.
        step: String,
    },
    /// An operator wants the run to end.
    CancelRequested {
        /// Who.
        actor: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A second cancel: what is in flight is let go, nothing cleans up.
    CancelForced {
        /// Who.
        actor: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An operator holds the run: what is in flight ends, nothing starts.
    PauseRequested {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// An operator lets a held run go on.
    Unpaused {
        /// Who.
        actor: String,
    },
    /// Failed steps get another chance; the run goes on.
    Reopened {
        /// Who.
        actor: String,
        /// Which steps; all failed ones when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<Vec<String>>,
    },
    /// An operator has a step run again.
    RetryRequested {
        /// The step.
        step: String,
        /// Whether every step that depends on it runs again too.
        downstream: bool,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// An operator decided that the run does without a step.
    StepSkipped {
        /// The step.
        step: String,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// The run's own deadline passed before its main steps had ended.
    DeadlinePassed {
        /// When it was.
        deadline: Timestamp,
    },
    /// The run goes on from a copy of its journal that may be older than the world.
    Restored {
        /// Who.
        actor: String,
    },
    /// The run goes on with an edited runbook.
    Redefined {
        /// Who.
        actor: String,
        /// Content hash of the new definition.
        definition: String,
        /// What differs, a line for each step.
        changes: Vec<String>,
    },
    /// What succeeded is to be taken back.
    RollbackRequested {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// Nothing is in flight any more: the way back begins.
    RollbackStarted {},
    /// An undo is intended: its request is on disk before its first byte leaves.
    UndoStarted {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// 1 for the first.
        attempt: u32,
        /// Token of the undo; the same on every attempt.
        token: String,
        /// Rendered inputs of an undo by another step type; on the first attempt only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Value>,
        /// When the undo with all its retries must be done.
        deadline: Timestamp,
    },
    /// An undo is not done yet, or failed and is due again.
    UndoWaiting {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// When to go on.
        until: Timestamp,
        /// What it waits for.
        note: String,
        /// Why it failed, when it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<Fault>,
    },
    /// A step, or an item, was taken back.
    Undone {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The attempt.
        attempt: u32,
        /// Earlier generations of it that are to be taken back next, newest first.
        #[serde(default, skip_serializing_if = "is_zero")]
        left: u32,
    },
    /// A step, or an item, took effect and stays.
    NotUndone {
        /// The step.
        step: String,
        /// The item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<u32>,
        /// The reason's class.
        why: Kept,
        /// The reason, for people.
        message: String,
        /// Why its undo failed, when it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<Fault>,
    },
    /// The run ended.
    Finished {
        /// How.
        status: RunStatus,
        /// The runbook's outputs.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        outputs: Value,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
pub(crate) fn is_zero(count: &u32) -> bool {
    *count == 0
}
