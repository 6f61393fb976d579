//! The names of states, as people and the store see them.

use serde::{Deserialize, Serialize};

/// The state of a run. *Interrupted* is never stored: it is a live state whose lease has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Created, not started.
    Pending,
    /// Work is in flight.
    Running,
    /// Only timers or people can move it.
    Waiting,
    /// Stopped by an operator or by a failed step; `resume` goes on.
    Paused,
    /// Every step succeeded.
    Succeeded,
    /// Finished; a tolerated step failed.
    SucceededWithWarnings,
    /// A step failed and ended the run.
    Failed,
    /// Finished, but later than an objective allows.
    ObjectiveMissed,
    /// Ended by an operator.
    Cancelled,
    /// Undoing what succeeded.
    RollingBack,
    /// Everything that could be undone is undone.
    RolledBack,
}

impl RunStatus {
    /// The name in journals, tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::SucceededWithWarnings => "succeeded_with_warnings",
            Self::Failed => "failed",
            Self::ObjectiveMissed => "objective_missed",
            Self::Cancelled => "cancelled",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
        }
    }

    /// Whether nothing can happen any more without a person asking for it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::Waiting | Self::Paused | Self::RollingBack => {
                false
            }
            Self::Succeeded
            | Self::SucceededWithWarnings
            | Self::Failed
            | Self::ObjectiveMissed
            | Self::Cancelled
            | Self::RolledBack => true,
        }
    }

    /// Every status, in the order of the numbers that the store uses.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Paused,
        Self::Succeeded,
        Self::SucceededWithWarnings,
        Self::Failed,
        Self::ObjectiveMissed,
        Self::Cancelled,
        Self::RollingBack,
        Self::RolledBack,
    ];
}

/// The state of a step, or of one item of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not started.
    Pending,
    /// An attempt is in flight.
    Running,
    /// A timer or a person will move it.
    Waiting,
    /// An attempt failed; the next one is due later.
    Retrying,
    /// The process died inside an attempt and nothing can tell whether the effect happened.
    InDoubt,
    /// Done.
    Succeeded,
    /// Failed for good.
    Failed,
    /// Its condition was false.
    Skipped,
    /// The run ended first.
    Cancelled,
    /// Being taken back.
    Undoing,
    /// Taken back.
    Undone,
}

impl StepStatus {
    /// The name in journals, tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Retrying => "retrying",
            Self::InDoubt => "in_doubt",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }

    /// Whether this step needs no more work.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending
            | Self::Running
            | Self::Waiting
            | Self::Retrying
            | Self::InDoubt
            | Self::Undoing => false,
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled | Self::Undone => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_status_name_that_journals_use_and_rests_at_its_ends() {
        use RunStatus::*;
        let ends = [
            Succeeded,
            SucceededWithWarnings,
            Failed,
            ObjectiveMissed,
            Cancelled,
            RolledBack,
        ];
        for status in RunStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
            assert_eq!(status.is_terminal(), ends.contains(&status), "{status:?}");
        }
    }

    #[test]
    fn a_step_has_the_status_name_that_journals_use_and_rests_at_its_ends() {
        use StepStatus::*;
        let open = [Pending, Running, Waiting, Retrying, InDoubt, Undoing];
        let ends = [Succeeded, Failed, Skipped, Cancelled, Undone];
        for status in open.into_iter().chain(ends) {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
            assert_eq!(status.is_terminal(), ends.contains(&status), "{status:?}");
        }
    }
}
