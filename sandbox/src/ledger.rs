//! The ledger: every call, and whether it reached "AWS".

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::wire::same_service;

/// Older entries leave memory, not the file.
const KEEP: usize = 200_000;

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It reached the emulator, so its effect happened (if the status says so).
    Forwarded,
    /// The answer of an earlier call was given again; no new effect.
    Replayed,
    /// The sandbox answered by itself with success.
    Answered,
    /// The sandbox refused it by a rule or a fault; no effect.
    Refused,
    /// The connection was broken before it had an effect.
    RequestLost,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Rises by one with every call since the start of the sandbox.
    pub seq: u64,
    /// When the call arrived.
    pub at: Timestamp,
    /// Its account.
    pub account: String,
    /// Its service, as in an IAM action.
    pub service: String,
    /// Its operation.
    pub operation: String,
    /// Its region.
    pub region: String,
    /// Client token, caller reference, or the value of the tag `runbook:token`.
    pub token: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// The rule or the fault (`fault:<key>`) that decided, if one did.
    pub rule: Option<String>,
    /// Whether the caller was denied the answer.
    pub answer_dropped: bool,
    /// Status of the answer, also when it was dropped; 0 without one.
    pub status: u16,
    /// Error code of the answer, if it is an error.
    pub code: Option<String>,
    /// From arrival to answer.
    pub took_us: u64,
}

/// Which entries to show. What is not given matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Only this account.
    pub account: Option<String>,
    /// Only this service.
    pub service: Option<String>,
    /// Only this operation.
    pub operation: Option<String>,
    /// Only this token.
    pub token: Option<String>,
    /// Only calls that arrived at or after this moment.
    pub since: Option<Timestamp>,
    /// Only entries with a higher `seq`.
    pub after: Option<u64>,
}

impl Filter {
    /// The calls of one account.
    pub fn account(account: impl Into<String>) -> Filter {
        Filter {
            account: Some(account.into()),
            ..Filter::default()
        }
    }

    /// Narrows to one operation.
    #[must_use]
    pub fn operation(mut self, operation: impl Into<String>) -> Filter {
        self.operation = Some(operation.into());
        self
    }

    fn admits(&self, entry: &Entry) -> bool {
        let equal = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        equal(&self.account, &entry.account)
            && self
                .service
                .as_deref()
                .is_none_or(|wanted| same_service(wanted, &entry.service))
            && equal(&self.operation, &entry.operation)
            && equal(&self.token, entry.token.as_deref().unwrap_or_default())
            && self.since.is_none_or(|since| entry.at >= since)
            && self.after.is_none_or(|after| entry.seq > after)
    }
}

/// All calls, in memory and in a file.
pub(crate) struct Ledger {
    book: Mutex<Book>,
}

struct Book {
    next: u64,
    entries: VecDeque<Entry>,
    file: File,
}

impl Ledger {
    /// A new ledger, which replaces the file of an earlier sandbox.
    pub(crate) fn create(path: &Path) -> Result<Ledger, Error> {
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(path)
            .map_err(Error::disk(path))?;
        Ok(Ledger {
            book: Mutex::new(Book {
                next: 1,
                entries: VecDeque::new(),
                file,
            }),
        })
    }

    /// Enters a call and gives it its number.
    pub(crate) fn enter(&self, mut entry: Entry) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        entry.seq = book.next;
        book.next += 1;
        if let Ok(mut line) = serde_json::to_vec(&entry) {
            line.push(b'\n');
            // A full disk must not stop the calls.
            if let Err(error) = book.file.write_all(&line) {
                tracing::warn!(%error, "cannot write the ledger");
            }
        }
        if book.entries.len() == KEEP {
            book.entries.pop_front();
        }
        book.entries.push_back(entry);
    }

    /// The entries that `filter` admits, oldest first.
    pub(crate) fn read(&self, filter: &Filter) -> Vec<Entry> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.entries
            .iter()
            .filter(|entry| filter.admits(entry))
            .cloned()
            .collect()
    }

    /// How many entries were made since the last reset.
    pub(crate) fn len(&self) -> u64 {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.entries.len() as u64
    }

    /// Forgets the entries in memory; the file keeps them and numbers go on.
    pub(crate) fn clear(&self) {
        self.book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entries
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(account: &str, operation: &str) -> Entry {
        Entry {
            seq: 0,
            at: Timestamp::UNIX_EPOCH,
            account: account.into(),
            service: "ec2".into(),
            operation: operation.into(),
            region: "us-east-1".into(),
            token: None,
            verdict: Verdict::Forwarded,
            rule: None,
            answer_dropped: false,
            status: 200,
            code: None,
            took_us: 1,
        }
    }

    #[test]
    fn a_filter_narrows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.jsonl");
        let ledger = Ledger::create(&path).unwrap();
        for (account, operation) in [
            ("1", "RunInstances"),
            ("2", "RunInstances"),
            ("1", "CreateVolume"),
        ] {
            ledger.enter(entry(account, operation));
        }
        assert_eq!(ledger.read(&Filter::default()).len(), 3);
        assert_eq!(ledger.read(&Filter::account("1")).len(), 2);
        assert_eq!(
            ledger.read(&Filter::account("1").operation("CreateVolume"))[0].seq,
            3
        );
        assert_eq!(
            ledger
                .read(&Filter {
                    after: Some(2),
                    ..Filter::default()
                })
                .len(),
            1
        );
        ledger.clear();
        assert!(ledger.read(&Filter::default()).is_empty());
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 3);
    }
}
