//! The writer's jobs around rights: who may drive a run, and which run holds a lock.

use runbook_core::{Millis, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result as SqlResult, params};

use super::StoreError;
use super::append::{Checked, no_run, status_of, terminal_codes};
use super::record::Commit;

/// Raises the fencing epoch for a new owner and starts its lease; answers when the last owner's began, if
/// it had one. None when the last owner is not that of epoch `last`: another one came first.
pub(super) fn claim(
    transaction: &Connection,
    run: &str,
    (owner, epoch): (&str, u64),
    last: u64,
    now: Timestamp,
) -> Checked<Option<Option<Timestamp>>> {
    let number = |epoch: u64| i64::try_from(epoch).unwrap_or(i64::MAX);
    let current: Option<i64> = transaction
        .prepare_cached("SELECT epoch FROM run WHERE id = ?1")?
        .query_row([run], |row| row.get(0))
        .optional()?;
    match current {
        None => return Ok(Err(no_run(run))),
        Some(current) if current != number(last) => return Ok(Ok(None)),
        Some(_) => {}
    }
    transaction
        .prepare_cached("UPDATE run SET epoch = ?2, owner = ?3 WHERE id = ?1")?
        .execute(params![run, number(epoch), owner])?;
    let renewed: Option<i64> = transaction
        .prepare_cached("SELECT renewed FROM lease WHERE run = ?1")?
        .query_row([run], |row| row.get(0))
        .optional()?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO lease (run, epoch, renewed) VALUES (?1, ?2, ?3)")?
        .execute(params![run, number(epoch), now.0])?;
    Ok(Ok(Some(renewed.map(Timestamp))))
}

/// Renews a lease; refused when another owner has come.
pub(super) fn renew(
    transaction: &Connection,
    run: &str,
    epoch: u64,
    now: Timestamp,
) -> Checked<()> {
    let ours = i64::try_from(epoch).unwrap_or(i64::MAX);
    let renewed = transaction
        .prepare_cached("UPDATE lease SET renewed = ?3 WHERE run = ?1 AND epoch = ?2")?
        .execute(params![run, ours, now.0])?;
    if renewed > 0 {
        return Ok(Ok(()));
    }
    let current: i64 = transaction
        .prepare_cached("SELECT epoch FROM run WHERE id = ?1")?
        .query_row([run], |row| row.get(0))
        .optional()?
        .unwrap_or_default();
    Ok(Err(StoreError::LeaseLost {
        run: run.to_owned(),
        ours: epoch,
        current: u64::try_from(current).unwrap_or_default(),
    }))
}

/// Whether a run of `family` may hold the lock. Locks are released by the state of the root of the
/// tree that holds them, never by a counter: what belongs to an ended tree is free.
pub(super) fn take_lock(
    transaction: &Connection,
    key: &str,
    family: &str,
    (waiter, now): (&str, Timestamp),
) -> SqlResult<Result<(), StoreError>> {
    let holder: Option<(String, String, i64)> = transaction
        .prepare_cached(
            "SELECT root.id, root.runbook, root.status
             FROM lock JOIN run ON run.id = lock.run JOIN run AS root ON root.id = run.family
             WHERE lock.key = ?1",
        )?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if let Some((id, runbook, status)) = holder {
        let status = status_of(status);
        if status.is_terminal() {
            transaction.execute("DELETE FROM lock WHERE key = ?1", [key])?;
        } else if id != family {
            return Ok(Err(StoreError::Locked {
                key: key.to_owned(),
                run: id,
                runbook,
                status: status.name().to_owned(),
            }));
        } else {
            return Ok(Ok(()));
        }
    }
    match first_in_queue(transaction, key, now)? {
        Some(first) if first != waiter => Ok(Err(StoreError::Locked {
            key: key.to_owned(),
            run: first,
            runbook: "a start that waits for it".to_owned(),
            status: "first in the queue".to_owned(),
        })),
        Some(_) | None => {
            transaction
                .prepare_cached("DELETE FROM lock_queue WHERE waiter = ?1")?
                .execute([waiter])?;
            Ok(Ok(()))
        }
    }
}

/// The lock belongs to the family, so the row names its root: the end of one run of the tree takes it
/// from no other.
pub(super) fn hold_lock(
    transaction: &Connection,
    key: &str,
    family: &str,
    now: Timestamp,
) -> SqlResult<()> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO lock (key, run, acquired) VALUES (?1, ?2, ?3)")?
        .execute(params![key, family, now.0])?;
    Ok(())
}

/// Frees what a run that has ended held, unless another live run of its tree needs it. With the root
/// everything is free. An older build wrote the run itself into the row instead of the root.
pub(super) fn free_locks(transaction: &Connection, run: &str) -> SqlResult<()> {
    let family: String = transaction
        .prepare_cached("SELECT family FROM run WHERE id = ?1")?
        .query_row([run], |row| row.get(0))?;
    let of_family = "(SELECT holder.family FROM run AS holder WHERE holder.id = lock.run) = ?1";
    let needed = if family == run {
        String::new()
    } else {
        format!(
            " AND NOT EXISTS (SELECT 1 FROM run AS other WHERE other.family = ?1
                              AND other.lock = lock.key AND other.status NOT IN ({}))",
            terminal_codes()
        )
    };
    transaction
        .prepare_cached(&format!("DELETE FROM lock WHERE {of_family}{needed}"))?
        .execute([&family])?;
    Ok(())
}

/// A run that had ended and goes on needs its lock again; a root also those of the runs below it that
/// have not ended, which were freed with it. All of them or none.
pub(super) fn relock(
    transaction: &Connection,
    commit: &Commit,
) -> SqlResult<Result<(), StoreError>> {
    if !commit.reopens {
        return Ok(Ok(()));
    }
    let family: String = transaction
        .prepare_cached("SELECT family FROM run WHERE id = ?1")?
        .query_row([&commit.run], |row| row.get(0))?;
    let below = if family == commit.run {
        format!(" OR (family = ?1 AND status NOT IN ({}))", terminal_codes())
    } else {
        String::new()
    };
    let keys: Vec<String> = transaction
        .prepare_cached(&format!(
            "SELECT DISTINCT lock FROM run WHERE lock IS NOT NULL AND (id = ?1{below})"
        ))?
        .query_map([&commit.run], |row| row.get(0))?
        .collect::<SqlResult<_>>()?;
    let now = commit
        .events
        .first()
        .map_or(Timestamp::default(), |one| one.at);
    for key in &keys {
        if let Err(held) = take_lock(transaction, key, &family, (&commit.run, now))? {
            return Ok(Err(held));
        }
    }
    for key in &keys {
        hold_lock(transaction, key, &family, now)?;
    }
    Ok(Ok(()))
}

/// How long a waiter keeps its place without a word.
const SILENT: Millis = 10_000;

fn first_in_queue(
    transaction: &Connection,
    key: &str,
    now: Timestamp,
) -> SqlResult<Option<String>> {
    let oldest = now
        .0
        .saturating_sub(i64::try_from(SILENT).unwrap_or(i64::MAX));
    transaction
        .prepare_cached("DELETE FROM lock_queue WHERE key = ?1 AND seen < ?2")?
        .execute(params![key, oldest])?;
    transaction
        .prepare_cached("SELECT waiter FROM lock_queue WHERE key = ?1 ORDER BY id LIMIT 1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Takes a place in the queue for a lock, or keeps it.
pub(super) fn queue(
    transaction: &Connection,
    key: &str,
    waiter: &str,
    now: Timestamp,
) -> Checked<()> {
    transaction
        .prepare_cached(
            "INSERT INTO lock_queue (key, waiter, seen) VALUES (?1, ?2, ?3)
             ON CONFLICT (waiter) DO UPDATE SET seen = excluded.seen",
        )?
        .execute(params![key, waiter, now.0])?;
    Ok(Ok(()))
}

/// Gives a place in the queue up.
pub(super) fn leave(transaction: &Connection, waiter: &str) -> Checked<()> {
    transaction
        .prepare_cached("DELETE FROM lock_queue WHERE waiter = ?1")?
        .execute([waiter])?;
    Ok(Ok(()))
}
