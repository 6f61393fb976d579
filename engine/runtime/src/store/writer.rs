//! The only write connection. Everything that is queued goes into one transaction: one commit for all,
//! one sync, then the answers. Commits are shared when there is something to share and never wait for it.
//!
//! A thread owns the queue. A caller that finds nothing queued and the connection free carries its job
//! out itself: a chain would wake the thread and be woken by it for every step.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;
use super::inline::{Hook, Inline};
use super::liveness;
use super::log::Kept;
use super::open::from_sqlite;
use crate::fail;

/// What the writer does within a shared transaction. A job checks before it writes, so that a refused
/// job leaves nothing behind.
type Work = Box<dyn FnOnce(&Connection) -> Outcome + Send>;

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

/// How long a process waits for another one's transaction.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// The write connection; taken out for good after a failed write or sync, which is never retried on the
/// same handle.
type Shared = Arc<Mutex<Option<Kept>>>;

/// The handle of the writer; cloned freely.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Work>,
    connection: Shared,
    /// Whether the thread has jobs in hand, so that it is not overtaken for ever.
    busy: Arc<AtomicBool>,
    path: Arc<PathBuf>,
    /// Why the thread has stopped.
    stopped: Arc<OnceLock<StoreError>>,
    /// In a simulation: instead of the thread.
    inline: Option<Inline>,
    /// Dropped last: the thread ends when nobody can send it anything any more.
    end: Arc<End>,
}

/// The thread, waited for when its last writer goes: a process that ended before it had closed the file
/// would leave the log behind.
#[derive(Default)]
struct End(Option<JoinHandle<()>>);

impl Drop for End {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl Writer {
    /// No thread: see [`Inline`].
    pub(super) fn inline(connection: Connection, path: &Path, hook: Hook) -> Self {
        Self {
            jobs: mpsc::channel(1).0,
            connection: Arc::default(),
            busy: Arc::default(),
            path: Arc::new(path.to_path_buf()),
            stopped: Arc::default(),
            inline: Some(Inline::new(connection, hook)),
            end: Arc::default(),
        }
    }

    pub(super) fn start(
        connection: Connection,
        path: &Path,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let kept = Kept::new(connection, path).map_err(|error| from_sqlite(path, &error))?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = Thread {
            connection: Arc::new(Mutex::new(Some(kept))),
            busy: Arc::default(),
            path: Arc::new(path.to_path_buf()),
            stopped: Arc::default(),
            patience,
        };
        let mut writer = Self {
            jobs,
            connection: thread.connection.clone(),
            busy: thread.busy.clone(),
            path: thread.path.clone(),
            stopped: thread.stopped.clone(),
            inline: None,
            end: Arc::default(),
        };
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || thread.serve(queue))
            .map_err(|error| StoreError::Open {
                path: path.to_path_buf(),
                reason: error.to_string(),
            })?;
        writer.end = Arc::new(End(Some(thread)));
        Ok(writer)
    }

    /// Carries `job` out in the next transaction; answers when it is on disk.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<Result<T, StoreError>, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        if let Some(inline) = &self.inline {
            return inline.run(&self.path, job).await;
        }
        let (answer, mut answered) = oneshot::channel();
        let path = self.path.clone();
        let work: Work = Box::new(move |connection| match job(connection) {
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
        match self.at_once(work) {
            None => answered.try_recv().map_err(|_| gone())?,
            Some(work) => {
                self.jobs.send(work).await.map_err(|_| gone())?;
                answered.await.map_err(|_| gone())?
            }
        }
    }

    /// Carries a job out on this thread if nobody else has one; gives it back otherwise.
    fn at_once(&self, work: Work) -> Option<Work> {
        if self.busy.load(Ordering::Relaxed) || self.jobs.capacity() < QUEUE {
            return Some(work);
        }
        let Ok(mut shared) = self.connection.try_lock() else {
            return Some(work);
        };
        let Some(kept) = shared.as_mut() else {
            return Some(work);
        };
        // Another process' transaction is waited for by the thread, never here.
        if begin(&kept.connection, Duration::ZERO).is_err() {
            return Some(work);
        }
        if !finish(kept, vec![work], &self.path, &self.stopped) {
            *shared = None;
        }
        None
    }
}

/// What the thread has.
struct Thread {
    connection: Shared,
    busy: Arc<AtomicBool>,
    path: Arc<PathBuf>,
    stopped: Arc<OnceLock<StoreError>>,
    /// How long it waits for another process' transaction.
    patience: Duration,
}

impl Thread {
    fn serve(self, mut queue: mpsc::Receiver<Work>) {
        let mut batch = Vec::new();
        while let Some(first) = queue.blocking_recv() {
            self.busy.store(true, Ordering::Relaxed);
            batch.push(first);
            // A job that panicked has left the connection in no known state.
            let Ok(mut held) = self.connection.lock() else {
                return;
            };
            let Some(kept) = held.as_mut() else {
                return;
            };
            // Taken while the connection is held: what came meanwhile shares the commit.
            while let Ok(work) = queue.try_recv() {
                batch.push(work);
            }
            kept.make_room(batch.len());
            if let Err(error) = begin(&kept.connection, self.patience) {
                let error = from_sqlite(&self.path, &error);
                let _ = self.stopped.set(liveness::name_holders(error));
                *held = None;
                return;
            }
            if !finish(kept, std::mem::take(&mut batch), &self.path, &self.stopped) {
                *held = None;
                return;
            }
            self.busy.store(false, Ordering::Relaxed);
        }
        // Nothing failed: the last one to close the file may take the log away.
        if let Ok(held) = self.connection.lock()
            && let Some(kept) = held.as_ref()
        {
            kept.let_go();
        }
    }
}

fn begin(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    fail::point("journal.write");
    connection.busy_timeout(patience)?;
    connection
        .prepare_cached("BEGIN IMMEDIATE")?
        .execute([])
        .map(|_| ())
}

/// Commits a batch and looks after the log. False when SQLite failed: the connection is not to be used
/// again, and not to be synced by closing it either.
fn finish(kept: &mut Kept, batch: Vec<Work>, path: &Path, stopped: &OnceLock<StoreError>) -> bool {
    if !commit(kept, batch, path, stopped) {
        return false;
    }
    match kept.checkpoint() {
        Ok(()) => true,
        Err(error) => {
            let _ = stopped.set(from_sqlite(path, &error));
            false
        }
    }
}

/// Carries a batch out in the open transaction, commits it and answers all.
fn commit(kept: &mut Kept, batch: Vec<Work>, path: &Path, stopped: &OnceLock<StoreError>) -> bool {
    let mut replies = Vec::with_capacity(batch.len());
    // Jobs that an error leaves over are dropped last: who waits for them is told of the error.
    let mut batch = batch.into_iter();
    let done = (|| {
        for work in batch.by_ref() {
            match work(&kept.connection) {
                Outcome::Ready(reply) => replies.push(reply),
                Outcome::Broken(error, reply) => {
                    replies.push(reply);
                    return Err(error);
                }
            }
        }
        kept.write_ahead();
        fail::point("journal.sync");
        kept.connection
            .prepare_cached("COMMIT")?
            .execute([])
            .map(|_| ())
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
