//! The journal and the state rows, in one SQLite file. The store appends and loads and does not know
//! what a state is.

mod append;
mod error;
mod open;
mod raw;
mod read;
mod record;
mod schema;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runbook_core::Timestamp;

pub use error::StoreError;
pub use raw::{RawCommits, RawError};
pub use read::{EventRow, Filter, RunInfo, SignalRow, Snapshot};
pub use record::{
    ApprovalRow, Commit, EffectRow, EffectState, LogRow, NewRunRow, Rows, RunRow, Signal, StepRow,
};
use writer::Writer;

use crate::{fail, now};

/// A state file, opened for writing. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    path: Arc<PathBuf>,
}

/// What `create` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// A new run.
    New,
    /// A run with this id or idempotency key was there already: its id.
    Existing(String),
}

/// The right to drive a run, held for life: the operating system frees it when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct Claim {
    /// Fencing epoch of this owner.
    pub epoch: u64,
    /// When it was taken: what an earlier owner did, it did before.
    pub at: Timestamp,
    file: File,
    path: PathBuf,
}

impl Claim {
    /// Gives the right back and removes the lock file of a run that has ended.
    pub fn retire(self) {
        fail::point("claim.retire");
        let _ = std::fs::remove_file(&self.path);
        fail::point("claim.retired");
        drop(self.file);
    }
}

impl Store {
    /// Opens or creates the state file.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed in a file that is refused.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = open::writable(path)?;
        Ok(Self {
            writer: Writer::start(connection, path)?,
            path: Arc::new(path.to_path_buf()),
        })
    }

    /// Whether a state file is there. One that a killed process left without tables holds nothing yet.
    #[must_use]
    pub fn exists(path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|file| file.len() > 0) && !open::is_unfinished(path)
    }

    /// The state file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that only reads.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(&self.path)
    }

    /// Creates a run with its first event, and takes its lock.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when a live run of another tree holds the lock; nothing was created.
    pub async fn create(&self, run: NewRunRow) -> Result<Created, StoreError> {
        self.writer
            .run(move |transaction| append::create(transaction, &run))
            .await
    }

    /// Appends one record.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has taken over: nothing was written.
    pub async fn append(&self, commit: Commit) -> Result<(), StoreError> {
        self.writer
            .run(move |transaction| append::append(transaction, &commit))
            .await
    }

    /// Takes the right to drive a run: an OS lock held for life, and a raised fencing epoch. `None`
    /// when a live process holds it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(&self, run: &str, owner: String) -> Result<Option<Claim>, StoreError> {
        let path = self.lock_path(run);
        let Some(file) = self.lock_file(&path)? else {
            return Ok(None);
        };
        fail::point("claim.locked");
        let id = run.to_owned();
        let epoch = self
            .writer
            .run(move |transaction| append::claim(transaction, &id, &owner))
            .await?;
        fail::point("claim.recorded");
        Ok(Some(Claim {
            epoch,
            at: now(),
            file,
            path,
        }))
    }

    /// Whether a live process drives the run.
    #[must_use]
    pub fn is_driven(&self, run: &str) -> bool {
        let path = self.lock_path(run);
        path.exists() && matches!(self.lock_file(&path), Ok(None))
    }

    /// Leaves a person's word for a run; its owner, or its next one, takes it.
    ///
    /// # Errors
    /// [`StoreError::NoRun`].
    pub async fn signal(
        &self,
        run: &str,
        actor: &str,
        at: Timestamp,
        signal: Signal,
    ) -> Result<i64, StoreError> {
        let (run, actor) = (run.to_owned(), actor.to_owned());
        self.writer
            .run(move |transaction| append::signal(transaction, &run, &actor, at, &signal))
            .await
    }

    fn lock_path(&self, run: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_os_string();
        name.push(".locks");
        self.path.with_file_name(name).join(run)
    }

    fn lock_file(&self, path: &Path) -> Result<Option<File>, StoreError> {
        let open = |error: std::io::Error| StoreError::Open {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(open)?;
        }
        loop {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)
                .map_err(open)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
                Err(std::fs::TryLockError::Error(error)) => return Err(open(error)),
            }
            // The owner of an ended run removes the file: a lock on a removed file is none.
            if path.exists() {
                return Ok(Some(file));
            }
        }
    }
}
