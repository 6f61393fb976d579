//! What operators say to a run: hold it, go on, again, without, at once.

use runbook_core::{RunStatus, StepStatus};
use runbook_runtime::store::{EffectState, Signal};
use runbook_runtime::{Ended, GatePolicy};
use serde_json::{Value, json};

use crate::cloud::calls;
use crate::hands::{cancel, count, go, pause, reopen, retry, say, skip, tokens, until, yes};
use crate::world::{World, book, drive, finished, step};

fn act(world: &World, id: &str, needs: &[usize], extra: Value) -> Value {
    let with = json!({ "cloud": world.cloud(), "repeatable": true });
    step(id, "test.act", needs, with, extra)
}

fn held(world: &World, id: &str) -> Value {
    let with =
        json!({ "cloud": world.cloud(), "repeatable": true, "hold": world.cloud().join("go") });
    step(id, "test.act", &[], with, json!({}))
}

fn status(world: &World, run: &str, id: &str) -> StepStatus {
    let snapshot = world.snapshot();
    let info = snapshot.run(run).unwrap();
    let book = snapshot.definition(&info).unwrap().runbook;
    let events = snapshot.events(run, 0).unwrap();
    let state = runbook_core::Run::new(std::sync::Arc::new(book))
        .replay(events.iter().map(|row| &row.entry))
        .unwrap();
    state.steps()[state.step_index(id).unwrap()].status()
}

#[tokio::test]
async fn a_held_run_ends_what_is_in_flight_and_starts_nothing_until_it_goes_on() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![held(&world, "slow"), act(&world, "next", &[0], json!({}))];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    // From another handle on the same file.
    let other = world.engine(GatePolicy::Park);
    say(&other, &id, pause()).await;
    until(|| world.status(&id) == RunStatus::Paused).await;
    std::fs::write(world.cloud().join("go"), "").unwrap();
    assert_eq!(going.ended().await, Ended::Paused);
    assert_eq!(calls(&world.cloud()), ["act slow"]);
    assert_eq!(status(&world, &id, "slow"), StepStatus::Succeeded);
    // Driving it on is no word that it may go on.
    assert_eq!(drive(&other, &id).await.unwrap(), Ended::Paused);
    say(&other, &id, Signal::Resume).await;
    assert_eq!(
        finished(&drive(&other, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(calls(&world.cloud()), ["act slow", "act next"]);
    assert_eq!(count(&world, &id, "unpaused"), 1);
}

#[tokio::test]
async fn a_held_run_goes_on_in_the_process_that_drives_it() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![held(&world, "slow"), act(&world, "next", &[0], json!({}))];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    say(&engine, &id, pause()).await;
    until(|| world.status(&id) == RunStatus::Paused).await;
    say(&engine, &id, Signal::Resume).await;
    until(|| world.status(&id) == RunStatus::Running).await;
    std::fs::write(world.cloud().join("go"), "").unwrap();
    assert_eq!(finished(&going.ended().await), RunStatus::Succeeded);
}

#[tokio::test]
async fn a_step_runs_again_alone_or_with_what_depends_on_it() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![
        act(&world, "a", &[], json!({})),
        act(&world, "b", &[0], json!({})),
        act(&world, "c", &[1], json!({})),
    ];
    let (id, _) = world.run(book(steps)).await;
    say(&engine, &id, retry("b", false)).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(calls(&world.cloud()), ["act a", "act b", "act c", "act b"]);
    say(&engine, &id, retry("b", true)).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(calls(&world.cloud())[4..], ["act b", "act c"]);
    // Another generation is another effect.
    let mut of_b = tokens(&world, &id, "b");
    assert_eq!(of_b.len(), 3);
    of_b.sort();
    of_b.dedup();
    assert_eq!(of_b.len(), 3);
    assert_eq!(tokens(&world, &id, "c").len(), 2);
    assert_eq!(tokens(&world, &id, "a").len(), 1);
    let effects = world.snapshot().effects(&id).unwrap();
    let attempts: Vec<u32> = effects
        .iter()
        .filter(|one| one.step == "b")
        .map(|one| one.attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
}

#[tokio::test]
async fn a_failed_step_that_runs_again_keeps_its_token() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let with = json!({ "cloud": world.cloud(), "failures": 3 });
    let steps = vec![
        step("flaky", "test.echo", &[], with, json!({})),
        act(&world, "next", &[0], json!({})),
    ];
    let (id, ended) = world.run(book(steps)).await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    say(&engine, &id, retry("flaky", false)).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    let mut of = tokens(&world, &id, "flaky");
    assert_eq!(of.len(), 4);
    of.dedup();
    assert_eq!(of.len(), 1);
    assert_eq!(calls(&world.cloud()).last().unwrap(), "act next");
}

#[tokio::test]
async fn a_failed_a_pending_and_a_waiting_step_can_be_done_without() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![
        step(
            "no",
            "test.echo",
            &[],
            json!({ "permanent": true }),
            json!({}),
        ),
        step(
            "nap",
            "wait",
            &[],
            json!({ "for": "1h" }),
            json!({ "timeout": 7_200_000 }),
        ),
        step(
            "ask",
            "approval",
            &[1],
            json!({ "message": "?" }),
            json!({ "timeout": 31_536_000_000_u64 }),
        ),
        act(&world, "pending", &[2], json!({})),
        act(&world, "end", &[0, 3], json!({})),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| count(&world, &id, "no failed") == 1).await;
    // The failure lets the nap go on; nothing new starts.
    say(&engine, &id, skip("no")).await;
    say(&engine, &id, skip("nap")).await;
    say(&engine, &id, skip("pending")).await;
    assert_eq!(going.ended().await, Ended::Waiting);
    assert_eq!(status(&world, &id, "pending"), StepStatus::Skipped);
    say(&engine, &id, yes("ask")).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(calls(&world.cloud()), ["act end"]);
}

#[tokio::test]
async fn a_word_that_does_not_fit_leaves_nothing() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![held(&world, "slow"), act(&world, "next", &[0], json!({}))];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    let before = world.journal(&id);
    for word in [
        skip("slow"),
        retry("slow", false),
        retry("next", true),
        skip("nobody"),
        Signal::Resume,
    ] {
        say(&engine, &id, word).await;
    }
    let taken = || world.snapshot().signals(&id, 0).unwrap().len() == 5;
    until(taken).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(world.journal(&id), before);
    std::fs::write(world.cloud().join("go"), "").unwrap();
    assert_eq!(finished(&going.ended().await), RunStatus::Succeeded);
    let before = world.journal(&id);
    for word in [
        pause(),
        cancel(),
        Signal::Resume,
        skip("slow"),
        yes("slow"),
        retry("nobody", false),
    ] {
        say(&engine, &id, word).await;
    }
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(world.journal(&id), before);
}

#[tokio::test]
async fn a_word_from_before_the_end_does_not_wait_for_the_next_chance() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let with = json!({ "cloud": world.cloud(), "failures": 3 });
    let (id, _) = world
        .run(book(vec![step("flaky", "test.echo", &[], with, json!({}))]))
        .await;
    // It came too late for the end and means nothing to it.
    say(&engine, &id, cancel()).await;
    say(&engine, &id, pause()).await;
    let ended = reopen(&engine, &id).await.unwrap();
    assert_eq!(finished(&ended), RunStatus::Succeeded);
}

#[tokio::test]
async fn a_second_cancel_lets_go_at_once_and_says_what_nobody_knows() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![
        step(
            "stuck",
            "test.act",
            &[],
            json!({ "cloud": world.cloud(), "hang": true }),
            json!({}),
        ),
        act(&world, "clean", &[], json!({ "section": "finally" })),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    say(&engine, &id, cancel()).await;
    until(|| count(&world, &id, "cancel_requested") == 1).await;
    say(&engine, &id, cancel()).await;
    assert_eq!(finished(&going.ended().await), RunStatus::Cancelled);
    assert_eq!(calls(&world.cloud()), ["act stuck"]);
    assert_eq!(count(&world, &id, "cancel_forced"), 1);
    let effects = world.snapshot().effects(&id).unwrap();
    assert_eq!(effects[0].state, EffectState::InDoubt);
}
