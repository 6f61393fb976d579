//! Bytes of one file, locked by open file description: `fcntl(2)`, `F_OFD_SETLK`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// The file, opened for locking when the first lock is taken.
#[derive(Debug)]
pub(super) struct Locks {
    path: PathBuf,
    /// Who may write this file may write that one.
    like: PathBuf,
    file: Mutex<Option<File>>,
}

impl Locks {
    pub(super) fn new(path: PathBuf, like: &Path) -> Self {
        Self {
            path,
            like: like.to_path_buf(),
            file: Mutex::default(),
        }
    }

    /// Whether it was free; it is not any more.
    pub(super) fn take(&self, place: u64) -> io::Result<bool> {
        match self.set(libc::F_WRLCK, place) {
            Ok(()) => Ok(true),
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn free(&self, place: u64) {
        // A lock that cannot be freed goes with the file.
        let _ = self.set(libc::F_UNLCK, place);
    }

    /// Whether others hold a byte, or any; what was taken through this value is not told.
    pub(super) fn is_held(&self, place: Option<u64>) -> io::Result<bool> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut lock = lock(libc::F_WRLCK, place);
        fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock))?;
        Ok(i32::from(lock.l_type) != libc::F_UNLCK)
    }

    fn set(&self, kind: i32, place: u64) -> io::Result<()> {
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *held {
            Some(file) => file,
            none => none.insert(self.open()?),
        };
        fcntl(&*file, FcntlArg::F_OFD_SETLK(&lock(kind, Some(place))))?;
        Ok(())
    }
}

impl Locks {
    fn open(&self) -> io::Result<File> {
        let mut options = File::options();
        options.read(true).write(true);
        match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let file = options.create(true).truncate(false).open(&self.path)?;
        // As SQLite does with the files beside its own.
        let rights = std::fs::metadata(&self.like).map(|like| like.permissions());
        let _ = rights.and_then(|rights| file.set_permissions(rights));
        Ok(file)
    }
}

fn is_conflict(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EAGAIN | Errno::EACCES))
}

/// One byte, or all of them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the kinds of lock are small numbers"
)]
fn lock(kind: i32, place: Option<u64>) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: place
            .and_then(|place| i64::try_from(place).ok())
            .unwrap_or(0),
        l_len: i64::from(place.is_some()),
        // Must be 0 for a lock of an open file description.
        l_pid: 0,
    }
}
