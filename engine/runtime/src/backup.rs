//! A consistent copy of a state file that may be in use: written under another name beside its place,
//! looked over, synced, and only then named.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::doctor::{self, Kind};
use crate::store::{Snapshot, StoreError, beside};

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its size in bytes.
    pub bytes: u64,
    /// Runs in it.
    pub runs: u64,
    /// Events in it.
    pub events: u64,
}

/// No copy was made; nothing stands under its name that was not there before.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The name is taken.
    #[error("{} exists already", file.display())]
    Exists {
        /// The name.
        file: PathBuf,
    },
    /// The name is that of a folder, or of the state file itself.
    #[error("{} is {what}", file.display())]
    Unfit {
        /// The name.
        file: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A write-ahead log stands beside the name and would be taken for the copy's.
    #[error("{} is a state file in use: {} stands beside it", file.display(), wal.display())]
    InUse {
        /// The name.
        file: PathBuf,
        /// The log.
        wal: PathBuf,
    },
    /// Another process is making the same copy.
    #[error("another process is writing {}", file.display())]
    Busy {
        /// The name.
        file: PathBuf,
    },
    /// The copy could not be written.
    #[error("cannot write {}: {reason}", file.display())]
    Write {
        /// The name.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// What was copied is not whole, so the state file is not.
    #[error("the state file is not sound, and no copy was kept: {reason}")]
    Unsound {
        /// The worst that was found.
        reason: String,
    },
    /// The state file cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the state file `state` to `file`. A process that is killed meanwhile leaves at most
/// `file.partial`, which the next call takes over.
///
/// # Errors
/// [`BackupError`].
pub fn backup(state: &Path, file: &Path, force: bool) -> Result<Copied, BackupError> {
    let snapshot = match Snapshot::open(state) {
        Err(StoreError::Failed { reason, .. }) => return Err(BackupError::Unsound { reason }),
        opened => opened?,
    };
    may_be(state, file, force)?;
    let partial = Partial::begin(file)?;
    let wrote = |error: &std::io::Error| BackupError::Write {
        file: file.to_path_buf(),
        reason: error.to_string(),
    };
    partial.like(state).map_err(|error| wrote(&error))?;
    snapshot
        .copy_into(&partial.path)
        .map_err(|error| failed(file, &error))?;
    let copied = sound(&partial.path)?;
    partial.file.sync_all().map_err(|error| wrote(&error))?;
    // What came to stand there meanwhile is not written over either.
    may_be(state, file, force)?;
    std::fs::rename(&partial.path, file).map_err(|error| wrote(&error))?;
    let folder = folder(file);
    File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| wrote(&error))?;
    Ok(copied)
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        Some(_) | None => PathBuf::from("."),
    }
}

/// Whether a copy may get this name.
fn may_be(state: &Path, file: &Path, force: bool) -> Result<(), BackupError> {
    let unfit = |what| BackupError::Unfit {
        file: file.to_path_buf(),
        what,
    };
    if file.is_dir() {
        return Err(unfit("a folder; name a file in it"));
    }
    if file.file_name().is_none() {
        return Err(unfit("not the name of a file"));
    }
    let same = |path: &Path| std::fs::canonicalize(path).ok();
    if same(file).is_some() && same(file) == same(state) {
        return Err(unfit("the state file itself"));
    }
    let wal = beside(file, "-wal");
    if wal.exists() {
        return Err(BackupError::InUse {
            file: file.to_path_buf(),
            wal,
        });
    }
    if file.exists() && !force {
        return Err(BackupError::Exists {
            file: file.to_path_buf(),
        });
    }
    Ok(())
}

/// The copy before it has its name. It goes when it does not get it.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    fn begin(to: &Path) -> Result<Self, BackupError> {
        let path = beside(to, ".partial");
        let wrote = |error: std::io::Error| BackupError::Write {
            file: to.to_path_buf(),
            reason: error.to_string(),
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(wrote)?;
        let busy = || BackupError::Busy {
            file: to.to_path_buf(),
        };
        match file.try_lock() {
            // Its former owner may just have named it.
            Ok(()) if is_at(&file, &path) => {}
            Ok(()) | Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Error(error)) => return Err(wrote(error)),
        }
        // What a killed process left behind.
        file.set_len(0).map_err(wrote)?;
        Ok(Self { path, file })
    }

    /// Who may read the state file may read the copy, and nobody else.
    fn like(&self, state: &Path) -> std::io::Result<()> {
        let mut rights = std::fs::metadata(state)?.permissions();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            rights.set_mode(rights.mode() & 0o777 | 0o600);
        }
        #[cfg(not(unix))]
        rights.set_readonly(false);
        self.file.set_permissions(rights)
    }
}

/// Whether `file` is still the one that `path` names: a lock on a removed file is none.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |found: std::fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => place(held) == place(named),
        _ => false,
    }
}

/// Whether `file` is still the one that `path` names: a lock on a removed file is none.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

impl Drop for Partial {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
            let _ = std::fs::remove_file(beside(&self.path, "-journal"));
        }
    }
}

/// Whose fault it was: SQLite says only what, and it read one file and wrote the other.
fn failed(file: &Path, error: &rusqlite::Error) -> BackupError {
    use rusqlite::ErrorCode;
    let code = error.sqlite_error_code();
    if matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    ) {
        return BackupError::Unsound {
            reason: error.to_string(),
        };
    }
    BackupError::Write {
        file: file.to_path_buf(),
        reason: match code {
            Some(ErrorCode::DiskFull) => "its disk is full".to_owned(),
            _ => error.to_string(),
        },
    }
}

/// Opens the copy and looks it over. That rows can be derived again is no reason to refuse it.
fn sound(copy: &Path) -> Result<Copied, BackupError> {
    let report = doctor::examine(copy, None)?;
    let worst = report
        .findings
        .iter()
        .find(|one| matches!(one.kind, Kind::Damaged | Kind::Record));
    if let Some(worst) = worst {
        let run = worst.run.as_deref();
        let place = run.map_or_else(String::new, |run| format!("run {run}: "));
        return Err(BackupError::Unsound {
            reason: format!("{place}{}", worst.message),
        });
    }
    Ok(Copied {
        bytes: report.bytes,
        runs: report.runs,
        events: report.events,
    })
}
