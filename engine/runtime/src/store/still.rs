//! Opens a state file for reading where nothing may be created beside it: the file or its folder is
//! read-only. SQLite reads a file in WAL mode through a `-shm` file that it makes when it is missing.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::drivers;
use super::error::StoreError;

/// A file beside the state file, such as `-wal`.
pub(crate) fn beside(state: &Path, suffix: &str) -> PathBuf {
    let mut name = state.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether SQLite has to create something in order to read the file as usual. When a process has it
/// open for writing, both files are there.
pub(super) fn is_alone(state: &Path) -> bool {
    !(beside(state, "-wal").exists() && beside(state, "-shm").exists())
}

/// Whether the file or its folder says that it is not to be written, to whoever asks: what a
/// privileged reader created there would be in the owner's way later.
pub(super) fn is_sealed(state: &Path) -> bool {
    let read_only =
        |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.permissions().readonly());
    let folder = match state.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    read_only(state)
        || read_only(folder)
        || std::fs::OpenOptions::new().write(true).open(state).is_err()
}

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Opens the file beside whoever writes it. What is beside a sealed one is only read.
pub(super) fn shared(state: &Path, sealed: bool) -> Result<Connection, StoreError> {
    let opened = if sealed {
        uri(state, "readonly_shm=1")
    } else {
        Connection::open_with_flags(state, FLAGS)
    };
    opened.map_err(|error| super::open::from_sqlite(state, &error))
}

fn uri(state: &Path, option: &str) -> rusqlite::Result<Connection> {
    let name = format!("file:{}?{option}", escaped(state));
    Connection::open_with_flags(name, FLAGS | OpenFlags::SQLITE_OPEN_URI)
}

/// Opens a file that no process writes, through memory of its own.
///
/// # Errors
/// [`StoreError::Open`] with what keeps it from being read.
pub(super) fn open(state: &Path) -> Result<Connection, StoreError> {
    let refuse = |reason: String| StoreError::Open {
        path: state.to_path_buf(),
        reason,
    };
    if drivers::is_any_held(state) {
        return Err(refuse(
            "a live process drives a run, but the -shm file beside it is missing, and here it cannot be made"
                .to_owned(),
        ));
    }
    if is_filled(&beside(state, "-journal")) {
        return Err(refuse(
            "the -journal beside it holds an unfinished transaction; make the file and its folder writable"
                .to_owned(),
        ));
    }
    let opened = if is_filled(&beside(state, "-wal")) {
        with_wal(state)
    } else {
        // Nothing is missing from the file itself, and `immutable` keeps SQLite from anything else.
        uri(state, "immutable=1")
    };
    opened.map_err(|error| super::open::from_sqlite(state, &error))
}

/// What was committed and not yet moved into the file stands in the WAL. Without locks and in exclusive
/// mode SQLite keeps its index in memory; what it reads it leaves as it is.
#[cfg(unix)]
fn with_wal(state: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags_and_vfs(state, FLAGS, c"unix-none")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    Ok(connection)
}

#[cfg(not(unix))]
fn with_wal(state: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(state, FLAGS)
}

fn is_filled(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.len() > 0)
}

/// A path as a URI takes it.
fn escaped(path: &Path) -> String {
    use std::fmt::Write;
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold(String::new(), |mut text, &byte| {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02x}");
        }
        text
    })
}
