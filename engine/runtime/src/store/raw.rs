//! The raw limit that the engine is measured against: single-row commits with the store's own
//! settings, one sync each.

use std::path::Path;

use rusqlite::{Connection, params};
use thiserror::Error;

/// Measuring failed.
#[derive(Debug, Error)]
#[error("cannot measure raw commits: {0}")]
pub struct RawError(String);

/// A database of one table with the store's settings.
pub struct RawCommits {
    connection: Connection,
}

impl RawCommits {
    /// Makes it.
    ///
    /// # Errors
    /// [`RawError`].
    pub fn open(path: &Path) -> Result<Self, RawError> {
        let wrong = |error: rusqlite::Error| RawError(error.to_string());
        let connection = Connection::open(path).map_err(wrong)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;",
            )
            .map_err(wrong)?;
        Ok(Self { connection })
    }

    /// Commits one row of the size of an event.
    ///
    /// # Errors
    /// [`RawError`].
    pub fn commit(&self, number: usize) -> Result<(), RawError> {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached("INSERT INTO event (seq, body) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute(params![number, "x".repeat(300)]))
            .map(|_| ())
            .map_err(|error| RawError(error.to_string()))
    }
}
