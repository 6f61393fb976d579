//! The journal and the state rows, in one SQLite file. The store appends and loads and does not know
//! what a state is.

mod append;
mod check;
mod error;
mod inline;
mod journal;
mod kept;
mod liveness;
mod lock;
mod log;
mod open;
mod raw;
mod read;
mod rebuild;
mod record;
mod schema;
mod still;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use runbook_core::{Millis, Timestamp};

pub(crate) use check::{Shown, effect_name, shown};
pub use error::StoreError;
#[doc(hidden)]
pub use inline::{Fate, Hook, Moment};
pub(crate) use liveness::is_at;
pub use raw::{RawCommits, RawError};
pub use read::{EventRow, Filter, RunInfo, SignalRow, Snapshot};
pub(crate) use rebuild::{Derived, Origin};
pub use record::{
    ApprovalRow, Commit, EffectRow, EffectState, LogRow, NewRunRow, Rows, RunRow, Signal, StepRow,
};
pub(crate) use still::beside;
use writer::Writer;

use crate::fail;

/// A state file, opened for writing. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    // Dropped first: the last one to close the file takes the log away, and a reader cannot.
    /// What reads for everybody who has this store: a thousand runs need no thousand connections.
    reader: Arc<OnceLock<Snapshot>>,
    writer: Writer,
    path: Arc<PathBuf>,
}

/// How long the right to drive a run is asked for before another process counts as its owner.
const PATIENCE: Duration = Duration::from_millis(100);

/// What `create` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// A new run.
    New,
    /// A run with this id or idempotency key was there already: its id.
    Existing(String),
}

/// The right to drive a run: an OS lock, held for life, which the operating system frees when the
/// process ends, however it ends; and a fencing epoch that every write is checked against.
#[derive(Debug)]
pub struct Claim {
    /// Fencing epoch of this owner.
    pub epoch: u64,
    /// When an earlier owner may have called out for the last time: its lease had run out, or it was
    /// dead.
    pub called: Timestamp,
    file: File,
    path: PathBuf,
}

impl Claim {
    /// Gives the right back and removes the lock file of a run that has ended, unless it is a later
    /// owner's.
    pub fn retire(self) {
        fail::point("claim.retire");
        if is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
        fail::point("claim.retired");
        drop(self.file);
    }
}

/// How often a new owner looks whether the last one is heard of, before it takes over.
const WATCHES: u32 = 10;

impl Store {
    /// Opens or creates the state file.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed in a file that is refused.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_within(path, writer::BUSY)
    }

    /// The same, for one that waits so long for another process' transaction, then and later.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was changed in a file that is refused.
    pub fn open_within(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let connection = open::writable(path, patience).map_err(liveness::name_holders)?;
        Ok(Self {
            writer: Writer::start(connection, path, patience)?,
            reader: Arc::default(),
            path: Arc::new(path.to_path_buf()),
        })
    }

    /// Opens or creates the state file for a simulation: every commit is carried out on its caller, and
    /// `hook` is asked at each whether the process lives on.
    ///
    /// # Errors
    /// [`StoreError`].
    #[doc(hidden)]
    pub fn open_inline(path: &Path, hook: Hook) -> Result<Self, StoreError> {
        let connection = open::writable(path, writer::BUSY)?;
        Ok(Self {
            writer: Writer::inline(connection, path, hook),
            reader: Arc::default(),
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

    /// The connection that only reads, shared by all who ask for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        if let Some(reader) = self.reader.get() {
            return Ok(reader.clone());
        }
        let reader = Snapshot::open(&self.path)?;
        Ok(self.reader.get_or_init(|| reader).clone())
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
        self.record(commit).await.map(|_| ())
    }

    /// The same; gives back what is on disk now.
    pub(crate) async fn record(&self, commit: Commit) -> Result<Commit, StoreError> {
        self.writer
            .run(move |transaction| Ok(append::append(transaction, &commit)?.map(|()| commit)))
            .await
    }

    /// Takes the right to drive a run: an OS lock held for life, and a raised fencing epoch. `None` when
    /// a live process holds it. One that holds it and was not heard of for longer than `lease`, and is
    /// not for half of that again, is stalled: the run is taken from it, and what it writes from then
    /// on is refused.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(
        &self,
        run: &str,
        owner: String,
        now: Timestamp,
        lease: Millis,
    ) -> Result<Option<Claim>, StoreError> {
        let path = self.lock_path(run);
        let free = self.lock_file(&path)?;
        let silent = match &free {
            Some(_) => None,
            None => match self.silent(run, now, lease).await? {
                Some(epoch) => Some(epoch),
                None => return Ok(None),
            },
        };
        fail::point("claim.locked");
        // A process that was stalled since it got the lock may have lost it to another one.
        let (id, place) = (run.to_owned(), path.clone());
        let held = free.as_ref().map(File::try_clone).transpose();
        let held = held.map_err(|error| StoreError::Open {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let claimed = self.writer.run(move |transaction| {
            if held.is_some_and(|held| !is_at(&held, &place)) {
                return Ok(Ok(None));
            }
            lock::claim(transaction, &id, (&owner, silent), now)
        });
        // Of several that found its owner silent, one has it.
        let Some((epoch, last)) = claimed.await? else {
            return Ok(None);
        };
        fail::point("claim.recorded");
        let (file, lives) = match free {
            Some(file) => (file, false),
            None => {
                // The stalled owner keeps its lock on a file that no path leads to any more.
                let _ = std::fs::remove_file(&path);
                match self.lock_file(&path)? {
                    Some(file) => (file, true),
                    None => return Ok(None),
                }
            }
        };
        Ok(Some(Claim {
            epoch,
            // One that lives may have begun a call just before it lost its right to.
            called: match last {
                Some(last) if !lives => last.plus(lease).min(now),
                Some(_) | None => now,
            },
            file,
            path,
        }))
    }

    /// The epoch of the owner of a run, when it is not heard of: its lease has run out, and it does not
    /// renew it while we look. A clock that was set is no reason to take a run from somebody.
    async fn silent(
        &self,
        run: &str,
        now: Timestamp,
        lease: Millis,
    ) -> Result<Option<u64>, StoreError> {
        let snapshot = self.snapshot()?;
        let Some((epoch, renewed)) = snapshot.lease(run)? else {
            return Ok(None);
        };
        if renewed.plus(lease) > now {
            return Ok(None);
        }
        for _ in 0..WATCHES {
            tokio::time::sleep(Duration::from_millis(lease) / (2 * WATCHES)).await;
            if snapshot.lease(run)? != Some((epoch, renewed)) {
                return Ok(None);
            }
        }
        Ok(Some(epoch))
    }

    /// Renews the lease of a run.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when another process has taken over.
    pub async fn renew(&self, run: &str, epoch: u64, now: Timestamp) -> Result<(), StoreError> {
        let run = run.to_owned();
        self.writer
            .run(move |transaction| lock::renew(transaction, &run, epoch, now))
            .await
    }

    /// Takes a place in the queue for a lock, or keeps it: to be called more often than every 10 s.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn queue(&self, key: &str, waiter: &str, now: Timestamp) -> Result<(), StoreError> {
        let (key, waiter) = (key.to_owned(), waiter.to_owned());
        self.writer
            .run(move |transaction| lock::queue(transaction, &key, &waiter, now))
            .await
    }

    /// Gives a place in a queue up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn leave_queue(&self, waiter: &str) -> Result<(), StoreError> {
        let waiter = waiter.to_owned();
        self.writer
            .run(move |transaction| lock::leave(transaction, &waiter))
            .await
    }

    /// Whether a live process drives the run.
    #[must_use]
    pub fn is_driven(&self, run: &str) -> bool {
        liveness::is_driven(&self.path, run)
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

    /// Writes a value that outlives runs, or takes it away, if it is as `expected` (absent: whatever it
    /// is); false when it is not. `place` is environment, owner and key.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn keep_value(
        &self,
        place: [String; 3],
        expected: Option<Option<Vec<u8>>>,
        value: Option<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |transaction| kept::set(transaction, &place, expected, value))
            .await
    }

    fn lock_path(&self, run: &str) -> PathBuf {
        liveness::lock_path(&self.path, run)
    }

    fn lock_file(&self, path: &Path) -> Result<Option<File>, StoreError> {
        let open = |error: std::io::Error| StoreError::Open {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        // Where nothing runs beside the callers, nobody is only asking.
        let patience = match self.writer.is_inline() {
            true => Duration::ZERO,
            false => PATIENCE,
        };
        let patience = Instant::now() + patience;
        loop {
            let create = || {
                let mut options = File::options();
                options.create(true).truncate(false).write(true).open(path)
            };
            let file = match create() {
                // The first run of a state file.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    let folder = path.parent().unwrap_or(path);
                    std::fs::create_dir_all(folder).map_err(open)?;
                    create().map_err(open)?
                }
                created => created.map_err(open)?,
            };
            match file.try_lock() {
                Ok(()) => {}
                // Somebody may only be asking who drives the run, which takes a moment.
                Err(std::fs::TryLockError::WouldBlock) if Instant::now() < patience => {
                    std::thread::sleep(PATIENCE / 20);
                    continue;
                }
                Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
                Err(std::fs::TryLockError::Error(error)) => return Err(open(error)),
            }
            // The owner of an ended run removes the file: a lock on a removed file is none.
            if liveness::is_at(&file, path) {
                return Ok(Some(file));
            }
        }
    }
}
