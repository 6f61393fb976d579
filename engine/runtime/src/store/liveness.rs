//! Who drives a run, asked without creating or writing anything.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{Snapshot, StoreError};

/// Folder of the lock files of a state file.
fn folder(state: &Path) -> PathBuf {
    let mut name = state.file_name().unwrap_or_default().to_os_string();
    name.push(".locks");
    state.with_file_name(name)
}

/// The file whose OS lock is the right to drive a run.
pub(super) fn lock_path(state: &Path, run: &str) -> PathBuf {
    folder(state).join(run)
}

/// Whether a live process drives the run. One whose lock file may not be read counts as driven: it
/// cannot be told, and to believe the opposite would be worse.
pub(super) fn is_driven(state: &Path, run: &str) -> bool {
    is_held(&lock_path(state, run))
}

/// The runs of the state file that live processes drive.
pub(super) fn driven(state: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder(state)) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| is_held(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Says who may hold the write lock that a writer did not get: one of those that drive runs.
pub(super) fn name_holders(error: StoreError) -> StoreError {
    match error {
        StoreError::InUse { path, .. } => StoreError::InUse {
            holders: holders(&path),
            path,
        },
        other => other,
    }
}

/// The runs that live processes drive, each with its owner.
fn holders(state: &Path) -> Vec<(String, String)> {
    let runs = driven(state);
    if runs.is_empty() {
        return Vec::new();
    }
    let snapshot = Snapshot::open(state);
    let owner = |run: &String| snapshot.as_ref().ok()?.run(run).ok()?.owner;
    runs.into_iter()
        .map(|run| {
            let owner = owner(&run).unwrap_or_else(|| "a live process".to_owned());
            (run, owner)
        })
        .collect()
}

/// Asks with a shared lock, for as long as the question takes: those who ask do not meet each other,
/// and who wants the lock for itself tries for a while.
fn is_held(lock: &Path) -> bool {
    match File::open(lock) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    }
}

/// Whether `file` is still the one that `path` names: a lock on a removed file is none.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |found: std::fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => place(held) == place(named),
        _ => false,
    }
}

/// Whether `file` is still the one that `path` names: a lock on a removed file is none.
#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
