//! The writer of a simulation: no thread and no group commit. Each job is carried out on its caller, in a
//! transaction of its own, so that the order of commits follows from the order of the callers; and a
//! hook decides at each commit whether the process that asks lives on.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;
use super::open::from_sqlite;

/// Where in a commit the hook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the transaction is opened.
    Write,
    /// Everything is written and nothing is committed.
    Sync,
    /// It is on disk, and who asked for it does not know.
    Synced,
}

/// What becomes of the process that commits.
pub enum Fate {
    /// It lives on.
    Go,
    /// It is dead: nothing that it asks is ever answered, and what is not committed is rolled back.
    Die,
    /// It stands still until this is over. Not within a transaction: there it goes on.
    Stall(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// Asked at each [`Moment`] of each commit.
pub type Hook = Arc<dyn Fn(Moment) -> Fate + Send + Sync>;

/// A write connection that its callers use themselves.
#[derive(Clone)]
pub(super) struct Inline {
    /// None after a failed write, which is never retried on the same handle.
    connection: Arc<Mutex<Option<Connection>>>,
    hook: Hook,
}

impl Inline {
    pub(super) fn new(connection: Connection, hook: Hook) -> Self {
        Self {
            connection: Arc::new(Mutex::new(Some(connection))),
            hook,
        }
    }

    pub(super) async fn run<T>(
        &self,
        path: &Path,
        job: impl FnOnce(&Connection) -> Result<Result<T, StoreError>, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        self.pass(Moment::Write).await;
        let Some(result) = self.commit(path, job) else {
            return std::future::pending().await;
        };
        self.pass(Moment::Synced).await;
        result
    }

    async fn pass(&self, moment: Moment) {
        match (self.hook)(moment) {
            Fate::Go => {}
            Fate::Die => std::future::pending().await,
            Fate::Stall(over) => over.await,
        }
    }

    /// None when the process died before the commit.
    fn commit<T>(
        &self,
        path: &Path,
        job: impl FnOnce(&Connection) -> Result<Result<T, StoreError>, rusqlite::Error>,
    ) -> Option<Result<T, StoreError>> {
        let stopped = || StoreError::Failed {
            path: path.to_path_buf(),
            reason: "the writer has stopped".to_owned(),
        };
        let Ok(mut held) = self.connection.lock() else {
            return Some(Err(stopped()));
        };
        let Some(connection) = held.as_mut() else {
            return Some(Err(stopped()));
        };
        let done = (|| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = job(&transaction)?;
            if matches!((self.hook)(Moment::Sync), Fate::Die) {
                return Ok(None);
            }
            transaction.commit()?;
            Ok(Some(result))
        })();
        done.unwrap_or_else(|error| {
            *held = None;
            Some(Err(from_sqlite(path, &error)))
        })
    }
}
