//! What a journal holds: facts about one run, in order.
//!
//! Events are versioned by addition: fields and kinds may be added, never renamed or removed, since
//! journals that were recorded with every release must replay for ever.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Fault, RunStatus, Timestamp};

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
    /// Failed steps get another chance; the run goes on.
    Reopened {
        /// Who.
        actor: String,
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

impl Event {
    /// The step that it is about, and the item.
    #[must_use]
    pub fn subject(&self) -> Option<(&str, Option<u32>)> {
        match self {
            Self::Created { .. }
            | Self::Started { .. }
            | Self::Resumed { .. }
            | Self::CancelRequested { .. }
            | Self::Reopened { .. }
            | Self::Finished { .. } => None,
            Self::Skipped { step, .. }
            | Self::Expanded { step, .. }
            | Self::Marked { step, .. } => Some((step, None)),
            Self::AttemptStarted { step, item, .. }
            | Self::Observed { step, item, .. }
            | Self::Waiting { step, item, .. }
            | Self::Woken { step, item, .. }
            | Self::AttemptFailed { step, item, .. }
            | Self::Succeeded { step, item, .. }
            | Self::Failed { step, item, .. }
            | Self::InDoubt { step, item, .. }
            | Self::Resolved { step, item, .. }
            | Self::StepCancelled { step, item }
            | Self::Answered { step, item, .. } => Some((step, *item)),
        }
    }

    /// The name of its kind, as in the journal.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Started { .. } => "started",
            Self::Resumed { .. } => "resumed",
            Self::Skipped { .. } => "skipped",
            Self::Expanded { .. } => "expanded",
            Self::AttemptStarted { .. } => "attempt_started",
            Self::Observed { .. } => "observed",
            Self::Waiting { .. } => "waiting",
            Self::Woken { .. } => "woken",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::InDoubt { .. } => "in_doubt",
            Self::Resolved { .. } => "resolved",
            Self::StepCancelled { .. } => "step_cancelled",
            Self::Answered { .. } => "answered",
            Self::Marked { .. } => "marked",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::Reopened { .. } => "reopened",
            Self::Finished { .. } => "finished",
        }
    }

    /// The attempt that it is about.
    #[must_use]
    pub fn attempt(&self) -> Option<u32> {
        match self {
            Self::AttemptStarted { attempt, .. }
            | Self::Observed { attempt, .. }
            | Self::Waiting { attempt, .. }
            | Self::Woken { attempt, .. }
            | Self::AttemptFailed { attempt, .. }
            | Self::Succeeded { attempt, .. }
            | Self::Failed { attempt, .. }
            | Self::InDoubt { attempt, .. } => Some(*attempt),
            Self::Created { .. }
            | Self::Started { .. }
            | Self::Resumed { .. }
            | Self::Skipped { .. }
            | Self::Expanded { .. }
            | Self::Resolved { .. }
            | Self::StepCancelled { .. }
            | Self::Answered { .. }
            | Self::Marked { .. }
            | Self::CancelRequested { .. }
            | Self::Reopened { .. }
            | Self::Finished { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Journal;

    #[test]
    fn numbers_are_read_back_as_they_were_written() {
        for number in ["1.8446744073073074e+25", "0.30000000000000004", "1e-7"] {
            let line = format!(
                r#"{{"at":1,"kind":"finished","status":"failed","outputs":{{"n":{number}}}}}"#
            );
            let entry: Journal = serde_json::from_str(&line).unwrap();
            assert_eq!(serde_json::to_string(&entry).unwrap(), line);
        }
    }
}
