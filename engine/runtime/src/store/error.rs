//! What can go wrong with the state file, in words that say what to do.

use std::path::PathBuf;

use thiserror::Error;

/// The state file cannot be used.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The folder or file cannot be made or opened.
    #[error("cannot open the state file {}: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is a file of something else.
    #[error("{} is not a runbook state file", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A newer build wrote it.
    #[error("{} was written by a newer runbook (schema {found}, this one knows {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It cannot be written.
    #[error("the state file {} is read-only", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full. What was recorded stays recorded.
    #[error("the disk that holds {} is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// SQLite did not take a setting that durability needs.
    #[error("{}: SQLite refused `{setting}` (it says `{found}`)", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting.
        setting: &'static str,
        /// What it answered.
        found: String,
    },
    /// It lies on a file system whose locks cannot be trusted.
    #[error("{} is on a network file system ({kind}), where locks and syncs cannot be trusted", path.display())]
    NetworkFileSystem {
        /// The file.
        path: PathBuf,
        /// Its kind.
        kind: String,
    },
    /// A write or read failed; the state on disk is what was last confirmed.
    #[error("the state file {} failed: {reason}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// Another process is in the middle of a write and does not end it: it is stopped, or hangs.
    #[error("another process holds the write lock of {} and does not let go{}", path.display(), named(holders))]
    InUse {
        /// The file.
        path: PathBuf,
        /// The runs that live processes drive, and their owners.
        holders: Vec<(String, String)>,
    },
    /// No such run.
    #[error("no run `{id}`")]
    NoRun {
        /// The id asked for.
        id: String,
        /// Ids that begin alike.
        near: Vec<String>,
    },
    /// Another process took over the run; what this one wanted to write was refused.
    #[error("run {run} is now driven by another process (epoch {current}, ours was {ours})")]
    LeaseLost {
        /// The run.
        run: String,
        /// Our epoch.
        ours: u64,
        /// The current one.
        current: u64,
    },
    /// The journal does not fit what the writer believed.
    #[error("the journal of run {run} has {found} events where {expected} were expected")]
    Conflict {
        /// The run.
        run: String,
        /// What the writer believed.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A live run holds the lock.
    #[error("lock `{key}` is held by run {run} ({runbook}, {status})")]
    Locked {
        /// The key.
        key: String,
        /// The holder.
        run: String,
        /// Its runbook.
        runbook: String,
        /// Its status.
        status: String,
    },
    /// The idempotency key belongs to another request.
    #[error(
        "the idempotency key `{key}` belongs to run {run} of {runbook}, which was asked for with something else"
    )]
    KeyTaken {
        /// The key.
        key: String,
        /// The run that has it.
        run: String,
        /// Its runbook.
        runbook: String,
    },
    /// The stored data cannot be read.
    #[error("run {run} is corrupt: {reason}")]
    Corrupt {
        /// The run.
        run: String,
        /// Why.
        reason: String,
    },
}

/// Who may hold the file, as far as their runs tell.
fn named(holders: &[(String, String)]) -> String {
    let named: Vec<String> = holders
        .iter()
        .map(|(run, owner)| format!("{owner} drives run {run}"))
        .collect();
    if named.is_empty() {
        return String::new();
    }
    format!(" ({})", named.join(", "))
}

impl StoreError {
    /// What the person can do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Open { .. } => {
                "choose another file with --state FILE or RUNBOOK_STATE".to_owned()
            }
            Self::NotOurs { .. } => {
                "name the right file with --state FILE; nothing was written to this one".to_owned()
            }
            Self::Newer { .. } => "use the newer runbook; nothing was changed".to_owned(),
            Self::ReadOnly { path } => format!(
                "make {} and its folder writable, or choose another with --state FILE",
                path.display()
            ),
            Self::Full { .. } => {
                "make room, then `runbook resume`: what was recorded before is safe".to_owned()
            }
            Self::NetworkFileSystem { .. } => {
                "put the state on a local disk with --state FILE".to_owned()
            }
            Self::Failed { .. } => {
                "check the disk, then `runbook resume`: what was recorded before is safe".to_owned()
            }
            Self::InUse { .. } => {
                "let that process go on if it is stopped (`kill -CONT PID`), or end it (`kill -KILL PID`), then try again: nothing was changed, and what was recorded before is safe"
                    .to_owned()
            }
            Self::NoRun { near, .. } if !near.is_empty() => {
                format!("did you mean {}?", near.join(", "))
            }
            Self::NoRun { .. } => "`runbook list` shows all runs".to_owned(),
            Self::LeaseLost { run, .. } => format!("`runbook show {run}` tells who and how far"),
            Self::Locked { run, .. } => format!(
                "wait for it, or `runbook show {run}`; `runbook resume {run}` or `runbook cancel {run}` if it was interrupted"
            ),
            Self::KeyTaken { run, .. } => format!(
                "a key stands for one runbook, environment and set of parameters; `runbook show {run}` shows its own"
            ),
            Self::Setting { .. } | Self::Conflict { .. } | Self::Corrupt { .. } => return None,
        })
    }
}
