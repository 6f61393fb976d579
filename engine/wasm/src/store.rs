//! Components by their digest, in a folder: `sha256/…`. What is read is what was put in, or nothing.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::digest::Digest;
use crate::files;

/// A folder of components.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// Why a component cannot be put into the store.
#[derive(Debug, Error)]
#[error("cannot keep component {digest} as {}", path.display())]
pub struct PutError {
    /// The component.
    pub digest: Digest,
    /// The file that it would have had.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Why a component cannot be taken out of the store.
#[derive(Debug, Error)]
pub enum GetError {
    /// It is not there.
    #[error("component {0} is not here; fetch it with `runbook plugin verify`")]
    Missing(Digest),
    /// It is not what was put in.
    #[error(
        "{} is damaged: it should be {wanted} and is {found}; delete it and fetch it again with \
         `runbook plugin verify`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it should be.
        wanted: Digest,
        /// What it is.
        found: Digest,
    },
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A component from the store, whose bytes were compared with its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its file.
    pub path: PathBuf,
    /// Its bytes, as they were when they were compared.
    pub bytes: Vec<u8>,
}

impl Store {
    /// The store in a folder, which need not exist yet.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The file that a component has, whether it is there or not.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.folder
            .join("sha256")
            .join(format!("{}.wasm", digest.hex()))
    }

    /// Puts a component in. One that is there already and whole is left alone.
    ///
    /// # Errors
    /// Why not.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, PutError> {
        let digest = Digest::of(bytes);
        if self.get(&digest).is_ok() {
            return Ok(digest);
        }
        let path = self.path(&digest);
        match files::replace(&path, bytes) {
            Ok(()) => Ok(digest),
            Err(source) => Err(PutError {
                digest,
                path,
                source,
            }),
        }
    }

    /// Takes a component out, after its bytes were compared with its digest.
    ///
    /// # Errors
    /// When it is not there, or not what was put in.
    pub fn get(&self, digest: &Digest) -> Result<Stored, GetError> {
        let path = self.path(digest);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => {
                return Err(GetError::Missing(*digest));
            }
            Err(source) => return Err(GetError::Read { path, source }),
        };
        let found = Digest::of(&bytes);
        if found != *digest {
            let wanted = *digest;
            return Err(GetError::Damaged {
                path,
                wanted,
                found,
            });
        }
        Ok(Stored { path, bytes })
    }

    /// The digests of all components that are here.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn digests(&self) -> io::Result<Vec<Digest>> {
        let mut found = Vec::new();
        let entries = match std::fs::read_dir(self.folder.join("sha256")) {
            Ok(entries) => entries,
            Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(wrong) => return Err(wrong),
        };
        for entry in entries {
            let name = entry?.file_name();
            let name = Path::new(&name);
            let stem = name.file_stem().unwrap_or_default().to_string_lossy();
            if let Ok(digest) = format!("sha256:{stem}").parse() {
                found.push(digest);
            }
        }
        found.sort();
        Ok(found)
    }

    /// Takes a component away for good.
    ///
    /// # Errors
    /// When it is there and stays there.
    pub fn remove(&self, digest: &Digest) -> io::Result<()> {
        match std::fs::remove_file(self.path(digest)) {
            Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => Ok(()),
            answer => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GetError, Store};
    use crate::digest::Digest;

    #[test]
    fn what_was_put_in_comes_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("not/there/yet"));
        assert!(store.digests().unwrap().is_empty());
        let digest = store.put(b"one").unwrap();
        assert_eq!(digest, store.put(b"one").unwrap());
        let stored = store.get(&digest).unwrap();
        assert_eq!(
            (stored.bytes.as_slice(), stored.path),
            (b"one".as_slice(), store.path(&digest))
        );
        let other = store.put(b"two").unwrap();
        assert_eq!(store.digests().unwrap().len(), 2);
        store.remove(&other).unwrap();
        store.remove(&other).unwrap();
        assert!(matches!(store.get(&other), Err(GetError::Missing(_))));
    }

    #[test]
    fn what_was_changed_does_not_come_out_and_can_be_mended() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path());
        let digest = store.put(b"one").unwrap();
        std::fs::write(store.path(&digest), b"evil").unwrap();
        let wrong = store.get(&digest).unwrap_err();
        assert!(matches!(&wrong, GetError::Damaged { found, .. } if *found == Digest::of(b"evil")));
        assert!(wrong.to_string().contains("fetch it again"));
        store.put(b"one").unwrap();
        assert_eq!(store.get(&digest).unwrap().bytes, b"one");
    }

    #[test]
    fn two_who_put_the_same_in_at_once_do_each_other_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path());
        let bytes = vec![7; 100_000];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let digest = store.put(&bytes).unwrap();
                    assert_eq!(store.get(&digest).unwrap().bytes.len(), bytes.len());
                });
            }
        });
        let left = std::fs::read_dir(folder.path().join("sha256"))
            .unwrap()
            .count();
        assert_eq!(left, 1);
    }
}
