//! Reading a journal, one event after another.

use runbook_core::{Event, Journal, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::error::StoreError;
use super::read::{EventRow, Snapshot};

impl Snapshot {
    /// Events after `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one cannot be read.
    pub fn events(&self, run: &str, after: u64) -> Result<Vec<EventRow>, StoreError> {
        let mut events = Vec::new();
        self.for_each_event(run, after, |row| {
            events.push(row);
            Ok::<_, StoreError>(())
        })?;
        Ok(events)
    }

    /// Gives them to `each`, one by one: a journal may be larger than what is made of it. `each` must ask
    /// this snapshot for nothing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when one cannot be read; what `each` refuses.
    pub fn for_each_event<E: From<StoreError>>(
        &self,
        run: &str,
        after: u64,
        mut each: impl FnMut(EventRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT seq, at, epoch, body FROM event WHERE run = ?1 AND seq > ?2 ORDER BY seq",
            )
            .map_err(self.fail())?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![run, after]).map_err(self.fail())?;
        while let Some(row) = rows.next().map_err(self.fail())? {
            each(self.event(&connection, run, row)?)?;
        }
        Ok(())
    }

    fn event(
        &self,
        connection: &Connection,
        run: &str,
        row: &Row<'_>,
    ) -> Result<EventRow, StoreError> {
        let seq: i64 = row.get(0).map_err(self.fail())?;
        let body: String = row.get(3).map_err(self.fail())?;
        let mut event: Event =
            serde_json::from_str(&body).map_err(|error| StoreError::Corrupt {
                run: run.to_owned(),
                reason: format!("event {seq} cannot be read: {error}"),
            })?;
        if let Event::Succeeded { outputs, .. } = &mut event
            && let Some(hash) = outputs.get("$blob").and_then(Value::as_str)
        {
            *outputs = self.blob(connection, run, hash)?;
        }
        Ok(EventRow {
            run: run.to_owned(),
            seq: u64::try_from(seq).unwrap_or_default(),
            epoch: u64::try_from(row.get::<_, i64>(2).map_err(self.fail())?).unwrap_or_default(),
            entry: Journal {
                at: Timestamp(row.get(1).map_err(self.fail())?),
                event,
            },
        })
    }

    fn blob(&self, connection: &Connection, run: &str, hash: &str) -> Result<Value, StoreError> {
        let body: Option<String> = connection
            .prepare_cached("SELECT body FROM blob WHERE hash = ?1")
            .and_then(|mut statement| statement.query_row([hash], |row| row.get(0)).optional())
            .map_err(self.fail())?;
        body.and_then(|body| serde_json::from_str(&body).ok())
            .ok_or_else(|| StoreError::Corrupt {
                run: run.to_owned(),
                reason: format!("blob {hash} is missing"),
            })
    }
}
