//! Opens the state file: settings are read back, and what is not ours is refused untouched.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use super::error::StoreError;
use super::schema;
use super::still;
use super::writer::BUSY;
use crate::fail;

/// SQLite before this one has a WAL-reset race between two processes.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Compiled statements that a connection keeps. Many runs at once use more than the 16 that it would keep
/// by itself, and to compile one takes longer than to carry it out.
const STATEMENTS: usize = 64;

pub(super) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_path_buf();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::ReadOnly { path },
        Some(ErrorCode::DatabaseBusy) => StoreError::InUse {
            path,
            holders: Vec::new(),
        },
        Some(ErrorCode::NotADatabase) => StoreError::NotOurs { path },
        Some(ErrorCode::CannotOpen) => StoreError::Open {
            path,
            reason: error.to_string(),
        },
        Some(_) | None => StoreError::Failed {
            path,
            reason: error.to_string(),
        },
    }
}

/// Opens or creates the file for writing.
pub(super) fn writable(path: &Path, patience: Duration) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::Setting {
            path: path.to_path_buf(),
            setting: "version >= 3.51.3",
            found: rusqlite::version().to_owned(),
        });
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|error| open_error(path, &error))?;
    }
    refuse_network(path)?;
    let fresh = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
    if !fresh {
        probe_writable(path)?;
    }
    let connection = Connection::open(path).map_err(|error| from_sqlite(path, &error))?;
    keep_statements(&connection).map_err(|error| from_sqlite(path, &error))?;
    connection
        .busy_timeout(patience)
        .map_err(|error| from_sqlite(path, &error))?;
    // What fails must not be synced once more on its way out; the writer allows it when all went well.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(|error| from_sqlite(path, &error))?;
    identify(&connection, path, fresh)?;
    configure(&connection, path)?;
    migrate(&connection, path)?;
    Ok(connection)
}

/// Opens the file for reading; it must exist. Where it is read-only, nothing is created or written
/// beside it.
pub(super) fn readable(path: &Path) -> Result<Connection, StoreError> {
    let alone = path.exists() && still::is_alone(path);
    let sealed = still::is_sealed(path);
    if alone && sealed {
        return identified(still::open(path)?, path);
    }
    match identified(still::shared(path, sealed)?, path) {
        Err(StoreError::Open { .. } | StoreError::ReadOnly { .. }) if alone => {
            identified(still::open(path)?, path)
        }
        opened => opened,
    }
}

fn identified(connection: Connection, path: &Path) -> Result<Connection, StoreError> {
    keep_statements(&connection).map_err(|error| from_sqlite(path, &error))?;
    connection
        .busy_timeout(BUSY)
        .map_err(|error| from_sqlite(path, &error))?;
    identify(&connection, path, false)?;
    Ok(connection)
}

/// Statements are compiled once. Without the second setting, the built-in SQLite, which plans by
/// statistics, compiles some of them again each time that another value is bound.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(|_| ())
}

fn open_error(path: &Path, error: &std::io::Error) -> StoreError {
    let path = path.to_path_buf();
    match error.kind() {
        ErrorKind::StorageFull => StoreError::Full { path },
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            StoreError::ReadOnly { path }
        }
        _ => StoreError::Open {
            path,
            reason: error.to_string(),
        },
    }
}

/// SQLite opens a read-only file without a word and fails later; say it now.
fn probe_writable(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .map(|_| ())
        .map_err(|error| open_error(path, &error))
}

fn identify(connection: &Connection, path: &Path, fresh: bool) -> Result<(), StoreError> {
    let ask = |pragma: &str| -> Result<i64, StoreError> {
        connection
            .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
            .map_err(|error| from_sqlite(path, &error))
    };
    let application = ask("application_id")?;
    if application != schema::APPLICATION_ID && !(fresh || empty(connection, path)?) {
        return Err(StoreError::NotOurs {
            path: path.to_path_buf(),
        });
    }
    let found = ask("user_version")?;
    if found > schema::VERSION {
        return Err(StoreError::Newer {
            path: path.to_path_buf(),
            found,
            known: schema::VERSION,
        });
    }
    Ok(())
}

/// Whether the file was begun and has no tables. What cannot be told is for those who open it to say.
pub(super) fn is_unfinished(path: &Path) -> bool {
    readable(path)
        .and_then(|connection| empty(&connection, path))
        .unwrap_or(false)
}

/// A database without tables: what a process that died while creating it leaves behind.
fn empty(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    connection
        .query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
            row.get(0)
        })
        .map_err(|error| from_sqlite(path, &error))
}

/// Sets what durability needs and reads every setting back: SQLite takes a misspelt value silently.
fn configure(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let settings = [
        ("journal_mode", "WAL", "wal"),
        ("synchronous", "FULL", "2"),
        ("foreign_keys", "ON", "1"),
        // The WAL is kept: overwriting it is twice as fast as growing it.
        ("journal_size_limit", "-1", "-1"),
        // The writer does it, where an error is seen.
        ("wal_autocheckpoint", "0", "0"),
        // A large transaction stays in memory until it is committed.
        ("cache_spill", "OFF", "0"),
    ];
    for (name, value, wanted) in settings {
        let set = format!("PRAGMA {name} = {value}");
        let apply = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
        // To its end, not to its row: a switch of the mode is committed after the row, and a switch that
        // failed there reads back as if it were made.
        match connection.query_one(&set, [], apply) {
            Ok(_) | Err(rusqlite::Error::QueryReturnedNoRows) => {}
            Err(error) => return Err(from_sqlite(path, &error)),
        }
        let found = connection
            .query_row(&format!("PRAGMA {name}"), [], |row| {
                row.get::<_, rusqlite::types::Value>(0)
            })
            .map_err(|error| from_sqlite(path, &error))?;
        let found = match found {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => format!("{other:?}"),
        };
        if found != wanted {
            return Err(StoreError::Setting {
                path: path.to_path_buf(),
                setting: name,
                found,
            });
        }
    }
    Ok(())
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    // IMMEDIATE: of two processes that meet an empty file, one makes the tables.
    connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(|error| from_sqlite(path, &error))?;
    rewrite_log(path).map_err(|error| open_error(path, &error))?;
    let done = (|| {
        fail::point("tables.write");
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let known = usize::try_from(version).unwrap_or_default();
        if known < schema::MIGRATIONS.len() {
            for script in &schema::MIGRATIONS[known..] {
                connection.execute_batch(script)?;
            }
            connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", schema::VERSION)?;
        }
        fail::point("tables.sync");
        connection.execute_batch("COMMIT")
    })();
    fail::point("tables.synced");
    done.map_err(|error| from_sqlite(path, &error))
}

/// Writes the log as it reads over itself, while nobody else can write to it. When a sync fails, Linux
/// counts the pages as clean without having written them, and shows them to whoever reads the file next:
/// no later sync would bring them to disk, and what was appended to them would be lost with them. Written
/// again they are synced.
fn rewrite_log(path: &Path) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_os_string();
    name.push("-wal");
    let mut file = match OpenOptions::new().read(true).write(true).open(&name) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut piece = vec![0; 1 << 16];
    loop {
        let at = file.stream_position()?;
        let length = file.read(&mut piece)?;
        if length == 0 {
            break;
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&piece[..length])?;
    }
    // What is read from it is answered without another commit: that a run is there, for instance.
    file.sync_data()
}

/// File systems whose locks and syncs cannot be trusted, from Linux' mount table.
fn refuse_network(path: &Path) -> Result<(), StoreError> {
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else {
        return Ok(());
    };
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let Ok(folder) = std::fs::canonicalize(if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &folder
    }) else {
        return Ok(());
    };
    let kind = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(mount, _)| folder.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len())
        .map(|(_, kind)| kind);
    match kind {
        Some(kind) if ["nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph"].contains(&kind) => {
            Err(StoreError::NetworkFileSystem {
                path: path.to_path_buf(),
                kind: kind.to_owned(),
            })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A privileged user may write read-only files, so the words are tested here, not the file system.
    #[test]
    fn every_trouble_of_the_disk_has_its_own_word() {
        let path = Path::new("state.db");
        let sqlite = |code| {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            from_sqlite(path, &error)
        };
        assert!(matches!(
            sqlite(rusqlite::ffi::SQLITE_FULL),
            StoreError::Full { .. }
        ));
        assert!(matches!(
            sqlite(rusqlite::ffi::SQLITE_READONLY),
            StoreError::ReadOnly { .. }
        ));
        assert!(matches!(
            sqlite(rusqlite::ffi::SQLITE_NOTADB),
            StoreError::NotOurs { .. }
        ));
        assert!(matches!(
            sqlite(rusqlite::ffi::SQLITE_CANTOPEN),
            StoreError::Open { .. }
        ));
        assert!(matches!(
            sqlite(rusqlite::ffi::SQLITE_IOERR),
            StoreError::Failed { .. }
        ));
        let system = |kind: ErrorKind| open_error(path, &kind.into());
        assert!(matches!(
            system(ErrorKind::StorageFull),
            StoreError::Full { .. }
        ));
        assert!(matches!(
            system(ErrorKind::ReadOnlyFilesystem),
            StoreError::ReadOnly { .. }
        ));
        assert!(matches!(
            system(ErrorKind::PermissionDenied),
            StoreError::ReadOnly { .. }
        ));
        assert!(matches!(
            system(ErrorKind::NotADirectory),
            StoreError::Open { .. }
        ));
    }
}
