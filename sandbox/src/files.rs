//! Files that several processes share: written whole, locked by the system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::Error;

/// Replaces `path` as a whole: a reader sees the old text or the new one.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), Error> {
    let draft = path.with_extension(format!("tmp{}", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file = File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(Error::disk(path))
}

/// Makes `dir` and what leads to it.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(Error::disk(dir))
}

/// Waits for the lock on `path`. The lock ends with the file, however the process ends.
pub(crate) async fn lock(path: &Path) -> Result<File, Error> {
    let file = open_lock(path)?;
    let path = path.to_owned();
    let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    waiting
        .await
        .map_err(io::Error::other)
        .flatten()
        .map_err(Error::disk(path))
}

/// The lock on `path` if no other process holds it.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>, Error> {
    let file = open_lock(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(Error::Disk {
            path: path.to_owned(),
            source,
        }),
    }
}

fn open_lock(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::disk(path))
}

/// The last lines of a log; empty if there is none.
pub(crate) fn tail(path: &Path) -> String {
    const BYTES: i64 = 4_096;
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let long = file.metadata()?.len() > BYTES.unsigned_abs();
        if long {
            file.seek(SeekFrom::End(-BYTES))?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    last_lines(&String::from_utf8_lossy(&read().unwrap_or_default()), 20)
}

/// The last `count` lines of `text`.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let first = try_lock(&path).unwrap();
        assert!(first.is_some());
        assert!(try_lock(&path).unwrap().is_none());
        drop(first);
        assert!(try_lock(&path).unwrap().is_some());
    }

    #[test]
    fn only_the_end_of_a_log_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let text: String = (0..5_000).map(|line| format!("{line}\n")).collect();
        write_whole(&path, &text).unwrap();
        let tail = tail(&path);
        assert_eq!(tail.lines().count(), 20);
        assert!(tail.ends_with("4999"));
    }
}
