//! The state file: what is refused, what is fenced, what is locked.

use runbook_core::{Event, Journal, Timestamp};
use runbook_runtime::store::{Commit, Store};
use runbook_runtime::{GatePolicy, StartError, StoreError};
use serde_json::json;

use crate::world::{World, book_with, drive, step};

fn event() -> Journal {
    Journal {
        at: Timestamp(1),
        event: Event::Unpaused {
            actor: "ann".into(),
        },
    }
}

fn one(extra: serde_json::Value) -> runbook_core::Runbook {
    book_with(
        vec![step("one", "test.echo", &[], json!({}), json!({}))],
        extra,
    )
}

#[tokio::test]
async fn a_superseded_owner_cannot_write() {
    let mut world = World::new();
    // It writes events without their rows.
    world.spoiled = true;
    let engine = world.engine(GatePolicy::Park);
    let id = world.start(&engine, one(json!({}))).await.unwrap();
    let first = engine
        .store()
        .claim(&id, "first".into(), runbook_runtime::now(), 15_000)
        .await
        .unwrap()
        .unwrap();
    let stale = first.epoch;
    drop(first);
    let second = engine
        .store()
        .claim(&id, "second".into(), runbook_runtime::now(), 15_000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(second.epoch, stale + 1);
    let write = |epoch, seq| {
        let commit = Commit {
            run: id.clone(),
            expected_seq: seq,
            epoch,
            events: vec![event()],
            ..Commit::default()
        };
        engine.store().append(commit)
    };
    assert!(matches!(
        write(stale, 1).await,
        Err(StoreError::LeaseLost { .. })
    ));
    assert!(matches!(
        write(second.epoch, 7).await,
        Err(StoreError::Conflict { .. })
    ));
    write(second.epoch, 1).await.unwrap();
    assert_eq!(world.snapshot().verify(&id).unwrap(), 2);
}

#[tokio::test]
async fn a_lock_is_held_by_a_live_run_and_freed_by_its_end() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let locked = || one(json!({ "lock": "{{ env.name }}/traffic" }));
    let first = world.start(&engine, locked()).await.unwrap();
    let refused = world.start(&engine, locked()).await;
    let Err(StartError::Store(StoreError::Locked { key, run, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (key.as_str(), run.as_str()),
        ("dev/traffic", first.as_str())
    );
    assert_eq!(
        world
            .snapshot()
            .list(&runbook_runtime::store::Filter::default())
            .unwrap()
            .len(),
        1
    );
    crate::world::drive(&engine, &first).await.unwrap();
    world.start(&engine, locked()).await.unwrap();
}

#[test]
fn what_is_not_ours_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    std::fs::write(
        &path,
        "dear diary, this is no database at all, and it is long enough",
    )
    .unwrap();
    assert!(matches!(
        Store::open(&path),
        Err(StoreError::NotOurs { .. })
    ));
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("dear diary")
    );
    let other = folder.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection
        .execute_batch("CREATE TABLE t (a); PRAGMA application_id = 7")
        .unwrap();
    drop(connection);
    assert!(matches!(
        Store::open(&other),
        Err(StoreError::NotOurs { .. })
    ));
}

#[test]
fn a_newer_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    drop(Store::open(&path).unwrap());
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    assert!(matches!(
        Store::open(&path),
        Err(StoreError::Newer { found: 99, .. })
    ));
}

#[test]
fn a_folder_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open(folder.path()).err().unwrap();
    assert!(
        matches!(error, StoreError::Open { .. } | StoreError::ReadOnly { .. }),
        "{error}"
    );
}

#[test]
fn a_file_that_a_killed_process_left_empty_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    std::fs::write(&path, "").unwrap();
    Store::open(&path).unwrap();
}

#[test]
fn a_file_that_was_killed_before_its_tables_holds_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| {
            row.get::<_, String>(0)
        })
        .unwrap();
    drop(connection);
    assert!(std::fs::metadata(&path).unwrap().len() > 0);
    assert!(!Store::exists(&path));
    Store::open(&path).unwrap();
    assert!(Store::exists(&path));
}

#[tokio::test]
async fn a_changed_event_breaks_the_chain() {
    let mut world = World::new();
    world.spoiled = true;
    let (id, _) = world.run(one(json!({}))).await;
    assert!(world.snapshot().verify(&id).is_ok());
    let edit = "UPDATE event SET body = replace(body, 'tester', 'nobody') WHERE seq = 1";
    rusqlite::Connection::open(world.state())
        .unwrap()
        .execute_batch(edit)
        .unwrap();
    assert!(matches!(
        world.snapshot().verify(&id),
        Err(StoreError::Corrupt { .. })
    ));
}

#[tokio::test]
async fn large_outputs_come_back_whole() {
    let world = World::new();
    let long = "x".repeat(10_000);
    let (id, _) = world
        .run(book_with(
            vec![step(
                "one",
                "test.echo",
                &[],
                json!({ "value": long }),
                json!({}),
            )],
            json!({ "outputs": { "length": "{{ length steps.one.value }}" } }),
        ))
        .await;
    assert_eq!(
        world.snapshot().run(&id).unwrap().outputs,
        Some(json!({ "length": 10_000 }))
    );
    let events = world.snapshot().events(&id, 0).unwrap();
    let whole = events.iter().any(|row| match &row.entry.event {
        Event::Succeeded { outputs, .. } => outputs["value"] == json!(long),
        _ => false,
    });
    assert!(whole);
}

fn record(run: &str, epoch: u64) -> Commit {
    Commit {
        run: run.to_owned(),
        expected_seq: 1,
        epoch,
        events: vec![event()],
        ..Commit::default()
    }
}

#[tokio::test]
async fn another_process_transaction_is_waited_for_without_holding_the_caller_up() {
    let mut world = World::new();
    // Events without rows: what is tested is the journal.
    world.spoiled = true;
    let engine = world.engine(GatePolicy::Park);
    let id = world.start(&engine, one(json!({}))).await.unwrap();
    let claim = engine
        .store()
        .claim(&id, "one".into(), runbook_runtime::now(), 15_000)
        .await
        .unwrap();
    let other = rusqlite::Connection::open(world.state()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let store = engine.store().clone();
    let written = record(&id, claim.unwrap().epoch);
    let append = tokio::spawn(async move { store.append(written).await });
    // The runtime of a test has one thread: it comes back here only if nobody sleeps on it.
    tokio::task::yield_now().await;
    assert!(!append.is_finished());
    assert_eq!(world.snapshot().events(&id, 0).unwrap().len(), 1);
    other.execute_batch("COMMIT").unwrap();
    append.await.unwrap().unwrap();
    assert_eq!(world.snapshot().verify(&id).unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_meet_at_the_writer_all_land_once() {
    let mut world = World::new();
    // Events without rows: what is tested is the journal.
    world.spoiled = true;
    let engine = world.engine(GatePolicy::Park);
    let mut runs = Vec::new();
    for _ in 0..32 {
        let id = world.start(&engine, one(json!({}))).await.unwrap();
        let claim = engine
            .store()
            .claim(&id, "one".into(), runbook_runtime::now(), 15_000)
            .await
            .unwrap();
        runs.push((id, claim.unwrap()));
    }
    let appends: Vec<_> = runs
        .iter()
        .map(|(id, claim)| {
            let (store, written) = (engine.store().clone(), record(id, claim.epoch));
            tokio::spawn(async move { store.append(written).await })
        })
        .collect();
    for append in appends {
        append.await.unwrap().unwrap();
    }
    for (id, _) in &runs {
        assert_eq!(world.snapshot().verify(id).unwrap(), 2);
    }
}

#[tokio::test]
async fn whoever_closes_the_file_last_takes_the_log_away() {
    let world = World::new();
    for _ in 0..10 {
        let engine = world.engine(GatePolicy::Park);
        let id = world.start(&engine, one(json!({}))).await.unwrap();
        drive(&engine, &id).await.unwrap();
        let log = world.folder.path().join("state.db-wal");
        assert!(log.exists());
        drop(engine);
        assert!(!log.exists());
    }
}
