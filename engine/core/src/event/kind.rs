//! What an event is about, and its name.

use crate::Event;

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
            | Self::CancelForced { .. }
            | Self::PauseRequested { .. }
            | Self::Unpaused { .. }
            | Self::DeadlinePassed { .. }
            | Self::Restored { .. }
            | Self::Redefined { .. }
            | Self::RollbackRequested { .. }
            | Self::RollbackStarted { .. }
            | Self::Finished { .. } => None,
            Self::RetryRequested { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::Skipped { step, .. }
            | Self::Expanded { step, .. }
            | Self::Marked { step, .. } => Some((step, None)),
            Self::AttemptStarted { step, item, .. }
            | Self::Observed { step, item, .. }
            | Self::Waiting { step, item, .. }
            | Self::Woken { step, item, .. }
            | Self::Noted { step, item, .. }
            | Self::AttemptFailed { step, item, .. }
            | Self::Succeeded { step, item, .. }
            | Self::Failed { step, item, .. }
            | Self::InDoubt { step, item, .. }
            | Self::Resolved { step, item, .. }
            | Self::StepCancelled { step, item }
            | Self::UndoStarted { step, item, .. }
            | Self::UndoWaiting { step, item, .. }
            | Self::Undone { step, item, .. }
            | Self::NotUndone { step, item, .. }
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
            Self::Noted { .. } => "noted",
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
            Self::CancelForced { .. } => "cancel_forced",
            Self::PauseRequested { .. } => "pause_requested",
            Self::Unpaused { .. } => "unpaused",
            Self::RetryRequested { .. } => "retry_requested",
            Self::StepSkipped { .. } => "step_skipped",
            Self::DeadlinePassed { .. } => "deadline_passed",
            Self::Restored { .. } => "restored",
            Self::Redefined { .. } => "redefined",
            Self::RollbackRequested { .. } => "rollback_requested",
            Self::RollbackStarted { .. } => "rollback_started",
            Self::UndoStarted { .. } => "undo_started",
            Self::UndoWaiting { .. } => "undo_waiting",
            Self::Undone { .. } => "undone",
            Self::NotUndone { .. } => "not_undone",
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
            | Self::Noted { attempt, .. }
            | Self::AttemptFailed { attempt, .. }
            | Self::Succeeded { attempt, .. }
            | Self::Failed { attempt, .. }
            | Self::InDoubt { attempt, .. }
            | Self::UndoStarted { attempt, .. }
            | Self::UndoWaiting { attempt, .. }
            | Self::Undone { attempt, .. } => Some(*attempt),
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
            | Self::CancelForced { .. }
            | Self::PauseRequested { .. }
            | Self::Unpaused { .. }
            | Self::DeadlinePassed { .. }
            | Self::Restored { .. }
            | Self::Redefined { .. }
            | Self::RollbackRequested { .. }
            | Self::RollbackStarted { .. }
            | Self::RetryRequested { .. }
            | Self::StepSkipped { .. }
            | Self::NotUndone { .. }
            | Self::Finished { .. } => None,
        }
    }
}
