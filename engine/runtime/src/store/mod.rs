//! The journal and the state rows, in one SQLite file. The store appends and loads and does not know
//! what a state is.

mod append;
mod check;
mod drivers;
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

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use runbook_core::{Millis, Timestamp};

pub(crate) use check::{Shown, effect_name, shown};
use drivers::{Drivers, Held};
pub use error::StoreError;
#[doc(hidden)]
pub use inline::{Fate, Hook, Moment};
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
    drivers: Arc<Drivers>,
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

/// The right to drive a run: an OS lock, held for life, which the operating system frees when the
/// process ends, however it ends; and a fencing epoch that every write is checked against.
#[derive(Debug)]
pub struct Claim {
    /// Fencing epoch of this owner.
    pub epoch: u64,
    /// When an earlier owner may have called out for the last time: its lease had run out, or it was
    /// dead.
    pub called: Timestamp,
    held: Held,
}

impl Claim {
    /// Gives the right back.
    pub fn retire(self) {
        fail::point("claim.retire");
        drop(self.held);
        fail::point("claim.retired");
    }
}

/// What came of wanting to drive a run.
enum Tried {
    Claimed(Claim),
    /// A live process drives it.
    Driven,
    /// Another one came first.
    Late,
}

/// The epochs that the next owner of a run may have.
fn next(current: u64) -> RangeInclusive<u64> {
    current + 1..=current + 8
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
            drivers: Arc::new(Drivers::of(path)),
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
            drivers: Arc::new(Drivers::of(path)),
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
        // Whoever comes too late looks once more: the one who came first may be gone already.
        for _ in 0..2 {
            match self.try_claim(run, &owner, now, lease).await? {
                Tried::Claimed(claim) => return Ok(Some(claim)),
                Tried::Driven => return Ok(None),
                Tried::Late => {}
            }
        }
        Ok(None)
    }

    async fn try_claim(
        &self,
        run: &str,
        owner: &str,
        now: Timestamp,
        lease: Millis,
    ) -> Result<Tried, StoreError> {
        let current = self.snapshot()?.epoch(run)?;
        // An owner has its lock before its epoch is on disk: one that is free was let go of for good.
        let lives = self.drivers.is_held(run, current);
        if lives && !self.is_silent(run, current, now, lease).await? {
            return Ok(Tried::Driven);
        }
        let Some((epoch, held)) = self.hold_next(run, current)? else {
            return Ok(Tried::Driven);
        };
        fail::point("claim.locked");
        let (id, owner) = (run.to_owned(), owner.to_owned());
        let claimed = self
            .writer
            .run(move |transaction| lock::claim(transaction, &id, (&owner, epoch), current, now));
        // Of several that found its owner gone or silent, one has it.
        let Some(last) = claimed.await? else {
            return Ok(Tried::Late);
        };
        fail::point("claim.recorded");
        Ok(Tried::Claimed(Claim {
            epoch,
            // One that lives may have begun a call just before it lost its right to.
            called: match last {
                Some(last) if !lives => last.plus(lease).min(now),
                Some(_) | None => now,
            },
            held,
        }))
    }

    /// The lock of the next owner, with its epoch. One that wants to become it too may have the first,
    /// and may stand still before it says so: whoever writes first is the owner.
    fn hold_next(&self, run: &str, current: u64) -> Result<Option<(u64, Held)>, StoreError> {
        for epoch in next(current) {
            if let Some(held) = self.hold(run, epoch)? {
                return Ok(Some((epoch, held)));
            }
        }
        Ok(None)
    }

    /// The lock of an owner; none while another process has it.
    fn hold(&self, run: &str, epoch: u64) -> Result<Option<Held>, StoreError> {
        self.drivers
            .take(run, epoch)
            .map_err(|error| StoreError::Open {
                path: beside(&self.path, ".lock"),
                reason: error.to_string(),
            })
    }

    /// Whether the owner of a run is not heard of: its lease has run out, and it does not renew it while
    /// we look. A clock that was set is no reason to take a run from somebody.
    async fn is_silent(
        &self,
        run: &str,
        owner: u64,
        now: Timestamp,
        lease: Millis,
    ) -> Result<bool, StoreError> {
        let snapshot = self.snapshot()?;
        let Some((epoch, renewed)) = snapshot.lease(run)? else {
            return Ok(false);
        };
        if epoch != owner || renewed.plus(lease) > now {
            return Ok(false);
        }
        for _ in 0..WATCHES {
            tokio::time::sleep(Duration::from_millis(lease) / (2 * WATCHES)).await;
            if snapshot.lease(run)? != Some((epoch, renewed)) {
                return Ok(false);
            }
        }
        Ok(true)
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
        self.snapshot()
            .is_ok_and(|snapshot| snapshot.is_driven(run))
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
}
