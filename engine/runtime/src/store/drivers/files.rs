//! A file for each lock, where the operating system locks no bytes by open file description.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folder of the files.
#[derive(Debug)]
pub(super) struct Locks {
    folder: PathBuf,
    held: Mutex<HashMap<u64, File>>,
}

impl Locks {
    pub(super) fn new(path: PathBuf, _: &Path) -> Self {
        let mut name = path.into_os_string();
        name.push("s");
        Self {
            folder: PathBuf::from(name),
            held: Mutex::default(),
        }
    }

    /// Whether it was free; it is not any more.
    pub(super) fn take(&self, place: u64) -> io::Result<bool> {
        std::fs::create_dir_all(&self.folder)?;
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let file = options.open(self.path(place))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(place, file);
        Ok(true)
    }

    /// Frees a lock and removes its file. Who gets a lock on the removed one has come too late anyway:
    /// the epoch that it stands for is over.
    pub(super) fn free(&self, place: u64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = std::fs::remove_file(self.path(place));
        held.remove(&place);
    }

    /// Whether others hold a lock, or any.
    pub(super) fn is_held(&self, place: Option<u64>) -> io::Result<bool> {
        if let Some(place) = place {
            return is_locked(&self.path(place));
        }
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        for entry in entries {
            if is_locked(&entry?.path())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn path(&self, place: u64) -> PathBuf {
        self.folder.join(format!("{place:016x}"))
    }
}

/// Asks with a shared lock, for as long as the question takes.
fn is_locked(path: &Path) -> io::Result<bool> {
    match File::open(path) {
        Ok(file) => Ok(matches!(
            file.try_lock_shared(),
            Err(TryLockError::WouldBlock)
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
