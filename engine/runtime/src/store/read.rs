//! Reading: for resuming a run, and for people.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runbook_core::{Journal, RunStatus, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde_json::Value;

use super::append::{chain, no_run, status_of, terminal_codes};
use super::error::StoreError;
use super::open::{from_sqlite, readable};
use super::record::{ApprovalRow, EffectRow, EffectState, LogRow, Signal};
use crate::Definition;

/// A connection that only reads. Clones share it.
#[derive(Clone)]
pub struct Snapshot {
    connection: Arc<Mutex<Connection>>,
    pub(super) path: Arc<PathBuf>,
}

/// A run as its row shows it.
#[derive(Clone, Debug, Serialize)]
pub struct RunInfo {
    /// Its id.
    pub id: String,
    /// The run that waits for it.
    pub parent: Option<String>,
    /// `root`, `child` or `prepare`.
    pub role: String,
    /// The runbook's name.
    pub runbook: String,
    /// The environment's name.
    pub environment: String,
    /// Its status.
    pub status: RunStatus,
    /// Last event.
    pub seq: u64,
    /// Fencing epoch.
    pub epoch: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When the first owner began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Parameters; secrets are references.
    pub params: Value,
    /// Outputs, once it ended.
    pub outputs: Option<Value>,
    /// Who drives it, or drove it last.
    pub owner: Option<String>,
    /// Hash of its definition.
    pub definition: String,
    /// Which child of the definition.
    pub entry: Option<String>,
    /// What the starting process wanted to find again.
    #[serde(skip)]
    pub meta: Value,
    /// The root of its tree.
    #[serde(skip)]
    pub family: String,
    /// Last signal that was taken.
    #[serde(skip)]
    pub signal: i64,
}

/// One event with its place.
#[derive(Clone, Debug, Serialize)]
pub struct EventRow {
    /// The run.
    pub run: String,
    /// Place in the journal; 1 is the first.
    pub seq: u64,
    /// Fencing epoch of its writer.
    pub epoch: u64,
    /// The event.
    #[serde(flatten)]
    pub entry: Journal,
}

/// A signal: its number, when, who, and the word if it can be read.
pub type SignalRow = (i64, Timestamp, String, Option<Signal>);

/// Which runs.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only children of this run.
    pub parent: Option<String>,
    /// Only runs that have not ended.
    pub live: bool,
    /// Only roots.
    pub roots: bool,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

const RUN_COLUMNS: &str =
    "id, parent, role, runbook, environment, status, seq, epoch, created, started,
  finished, params, outputs, owner, definition, entry, meta, family, signal";

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunInfo> {
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::Null);
    let time = |millis: Option<i64>| millis.map(Timestamp);
    Ok(RunInfo {
        id: row.get(0)?,
        parent: row.get(1)?,
        role: row.get(2)?,
        runbook: row.get(3)?,
        environment: row.get(4)?,
        status: status_of(row.get(5)?),
        seq: u64::try_from(row.get::<_, i64>(6)?).unwrap_or_default(),
        epoch: u64::try_from(row.get::<_, i64>(7)?).unwrap_or_default(),
        created: Timestamp(row.get(8)?),
        started: time(row.get(9)?),
        finished: time(row.get(10)?),
        params: json(row.get(11)?),
        outputs: row.get::<_, Option<String>>(12)?.map(json),
        owner: row.get(13)?,
        definition: row.get(14)?,
        entry: row.get(15)?,
        meta: json(row.get(16)?),
        family: row.get(17)?,
        signal: row.get(18)?,
    })
}

impl Snapshot {
    /// Opens the state file for reading.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            connection: Arc::new(Mutex::new(readable(path)?)),
            path: Arc::new(path.to_path_buf()),
        })
    }

    /// The connection, for one question; a panic while one was asked leaves nothing behind.
    pub(super) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fail(&self) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
        |error| from_sqlite(&self.path, &error)
    }

    /// Changes whenever another connection has committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn version(&self) -> Result<i64, StoreError> {
        self.connection()
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(self.fail())
    }

    /// One run by its exact id.
    ///
    /// # Errors
    /// [`StoreError::NoRun`].
    pub fn run(&self, id: &str) -> Result<RunInfo, StoreError> {
        self.connection()
            .prepare_cached(&format!("SELECT {RUN_COLUMNS} FROM run WHERE id = ?1"))
            .and_then(|mut statement| statement.query_row([id], run_row).optional())
            .map_err(self.fail())?
            .ok_or_else(|| StoreError::NoRun {
                id: id.to_owned(),
                near: Vec::new(),
            })
    }

    /// One run by its id, or by the beginning of it when only one root run begins so.
    ///
    /// # Errors
    /// [`StoreError::NoRun`], with the ids that begin alike.
    pub fn find(&self, prefix: &str) -> Result<RunInfo, StoreError> {
        if let Ok(run) = self.run(prefix) {
            return Ok(run);
        }
        let ids: Vec<String> = self
            .connection()
            .prepare_cached(
                "SELECT id FROM run WHERE parent IS NULL AND substr(id, 1, length(?1)) = ?1
                 ORDER BY created DESC LIMIT 6",
            )
            .and_then(|mut statement| statement.query_map([prefix], |row| row.get(0))?.collect())
            .map_err(self.fail())?;
        match ids.as_slice() {
            [only] if !prefix.is_empty() => self.run(only),
            _ => Err(StoreError::NoRun {
                id: prefix.to_owned(),
                near: if prefix.is_empty() { Vec::new() } else { ids },
            }),
        }
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(&self, filter: &Filter) -> Result<Vec<RunInfo>, StoreError> {
        let mut sql = format!("SELECT {RUN_COLUMNS} FROM run WHERE (?1 IS NULL OR parent = ?1)");
        if filter.roots {
            sql.push_str(" AND parent IS NULL");
        }
        if filter.live {
            sql.push_str(&format!(" AND status NOT IN ({})", terminal_codes()));
        }
        sql.push_str(" ORDER BY created DESC, id LIMIT ?2");
        let limit = filter.limit.map_or(-1, i64::from);
        self.connection()
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map(params![filter.parent, limit], run_row)?
                    .collect()
            })
            .map_err(self.fail())
    }

    /// The definition of a run.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is missing or cannot be read.
    pub fn definition(&self, run: &RunInfo) -> Result<Definition, StoreError> {
        let corrupt = |reason: String| StoreError::Corrupt {
            run: run.id.clone(),
            reason,
        };
        let body: String = self
            .connection()
            .prepare_cached("SELECT body FROM definition WHERE hash = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([&run.definition], |row| row.get(0))
                    .optional()
            })
            .map_err(self.fail())?
            .ok_or_else(|| corrupt("its definition is missing".to_owned()))?;
        serde_json::from_str(&body)
            .map_err(|error| corrupt(format!("its definition cannot be read: {error}")))
    }

    /// Fencing epoch of a run: that of its last owner.
    ///
    /// # Errors
    /// [`StoreError::NoRun`].
    pub fn epoch(&self, run: &str) -> Result<u64, StoreError> {
        let epoch: Option<i64> = self
            .connection()
            .prepare_cached("SELECT epoch FROM run WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([run], |row| row.get(0)).optional())
            .map_err(self.fail())?;
        let epoch = epoch.ok_or_else(|| no_run(run))?;
        Ok(u64::try_from(epoch).unwrap_or_default())
    }

    /// Epoch of the owner of a run, and when it was last heard of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lease(&self, run: &str) -> Result<Option<(u64, Timestamp)>, StoreError> {
        self.connection()
            .prepare_cached("SELECT epoch, renewed FROM lease WHERE run = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([run], |row| {
                        let epoch: i64 = row.get(0)?;
                        Ok((
                            u64::try_from(epoch).unwrap_or_default(),
                            Timestamp(row.get(1)?),
                        ))
                    })
                    .optional()
            })
            .map_err(self.fail())
    }

    /// When the last event of a run was recorded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_event_at(&self, run: &str) -> Result<Timestamp, StoreError> {
        self.connection()
            .prepare_cached("SELECT at FROM event WHERE run = ?1 ORDER BY seq DESC LIMIT 1")
            .and_then(|mut statement| statement.query_row([run], |row| row.get(0)).optional())
            .map(|at| Timestamp(at.unwrap_or_default()))
            .map_err(self.fail())
    }

    /// Walks the hash chain of a journal; the number of events.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] at the first event that does not fit.
    pub fn verify(&self, run: &str) -> Result<u64, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare("SELECT seq, at, epoch, body, hash FROM event WHERE run = ?1 ORDER BY seq")
            .map_err(self.fail())?;
        let mut rows = statement.query([run]).map_err(self.fail())?;
        let mut head: Option<Vec<u8>> = None;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(self.fail())? {
            let read = |row: &Row<'_>| -> rusqlite::Result<(i64, i64, i64, String, Vec<u8>)> {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            };
            let (seq, at, epoch, body, hash) = read(row).map_err(self.fail())?;
            count += 1;
            let fits = chain(head.as_deref(), seq, Timestamp(at), epoch, &body) == hash;
            if !fits || u64::try_from(seq) != Ok(count) {
                return Err(StoreError::Corrupt {
                    run: run.to_owned(),
                    reason: format!("event {seq} was changed, or one before it is missing"),
                });
            }
            head = Some(hash);
        }
        Ok(count)
    }

    /// Effects of a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn effects(&self, run: &str) -> Result<Vec<EffectRow>, StoreError> {
        self.connection()
            .prepare_cached(
                "SELECT step, item, attempt, call, token, request, deadline, state, request_id, resource
                 FROM effect WHERE run = ?1 ORDER BY step, item, attempt, call",
            )
            .and_then(|mut statement| {
                statement
                    .query_map([run], |row| {
                        Ok(EffectRow {
                            step: row.get(0)?,
                            item: row.get(1)?,
                            attempt: row.get(2)?,
                            call: row.get(3)?,
                            token: row.get(4)?,
                            request: row.get(5)?,
                            deadline: Timestamp(row.get(6)?),
                            state: EffectState::from_code(row.get(7)?),
                            request_id: row.get(8)?,
                            resource: row.get(9)?,
                        })
                    })?
                    .collect()
            })
            .map_err(self.fail())
    }

    /// Log lines of a run, of one step or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn logs(&self, run: &str, step: Option<&str>) -> Result<Vec<LogRow>, StoreError> {
        self.connection()
            .prepare_cached(
                "SELECT step, item, attempt, at, line FROM log
                 WHERE run = ?1 AND (?2 IS NULL OR step = ?2) ORDER BY id",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(params![run, step], |row| {
                        Ok(LogRow {
                            step: row.get(0)?,
                            item: row.get(1)?,
                            attempt: row.get(2)?,
                            at: Timestamp(row.get(3)?),
                            line: row.get(4)?,
                        })
                    })?
                    .collect()
            })
            .map_err(self.fail())
    }

    /// Open questions, of one run's tree or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn questions(&self, family: Option<&str>) -> Result<Vec<ApprovalRow>, StoreError> {
        let sql = format!(
            "SELECT approval.run, step, item, message, asked, expires, answered
             FROM approval JOIN run ON run.id = approval.run
             WHERE answered IS NULL AND run.status NOT IN ({}) AND (?1 IS NULL OR run.family = ?1)
             ORDER BY asked",
            terminal_codes()
        );
        self.connection()
            .prepare_cached(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map([family], |row| {
                        Ok(ApprovalRow {
                            run: row.get(0)?,
                            step: row.get(1)?,
                            item: row.get(2)?,
                            message: row.get(3)?,
                            asked: Timestamp(row.get(4)?),
                            expires: row.get::<_, Option<i64>>(5)?.map(Timestamp),
                            answered: row.get::<_, Option<i64>>(6)?.map(Timestamp),
                        })
                    })?
                    .collect()
            })
            .map_err(self.fail())
    }

    /// Signals after `after`: id, time, actor and word. One that cannot be read is passed over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn signals(&self, run: &str, after: i64) -> Result<Vec<SignalRow>, StoreError> {
        self.connection()
            .prepare_cached(
                "SELECT id, at, actor, body FROM signal WHERE run = ?1 AND id > ?2 ORDER BY id",
            )
            .and_then(|mut statement| {
                statement
                    .query_map(params![run, after], |row| {
                        let body: String = row.get(3)?;
                        Ok((
                            row.get(0)?,
                            Timestamp(row.get(1)?),
                            row.get(2)?,
                            serde_json::from_str(&body).ok(),
                        ))
                    })?
                    .collect()
            })
            .map_err(self.fail())
    }
}
