//! SQLite's log, looked after by its writer: how long it may grow before it is copied into the database,
//! and that a commit finds room in it.

use std::ffi::{OsString, c_int};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;

/// Pages of the log above which it is copied into the database: about 4 MB.
const LOG_PAGES: u64 = 1000;

/// Bytes of a page in the log, with its header; the file has one of its own.
const FRAME: u64 = 4096 + 24;

/// Pages that a commit may need before it is looked at again whether there is room for them.
const MARGIN: u64 = 16;

/// By how many bytes the log grows at a time: by as much as it has, within these.
const SHORTEST: u64 = 128 << 10;
const LONGEST: u64 = 1 << 20;

/// Pages that the connection keeps in memory when one caller after another commits: SQLite's own 2 MB.
const PAGES: i64 = 500;

/// Pages that it keeps when many callers commit at once, each with pages of its own.
const MOST_PAGES: i64 = 4_000;

/// The write connection and its log.
pub(super) struct Kept {
    pub(super) connection: Connection,
    /// Pages in the log, as of the last commit.
    pages: Arc<AtomicU64>,
    /// The same, as of the commit before.
    before: u64,
    /// Pages that the connection keeps in memory.
    room: i64,
    path: PathBuf,
    /// None until it is needed, and when there is none that could be written to.
    file: Option<File>,
    /// Bytes of the file; all beyond its frames is zeros.
    length: u64,
    /// Whether making room failed once: commits make their own from then on.
    full: bool,
}

impl Kept {
    /// Takes a connection that is set up for writing.
    pub(super) fn new(mut connection: Connection, path: &Path) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicU64::new(0));
        let seen = pages.clone();
        connection.wal_hook(Some(move |_: &mut Wal, pages: c_int| {
            seen.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let mut log = OsString::from(path);
        log.push("-wal");
        Ok(Self {
            connection,
            pages,
            before: 0,
            room: PAGES,
            path: PathBuf::from(log),
            file: None,
            length: 0,
            full: false,
        })
    }

    /// Before a transaction of so many jobs: the pages of all of them stay in memory until they are
    /// committed, instead of going to the log and coming back from it.
    pub(super) fn make_room(&mut self, jobs: usize) {
        let jobs = i64::try_from(jobs).unwrap_or(MOST_PAGES);
        let wanted = jobs.saturating_mul(4).clamp(PAGES, MOST_PAGES);
        if wanted > self.room {
            self.room = wanted;
            // A matter of speed only.
            let _ = self.connection.pragma_update(None, "cache_size", self.room);
        }
    }

    /// Within a transaction, so that nobody else writes to the log: zeros behind its end. A commit that
    /// makes the file longer syncs its length as well, which takes about as long again; one that writes
    /// over what is there does not. Frames carry checksums: zeros are none.
    pub(super) fn write_ahead(&mut self) {
        let end = (self.pages.load(Ordering::Relaxed) + MARGIN) * FRAME;
        if self.full || end <= self.length {
            return;
        }
        // What cannot be made in advance is made by the commit, which says what is wrong.
        self.full = self.lengthen(end).is_err();
    }

    fn lengthen(&mut self, end: u64) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().write(true).open(&self.path)?),
        };
        self.length = file.seek(SeekFrom::End(0))?;
        if self.length < end {
            let more = self.length.clamp(SHORTEST, LONGEST);
            file.write_all(&vec![0; usize::try_from(more).unwrap_or(0)])?;
            self.length += more;
        }
        Ok(())
    }

    /// Copies a long log into the database. By hand: SQLite's own way keeps an error of it to itself and
    /// tries again after the next commit. The log of many large commits may be as long as four of them,
    /// since copying it costs two syncs.
    pub(super) fn checkpoint(&mut self) -> rusqlite::Result<()> {
        let pages = self.pages.load(Ordering::Relaxed);
        let last = pages.checked_sub(self.before).unwrap_or(pages);
        self.before = pages;
        if pages < LOG_PAGES.max(4 * last) {
            return Ok(());
        }
        let ask = |mode: &str| {
            self.connection
                .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
                .query_one([], |row| Ok((row.get(1)?, row.get(2)?)))
        };
        let (pages, copied): (i64, i64) = ask("NOOP")?;
        if copied < pages {
            let _: (i64, i64) = ask("PASSIVE")?;
        }
        Ok(())
    }

    /// Nothing failed: the last one to close the file may take the log away.
    pub(super) fn let_go(&self) {
        let _ = self
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
    }
}

#[cfg(test)]
mod tests {
    use super::super::open::writable;
    use super::super::writer::BUSY;
    use super::*;

    fn commit(kept: &mut Kept) {
        let batch = |kept: &Kept, text: &str| kept.connection.execute_batch(text).unwrap();
        batch(kept, "BEGIN IMMEDIATE; INSERT INTO one VALUES (1)");
        kept.write_ahead();
        batch(kept, "COMMIT");
        kept.checkpoint().unwrap();
    }

    fn count(connection: &Connection) -> i64 {
        connection
            .query_row("SELECT count(*) FROM one", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn commits_write_over_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let log = folder.path().join("state.db-wal");
        let length = || std::fs::metadata(&log).unwrap().len();
        let mut kept = Kept::new(writable(&path, BUSY).unwrap(), &path).unwrap();
        let table = "CREATE TABLE one (number INTEGER)";
        kept.connection.execute_batch(table).unwrap();
        commit(&mut kept);
        let made = length();
        for _ in 0..10 {
            commit(&mut kept);
        }
        assert_eq!(length(), made);

        // As a crash leaves it.
        let copy = folder.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        std::fs::copy(&log, folder.path().join("copy.db-wal")).unwrap();
        assert_eq!(count(&writable(&copy, BUSY).unwrap()), 11);

        let hasty = |kept: &Kept| kept.connection.pragma_update(None, "synchronous", "OFF");
        hasty(&kept).unwrap();
        for _ in 0..2 * LOG_PAGES {
            commit(&mut kept);
        }
        let most = (LOG_PAGES + 2 * MARGIN) * FRAME + LONGEST;
        assert!(length() <= most, "{} of {most}", length());
        assert_eq!(count(&kept.connection), 11 + 2 * LOG_PAGES as i64);
    }

    #[test]
    fn a_log_that_cannot_be_prepared_is_left_to_its_commits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let mut kept = Kept::new(writable(&path, BUSY).unwrap(), &path).unwrap();
        kept.connection
            .execute_batch("CREATE TABLE one (number INTEGER)")
            .unwrap();
        kept.path = folder.path().join("nowhere").join("log");
        commit(&mut kept);
        assert!(kept.full && count(&kept.connection) == 1);
    }
}
