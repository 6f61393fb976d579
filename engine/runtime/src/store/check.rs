//! What the doctor reads: the file as SQLite sees it, the ends of journals, and state rows as text.

use std::collections::BTreeMap;
use std::path::Path;

use runbook_core::{StepStatus, Timestamp};
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::append::{status_code, status_of, terminal_codes};
use super::error::StoreError;
use super::read::Snapshot;
use super::rebuild::Origin;
use super::record::{EffectState, Rows};
use crate::clock::rfc3339;
use crate::token::{canonical, digest};

/// State rows by their names for people; each is its columns as text, in order.
pub(crate) type Shown = BTreeMap<String, Vec<(&'static str, String)>>;

/// How a journal ends, beside what its run's row says of it.
pub(crate) struct End {
    /// Last event by the row.
    pub(crate) seq: u64,
    /// Whether the row's hash is that of the last event.
    pub(crate) fits: bool,
    /// Last event that is there.
    pub(crate) last: u64,
    /// Fencing epoch by the row.
    pub(crate) epoch: u64,
    /// The highest epoch of an event.
    pub(crate) written: u64,
}

/// Complaints of SQLite that are shown.
const COMPLAINTS: u32 = 20;

impl Snapshot {
    /// The state file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is read from here on is one moment of the file, until `release`.
    pub(crate) fn hold(&self) -> Result<(), StoreError> {
        self.connection()
            .execute_batch("BEGIN")
            .map_err(self.fail())
    }

    /// The end of `hold`.
    pub(crate) fn release(&self) -> Result<(), StoreError> {
        self.connection()
            .execute_batch("COMMIT")
            .map_err(self.fail())
    }

    fn texts(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        self.connection()
            .prepare(sql)
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(self.fail())
    }

    fn count(&self, table: &str) -> Result<u64, StoreError> {
        let count: i64 = self
            .connection()
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .map_err(self.fail())?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// How many runs and events there are.
    pub(crate) fn sizes(&self) -> Result<(u64, u64), StoreError> {
        Ok((self.count("run")?, self.count("event")?))
    }

    /// What SQLite says against the structure of its file, and rows that refer to nothing.
    pub(crate) fn complaints(&self) -> Result<Vec<String>, StoreError> {
        let mut found = self.texts(&format!("PRAGMA integrity_check({COMPLAINTS})"))?;
        found.retain(|line| line != "ok");
        let dangling: Vec<(String, String)> = self
            .connection()
            .prepare("PRAGMA foreign_key_check")
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| Ok((row.get(0)?, row.get(2)?)))?
                    .collect()
            })
            .map_err(self.fail())?;
        found.extend(dangling.into_iter().map(|(table, parent)| {
            format!("a row of `{table}` refers to a `{parent}` that is not there")
        }));
        Ok(found)
    }

    /// `wal`, or what else SQLite uses.
    pub(crate) fn journal_mode(&self) -> Result<String, StoreError> {
        Ok(self.texts("PRAGMA journal_mode")?.concat())
    }

    /// Rows of a table that is keyed by the hash of its text whose text has another one.
    fn misnamed(&self, table: &str) -> Result<Vec<String>, StoreError> {
        let look = |connection: &Connection| -> rusqlite::Result<Vec<String>> {
            let mut statement = connection.prepare(&format!("SELECT hash, body FROM {table}"))?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let (hash, body): (String, String) = (row.get(0)?, row.get(1)?);
                if digest(&body) != hash {
                    found.push(hash);
                }
            }
            Ok(found)
        };
        look(&self.connection()).map_err(self.fail())
    }

    /// Changed definitions and blobs, with the runs that refer to them.
    pub(crate) fn altered(&self) -> Result<Vec<Altered>, StoreError> {
        let mut found = Vec::new();
        for (table, users) in [
            ("definition", "SELECT id FROM run WHERE definition = ?1"),
            (
                "blob",
                "SELECT DISTINCT run FROM event WHERE instr(body, ?1) > 0",
            ),
        ] {
            for hash in self.misnamed(table)? {
                let runs = self
                    .connection()
                    .prepare_cached(users)
                    .and_then(|mut one| one.query_map([&hash], |row| row.get(0))?.collect())
                    .map_err(self.fail())?;
                found.push((table, hash, runs));
            }
        }
        Ok(found)
    }

    /// How a journal ends.
    pub(crate) fn end(&self, run: &str) -> Result<End, StoreError> {
        let number = |row: &Row<'_>, at| -> rusqlite::Result<u64> {
            let found: Option<i64> = row.get(at)?;
            Ok(found.and_then(|one| u64::try_from(one).ok()).unwrap_or(0))
        };
        self.connection()
            .prepare_cached(
                "SELECT seq, epoch,
                   (SELECT max(seq) FROM event WHERE run = ?1),
                   (SELECT max(epoch) FROM event WHERE run = ?1),
                   head IS (SELECT hash FROM event WHERE run = ?1 ORDER BY seq DESC LIMIT 1)
                 FROM run WHERE id = ?1",
            )
            .and_then(|mut statement| {
                statement.query_row([run], |row| {
                    Ok(End {
                        seq: number(row, 0)?,
                        epoch: number(row, 1)?,
                        last: number(row, 2)?,
                        written: number(row, 3)?,
                        fits: row.get(4)?,
                    })
                })
            })
            .map_err(self.fail())
    }

    /// Rows of `lock`: key and holder.
    pub(crate) fn locks(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.connection()
            .prepare_cached("SELECT key, run FROM lock ORDER BY key")
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .map_err(self.fail())
    }

    /// The state rows of a run as they stand.
    pub(crate) fn shown(&self, run: &str) -> Result<Shown, StoreError> {
        let mut shown = Shown::new();
        for (sql, show) in [
            (
                "SELECT status, started, finished, outputs, runbook, environment, params, created
                 FROM run WHERE id = ?1",
                (|row| {
                    let columns = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let origin = (row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?);
                    Ok(run_shown(columns, row.get(3)?, origin))
                }) as Show,
            ),
            (
                "SELECT step, item, id, status, attempt, started, finished, body FROM step
                 WHERE run = ?1",
                |row| {
                    let place = (row.get(0)?, row.get(1)?, row.get::<_, String>(2)?);
                    let state = (row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
                    Ok(step_shown(place, state, &row.get::<_, String>(7)?))
                },
            ),
            (
                "SELECT step, item, attempt, call, token, request, deadline, state, resource
                 FROM effect WHERE run = ?1",
                |row| {
                    let place = (
                        row.get::<_, String>(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                    );
                    let what = (row.get(4)?, row.get(5)?, row.get(6)?);
                    Ok(effect_shown(place, what, row.get(7)?, row.get(8)?))
                },
            ),
            (
                "SELECT step, item, message, asked, expires, answered FROM approval
                 WHERE run = ?1",
                |row| {
                    let place = (row.get::<_, String>(0)?, row.get(1)?);
                    let times = (row.get(3)?, row.get(4)?, row.get(5)?);
                    Ok(approval_shown(place, row.get(2)?, times))
                },
            ),
        ] {
            let rows: Vec<_> = self
                .connection()
                .prepare_cached(sql)
                .and_then(|mut statement| statement.query_map(params![run], show)?.collect())
                .map_err(self.fail())?;
            shown.extend(rows);
        }
        Ok(shown)
    }

    /// Ids of the runs that have not ended, with their locks' families.
    pub(crate) fn live(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let sql = format!(
            "SELECT id, family FROM run WHERE status NOT IN ({})",
            terminal_codes()
        );
        self.connection()
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .map_err(self.fail())
    }

    /// Writes everything that was committed so far into a new file, from one moment and compact.
    pub(crate) fn copy_into(&self, file: &Path) -> Result<(), rusqlite::Error> {
        let name = file.to_string_lossy();
        self.connection()
            .execute("VACUUM INTO ?1", [name.as_ref()])?;
        Ok(())
    }
}

/// A changed text: its table, its hash, and the runs that refer to it.
type Altered = (&'static str, String, Vec<String>);

type Named = (String, Vec<(&'static str, String)>);
type Show = fn(&Row<'_>) -> rusqlite::Result<Named>;

/// State rows that were derived, as text.
pub(crate) fn shown(rows: &Rows, origin: &Origin) -> Shown {
    let at = |time: Option<Timestamp>| time.map(|at| at.0);
    let mut shown = Shown::new();
    if let Some(row) = &rows.run {
        let columns = (status_code(row.status), at(row.started), at(row.finished));
        let outputs = row.outputs.as_ref().map(Value::to_string);
        let origin = (
            origin.runbook.clone(),
            origin.environment.clone(),
            origin.params.to_string(),
            origin.created.0,
        );
        shown.extend([run_shown(columns, outputs, origin)]);
    }
    shown.extend(rows.steps.iter().map(|row| {
        let step = i64::try_from(row.step).unwrap_or(i64::MAX);
        let state = (
            row.status as i64,
            row.attempt,
            at(row.started),
            at(row.finished),
        );
        step_shown((step, row.item, row.id.clone()), state, &row.body)
    }));
    shown.extend(rows.effects.iter().map(|row| {
        effect_shown(
            (row.step.clone(), row.item, row.attempt, row.call),
            (row.token.clone(), row.request.clone(), row.deadline.0),
            row.state.code(),
            row.resource.clone(),
        )
    }));
    shown.extend(rows.approvals.iter().map(|row| {
        let times = (row.asked.0, at(row.expires), at(row.answered));
        approval_shown((row.step.clone(), row.item), row.message.clone(), times)
    }));
    shown
}

/// The name of an effect's row.
pub(crate) fn effect_name(step: &str, item: u32, attempt: u32, call: u32) -> String {
    let call = if call == 0 {
        String::new()
    } else {
        format!(", call {call}")
    };
    format!(
        "effect of {}, attempt {attempt}{call}",
        place(step, i64::from(item))
    )
}

fn place(step: &str, item: i64) -> String {
    match item {
        -1 => format!("step `{step}` as a whole"),
        0 => format!("step `{step}`"),
        item => format!("step `{step}`[{item}]"),
    }
}

fn time(at: Option<i64>) -> String {
    at.map_or_else(|| "none".to_owned(), |at| rfc3339(Timestamp(at)))
}

/// JSON in one spelling.
fn json(text: Option<String>) -> String {
    let text = text.unwrap_or_else(|| "none".to_owned());
    serde_json::from_str(&text).map_or(text, |value| canonical(&value))
}

fn run_shown(
    (status, started, finished): (i64, Option<i64>, Option<i64>),
    outputs: Option<String>,
    (runbook, environment, params, created): (String, String, String, i64),
) -> Named {
    let columns = vec![
        ("status", status_of(status).name().to_owned()),
        ("started", time(started)),
        ("finished", time(finished)),
        ("outputs", json(outputs)),
        ("runbook", runbook),
        ("environment", environment),
        ("params", json(Some(params))),
        ("created", time(Some(created))),
    ];
    ("run".to_owned(), columns)
}

fn step_shown(
    (step, item, id): (i64, i64, String),
    (status, attempt, started, finished): (i64, u32, Option<i64>, Option<i64>),
    body: &str,
) -> Named {
    let columns = vec![
        ("place", step.to_string()),
        ("status", step_status(status)),
        ("attempt", attempt.to_string()),
        ("started", time(started)),
        ("finished", time(finished)),
        ("body", json(Some(body.to_owned()))),
    ];
    (place(&id, item), columns)
}

fn effect_shown(
    (step, item, attempt, call): (String, u32, u32, u32),
    (token, request, deadline): (String, String, i64),
    state: i64,
    resource: Option<String>,
) -> Named {
    let state = serde_json::to_value(EffectState::from_code(state)).unwrap_or_default();
    let columns = vec![
        ("state", state.as_str().unwrap_or_default().to_owned()),
        ("token", token),
        ("request", request),
        ("deadline", time(Some(deadline))),
        ("resource", resource.unwrap_or_else(|| "none".to_owned())),
    ];
    (effect_name(&step, item, attempt, call), columns)
}

fn approval_shown(
    (step, item): (String, u32),
    message: String,
    (asked, expires, answered): (i64, Option<i64>, Option<i64>),
) -> Named {
    let columns = vec![
        ("message", message),
        ("asked", time(Some(asked))),
        ("expires", time(expires)),
        ("answered", time(answered)),
    ];
    (
        format!("question of {}", place(&step, i64::from(item))),
        columns,
    )
}

fn step_status(code: i64) -> String {
    use StepStatus::{
        Cancelled, Failed, InDoubt, Pending, Retrying, Running, Skipped, Succeeded, Undoing,
        Undone, Waiting,
    };
    let all = [
        Pending, Running, Waiting, Retrying, InDoubt, Succeeded, Failed, Skipped, Cancelled,
        Undoing, Undone,
    ];
    all.iter()
        .find(|one| **one as i64 == code)
        .map_or_else(|| code.to_string(), |one| one.name().to_owned())
}
