//! The OS locks that say which process drives a run: one byte of one file for each owner of each run, freed
//! by the operating system when the process ends, however it ends.
//!
//! The byte depends on the epoch: who takes over from a silent owner has a byte of its own, and the one that
//! comes back holds one that nobody asks for any more. A file for each run would be simpler, and would be
//! half of the time of a thousand short runs.

#[cfg(target_os = "linux")]
mod bytes;
#[cfg(any(test, not(target_os = "linux")))]
mod files;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

#[cfg(target_os = "linux")]
use bytes::Locks;
#[cfg(not(target_os = "linux"))]
use files::Locks;

/// The locks that this process holds through one store.
#[derive(Debug)]
pub(super) struct Drivers {
    locks: Locks,
    /// What one store locks twice is no conflict for the operating system.
    ours: Mutex<HashSet<u64>>,
}

/// The lock of one owner of one run; free when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    drivers: Arc<Drivers>,
    place: u64,
}

impl Drivers {
    /// Of a state file. Creates nothing.
    pub(super) fn of(state: &Path) -> Self {
        Self {
            locks: Locks::new(beside(state), state),
            ours: Mutex::default(),
        }
    }

    /// The lock of an owner of a run; none while somebody else has it.
    pub(super) fn take(self: &Arc<Self>, run: &str, epoch: u64) -> io::Result<Option<Held>> {
        let place = place(run, epoch);
        let mut ours = self.ours();
        if ours.contains(&place) || !self.locks.take(place)? {
            return Ok(None);
        }
        ours.insert(place);
        Ok(Some(Held {
            drivers: self.clone(),
            place,
        }))
    }

    /// Whether an owner of a run has its lock.
    pub(super) fn is_held(&self, run: &str, epoch: u64) -> bool {
        let place = place(run, epoch);
        self.ours().contains(&place) || cannot_tell(self.locks.is_held(Some(place)))
    }

    fn ours(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut ours = self.drivers.ours();
        self.drivers.locks.free(self.place);
        ours.remove(&self.place);
    }
}

/// Whether the owner of a run is a live process. Creates and writes nothing.
pub(super) fn is_held(state: &Path, run: &str, epoch: u64) -> bool {
    let locks = Locks::new(beside(state), state);
    cannot_tell(locks.is_held(Some(place(run, epoch))))
}

/// Whether a live process drives any run of the state file.
pub(super) fn is_any_held(state: &Path) -> bool {
    cannot_tell(Locks::new(beside(state), state).is_held(None))
}

/// A run whose lock may not be asked for counts as driven: to believe the opposite would be worse.
fn cannot_tell(answer: io::Result<bool>) -> bool {
    answer.unwrap_or_else(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

fn beside(state: &Path) -> PathBuf {
    super::beside(state, ".lock")
}

/// Where the lock of an owner is: in 62 bits no two meet.
fn place(run: &str, epoch: u64) -> u64 {
    let mut hash = Sha256::new();
    hash.update(run.as_bytes());
    hash.update([0]);
    hash.update(epoch.to_be_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    u64::from_be_bytes(first) >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_has_the_lock_and_a_later_one_has_another() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.db");
        let (one, two) = (Arc::new(Drivers::of(&state)), Arc::new(Drivers::of(&state)));
        assert!(!is_held(&state, "a", 1) && !is_any_held(&state));
        assert!(
            !folder.path().join("state.db.lock").exists(),
            "asking makes nothing"
        );
        std::fs::write(&state, "").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&state, PermissionsExt::from_mode(0o660)).unwrap();
        }
        let held = one.take("a", 1).unwrap().unwrap();
        let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions();
        assert_eq!(
            rights(&folder.path().join("state.db.lock")),
            rights(&state),
            "who may write the one may write the other"
        );
        assert!(one.take("a", 1).unwrap().is_none());
        assert!(two.take("a", 1).unwrap().is_none());
        for asked in [&one, &two] {
            assert!(asked.is_held("a", 1));
            assert!(!asked.is_held("a", 2) && !asked.is_held("b", 1));
        }
        assert!(is_held(&state, "a", 1) && is_any_held(&state));
        let later = two.take("a", 2).unwrap().unwrap();
        drop(held);
        assert!(!two.is_held("a", 1) && one.is_held("a", 2));
        drop(later);
        assert!(!is_any_held(&state));
        assert!(one.take("a", 1).unwrap().is_some());
    }

    /// What is used where the operating system locks no bytes.
    #[test]
    fn files_lock_as_bytes_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db.lock");
        let locks = || files::Locks::new(path.clone(), &path);
        let (one, two) = (locks(), locks());
        assert!(!two.is_held(Some(7)).unwrap() && !two.is_held(None).unwrap());
        assert!(one.take(7).unwrap());
        assert!(!two.take(7).unwrap() && two.take(8).unwrap());
        assert!(two.is_held(Some(7)).unwrap() && two.is_held(None).unwrap());
        one.free(7);
        two.free(8);
        assert!(!two.is_held(Some(7)).unwrap() && !two.is_held(None).unwrap());
        assert!(two.take(7).unwrap());
    }
}
