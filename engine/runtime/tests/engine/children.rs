//! Child runs follow their parents: orders go down, standings come up, another chance reaches them.

use runbook_core::{RunStatus, Runbook};
use runbook_runtime::store::Signal;
use runbook_runtime::{Ended, GatePolicy};
use serde_json::{Value, json};

use crate::cloud::calls;
use crate::hands::{cancel, count, drive_on, go, one_child, pause, reopen, retry, say, until, yes};
use crate::world::{World, book, drive, finished, step};

const FOREVER: u64 = 31_536_000_000;

fn sub(needs: &[usize], extra: Value) -> Value {
    step(
        "sub",
        "runbook",
        needs,
        json!({ "file": "child.yaml" }),
        extra,
    )
}

fn act(world: &World, id: &str, needs: &[usize], extra: Value) -> Value {
    let with = json!({ "cloud": world.cloud(), "repeatable": true });
    step(id, "test.act", needs, with, extra)
}

fn hold(world: &World, id: &str, needs: &[usize]) -> Value {
    let with =
        json!({ "cloud": world.cloud(), "repeatable": true, "hold": world.cloud().join(id) });
    step(id, "test.act", needs, with, json!({}))
}

fn ask(needs: &[usize]) -> Value {
    step(
        "ask",
        "approval",
        needs,
        json!({ "message": "?" }),
        json!({ "timeout": FOREVER }),
    )
}

fn release(world: &World, id: &str) {
    std::fs::write(world.cloud().join(id), "").unwrap();
}

/// A parent with this child.
async fn family(
    world: &World,
    gates: GatePolicy,
    child: Vec<Value>,
    parent: Vec<Value>,
) -> (runbook_runtime::Engine, String, String) {
    let engine = world.engine(gates);
    let children = one_child(book(child));
    let id = world
        .start_with(&engine, book(parent), children)
        .await
        .unwrap();
    let below = format!("{id}.sub");
    (engine, id, below)
}

#[tokio::test]
async fn a_cancel_reaches_the_child_and_it_cleans_up() {
    let world = World::new();
    let child = vec![
        step(
            "nap",
            "wait",
            &[],
            json!({ "for": "1h" }),
            json!({ "timeout": FOREVER }),
        ),
        act(&world, "undo", &[], json!({ "section": "on_cancel" })),
    ];
    let parent = vec![
        sub(&[], json!({})),
        act(&world, "tell", &[], json!({ "section": "finally" })),
    ];
    let (engine, id, below) = family(&world, GatePolicy::Park, child, parent).await;
    let going = go(&engine, &id);
    until(|| count(&world, &id, "sub attempt_started") == 1).await;
    until(|| {
        world
            .snapshot()
            .run(&below)
            .is_ok_and(|one| one.status == RunStatus::Waiting)
    })
    .await;
    say(&engine, &id, cancel()).await;
    assert_eq!(finished(&going.ended().await), RunStatus::Cancelled);
    assert_eq!(world.status(&below), RunStatus::Cancelled);
    assert_eq!(calls(&world.cloud()), ["act undo", "act tell"]);
}

#[tokio::test]
async fn a_pause_reaches_the_child_and_goes_with_its_parents() {
    let world = World::new();
    let child = vec![
        hold(&world, "slow", &[]),
        act(&world, "next", &[0], json!({})),
    ];
    let (engine, id, below) =
        family(&world, GatePolicy::Park, child, vec![sub(&[], json!({}))]).await;
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    say(&engine, &id, pause()).await;
    until(|| world.status(&below) == RunStatus::Paused).await;
    release(&world, "slow");
    assert_eq!(going.ended().await, Ended::Paused);
    assert_eq!(calls(&world.cloud()), ["act slow"]);
    say(&engine, &id, Signal::Resume).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(calls(&world.cloud()), ["act slow", "act next"]);
    assert_eq!(count(&world, &below, "unpaused"), 1);
}

#[tokio::test]
async fn who_pauses_a_child_alone_holds_it_alone() {
    let world = World::new();
    let child = vec![
        hold(&world, "slow", &[]),
        act(&world, "next", &[0], json!({})),
    ];
    let parent = vec![
        sub(&[], json!({})),
        hold(&world, "other", &[]),
        act(&world, "then", &[1], json!({})),
    ];
    let (engine, id, below) = family(&world, GatePolicy::Park, child, parent).await;
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 2).await;
    say(&engine, &below, pause()).await;
    until(|| world.status(&below) == RunStatus::Paused).await;
    release(&world, "slow");
    release(&world, "other");
    until(|| calls(&world.cloud()).contains(&"act then".to_owned())).await;
    assert_eq!(going.ended().await, Ended::Paused);
    assert!(!calls(&world.cloud()).contains(&"act next".to_owned()));
    // To resume the parent is to give what is held below it another chance.
    assert_eq!(
        finished(&reopen(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert!(calls(&world.cloud()).contains(&"act next".to_owned()));
}

#[tokio::test]
async fn orders_that_were_given_while_nobody_drove_reach_the_child() {
    for (word, end) in [
        (cancel(), RunStatus::Cancelled),
        (pause(), RunStatus::Paused),
    ] {
        let world = World::new();
        let child = vec![
            hold(&world, "slow", &[]),
            act(&world, "next", &[0], json!({})),
        ];
        let (engine, id, below) =
            family(&world, GatePolicy::Park, child, vec![sub(&[], json!({}))]).await;
        let going = go(&engine, &id);
        until(|| calls(&world.cloud()).len() == 1).await;
        going.kill().await;
        say(&engine, &id, word).await;
        release(&world, "slow");
        drive_on(&engine, &id).await;
        assert_eq!(world.status(&id), end);
        assert_eq!(world.status(&below), end);
        assert!(!calls(&world.cloud()).contains(&"act next".to_owned()));
    }
}

#[tokio::test]
async fn a_child_that_waits_for_its_parents_lock_is_cancelled_before_it_is_made() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let locked: Runbook = crate::world::book_with(vec![ask(&[])], json!({ "lock": "traffic" }));
    world.start(&engine, locked.clone()).await.unwrap();
    let patient = json!({ "retry": { "attempts": 1000, "delay": 50, "max_delay": 50, "backoff": 1.0,
                                     "jitter": false, "on": ["conflict"] } });
    let parent = book(vec![sub(&[], patient)]);
    let id = world
        .start_with(&engine, parent, one_child(locked))
        .await
        .unwrap();
    let going = go(&engine, &id);
    until(|| count(&world, &id, "sub attempt_failed") > 0).await;
    say(&engine, &id, cancel()).await;
    assert_eq!(finished(&going.ended().await), RunStatus::Cancelled);
    assert!(world.snapshot().run(&format!("{id}.sub")).is_err());
}

#[tokio::test]
async fn an_answer_to_a_child_moves_it_while_its_parent_is_driven() {
    let world = World::new();
    let child = vec![ask(&[]), act(&world, "next", &[0], json!({}))];
    let parent = vec![sub(&[], json!({})), hold(&world, "other", &[])];
    let (engine, id, below) = family(&world, GatePolicy::Park, child, parent).await;
    let going = go(&engine, &id);
    until(|| {
        world
            .snapshot()
            .run(&below)
            .is_ok_and(|one| one.status == RunStatus::Waiting)
    })
    .await;
    say(&world.engine(GatePolicy::Park), &below, yes("ask")).await;
    until(|| world.status(&below) == RunStatus::Succeeded).await;
    assert!(!world.status(&id).is_terminal());
    release(&world, "other");
    assert_eq!(finished(&going.ended().await), RunStatus::Succeeded);
}

#[tokio::test]
async fn a_child_that_only_a_person_can_move_lets_its_parent_go() {
    let world = World::new();
    let child = vec![ask(&[]), act(&world, "next", &[0], json!({}))];
    let (engine, id, below) =
        family(&world, GatePolicy::Park, child, vec![sub(&[], json!({}))]).await;
    assert_eq!(drive(&engine, &id).await.unwrap(), Ended::Waiting);
    say(&engine, &below, yes("ask")).await;
    assert_eq!(
        finished(&drive_on(&engine, &id).await),
        RunStatus::Succeeded
    );
}

fn flaky(world: &World, policy: &str) -> Vec<Value> {
    let with = json!({ "cloud": world.cloud(), "failures": 3 });
    vec![
        act(world, "first", &[], json!({})),
        step(
            "flaky",
            "test.echo",
            &[0],
            with,
            json!({ "on_failure": policy }),
        ),
        act(world, "next", &[1], json!({})),
    ]
}

#[tokio::test]
async fn a_child_that_failed_or_is_held_gets_another_chance_with_its_parent() {
    for (policy, parent) in [("pause", RunStatus::Waiting), ("stop", RunStatus::Failed)] {
        let world = World::new();
        let (engine, id, below) = family(
            &world,
            GatePolicy::Park,
            flaky(&world, policy),
            vec![sub(&[], json!({}))],
        )
        .await;
        let ended = drive(&engine, &id).await.unwrap();
        match policy {
            "pause" => assert_eq!(ended, Ended::Paused),
            _ => assert_eq!(finished(&ended), parent),
        }
        // Without another chance nothing moves.
        drive_on(&engine, &id).await;
        assert!(!calls(&world.cloud()).contains(&"act next".to_owned()));
        assert_eq!(
            finished(&reopen(&engine, &id).await.unwrap()),
            RunStatus::Succeeded
        );
        assert_eq!(world.status(&below), RunStatus::Succeeded);
        let calls = calls(&world.cloud());
        assert_eq!(calls.iter().filter(|call| *call == "act first").count(), 1);
        assert_eq!(calls.last().unwrap(), "act next");
    }
}

#[tokio::test]
async fn a_retry_of_the_parents_step_reopens_the_child() {
    let world = World::new();
    let (engine, id, below) = family(
        &world,
        GatePolicy::Park,
        flaky(&world, "stop"),
        vec![sub(&[], json!({}))],
    )
    .await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    say(&engine, &id, retry("sub", false)).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(count(&world, &below, "reopened"), 1);
    // One that had ended well starts over as a run of its own.
    say(&engine, &id, retry("sub", false)).await;
    let again = finished(&drive(&engine, &id).await.unwrap());
    assert_eq!(again, RunStatus::Failed);
    assert_eq!(world.status(&below), RunStatus::Succeeded);
    assert_eq!(world.status(&format!("{below}.again1")), RunStatus::Failed);
}

#[tokio::test]
async fn a_word_to_a_step_of_a_failed_child_is_all_that_happens_to_it() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "failures": 3 });
    let twin = |id: &str| step(id, "test.echo", &[], with.clone(), json!({}));
    let child = vec![twin("one"), twin("two")];
    let (engine, id, below) =
        family(&world, GatePolicy::Park, child, vec![sub(&[], json!({}))]).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    let before = calls(&world.cloud()).len();
    say(&engine, &below, retry("one", false)).await;
    say(&engine, &id, retry("sub", false)).await;
    drive(&engine, &id).await.unwrap();
    assert_eq!(calls(&world.cloud())[before..], ["one 4"]);
    assert_eq!(
        finished(&reopen(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
}

#[tokio::test]
async fn the_timeout_of_the_parents_step_ends_the_childs_work() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "hang": true, "repeatable": true });
    let child = vec![step("stuck", "test.act", &[], with, json!({}))];
    let parent = vec![sub(&[], json!({ "timeout": 400 }))];
    let (engine, id, below) = family(&world, GatePolicy::Park, child, parent).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    until(|| !engine.store().is_driven(&below)).await;
    assert_eq!(calls(&world.cloud()), ["act stuck"]);
}

#[tokio::test]
async fn a_second_cancel_lets_go_of_the_child_too() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "hang": true });
    let child = vec![step("stuck", "test.act", &[], with, json!({}))];
    let (engine, id, below) =
        family(&world, GatePolicy::Park, child, vec![sub(&[], json!({}))]).await;
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    say(&engine, &id, cancel()).await;
    until(|| count(&world, &below, "cancel_requested") == 1).await;
    say(&engine, &id, cancel()).await;
    assert_eq!(finished(&going.ended().await), RunStatus::Cancelled);
    assert_eq!(world.status(&below), RunStatus::Cancelled);
    let effects = world.snapshot().effects(&below).unwrap();
    assert_eq!(
        effects[0].state,
        runbook_runtime::store::EffectState::InDoubt
    );
}
