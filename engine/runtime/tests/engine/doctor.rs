//! Spoiled copies of a state file: what the doctor says of each, and what it can mend.

use runbook_core::RunStatus;
use runbook_runtime::backup::{BackupError, backup};
use runbook_runtime::doctor::{self, Kind, RebuildError, Report};
use runbook_runtime::store::Snapshot;
use runbook_runtime::{GatePolicy, Store};
use serde_json::json;

use crate::world::{World, book, book_with, drive, finished, step};

/// A run with one of everything: an effect, a large output, a loop, a skipped step, a question, a lock.
async fn rich(world: &World) -> String {
    let cloud = world.cloud();
    let long = "x".repeat(10_000);
    let engine = world.engine(GatePolicy::Grant("tester".into()));
    let id = world
        .start(
            &engine,
            book_with(
                vec![
                    step(
                        "make",
                        "test.create",
                        &[],
                        json!({ "cloud": cloud, "name": "vpc" }),
                        json!({}),
                    ),
                    step(
                        "big",
                        "test.echo",
                        &[0],
                        json!({ "value": long }),
                        json!({}),
                    ),
                    step(
                        "each",
                        "test.echo",
                        &[1],
                        json!({ "value": "{{ item }}" }),
                        json!({ "for_each": { "over": "env.zones", "max_parallel": 2 } }),
                    ),
                    step(
                        "ask",
                        "approval",
                        &[2],
                        json!({ "message": "Really?" }),
                        json!({}),
                    ),
                ],
                json!({ "lock": "{{ env.name }}/traffic" }),
            ),
        )
        .await
        .unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    id
}

fn edit(world: &World, sql: &str) {
    let connection = rusqlite::Connection::open(world.state()).unwrap();
    connection
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}"))
        .unwrap();
}

fn examine(world: &World) -> Report {
    doctor::examine(&world.state(), None).unwrap()
}

/// The only problem that is found.
#[track_caller]
fn only(world: &World) -> (Kind, String) {
    let report = examine(world);
    let problems: Vec<_> = report
        .findings
        .iter()
        .filter(|one| one.kind.is_problem())
        .collect();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    (problems[0].kind, problems[0].message.clone())
}

/// Everything that is derived, and what is kept beside it.
fn dump(world: &World) -> Vec<String> {
    let connection = rusqlite::Connection::open(world.state()).unwrap();
    ["run", "step", "effect", "approval", "lock"]
        .iter()
        .flat_map(|table| {
            let mut statement = connection
                .prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2, 3"))
                .unwrap();
            let width = statement.column_count();
            let rows = statement
                .query_map([], |row| {
                    let cells = (0..width).map(|at| row.get::<_, rusqlite::types::Value>(at));
                    Ok(format!(
                        "{table} {:?}",
                        cells.collect::<Result<Vec<_>, _>>()?
                    ))
                })
                .unwrap();
            rows.map(Result::unwrap).collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn a_sound_file_is_healthy() {
    let world = World::new();
    rich(&world).await;
    let report = examine(&world);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert_eq!((report.runs, report.examined), (1, 1));
    assert_eq!(
        report.events,
        world.snapshot().list(&Default::default()).unwrap()[0].seq
    );
}

#[tokio::test]
async fn a_broken_record_is_named_and_never_mended() {
    for (spoil, said) in [
        (
            "UPDATE event SET body = replace(body, 'tester', 'nobody') WHERE seq = 1",
            "event 1 was changed",
        ),
        (
            "DELETE FROM event WHERE seq = 3",
            "event 4 was changed, or one before it is missing",
        ),
        (
            "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
            "events are missing at its end",
        ),
        (
            "UPDATE run SET head = zeroblob(32)",
            "its last event is not the one whose hash its row keeps",
        ),
        ("DELETE FROM blob", "is missing"),
        (
            "UPDATE blob SET body = replace(body, 'xx', 'yy')",
            "was changed",
        ),
        (
            "UPDATE definition SET body = replace(body, '\"engine\":\"test\"', '\"engine\":\"best\"')",
            "the definition",
        ),
    ] {
        let mut world = World::new();
        world.spoiled = true;
        let id = rich(&world).await;
        edit(&world, spoil);
        let (kind, message) = only(&world);
        assert_eq!(kind, Kind::Record, "{spoil}: {message}");
        assert!(message.contains(said), "{spoil}: {message}");
        let report = examine(&world);
        assert_eq!(report.findings[0].run.as_deref(), Some(id.as_str()));
        let before = dump(&world);
        let store = Store::open(&world.state()).unwrap();
        assert!(doctor::rebuild(&store, &report).await.unwrap().is_empty());
        assert_eq!(dump(&world), before);
    }
}

#[tokio::test]
async fn rows_that_say_something_else_are_written_again() {
    for (spoil, said) in [
        (
            "UPDATE step SET status = 6 WHERE id = 'make'",
            "the row of its step `make` says status `failed`, the events say `succeeded`",
        ),
        (
            "DELETE FROM step WHERE id = 'each' AND item = 2",
            "the row of its step `each`[2] is missing",
        ),
        (
            "UPDATE step SET body = '{}' WHERE id = 'each' AND item = -1",
            "the row of its step `each` as a whole says body `{}`",
        ),
        (
            "INSERT INTO step SELECT run, 77, 0, 'ghost', 5, 1, 1, 2, '{}' FROM step LIMIT 1",
            "the row of its step `ghost` follows from no event",
        ),
        (
            "UPDATE effect SET state = 0",
            "the row of its effect of step `make`, attempt 1 says state `intended`, the events say `confirmed`",
        ),
        (
            "UPDATE approval SET answered = NULL",
            "the row of its question of step `ask` says answered `none`",
        ),
        (
            "UPDATE run SET status = 1",
            "the row of its run says status `running`, the events say `succeeded`",
        ),
        ("UPDATE run SET seq = seq - 1", "its row counts"),
        ("UPDATE run SET epoch = 0", "its row says epoch 0"),
        (
            "UPDATE run SET params = '{}'",
            "the row of its run says params `{}`",
        ),
        (
            "INSERT INTO lock SELECT 'dev/traffic', id, created FROM run",
            "it has ended, and still holds the lock `dev/traffic`",
        ),
    ] {
        let world = World::new();
        let id = rich(&world).await;
        edit(&world, "UPDATE effect SET request_id = 'req-1'");
        let before = dump(&world);
        edit(&world, spoil);
        assert_ne!(dump(&world), before, "{spoil}");
        let (kind, message) = only(&world);
        assert!(kind.is_mendable(), "{spoil}: {message}");
        assert!(message.contains(said), "{spoil}: {message}");
        let store = Store::open(&world.state()).unwrap();
        let mended = doctor::rebuild(&store, &examine(&world)).await.unwrap();
        assert_eq!(mended, [id]);
        assert_eq!(dump(&world), before, "{spoil}");
        assert!(examine(&world).is_healthy());
    }
}

#[tokio::test]
async fn a_live_run_gets_its_lock_back_unless_another_has_it() {
    let mut world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let locked = || {
        let ask = step(
            "go",
            "approval",
            &[],
            json!({ "message": "Really?" }),
            json!({}),
        );
        book_with(vec![ask], json!({ "lock": "{{ env.name }}/traffic" }))
    };
    let first = world.start(&engine, locked()).await.unwrap();
    drive(&engine, &first).await.unwrap();
    edit(&world, "DELETE FROM lock");
    let (kind, message) = only(&world);
    assert_eq!(kind, Kind::Lock);
    assert!(
        message.contains("does not hold its lock `dev/traffic`"),
        "{message}"
    );
    doctor::rebuild(engine.store(), &examine(&world))
        .await
        .unwrap();
    assert!(examine(&world).is_healthy());
    assert!(world.start(&engine, locked()).await.is_err());

    edit(&world, "DELETE FROM lock");
    world.start(&engine, locked()).await.unwrap();
    let (kind, message) = only(&world);
    assert_eq!(kind, Kind::Clash, "{message}");
    world.spoiled = true;
}

#[tokio::test]
async fn a_run_that_is_driven_is_not_rebuilt() {
    let mut world = World::new();
    world.spoiled = true;
    let engine = world.engine(GatePolicy::Park);
    let nap = step("nap", "wait", &[], json!({ "for": "1h" }), json!({}));
    let id = world.start(&engine, book(vec![nap])).await.unwrap();
    let claim = engine
        .store()
        .claim(&id, "somebody".into(), runbook_runtime::now(), 15_000)
        .await
        .unwrap();
    edit(&world, "UPDATE run SET status = 5");
    let report = examine(&world);
    let refused = doctor::rebuild(engine.store(), &report).await;
    assert!(
        matches!(&refused, Err(RebuildError::Driven { run }) if *run == id),
        "{refused:?}"
    );
    drop(claim);
    assert_eq!(
        doctor::rebuild(engine.store(), &report).await.unwrap(),
        [id]
    );
}

#[tokio::test]
async fn what_nobody_drives_is_told_and_is_no_problem() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let nap = step("nap", "wait", &[], json!({ "for": "1h" }), json!({}));
    let sleeper = world.start(&engine, book(vec![nap])).await.unwrap();
    let report = examine(&world);
    assert!(report.is_healthy());
    assert_eq!(
        (report.findings[0].kind, report.findings[0].run.as_deref()),
        (Kind::Interrupted, Some(sleeper.as_str()))
    );
    let claim = engine
        .store()
        .claim(&sleeper, "somebody".into(), runbook_runtime::now(), 15_000)
        .await
        .unwrap();
    assert!(examine(&world).findings.is_empty());
    drop(claim);
    let ask = step(
        "go",
        "approval",
        &[],
        json!({ "message": "Really?" }),
        json!({}),
    );
    let asker = world.start(&engine, book(vec![ask])).await.unwrap();
    drive(&engine, &asker).await.unwrap();
    let report = doctor::examine(&world.state(), Some(&asker)).unwrap();
    assert_eq!(report.examined, 1);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].kind, Kind::Asks);
    assert_eq!(report.findings[0].step.as_deref(), Some("go"));
}

#[tokio::test]
async fn a_truncated_file_is_damaged_and_not_written() {
    let mut world = World::new();
    world.spoiled = true;
    rich(&world).await;
    let copy = world.folder.path().join("copy.db");
    backup(&world.state(), &copy, false).unwrap();
    let whole = std::fs::read(&copy).unwrap();
    for keep in [4096, whole.len() / 2, whole.len() - 4096] {
        std::fs::write(&copy, &whole[..keep]).unwrap();
        let report = doctor::examine(&copy, None).unwrap();
        assert!(report.has(Kind::Damaged), "{keep}: {:?}", report.findings);
        let second = backup(&copy, &world.folder.path().join("second.db"), false);
        assert!(
            matches!(second, Err(BackupError::Unsound { .. })),
            "{keep}: {second:?}"
        );
        assert!(!world.folder.path().join("second.db").exists());
        let store = Store::open(&world.state()).unwrap();
        let refused = doctor::rebuild(&store, &report).await;
        assert!(matches!(refused, Err(RebuildError::Damaged)));
    }
}

#[tokio::test]
async fn a_backup_is_the_file_and_stands_alone() {
    let world = World::new();
    let id = rich(&world).await;
    let copy = world.folder.path().join("copy.db");
    // What a killed process left behind is taken over.
    std::fs::write(world.folder.path().join("copy.db.partial"), "rubbish").unwrap();
    let copied = backup(&world.state(), &copy, false).unwrap();
    assert_eq!(copied.runs, 1);
    assert_eq!(copied.bytes, std::fs::metadata(&copy).unwrap().len());
    assert_eq!(
        Snapshot::open(&copy).unwrap().events(&id, 0).unwrap().len(),
        world.snapshot().events(&id, 0).unwrap().len()
    );
    let names = |prefix: &str| -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(world.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("copy"), ["copy.db"]);
    assert!(matches!(
        backup(&world.state(), &copy, false),
        Err(BackupError::Exists { .. })
    ));
    backup(&world.state(), &copy, true).unwrap();
    assert!(matches!(
        backup(&world.state(), &world.state(), true),
        Err(BackupError::Unfit { .. })
    ));
    assert!(matches!(
        backup(&world.state(), world.folder.path(), true),
        Err(BackupError::Unfit { .. })
    ));
    // A log beside it would be taken for the copy's own.
    std::fs::write(world.folder.path().join("copy.db-wal"), "").unwrap();
    assert!(matches!(
        backup(&world.state(), &copy, true),
        Err(BackupError::InUse { .. })
    ));
}

#[tokio::test]
async fn asking_who_drives_a_run_makes_nothing_and_keeps_nobody_out() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let nap = step("nap", "wait", &[], json!({ "for": "1h" }), json!({}));
    let id = world.start(&engine, book(vec![nap])).await.unwrap();
    let lock = world.folder.path().join("state.db.lock");
    assert!(!world.snapshot().is_driven(&id) && !lock.exists());
    for owner in ["first", "second"] {
        let claim = engine
            .store()
            .claim(&id, owner.into(), runbook_runtime::now(), 15_000)
            .await
            .unwrap();
        assert!(claim.is_some());
        assert!(world.snapshot().is_driven(&id));
        let other = world.engine(GatePolicy::Park);
        assert!(other.store().is_driven(&id));
        let refused = other
            .store()
            .claim(&id, "other".into(), runbook_runtime::now(), 15_000)
            .await
            .unwrap();
        assert!(refused.is_none());
        drop(claim);
        assert!(!world.snapshot().is_driven(&id));
    }
    assert!(!world.snapshot().is_driven("nobody"));
}
