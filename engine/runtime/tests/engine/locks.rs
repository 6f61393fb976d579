//! Locks by key: taken again, shared in a family, queued for.

use runbook_core::{RunStatus, Runbook, Timestamp};
use runbook_runtime::{DriveError, Engine, GatePolicy, StartError, StoreError, now};
use serde_json::{Value, json};

use crate::hands::{count, go, one_child, reopen, retry, say, until};
use crate::world::{World, book, book_with, drive, finished, step};

fn locked(steps: Vec<Value>) -> Runbook {
    book_with(steps, json!({ "lock": "traffic" }))
}

fn ask() -> Value {
    let forever = json!({ "timeout": 31_536_000_000_u64 });
    step("ask", "approval", &[], json!({ "message": "?" }), forever)
}

async fn refused(world: &World, engine: &Engine) -> Option<String> {
    match world.start(engine, locked(vec![ask()])).await {
        Ok(id) => {
            say(engine, &id, crate::hands::cancel()).await;
            drive(engine, &id).await.unwrap();
            None
        }
        Err(StartError::Store(StoreError::Locked { run, .. })) => Some(run),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_run_that_goes_on_takes_its_lock_again_or_is_left_as_it_was() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let flaky = step(
        "flaky",
        "test.echo",
        &[],
        json!({ "failures": 4 }),
        json!({}),
    );
    let first = world.start(&engine, locked(vec![flaky])).await.unwrap();
    assert_eq!(
        finished(&drive(&engine, &first).await.unwrap()),
        RunStatus::Failed
    );
    let second = world.start(&engine, locked(vec![ask()])).await.unwrap();
    let before = world.journal(&first);
    let is_locked = |error: DriveError| matches!(error, DriveError::Store(StoreError::Locked { run, .. }) if run == second);
    assert!(is_locked(reopen(&engine, &first).await.unwrap_err()));
    // A word that was refused is not kept for later.
    say(&engine, &first, retry("flaky", false)).await;
    assert!(is_locked(drive(&engine, &first).await.unwrap_err()));
    assert_eq!(
        finished(&drive(&engine, &first).await.unwrap()),
        RunStatus::Failed
    );
    assert_eq!(world.journal(&first), before);
    assert_eq!(world.status(&first), RunStatus::Failed);
    say(&engine, &second, crate::hands::cancel()).await;
    drive(&engine, &second).await.unwrap();
    let going = go(&engine, &first);
    assert_eq!(finished(&going.ended().await), RunStatus::Failed);
    assert_eq!(
        finished(&reopen(&engine, &first).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(count(&world, &first, "reopened"), 1);
    assert_eq!(refused(&world, &engine).await, None);
}

#[tokio::test]
async fn siblings_share_a_lock_until_the_last_of_them_ends() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Hold);
    let file = |name: &str| world.cloud().join(name);
    let child = locked(vec![step(
        "see",
        "test.until",
        &[],
        json!({ "file": "{{ params.file }}" }),
        json!({}),
    )]);
    let sub = |id: &str| {
        let with = json!({ "file": "child.yaml", "params": { "file": file(id) } });
        step(id, "runbook", &[], with, json!({}))
    };
    let last = step(
        "last",
        "test.until",
        &[0, 1],
        json!({ "file": file("last") }),
        json!({}),
    );
    let parent = book(vec![sub("one"), sub("two"), last]);
    let id = world
        .start_with(&engine, parent, one_child(child))
        .await
        .unwrap();
    let going = go(&engine, &id);
    let child = |name: &str| format!("{id}.{name}");
    let lives = |name: &str| {
        let found = world.snapshot().run(&child(name));
        found.is_ok_and(|info| info.status == RunStatus::Waiting)
    };
    until(|| lives("one") && lives("two")).await;
    assert_eq!(refused(&world, &engine).await, Some(id.clone()));
    // Whichever of them the lock came with: it stays with the other.
    std::fs::write(file("one"), "").unwrap();
    until(|| world.status(&child("one")).is_terminal()).await;
    assert_eq!(refused(&world, &engine).await, Some(id.clone()));
    std::fs::write(file("two"), "").unwrap();
    until(|| world.status(&child("two")).is_terminal()).await;
    assert!(!world.status(&id).is_terminal());
    assert_eq!(refused(&world, &engine).await, None);
    std::fs::write(file("last"), "").unwrap();
    assert_eq!(finished(&going.ended().await), RunStatus::Succeeded);
}

#[tokio::test]
async fn the_lock_of_an_orphan_is_free_and_taken_again_with_its_parent() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let child = locked(vec![step(
        "see",
        "test.until",
        &[],
        json!({ "file": world.cloud().join("go") }),
        json!({}),
    )]);
    let sub = step(
        "sub",
        "runbook",
        &[],
        json!({ "file": "child.yaml" }),
        json!({ "timeout": 300 }),
    );
    let id = world
        .start_with(&engine, book(vec![sub]), one_child(child))
        .await
        .unwrap();
    let orphan = format!("{id}.sub");
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    assert!(!world.status(&orphan).is_terminal());
    let other = world.start(&engine, locked(vec![ask()])).await.unwrap();
    let error = reopen(&engine, &id).await.unwrap_err();
    assert!(matches!(error, DriveError::Store(StoreError::Locked { run, .. }) if run == other));
    assert_eq!(world.status(&id), RunStatus::Failed);
    say(&engine, &other, crate::hands::cancel()).await;
    drive(&engine, &other).await.unwrap();
    std::fs::write(world.cloud().join("go"), "").unwrap();
    assert_eq!(
        finished(&reopen(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(world.status(&orphan), RunStatus::Succeeded);
}

#[tokio::test]
async fn a_queue_goes_by_arrival_and_forgets_who_is_silent() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let holder = world.start(&engine, locked(vec![ask()])).await.unwrap();
    let store = engine.store();
    let later = |seconds: i64| Timestamp(now().0 + seconds * 1000);
    for waiter in ["silent", "first", "second"] {
        store.queue("traffic", waiter, now()).await.unwrap();
    }
    let start = async |id: &str| {
        let mut new = world.new_run(locked(vec![ask()]), std::collections::BTreeMap::new());
        new.id = Some(id.to_owned());
        match engine.start(new).await {
            Ok(_) => None,
            Err(StartError::Store(StoreError::Locked { run, .. })) => Some(run),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(start("first").await, Some(holder.clone()));
    say(&engine, &holder, crate::hands::cancel()).await;
    drive(&engine, &holder).await.unwrap();
    // It is free, and somebody else came first.
    assert_eq!(start("second").await, Some("silent".to_owned()));
    assert_eq!(start("passer-by").await, Some("silent".to_owned()));
    store.leave_queue("silent").await.unwrap();
    assert_eq!(start("second").await, Some("first".to_owned()));
    // To be heard of again keeps the place.
    store.queue("traffic", "first", later(1)).await.unwrap();
    assert_eq!(start("second").await, Some("first".to_owned()));
    assert_eq!(start("first").await, None);
    assert_eq!(start("second").await, Some("first".to_owned()));
    say(&engine, "first", crate::hands::cancel()).await;
    drive(&engine, "first").await.unwrap();
    // One that was not heard of for ten seconds has lost its place.
    store.queue("traffic", "ghost", later(-11)).await.unwrap();
    store.leave_queue("second").await.unwrap();
    assert_eq!(start("passer-by").await, None);
}

#[tokio::test]
async fn a_failed_child_whose_lock_is_taken_stays_as_it_was() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let flaky = step(
        "flaky",
        "test.echo",
        &[],
        json!({ "failures": 3 }),
        json!({}),
    );
    let sub = step(
        "sub",
        "runbook",
        &[],
        json!({ "file": "child.yaml" }),
        json!({}),
    );
    let children = one_child(locked(vec![flaky]));
    let id = world
        .start_with(&engine, book(vec![sub]), children)
        .await
        .unwrap();
    let below = format!("{id}.sub");
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    let other = world.start(&engine, locked(vec![ask()])).await.unwrap();
    let before = world.journal(&below);
    assert_eq!(
        finished(&reopen(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    assert_eq!(world.journal(&below), before);
    say(&engine, &other, crate::hands::cancel()).await;
    drive(&engine, &other).await.unwrap();
    assert_eq!(
        finished(&reopen(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(count(&world, &below, "reopened"), 1);
}
