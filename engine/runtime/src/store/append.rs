//! The writer's jobs. Each checks before it writes, so that a refused one leaves nothing behind in the
//! transaction that it shares.

use runbook_core::{Event, Journal, RunStatus, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result as SqlResult, params};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lock::{free_locks, hold_lock, relock, take_lock};
use super::record::{Commit, NewRunRow, RunRow, Signal, StepRow};
use super::{Created, StoreError};
use crate::token::digest;

pub(super) type Checked<T> = SqlResult<Result<T, StoreError>>;

/// Outputs above this many bytes are kept once, by hash, and written before the event that refers to
/// them.
const INLINE: usize = 4096;

pub(super) fn status_code(status: RunStatus) -> i64 {
    RunStatus::ALL
        .iter()
        .position(|one| *one == status)
        .and_then(|index| i64::try_from(index).ok())
        .unwrap_or_default()
}

pub(super) fn status_of(code: i64) -> RunStatus {
    usize::try_from(code)
        .ok()
        .and_then(|index| RunStatus::ALL.get(index))
        .copied()
        .unwrap_or(RunStatus::Failed)
}

/// Terminal statuses as SQL, for questions about live runs.
pub(super) fn terminal_codes() -> String {
    let codes: Vec<String> = RunStatus::ALL
        .iter()
        .filter(|status| status.is_terminal())
        .map(|status| status_code(*status).to_string())
        .collect();
    codes.join(",")
}

pub(super) fn create(transaction: &Connection, run: &NewRunRow) -> Checked<Created> {
    let existing: Option<(String, String, String, String)> = transaction
        .prepare_cached(
            "SELECT id, runbook, environment, params FROM run WHERE id = ?1 OR idempotency_key = ?2",
        )?
        .query_row(params![run.id, run.idempotency_key], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    if let Some((id, runbook, environment, params)) = existing {
        let same = runbook == run.runbook
            && environment == run.environment
            && serde_json::from_str::<Value>(&params).is_ok_and(|params| params == run.params);
        return Ok(match &run.idempotency_key {
            Some(key) if !same => Err(StoreError::KeyTaken {
                key: key.clone(),
                run: id,
                runbook,
            }),
            _ => Ok(Created::Existing(id)),
        });
    }
    if let Some(key) = &run.lock
        && let Err(held) = take_lock(transaction, key, &run.family, (&run.id, run.created))?
    {
        return Ok(Err(held));
    }
    let (hash, body) = &run.definition;
    if let Some(body) = body {
        transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO definition (hash, body, created) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![hash, body, run.created.0])?;
    }
    transaction
        .prepare_cached(
            "INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params,
                              meta, status, seq, epoch, idempotency_key, created, lock)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, ?12, ?13, ?14)",
        )?
        .execute(params![
            run.id,
            run.parent,
            run.role,
            run.family,
            run.runbook,
            run.environment,
            hash,
            run.entry,
            run.params.to_string(),
            run.meta.to_string(),
            status_code(RunStatus::Pending),
            run.idempotency_key,
            run.created.0,
            run.lock,
        ])?;
    if let Some(key) = &run.lock {
        hold_lock(transaction, key, &run.family, run.created)?;
    }
    let none = Known {
        seq: 0,
        epoch: 0,
        head: None,
    };
    let first = write_events(transaction, &run.id, none, std::slice::from_ref(&run.event))?;
    transaction
        .prepare_cached("UPDATE run SET seq = ?2, head = ?3 WHERE id = ?1")?
        .execute(params![run.id, first.seq, first.head])?;
    Ok(Ok(Created::New))
}

pub(super) fn no_run(id: &str) -> StoreError {
    StoreError::NoRun {
        id: id.to_owned(),
        near: Vec::new(),
    }
}

pub(super) fn signal(
    transaction: &Connection,
    run: &str,
    actor: &str,
    at: Timestamp,
    signal: &Signal,
) -> Checked<i64> {
    let known: Option<i64> = transaction
        .prepare_cached("SELECT 1 FROM run WHERE id = ?1")?
        .query_row([run], |row| row.get(0))
        .optional()?;
    if known.is_none() {
        return Ok(Err(no_run(run)));
    }
    let body = serde_json::to_string(signal).unwrap_or_default();
    transaction
        .prepare_cached("INSERT INTO signal (run, at, actor, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![run, at.0, actor, body])?;
    Ok(Ok(transaction.last_insert_rowid()))
}

/// What the store knows of a run before a commit.
struct Known {
    seq: i64,
    epoch: i64,
    /// Hash of the last event.
    head: Option<Vec<u8>>,
}

pub(super) fn append(transaction: &Connection, commit: &Commit) -> Checked<()> {
    let known = transaction
        .prepare_cached("SELECT seq, epoch, head FROM run WHERE id = ?1")?
        .query_row([&commit.run], |row| {
            Ok(Known {
                seq: row.get(0)?,
                epoch: row.get(1)?,
                head: row.get(2)?,
            })
        })
        .optional()?;
    let Some(known) = known else {
        return Ok(Err(no_run(&commit.run)));
    };
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    if number(known.epoch) != commit.epoch {
        return Ok(Err(StoreError::LeaseLost {
            run: commit.run.clone(),
            ours: commit.epoch,
            current: number(known.epoch),
        }));
    }
    if number(known.seq) != commit.expected_seq {
        return Ok(Err(StoreError::Conflict {
            run: commit.run.clone(),
            expected: commit.expected_seq,
            found: number(known.seq),
        }));
    }
    if let Err(held) = relock(transaction, commit)? {
        return Ok(Err(held));
    }
    let last = write_events(transaction, &commit.run, known, &commit.events)?;
    write_run(transaction, commit, &last)?;
    if let Some((hash, body)) = &commit.definition {
        redefine(transaction, commit, hash, body)?;
    }
    write_rows(transaction, commit)?;
    Ok(Ok(()))
}

/// The run has another definition from here on; its steps may have other places.
fn redefine(transaction: &Connection, commit: &Commit, hash: &str, body: &str) -> SqlResult<()> {
    let at = commit.events.first().map_or(0, |one| one.at.0);
    transaction.execute(
        "INSERT OR IGNORE INTO definition (hash, body, created) VALUES (?1, ?2, ?3)",
        params![hash, body, at],
    )?;
    transaction.execute(
        "UPDATE run SET definition = ?2 WHERE id = ?1",
        params![commit.run, hash],
    )?;
    transaction.execute("DELETE FROM step WHERE run = ?1", [&commit.run])?;
    Ok(())
}

/// Appends events; what is known of the run after them.
fn write_events(
    transaction: &Connection,
    run: &str,
    mut known: Known,
    events: &[Journal],
) -> SqlResult<Known> {
    if events.is_empty() {
        return Ok(known);
    }
    let mut insert = transaction.prepare_cached(
        "INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for entry in events {
        known.seq += 1;
        let body = encode(transaction, &entry.event)?;
        let hash = chain(
            known.head.as_deref(),
            known.seq,
            entry.at,
            known.epoch,
            &body,
        );
        let (step, item) = entry.event.subject().unzip();
        insert.execute(params![
            run,
            known.seq,
            entry.at.0,
            known.epoch,
            entry.event.kind(),
            step,
            item.flatten(),
            entry.event.attempt(),
            body,
            hash,
        ])?;
        known.head = Some(hash);
    }
    Ok(known)
}

/// The run's own row, in one statement: it is written in every commit.
fn write_run(transaction: &Connection, commit: &Commit, last: &Known) -> SqlResult<()> {
    let Some(row) = &commit.rows.run else {
        if !commit.events.is_empty() || commit.signal.is_some() {
            transaction
                .prepare_cached(
                    "UPDATE run SET seq = ?2, head = ?3, signal = coalesce(?4, signal) WHERE id = ?1",
                )?
                .execute(params![commit.run, last.seq, last.head, commit.signal])?;
        }
        return Ok(());
    };
    transaction
        .prepare_cached(
            "UPDATE run SET seq = ?2, head = ?3, signal = coalesce(?4, signal), status = ?5,
                            started = ?6, finished = ?7, outputs = ?8
             WHERE id = ?1",
        )?
        .execute(params![
            commit.run,
            last.seq,
            last.head,
            commit.signal,
            status_code(row.status),
            row.started.map(|at| at.0),
            row.finished.map(|at| at.0),
            row.outputs.as_ref().map(Value::to_string),
        ])?;
    free_lock(transaction, &commit.run, row)
}

/// Locks are free once their run has ended.
fn free_lock(transaction: &Connection, run: &str, row: &RunRow) -> SqlResult<()> {
    if row.status.is_terminal() {
        free_locks(transaction, run)?;
    }
    Ok(())
}

/// What a run's row shows, without an event.
pub(super) fn write_status(transaction: &Connection, run: &str, row: &RunRow) -> SqlResult<()> {
    transaction
        .prepare_cached(
            "UPDATE run SET status = ?2, started = ?3, finished = ?4, outputs = ?5 WHERE id = ?1",
        )?
        .execute(params![
            run,
            status_code(row.status),
            row.started.map(|at| at.0),
            row.finished.map(|at| at.0),
            row.outputs.as_ref().map(Value::to_string),
        ])?;
    free_lock(transaction, run, row)
}

/// Each event's hash covers the one before it: an edited or removed row shows.
pub(super) fn chain(
    head: Option<&[u8]>,
    seq: i64,
    at: Timestamp,
    epoch: i64,
    body: &str,
) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(head.unwrap_or_default());
    for number in [seq, at.0, epoch] {
        hash.update(number.to_be_bytes());
    }
    hash.update(body.as_bytes());
    hash.finalize().to_vec()
}

/// The event's text; large outputs are replaced by a reference to a blob.
fn encode(transaction: &Connection, event: &Event) -> SqlResult<String> {
    if let Event::Succeeded { outputs, .. } = event {
        let text = outputs.to_string();
        if text.len() > INLINE {
            let hash = digest(&text);
            transaction
                .prepare_cached("INSERT OR IGNORE INTO blob (hash, body) VALUES (?1, ?2)")?
                .execute(params![hash, text])?;
            let mut event = event.clone();
            if let Event::Succeeded { outputs, .. } = &mut event {
                *outputs = serde_json::json!({ "$blob": hash });
            }
            return Ok(serde_json::to_string(&event).unwrap_or_default());
        }
    }
    Ok(serde_json::to_string(event).unwrap_or_default())
}

pub(super) fn write_rows(transaction: &Connection, commit: &Commit) -> SqlResult<()> {
    for row in &commit.rows.steps {
        write_step(transaction, &commit.run, row)?;
    }
    write_effects(transaction, commit)?;
    for row in &commit.rows.approvals {
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO approval (run, step, item, message, asked, expires, answered)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                commit.run,
                row.step,
                row.item,
                row.message,
                row.asked.0,
                row.expires.map(|at| at.0),
                row.answered.map(|at| at.0),
            ])?;
    }
    for row in &commit.logs {
        transaction
            .prepare_cached(
                "INSERT INTO log (run, step, item, attempt, at, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![commit.run, row.step, row.item, row.attempt, row.at.0, row.line])?;
    }
    Ok(())
}

fn write_step(transaction: &Connection, run: &str, row: &StepRow) -> SqlResult<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO step (run, step, item, id, status, attempt, started, finished, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            run,
            i64::try_from(row.step).unwrap_or(i64::MAX),
            row.item,
            row.id,
            row.status as i64,
            row.attempt,
            row.started.map(|at| at.0),
            row.finished.map(|at| at.0),
            row.body,
        ])?;
    Ok(())
}

fn write_effects(transaction: &Connection, commit: &Commit) -> SqlResult<()> {
    for row in &commit.rows.effects {
        transaction
            .prepare_cached(
                "INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state,
                                     request_id, resource)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT DO UPDATE SET
                   -- Doubt is not cast on what is known.
                   state = iif(excluded.state = 3 AND state IN (1, 2), state, excluded.state),
                   request_id = excluded.request_id,
                                           resource = excluded.resource",
            )?
            .execute(params![
                commit.run,
                row.step,
                row.item,
                row.attempt,
                row.call,
                row.token,
                row.request,
                row.deadline.0,
                row.state.code(),
                row.request_id,
                row.resource,
            ])?;
    }
    Ok(())
}
