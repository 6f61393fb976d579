//! Values of plugins that outlive runs.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::StoreError;
use super::read::Snapshot;

const GET: &str = "SELECT value FROM plugin_kv WHERE environment = ?1 AND plugin = ?2 AND key = ?3";

pub(super) fn get(
    connection: &Connection,
    [environment, plugin, key]: [&str; 3],
) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(GET)?
        .query_row(params![environment, plugin, key], |row| row.get(0))
        .optional()
}

pub(super) fn set(
    transaction: &Connection,
    place: &[String; 3],
    expected: Option<Option<Vec<u8>>>,
    value: Option<Vec<u8>>,
) -> rusqlite::Result<Result<bool, StoreError>> {
    let [environment, plugin, key] = place.each_ref().map(String::as_str);
    if let Some(expected) = expected
        && get(transaction, [environment, plugin, key])? != expected
    {
        return Ok(Ok(false));
    }
    match value {
        Some(value) => transaction
            .prepare_cached(
                "INSERT INTO plugin_kv (environment, plugin, key, value) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute(params![environment, plugin, key, value])?,
        None => transaction
            .prepare_cached(
                "DELETE FROM plugin_kv WHERE environment = ?1 AND plugin = ?2 AND key = ?3",
            )?
            .execute(params![environment, plugin, key])?,
    };
    Ok(Ok(true))
}

impl Snapshot {
    /// A value that outlives runs; see [`super::Store::keep_value`].
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn kept_value(
        &self,
        environment: &str,
        owner: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        get(&self.connection(), [environment, owner, key]).map_err(self.fail())
    }
}
