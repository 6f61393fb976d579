//! The recorder: which files are watched, what was written to them in which order, and which trouble
//! is to come.

use std::collections::BTreeSet;
use std::ffi::{OsString, c_int};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rusqlite::ffi;

use crate::mark::Mark;
use crate::vfs;

/// One of the files that SQLite keeps for a database. The shared memory beside them is not one: it is
/// made anew by the first process that opens the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The database itself.
    Database,
    /// The write-ahead log.
    Wal,
    /// The rollback journal, which exists while the database is made.
    Journal,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Database, Self::Wal, Self::Journal];

    /// Its file, beside the database at `path`.
    #[must_use]
    pub fn path(self, path: &Path) -> PathBuf {
        let mut name = OsString::from(path);
        name.push(match self {
            Self::Database => "",
            Self::Wal => "-wal",
            Self::Journal => "-journal",
        });
        PathBuf::from(name)
    }
}

/// What happened, in one order for all files of a database.
#[derive(Clone, Debug)]
pub enum Op {
    /// A file appeared in its folder.
    Create {
        /// The file.
        part: Part,
    },
    /// Bytes were written.
    Write {
        /// The file.
        part: Part,
        /// Which opening of it; no two are the same.
        handle: u64,
        /// Where, in bytes.
        offset: usize,
        /// What.
        bytes: Vec<u8>,
    },
    /// The file was cut.
    Truncate {
        /// The file.
        part: Part,
        /// Its new size in bytes.
        size: usize,
    },
    /// A sync succeeded: what was written to the file before is on disk.
    Sync {
        /// The file.
        part: Part,
        /// Which opening of it.
        handle: u64,
        /// Whether the names in the folder are on disk too.
        folder: bool,
    },
    /// A write was refused, as asked; a beginning of it may stand before this.
    WriteFailed {
        /// The file.
        part: Part,
        /// Which opening of it.
        handle: u64,
    },
    /// A sync was refused, as asked. What it should have brought to disk counts as clean from here on:
    /// a later sync says nothing about it.
    SyncFailed {
        /// The file.
        part: Part,
        /// Which opening of it.
        handle: u64,
    },
    /// A file disappeared from its folder.
    Delete {
        /// The file.
        part: Part,
        /// Whether that is on disk.
        folder: bool,
    },
    /// Something that a test wants to find in the order.
    Mark(Mark),
}

/// What a failing disk answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No room (`ENOSPC`).
    Full,
    /// It does not work (`EIO`).
    Broken,
}

/// Which operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The n-th write from now on; 1 is the next.
    Write(usize),
    /// The n-th sync from now on.
    Sync(usize),
    /// The n-th write to one file.
    WriteTo(Part, usize),
    /// The n-th sync of one file.
    SyncOf(Part, usize),
}

impl When {
    /// Counts an operation down; whether it is the one.
    fn meets(&mut self, is_write: bool, here: Part) -> bool {
        let (count, fits) = match self {
            Self::Write(count) => (count, is_write),
            Self::Sync(count) => (count, !is_write),
            Self::WriteTo(part, count) => (count, is_write && *part == here),
            Self::SyncOf(part, count) => (count, !is_write && *part == here),
        };
        if !fits || *count == 0 {
            return false;
        }
        *count -= 1;
        *count == 0
    }
}

#[derive(Debug, Default)]
struct State {
    ops: Vec<Op>,
    planned: Option<(When, Trouble)>,
    /// Every write fails so until the disk is mended.
    lasting: Option<Trouble>,
    read_only: bool,
    delay: Duration,
    ignored: BTreeSet<Part>,
    open: usize,
    next: u64,
}

/// What is shared with the C side.
#[derive(Debug)]
pub(crate) struct Shared {
    path: PathBuf,
    state: Mutex<State>,
}

static DISKS: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// The recorded file of this path, if its database is enrolled.
pub(crate) fn find(path: &Path) -> Option<Found> {
    let disks = locked(&DISKS);
    disks.iter().filter_map(Weak::upgrade).find_map(|shared| {
        let part = Part::ALL
            .into_iter()
            .find(|part| part.path(&shared.path) == path)?;
        Some(Found { shared, part })
    })
}

/// A file of an enrolled database.
pub(crate) struct Found {
    shared: Arc<Shared>,
    part: Part,
}

impl Found {
    /// Opens it; `real` is given the flags to open it with.
    pub(crate) fn open(
        self,
        flags: c_int,
        real: impl FnOnce(c_int) -> c_int,
    ) -> Result<Handle, c_int> {
        let mut state = self.shared.state();
        let mut flags = flags;
        if state.read_only {
            flags &= !(ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE);
            flags |= ffi::SQLITE_OPEN_READONLY;
        }
        let path = self.part.path(&self.shared.path);
        let existed = path.exists();
        if state.read_only && !existed && self.part != Part::Database {
            // As SQLite's own VFS in a folder that cannot be written.
            return Err(ffi::SQLITE_READONLY_DIRECTORY);
        }
        let code = real(flags);
        if code != ffi::SQLITE_OK {
            return Err(code);
        }
        if !existed && path.exists() {
            state.ops.push(Op::Create { part: self.part });
        }
        state.open += 1;
        state.next += 1;
        let number = state.next;
        drop(state);
        Ok(Handle {
            shared: self.shared,
            part: self.part,
            number,
            // As SQLite's own VFS: the first sync of a journal or log syncs its folder.
            folder: Mutex::new(self.part != Part::Database && flags & ffi::SQLITE_OPEN_CREATE != 0),
        })
    }

    pub(crate) fn delete(self, folder: bool, real: impl FnOnce() -> c_int) -> c_int {
        let mut state = self.shared.state();
        let code = real();
        if code == ffi::SQLITE_OK {
            state.ops.push(Op::Delete {
                part: self.part,
                folder,
            });
        }
        code
    }
}

/// An open file of an enrolled database.
pub(crate) struct Handle {
    shared: Arc<Shared>,
    part: Part,
    number: u64,
    folder: Mutex<bool>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.state().open -= 1;
    }
}

impl Handle {
    /// Writes, or fails after a beginning of the bytes, as a full or broken disk does.
    pub(crate) fn write(
        &self,
        offset: i64,
        bytes: &[u8],
        real: impl FnOnce(&[u8]) -> c_int,
    ) -> c_int {
        let mut state = self.shared.state();
        let planned = match &mut state.planned {
            Some((when, trouble)) => when.meets(true, self.part).then_some(*trouble),
            None => None,
        };
        let trouble = planned.or(state.lasting);
        let kept = match planned {
            Some(_) => &bytes[..bytes.len() / 2],
            None => bytes,
        };
        if trouble.is_none() || planned.is_some() {
            let code = real(kept);
            if code != ffi::SQLITE_OK {
                return code;
            }
            state.ops.push(Op::Write {
                part: self.part,
                handle: self.number,
                offset: usize::try_from(offset).unwrap_or_default(),
                bytes: kept.to_vec(),
            });
        }
        let Some(trouble) = trouble else {
            return ffi::SQLITE_OK;
        };
        state.ops.push(Op::WriteFailed {
            part: self.part,
            handle: self.number,
        });
        match trouble {
            Trouble::Full => {
                // A full disk stays full until somebody makes room; a broken sector may be one alone.
                state.lasting = Some(Trouble::Full);
                ffi::SQLITE_FULL
            }
            Trouble::Broken => ffi::SQLITE_IOERR_WRITE,
        }
    }

    pub(crate) fn truncate(&self, size: i64, real: impl FnOnce() -> c_int) -> c_int {
        let mut state = self.shared.state();
        let code = real();
        if code == ffi::SQLITE_OK {
            state.ops.push(Op::Truncate {
                part: self.part,
                size: usize::try_from(size).unwrap_or_default(),
            });
        }
        code
    }

    /// Syncs, or fails. The order of files is kept: nothing else is written meanwhile but in a delay.
    pub(crate) fn sync(&self, real: impl FnOnce() -> c_int) -> c_int {
        let delay = self.shared.state().delay;
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        let mut state = self.shared.state();
        if let Some((when, trouble)) = &mut state.planned
            && when.meets(false, self.part)
        {
            let full = *trouble == Trouble::Full;
            state.ops.push(Op::SyncFailed {
                part: self.part,
                handle: self.number,
            });
            return if full {
                ffi::SQLITE_FULL
            } else {
                ffi::SQLITE_IOERR_FSYNC
            };
        }
        if state.ignored.contains(&self.part) {
            return ffi::SQLITE_OK;
        }
        let code = real();
        if code == ffi::SQLITE_OK {
            let folder = std::mem::take(&mut *locked(&self.folder));
            state.ops.push(Op::Sync {
                part: self.part,
                handle: self.number,
                folder,
            });
        }
        code
    }
}

/// A recorded database. Enrolling makes the shim the default VFS of the process, so code that knows
/// nothing of it is recorded too; a file that is not enrolled is not touched. Ends with its last clone.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Shared>);

impl Disk {
    /// Records the database at `path`, whose folder must exist. Connections that are open already are
    /// not seen.
    ///
    /// # Errors
    /// The folder cannot be found.
    pub fn enrol(path: &Path) -> std::io::Result<Self> {
        vfs::install();
        // SQLite gives its VFS the path without symbolic links.
        let folder = path.parent().unwrap_or(Path::new(".")).canonicalize()?;
        let shared = Arc::new(Shared {
            path: folder.join(path.file_name().unwrap_or_default()),
            state: Mutex::default(),
        });
        let mut disks = locked(&DISKS);
        disks.retain(|disk| disk.strong_count() > 0);
        disks.push(Arc::downgrade(&shared));
        Ok(Self(shared))
    }

    /// Puts a mark into the order.
    pub fn mark(&self, mark: Mark) {
        self.0.state().ops.push(Op::Mark(mark));
    }

    /// Records that a program wrote a file over itself, past SQLite; whoever calls this has seen it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn rewritten(&self, part: Part) -> std::io::Result<()> {
        let bytes = std::fs::read(part.path(&self.0.path))?;
        self.0.state().ops.push(Op::Write {
            part,
            handle: 0,
            offset: 0,
            bytes,
        });
        self.0.state().ops.push(Op::Sync {
            part,
            handle: 0,
            folder: false,
        });
        Ok(())
    }

    /// Everything so far, in order.
    #[must_use]
    pub fn ops(&self) -> Vec<Op> {
        self.0.state().ops.clone()
    }

    /// Lets one operation fail. A full disk then refuses every write until [`Disk::mend`]; a broken one
    /// fails once, so that a retry would seem to succeed.
    pub fn fail(&self, when: When, trouble: Trouble) {
        self.0.state().planned = Some((when, trouble));
    }

    /// Refuses to open the files for writing.
    pub fn read_only(&self) {
        self.0.state().read_only = true;
    }

    /// Every sync takes this much longer.
    pub fn delay_syncs(&self, delay: Duration) {
        self.0.state().delay = delay;
    }

    /// Syncs of this file succeed without doing anything, as on a disk that lies, or as the log is
    /// treated by `synchronous = OFF`.
    pub fn ignore_syncs(&self, part: Part) {
        self.0.state().ignored.insert(part);
    }

    /// Takes all trouble away.
    pub fn mend(&self) {
        let mut state = self.0.state();
        state.planned = None;
        state.lasting = None;
        state.read_only = false;
        state.delay = Duration::ZERO;
        state.ignored.clear();
    }

    /// Files of the database that are open in this process.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.0.state().open
    }
}
