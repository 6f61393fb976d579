//! What an attempt in flight puts down in its run's journal, and small values that outlive runs.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use runbook_core::{Fault, FaultKind, Key, Note};
use tokio::sync::{mpsc, oneshot};

use crate::shape::StepResult;

/// A note on its way to the journal, and who waits until it is on disk.
#[derive(Debug)]
pub struct Entry {
    /// The step or item that puts it down.
    pub key: Key,
    /// Its attempt.
    pub number: u32,
    /// The note.
    pub note: Note,
    /// Answered when it is on disk; false when its attempt is not in flight any more.
    pub written: Option<oneshot::Sender<bool>>,
}

/// Where an attempt puts down its notes.
#[derive(Clone, Debug, Default)]
pub struct Notes(Option<Desk>);

#[derive(Clone, Debug)]
struct Desk {
    sender: mpsc::UnboundedSender<Entry>,
    key: Key,
    number: u32,
}

impl Notes {
    /// Notes of an attempt, that go to `sender`.
    #[must_use]
    pub fn new(sender: mpsc::UnboundedSender<Entry>, key: Key, number: u32) -> Self {
        Self(Some(Desk {
            sender,
            key,
            number,
        }))
    }

    fn put(&self, note: Note, written: Option<oneshot::Sender<bool>>) -> bool {
        self.0.as_ref().is_some_and(|desk| {
            let entry = Entry {
                key: desk.key,
                number: desk.number,
                note,
                written,
            };
            desk.sender.send(entry).is_ok()
        })
    }

    /// Puts a note down and waits until it is on disk. Without a journal there is nothing to wait for.
    ///
    /// # Errors
    /// When the attempt has been superseded, or its run let go of: whatever was to follow must not
    /// happen.
    pub async fn keep(&self, note: Note) -> StepResult<()> {
        if self.0.is_none() {
            return Ok(());
        }
        let (written, answer) = oneshot::channel();
        if self.put(note, Some(written)) && answer.await == Ok(true) {
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::Internal,
            "the attempt was let go of before its note was on disk",
        ))
    }

    /// Puts a note down that rides along with the next commit.
    pub fn mention(&self, note: Note) {
        self.put(note, None);
    }
}

/// A write to a [`Shelf`] on its way.
pub type Shelving<'a> = Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>>;

/// What a shelf holds under a key: the value and nothing else.
pub type Held = Option<Vec<u8>>;

/// Small durable values that outlive runs, by owner and key.
pub trait Shelf: fmt::Debug + Send + Sync {
    /// The value of `key`.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn get(&self, owner: &str, key: &str) -> Result<Held, String>;

    /// Writes `value`, or takes the key away, if it holds what is `expected` (absent: whatever it
    /// holds); on disk when it answers. False when it holds something else.
    fn set<'a>(
        &'a self,
        owner: &'a str,
        key: &'a str,
        expected: Option<Held>,
        value: Held,
    ) -> Shelving<'a>;
}

/// A shared shelf.
pub type SharedShelf = Arc<dyn Shelf>;
