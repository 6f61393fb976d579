//! One thread with the only write connection. It takes everything that is queued, opens one
//! transaction, carries the jobs out, commits once and answers all: commits are shared when there is
//! something to share and never wait for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;
use super::inline::{Hook, Inline};
use super::open::from_sqlite;
use crate::fail;

/// What the writer does within a shared transaction. A job checks before it writes, so that a refused
/// job leaves nothing behind.
type Work = Box<dyn FnOnce(&Transaction<'_>) -> Outcome + Send>;

/// Answers the caller once the transaction is on disk.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

enum Outcome {
    /// Refused or done; the reply knows.
    Ready(Reply),
    /// SQLite failed: the whole transaction is rolled back.
    Broken(rusqlite::Error, Reply),
}

/// Jobs that wait for the writer.
const QUEUE: usize = 4096;

/// Pages of the log above which it is copied into the database: about 4 MB.
const LOG_PAGES: i64 = 1000;

/// The handle of the writer thread; cloned freely.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Work>,
    path: Arc<PathBuf>,
    /// Why the thread has stopped.
    stopped: Arc<OnceLock<StoreError>>,
    /// In a simulation: instead of the thread.
    inline: Option<Inline>,
}

impl Writer {
    /// No thread: see [`Inline`].
    pub(super) fn inline(connection: Connection, path: &Path, hook: Hook) -> Self {
        Self {
            jobs: mpsc::channel(1).0,
            path: Arc::new(path.to_path_buf()),
            stopped: Arc::default(),
            inline: Some(Inline::new(connection, hook)),
        }
    }

    /// Whether nothing runs beside the callers.
    pub(super) fn is_inline(&self) -> bool {
        self.inline.is_some()
    }

    pub(super) fn start(connection: Connection, path: &Path) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let path = Arc::new(path.to_path_buf());
        let stopped = Arc::new(OnceLock::new());
        let (here, why) = (path.clone(), stopped.clone());
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || serve(connection, queue, &here, &why))
            .map_err(|error| StoreError::Open {
                path: path.to_path_buf(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            jobs,
            path,
            stopped,
            inline: None,
        })
    }

    /// Carries `job` out in the next transaction; answers when it is on disk.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> Result<Result<T, StoreError>, rusqlite::Error>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        if let Some(inline) = &self.inline {
            return inline.run(&self.path, job).await;
        }
        let (answer, answered) = oneshot::channel();
        let path = self.path.clone();
        let work: Work = Box::new(move |transaction| match job(transaction) {
            Ok(result) => Outcome::Ready(Box::new(move |committed| {
                let _ = answer.send(committed.and(result));
            })),
            Err(error) => {
                let failed = from_sqlite(&path, &error);
                Outcome::Broken(
                    error,
                    Box::new(move |_| {
                        let _ = answer.send(Err(failed));
                    }),
                )
            }
        });
        let gone = || {
            let stopped = self.stopped.get().cloned();
            stopped.unwrap_or_else(|| StoreError::Failed {
                path: self.path.to_path_buf(),
                reason: "the writer has stopped".to_owned(),
            })
        };
        self.jobs.send(work).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn serve(
    mut connection: Connection,
    mut queue: mpsc::Receiver<Work>,
    path: &Path,
    stopped: &OnceLock<StoreError>,
) {
    let mut batch = Vec::new();
    while queue.blocking_recv_many(&mut batch, QUEUE) > 0 {
        let sound = commit(&mut connection, std::mem::take(&mut batch), path, stopped);
        // A failed write or sync is never retried on the same handle, and not when it is closed either.
        if !sound {
            return;
        }
        if let Err(error) = checkpoint(&connection) {
            let _ = stopped.set(from_sqlite(path, &error));
            return;
        }
    }
    // Nothing failed: the last one to close the file may take the log away.
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
}

fn commit(
    connection: &mut Connection,
    batch: Vec<Work>,
    path: &Path,
    stopped: &OnceLock<StoreError>,
) -> bool {
    let mut replies = Vec::with_capacity(batch.len());
    // Jobs that an error leaves over are dropped last: who waits for them is told of the error.
    let mut batch = batch.into_iter();
    fail::point("journal.write");
    let done = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for work in batch.by_ref() {
            match work(&transaction) {
                Outcome::Ready(reply) => replies.push(reply),
                Outcome::Broken(error, reply) => {
                    replies.push(reply);
                    return Err(error);
                }
            }
        }
        fail::point("journal.sync");
        transaction.commit()
    })();
    fail::point("journal.synced");
    let result = done.map_err(|error| from_sqlite(path, &error));
    if let Err(error) = &result {
        let _ = stopped.set(error.clone());
    }
    for reply in replies {
        reply(result.clone());
    }
    fail::point("journal.answered");
    result.is_ok()
}

/// Copies a long log into the database. By hand: SQLite's own way keeps an error of it to itself and
/// tries again after the next commit.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    let ask = |mode: &str| {
        connection
            .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
            .query_one([], |row| Ok((row.get(1)?, row.get(2)?)))
    };
    let (pages, copied): (i64, i64) = ask("NOOP")?;
    if pages >= LOG_PAGES && copied < pages {
        let _: (i64, i64) = ask("PASSIVE")?;
    }
    Ok(())
}

/// How long a process waits for another one's transaction.
pub(super) const BUSY: Duration = Duration::from_secs(10);
