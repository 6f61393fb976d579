//! Writes state rows that were derived again from the events.

use runbook_core::Timestamp;
use rusqlite::{Connection, Result as SqlResult, params};
use serde_json::Value;

use super::append::{terminal_codes, write_rows, write_status};
use super::drivers::Held;
use super::record::{Commit, Rows};
use super::{Store, StoreError, next};

/// What the events of one run give.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    /// The run.
    pub(crate) run: String,
    /// Number of its last event.
    pub(crate) seq: u64,
    /// The highest epoch of its events.
    pub(crate) epoch: u64,
    /// All its state rows.
    pub(crate) rows: Rows,
    /// What its first event says.
    pub(crate) origin: Origin,
    /// The lock that it holds while it is live, and since when.
    pub(crate) lock: Option<(String, i64)>,
}

/// What a run was created with.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The runbook's name.
    pub(crate) runbook: String,
    /// The environment's name.
    pub(crate) environment: String,
    /// Parameters, secrets as references.
    pub(crate) params: Value,
    /// When.
    pub(crate) created: Timestamp,
}

/// The right to drive runs, held so that nobody else does; no epoch is raised.
pub(crate) struct Still(Vec<Held>);

impl Store {
    /// Keeps everybody from driving these runs; else the first one that a live process drives.
    pub(crate) fn still(&self, runs: &[String]) -> Result<Result<Still, String>, StoreError> {
        let snapshot = self.snapshot()?;
        let mut held = Vec::new();
        for run in runs {
            // Of a run without a row nobody can become the owner.
            let epoch = snapshot.epoch(run).unwrap_or_default();
            if self.drivers.is_held(run, epoch) {
                return Ok(Err(run.clone()));
            }
            for epoch in next(epoch) {
                match self.hold(run, epoch)? {
                    Some(next) => held.push(next),
                    None => return Ok(Err(run.clone())),
                }
            }
        }
        Ok(Ok(Still(held)))
    }

    /// Replaces the state rows of runs, all in one transaction.
    pub(crate) async fn replace(
        &self,
        held: &Still,
        derived: Vec<Derived>,
    ) -> Result<(), StoreError> {
        debug_assert!(derived.len() <= held.0.len(), "each is held");
        self.writer
            .run(move |transaction| {
                // All are looked at before any is written: a refused job leaves nothing behind.
                for one in &derived {
                    let found = last(transaction, &one.run)?;
                    if found != one.seq {
                        return Ok(Err(StoreError::Conflict {
                            run: one.run.clone(),
                            expected: one.seq,
                            found,
                        }));
                    }
                }
                for one in derived {
                    write(transaction, one)?;
                }
                Ok(Ok(()))
            })
            .await
    }
}

fn last(transaction: &Connection, run: &str) -> SqlResult<u64> {
    let seq: Option<i64> = transaction
        .prepare_cached("SELECT max(seq) FROM event WHERE run = ?1")?
        .query_row([run], |row| row.get(0))?;
    Ok(seq.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0))
}

fn write(transaction: &Connection, derived: Derived) -> SqlResult<()> {
    let run = derived.run.clone();
    for table in ["step", "effect", "approval"] {
        transaction
            .prepare_cached(&format!("DELETE FROM {table} WHERE run = ?1"))?
            .execute([&run])?;
    }
    transaction
        .prepare_cached(
            "UPDATE run SET seq = ?2, epoch = max(epoch, ?3), runbook = ?4, environment = ?5,
                            params = ?6, created = ?7 WHERE id = ?1",
        )?
        .execute(params![
            run,
            i64::try_from(derived.seq).unwrap_or(i64::MAX),
            i64::try_from(derived.epoch).unwrap_or(i64::MAX),
            derived.origin.runbook,
            derived.origin.environment,
            derived.origin.params.to_string(),
            derived.origin.created.0,
        ])?;
    let commit = Commit {
        run: run.clone(),
        rows: derived.rows,
        ..Commit::default()
    };
    if let Some(row) = &commit.rows.run {
        write_status(transaction, &run, row)?;
    }
    write_rows(transaction, &commit)?;
    if let Some((key, acquired)) = derived.lock {
        let ended = format!(
            "DELETE FROM lock WHERE key = ?1 AND run IN (SELECT id FROM run WHERE status IN ({}))",
            terminal_codes()
        );
        transaction.prepare_cached(&ended)?.execute([&key])?;
        transaction
            .prepare_cached(&format!(
                "INSERT OR IGNORE INTO lock (key, run, acquired)
                 SELECT ?1, root.id, ?3 FROM run JOIN run AS root ON root.id = run.family
                 WHERE run.id = ?2 AND root.status NOT IN ({})",
                terminal_codes()
            ))?
            .execute(params![key, run, acquired])?;
    }
    Ok(())
}
