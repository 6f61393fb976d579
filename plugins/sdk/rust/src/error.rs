//! The one error of a step, and what the engine may do after it.

use serde_json::Value;
use std::cell::Cell;
use std::fmt;

use crate::bindings::host::types;

/// What `run`, `reconcile`, `undo` and `plan` return.
pub type StepResult<T> = Result<T, StepError>;

/// What the engine may do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing happened, or repeating is harmless: the retry policy decides.
    Retryable,
    /// Repeating cannot help.
    Permanent,
    /// The request left and the answer did not arrive: the effect is unknown.
    Ambiguous,
}

/// Why a step failed. It does not implement [`std::error::Error`], so that `?`
/// turns every error that does into one of these.
#[derive(Clone, Debug, PartialEq)]
pub struct StepError {
    /// What the engine may do now.
    pub kind: Kind,
    /// Short stable identifier, e.g. `http-503`.
    pub code: String,
    /// One sentence for the operator.
    pub message: String,
    /// The next attempt comes no earlier than this.
    pub retry_after_ms: Option<u64>,
    /// Anything else worth keeping.
    pub details: Option<Value>,
}

impl StepError {
    /// Nothing happened, or repeating is harmless.
    pub fn retryable(code: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::new(Kind::Retryable, code, message)
    }

    /// Repeating cannot help: bad input, refused, not found.
    pub fn permanent(code: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::new(Kind::Permanent, code, message)
    }

    /// The effect may or may not have happened.
    pub fn ambiguous(code: impl Into<String>, message: impl fmt::Display) -> Self {
        Self::new(Kind::Ambiguous, code, message)
    }

    /// An error of the given kind.
    pub fn new(kind: Kind, code: impl Into<String>, message: impl fmt::Display) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.to_string(),
            retry_after_ms: None,
            details: None,
        }
    }

    /// A failure of a call to the outside: harmless when it only read, and of
    /// unknown effect when it may have changed something.
    pub(crate) fn unanswered(mutating: bool, code: String, message: String) -> Self {
        let kind = if mutating {
            Kind::Ambiguous
        } else {
            Kind::Retryable
        };
        Self::new(kind, code, message)
    }

    /// What a call that may change something gets in a preview.
    pub(crate) fn dry_run(request: &str) -> Self {
        Self::permanent("dry-run", format!("{request} is not sent in a dry run"))
    }

    /// The next attempt comes no earlier than this.
    #[must_use]
    pub fn after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// Keeps a JSON object beside the message.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

thread_local! {
    static MAY_HAVE_CHANGED: Cell<bool> = const { Cell::new(false) };
}

/// Remembers that a request which may change something has left.
pub(crate) fn note_change() {
    MAY_HAVE_CHANGED.set(true);
}

/// Forgets what earlier calls did. A component never needs this, since every
/// call gets a fresh instance; unit tests do.
pub(crate) fn forget_changes() {
    MAY_HAVE_CHANGED.set(false);
}

/// The catch-all. An error that nobody classified says nothing about what has
/// already happened, so it is permanent only while nothing can have happened.
impl<E: std::error::Error> From<E> for StepError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        let kind = if MAY_HAVE_CHANGED.get() {
            Kind::Ambiguous
        } else {
            Kind::Permanent
        };
        Self::new(kind, "failed", message)
    }
}

impl From<StepError> for types::StepError {
    fn from(error: StepError) -> Self {
        Self {
            kind: match error.kind {
                Kind::Retryable => types::ErrorKind::Retryable,
                Kind::Permanent => types::ErrorKind::Permanent,
                Kind::Ambiguous => types::ErrorKind::Ambiguous,
            },
            code: error.code,
            message: error.message,
            retry_after_ms: error.retry_after_ms,
            details: error.details.map(|value| value.to_string()),
        }
    }
}
