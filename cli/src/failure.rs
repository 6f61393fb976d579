//! What a command says when it cannot do what it was asked: what failed, what is known to have
//! happened, what to type next.

use runbook_runtime::{DriveError, StartError, StoreError};
use serde_json::{Value, json};

use crate::exit;

/// A command's failure, ready to be printed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// One of [`crate::exit`].
    pub(crate) code: u8,
    /// What failed; a lowercase fragment.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// A rendered report that says more than the message, such as diagnostics with source lines.
    pub(crate) report: Option<String>,
    /// The same for machines.
    pub(crate) details: Value,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
            report: None,
            details: Value::Null,
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(exit::USAGE, message)
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "error": self.message,
            "help": self.help,
            "exit_code": self.code,
            "details": self.details,
        })
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Locked { .. } | StoreError::LeaseLost { .. } | StoreError::InUse { .. } => {
                exit::REFUSED
            }
            StoreError::NoRun { .. }
            | StoreError::KeyTaken { .. }
            | StoreError::Open { .. }
            | StoreError::NotOurs { .. }
            | StoreError::Newer { .. }
            | StoreError::ReadOnly { .. }
            | StoreError::NetworkFileSystem { .. }
            | StoreError::Setting { .. } => exit::USAGE,
            StoreError::Full { .. }
            | StoreError::Failed { .. }
            | StoreError::Conflict { .. }
            | StoreError::Corrupt { .. } => exit::FAILED,
        };
        Self {
            help: error.help(),
            ..Self::new(code, error.to_string())
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Lock(_) | StartError::Definition(_) => Self::usage(error.to_string()),
        }
    }
}

impl From<DriveError> for Failure {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Store(error) => error.into(),
            DriveError::Busy { run, owner } => Self::new(
                exit::REFUSED,
                format!("run {run} is being driven by {owner}"),
            )
            .help(format!("`runbook show {run}` tells how far it is")),
            DriveError::Corrupt { run, source } => Self::new(
                exit::FAILED,
                format!("run {run} is corrupt and was not touched: {source}"),
            ),
        }
    }
}

impl From<runbook_sandbox::Error> for Failure {
    fn from(error: runbook_sandbox::Error) -> Self {
        Self::new(exit::FAILED, format!("sandbox: {error}")).help(error.remedy())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(exit::FAILED, error.to_string())
    }
}
