//! State files of every released schema, killed in the middle: this build opens them, brings them up to
//! its own schema and drives their runs to the end. See `README.md`.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "modules of one test binary"
)]

mod books;
mod cloud;
mod more;
mod record;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runbook_core::{RunStatus, Timestamp};
use runbook_runtime::store::Snapshot;
use runbook_runtime::{Clock, Ended, Engine, StartError, Store, StoreError, doctor, now};
use rusqlite::Connection;

/// One state file of each schema that was released, oldest first.
const RELEASED: [&str; 3] = [
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
];

#[tokio::test]
#[ignore = "writes the files of a release: RUNBOOK_RECORD names the folder"]
async fn write_down() {
    let Ok(folder) = std::env::var("RUNBOOK_RECORD") else {
        return;
    };
    let folder = PathBuf::from(folder);
    let state = tempfile::tempdir().unwrap();
    let state = state.path().join("state.db");
    record::record(&state).await;
    std::fs::write(folder.join("state.sql"), record::dump(&state)).unwrap();
    more::record(&state).await;
    std::fs::write(folder.join("journals.jsonl"), record::lines(&state)).unwrap();
}

/// Makes the state file again.
fn load(dump: &str, folder: &Path) -> PathBuf {
    let state = folder.join("state.db");
    Connection::open(&state)
        .unwrap()
        .execute_batch(dump)
        .unwrap();
    state
}

fn number(state: &Path, ask: &str) -> i64 {
    let connection = Connection::open(state).unwrap();
    connection.query_row(ask, [], |row| row.get(0)).unwrap()
}

/// The cloud as the dead process left it: everything is there whose call it had begun.
fn remember(state: &Path) {
    cloud::forget();
    let connection = Connection::open(state).unwrap();
    let mut statement = connection
        .prepare("SELECT body ->> 'token' FROM event WHERE kind = 'attempt_started' AND step <> 'denied'")
        .unwrap();
    let tokens = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    for token in tokens {
        cloud::made(&token.unwrap());
    }
}

fn status(ended: &Ended) -> Option<RunStatus> {
    match ended {
        Ended::Finished { status, .. } => Some(*status),
        _ => None,
    }
}

/// This build's engine, some time after the recording, whatever this machine's clock says.
fn engine(state: &Path) -> Engine {
    let last = number(state, "SELECT max(at) FROM event");
    record::engine(state, |options| {
        options.clock = Clock {
            now: std::sync::Arc::new(move || Timestamp(now().0.max(last + 3_600_000))),
            ..Clock::default()
        };
    })
}

async fn go_on(dump: &str) {
    let folder = tempfile::tempdir().unwrap();
    let state = load(dump, folder.path());
    remember(&state);
    let engine = engine(&state);
    assert_eq!(
        number(&state, "PRAGMA user_version"),
        i64::try_from(RELEASED.len()).unwrap(),
        "the newest schema has no recorded state file: see README.md"
    );
    // The run that was cut short still holds its lock.
    let next = || books::run("next", books::interrupted(), books::children());
    let refused = engine.start(next()).await;
    assert!(
        matches!(&refused, Err(StartError::Store(StoreError::Locked { run, .. })) if run == "interrupted"),
        "{refused:?}"
    );
    let before = lengths(&engine);

    let ended = record::drive(&engine, "interrupted").await;
    assert_eq!(status(&ended), Some(RunStatus::Succeeded));
    assert_eq!(
        cloud::calls("interrupted"),
        ["cut observe", "after observe", "after act"]
    );
    engine.start(next()).await.unwrap();

    assert_eq!(record::drive(&engine, "asked").await, Ended::Waiting);
    record::say(&engine, "asked", record::answer("go")).await;
    let ended = record::drive(&engine, "asked").await;
    assert_eq!(status(&ended), Some(RunStatus::Succeeded));
    assert_eq!(cloud::calls("asked"), ["after observe", "after act"]);

    assert_eq!(record::drive(&engine, "doubted").await, Ended::Waiting);
    record::say(&engine, "doubted", record::resolve("act")).await;
    let ended = record::drive(&engine, "doubted").await;
    assert_eq!(status(&ended), Some(RunStatus::Succeeded));
    assert_eq!(cloud::calls("doubted"), ["after observe", "after act"]);

    for (run, wanted) in [
        ("answered", RunStatus::Succeeded),
        ("cancelled", RunStatus::Cancelled),
        ("failed", RunStatus::Failed),
        ("resolved", RunStatus::Succeeded),
    ] {
        assert_eq!(
            status(&record::drive(&engine, run).await),
            Some(wanted),
            "{run}"
        );
        assert_eq!(cloud::calls(run), [""; 0], "{run}");
        assert_eq!(lengths(&engine)[run], before[run], "{run}");
    }
    drop(engine);
    let report = doctor::examine(&state, None).unwrap();
    assert!(report.is_healthy(), "{:#?}", report.findings);
}

/// Events of each run, by its journal, whose hashes are checked.
fn lengths(engine: &Engine) -> BTreeMap<String, u64> {
    let snapshot = engine.store().snapshot().unwrap();
    let runs = snapshot
        .list(&runbook_runtime::store::Filter::default())
        .unwrap();
    runs.into_iter()
        .map(|run| {
            let count = snapshot.verify(&run.id).unwrap();
            (run.id, count)
        })
        .collect()
}

#[tokio::test]
async fn every_released_state_file_is_driven_on() {
    for dump in RELEASED {
        go_on(dump).await;
    }
}

#[test]
fn a_file_of_a_later_schema_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let state = load(RELEASED[RELEASED.len() - 1], folder.path());
    let connection = Connection::open(&state).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = std::fs::read(&state).unwrap();
    let refused = |error: Option<StoreError>| match error {
        Some(StoreError::Newer { found, .. }) => assert_eq!(found, 99),
        other => panic!("{other:?}"),
    };
    refused(Store::open(&state).err());
    refused(Snapshot::open(&state).err());
    refused(doctor::examine(&state, None).err());
    assert_eq!(std::fs::read(&state).unwrap(), before);
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["state.db"]);
}
