//! Interrupted and resumed: nothing lost, nothing doubled.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_core::{Effect, Event, RunStatus};
use runbook_runtime::store::{EffectState, Signal};
use runbook_runtime::{DriveError, Ended, GatePolicy, Watch, now};
use serde_json::json;
use tokio::sync::watch;

use crate::cloud::calls;
use crate::world::{World, book, drive, finished, step};

/// Drives until the cloud has seen `count` calls, then lets go of everything as a kill would.
async fn drive_and_kill(world: &World, id: &str, count: usize) {
    let engine = world.engine(GatePolicy::Park);
    let (_keep, stop) = watch::channel(Watch::Go);
    let run = id.to_owned();
    let task = tokio::spawn(async move { engine.drive(&run, "tester", stop).await });
    while calls(&world.cloud()).len() < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn what_a_lost_create_made_is_adopted() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "name": "vpc", "hang": true });
    let engine = world.engine(GatePolicy::Park);
    let id = world
        .start(
            &engine,
            book(vec![step("make", "test.create", &[], with, json!({}))]),
        )
        .await;
    let id = id.unwrap();
    drive_and_kill(&world, &id, 1).await;
    let ended = drive(&world.engine(GatePolicy::Park), &id).await.unwrap();
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    assert_eq!(calls(&world.cloud()), ["create vpc"]);
    let events = world.snapshot().events(&id, 0).unwrap();
    let adopted = events.iter().any(|row| {
        matches!(
            row.entry.event,
            Event::Succeeded {
                effect: Effect::Adopted,
                ..
            }
        )
    });
    assert!(adopted, "{:?}", world.journal(&id));
    let effects = world.snapshot().effects(&id).unwrap();
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].state, EffectState::Confirmed);
    assert!(effects[0].resource.is_some());
}

#[tokio::test]
async fn a_lost_answer_is_found_by_the_next_attempt() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "name": "vpc", "lose_answer": true });
    let (id, ended) = world
        .run(book(vec![step(
            "make",
            "test.create",
            &[],
            with,
            json!({}),
        )]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    assert_eq!(calls(&world.cloud()), ["create vpc"]);
    assert!(
        world
            .journal(&id)
            .contains(&"make attempt_failed".to_owned())
    );
}

#[tokio::test]
async fn a_second_run_on_the_same_world_changes_nothing() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "name": "vpc", "slow": true });
    let make = || {
        book(vec![step(
            "make",
            "test.create",
            &[],
            with.clone(),
            json!({}),
        )])
    };
    let (_, first) = world.run(make()).await;
    let (_, second) = world.run(make()).await;
    assert!(matches!(first, Ended::Finished { changed: true, .. }));
    assert!(matches!(second, Ended::Finished { changed: false, .. }));
    assert_eq!(calls(&world.cloud()), ["create vpc"]);
}

#[tokio::test]
async fn a_repeatable_action_runs_again_and_another_one_is_in_doubt() {
    for (repeatable, status, count) in [
        (true, RunStatus::Succeeded, 2),
        (false, RunStatus::Waiting, 1),
    ] {
        let world = World::new();
        let engine = world.engine(GatePolicy::Park);
        let hang = json!({ "cloud": world.cloud(), "repeatable": repeatable, "hang": true });
        let id = world.start(
            &engine,
            book(vec![step("act", "test.act", &[], hang, json!({}))]),
        );
        let id = id.await.unwrap();
        drive_and_kill(&world, &id, 1).await;
        let (stopper, stop) = watch::channel(Watch::Go);
        let engine = world.engine(GatePolicy::Park);
        let run = id.clone();
        let task = tokio::spawn(async move { engine.drive(&run, "tester", stop).await });
        if repeatable {
            while calls(&world.cloud()).len() < 2 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            stopper.send(Watch::Now).unwrap();
            assert_eq!(task.await.unwrap().unwrap(), Ended::Interrupted);
        } else {
            assert_eq!(task.await.unwrap().unwrap(), Ended::Waiting);
            assert!(world.journal(&id).contains(&"act in_doubt".to_owned()));
            assert_eq!(world.status(&id), status);
        }
        assert_eq!(calls(&world.cloud()).len(), count);
    }
}

#[tokio::test]
async fn finished_steps_do_not_run_again() {
    let world = World::new();
    let cloud = world.cloud();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![
        step(
            "one",
            "test.echo",
            &[],
            json!({ "cloud": cloud }),
            json!({}),
        ),
        step(
            "two",
            "test.act",
            &[0],
            json!({ "cloud": cloud, "repeatable": true }),
            json!({}),
        ),
        step("three", "wait", &[1], json!({ "for": "300ms" }), json!({})),
        step(
            "four",
            "test.echo",
            &[2],
            json!({ "cloud": cloud }),
            json!({}),
        ),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    drive_and_kill(&world, &id, 2).await;
    let ended = drive(&world.engine(GatePolicy::Park), &id).await.unwrap();
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    let mut calls = calls(&cloud);
    // The action was in flight or just recorded when the process died; it may repeat, the rest may not.
    calls.dedup();
    assert_eq!(calls, ["one 1", "act two", "four 1"]);
}

#[tokio::test]
async fn draining_finishes_the_step_in_hand_and_starts_nothing_more() {
    let world = World::new();
    let cloud = world.cloud();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![
        step(
            "one",
            "test.until",
            &[],
            json!({ "file": cloud.join("go") }),
            json!({}),
        ),
        step(
            "two",
            "test.echo",
            &[0],
            json!({ "cloud": cloud }),
            json!({}),
        ),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let (stopper, stop) = watch::channel(Watch::Go);
    let run = id.clone();
    let driver = engine.clone();
    let task = tokio::spawn(async move { driver.drive(&run, "tester", stop).await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    stopper.send(Watch::Drain).unwrap();
    assert_eq!(task.await.unwrap().unwrap(), Ended::Interrupted);
    std::fs::write(cloud.join("go"), "").unwrap();
    assert!(calls(&cloud).is_empty());
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
}

#[tokio::test]
async fn a_run_is_driven_by_one_process_only() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let file = world.cloud().join("go");
    let id = world
        .start(
            &engine,
            book(vec![step(
                "one",
                "test.until",
                &[],
                json!({ "file": file }),
                json!({}),
            )]),
        )
        .await
        .unwrap();
    let (driver, run) = (engine.clone(), id.clone());
    let (_keep, stop) = watch::channel(Watch::Go);
    let task = tokio::spawn(async move { driver.drive(&run, "tester", stop).await });
    while !engine.store().is_driven(&id) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let second = drive(&world.engine(GatePolicy::Park), &id).await;
    assert!(matches!(second, Err(DriveError::Busy { .. })), "{second:?}");
    std::fs::write(file, "").unwrap();
    assert_eq!(
        finished(&task.await.unwrap().unwrap()),
        RunStatus::Succeeded
    );
}

#[tokio::test]
async fn a_panic_in_a_step_is_a_failed_attempt() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "panic": true });
    let (_, ended) = world
        .run(book(vec![step("act", "test.act", &[], with, json!({}))]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
}

#[tokio::test]
async fn a_child_run_is_made_once_and_hands_its_outputs_up() {
    let world = World::new();
    let cloud = world.cloud();
    let child: runbook_core::Runbook = serde_json::from_value(json!({
        "name": "child",
        "steps": [step("make", "test.create", &[], json!({ "cloud": "{{ params.cloud }}", "name": "vpc" }), json!({})),
                  step("nap", "wait", &[0], json!({ "for": "200ms" }), json!({}))],
        "outputs": { "made": "{{ steps.make.file_id }}" },
    }))
    .unwrap();
    let parent = book(vec![
        step(
            "sub",
            "runbook",
            &[],
            json!({ "file": "child.yaml", "params": { "cloud": cloud } }),
            json!({}),
        ),
        step(
            "after",
            "test.echo",
            &[0],
            json!({ "value": "{{ steps.sub.run_id }}" }),
            json!({ "refs": ["sub"] }),
        ),
    ]);
    let engine = world.engine(GatePolicy::Park);
    let children = BTreeMap::from([("child.yaml".to_owned(), child)]);
    let id = world.start_with(&engine, parent, children).await.unwrap();
    drive_and_kill(&world, &id, 1).await;
    // The child's task goes on in this process until it notices; a kill would have ended it too.
    let ended = loop {
        match drive(&world.engine(GatePolicy::Park), &id).await {
            Ok(ended) => break ended,
            Err(DriveError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(matches!(
        ended,
        Ended::Finished {
            status: RunStatus::Succeeded,
            changed: true,
            ..
        }
    ));
    assert_eq!(calls(&cloud), ["create vpc"]);
    assert_eq!(world.status(&format!("{id}.sub")), RunStatus::Succeeded);
}

#[tokio::test]
async fn two_words_in_one_commit_both_stand_in_the_rows() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let hang = json!({ "cloud": world.cloud(), "hang": true });
    let acts = book(vec![step("act", "test.act", &[], hang, json!({}))]);
    let id = world.start(&engine, acts).await.unwrap();
    drive_and_kill(&world, &id, 1).await;
    let engine = world.engine(GatePolicy::Park);
    assert_eq!(drive(&engine, &id).await.unwrap(), Ended::Waiting);
    let done = Signal::Resolve {
        step: "act".into(),
        item: None,
        how: "done".into(),
        outputs: json!({}),
        reason: "I looked".into(),
    };
    let again = Signal::Retry {
        step: "act".into(),
        downstream: false,
        reason: "once more".into(),
    };
    for word in [done, again] {
        engine
            .store()
            .signal(&id, "ann", now(), word)
            .await
            .unwrap();
    }
    drive_and_kill(&world, &id, 2).await;
    // The retry forgot the attempt that the first word had settled.
    let effects = world.snapshot().effects(&id).unwrap();
    assert_eq!(effects[0].state, EffectState::Confirmed);
    assert_eq!(effects[1].state, EffectState::Intended);
}
