//! Order, conditions, loops, failures, objectives.

use runbook_core::{Event, RunStatus};
use runbook_runtime::{Ended, Notice};
use serde_json::json;

use crate::cloud::calls;
use crate::world::{World, book, book_with, finished, step};

#[tokio::test]
async fn a_chain_runs_in_order_and_hands_outputs_on() {
    let world = World::new();
    let (id, ended) = world
        .run(book_with(
            vec![
                step("one", "test.echo", &[], json!({ "value": 41 }), json!({})),
                step(
                    "two",
                    "test.compute",
                    &[0],
                    json!({ "that": "steps.one.value + 1" }),
                    json!({ "refs": ["one"] }),
                ),
                step(
                    "three",
                    "test.echo",
                    &[1],
                    json!({ "value": "{{ steps.two.value }}" }),
                    json!({ "refs": ["two"] }),
                ),
            ],
            json!({ "outputs": { "answer": "{{ steps.three.value }}" } }),
        ))
        .await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    assert_eq!(
        world.snapshot().run(&id).unwrap().outputs,
        Some(json!({ "answer": 42 }))
    );
    assert_eq!(
        world.journal(&id),
        [
            "created",
            "started",
            "one attempt_started",
            "one succeeded",
            "two attempt_started",
            "two succeeded",
            "three attempt_started",
            "three succeeded",
            "finished",
        ]
    );
}

#[tokio::test]
async fn steps_free_of_effects_do_not_pile_up_until_the_last_one() {
    const STEPS: usize = 700;
    let steps = (0..STEPS)
        .map(|one| {
            let needs: Vec<usize> = one.checked_sub(1).into_iter().collect();
            step(
                &format!("s{one}"),
                "test.compute",
                &needs,
                json!({ "that": "1 + 1" }),
                json!({}),
            )
        })
        .collect();
    let world = World::new();
    let (id, ended) = world.run(book(steps)).await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    let commits: Vec<usize> = world
        .notices
        .lock()
        .unwrap()
        .iter()
        .filter_map(|notice| match notice {
            Notice::Events { events, .. } => Some(events.len()),
            _ => None,
        })
        .collect();
    // Created by the start; the others by the driver, a thousand and a little in one commit.
    assert_eq!(commits.iter().sum::<usize>() + 1, world.journal(&id).len());
    assert_eq!(world.journal(&id).len(), 2 * STEPS + 3);
    assert!(commits.len() > 1, "{commits:?}");
    assert!(commits.iter().all(|events| *events < 1_010), "{commits:?}");
}

#[tokio::test]
async fn finishing_one_step_and_intending_the_next_is_one_commit() {
    let world = World::new();
    let (id, _) = world
        .run(book(vec![
            step("one", "test.echo", &[], json!({}), json!({})),
            step("two", "test.echo", &[0], json!({}), json!({})),
        ]))
        .await;
    let commits = world
        .notices
        .lock()
        .unwrap()
        .clone()
        .into_iter()
        .filter_map(|notice| {
            let runbook_runtime::Notice::Events { events, .. } = notice else {
                return None;
            };
            Some(
                events
                    .iter()
                    .map(|entry| entry.event.kind())
                    .collect::<Vec<_>>(),
            )
        });
    let commits: Vec<_> = commits.collect();
    assert_eq!(
        commits,
        [
            vec!["started", "attempt_started"],
            vec!["succeeded", "attempt_started"],
            vec!["succeeded", "finished"],
        ]
    );
    assert_eq!(world.snapshot().verify(&id).unwrap(), 7);
}

#[tokio::test]
async fn a_false_condition_skips_and_records_what_it_saw() {
    let world = World::new();
    let (id, ended) = world
        .run(book(vec![
            step("one", "test.echo", &[], json!({ "value": 1 }), json!({})),
            step(
                "two",
                "test.echo",
                &[0],
                json!({}),
                json!({ "when": "steps.one.value > 1", "refs": ["one"] }),
            ),
            step("three", "test.echo", &[1], json!({}), json!({})),
        ]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    let events = world.snapshot().events(&id, 0).unwrap();
    let saw = events.iter().find_map(|row| match &row.entry.event {
        Event::Skipped { saw, .. } => Some(saw.clone()),
        _ => None,
    });
    assert_eq!(saw, Some(json!({ "steps.one.value": 1 })));
}

#[tokio::test]
async fn every_item_of_a_loop_is_a_step_of_its_own() {
    let world = World::new();
    let (id, ended) = world
        .run(book_with(
            vec![step(
                "each",
                "test.echo",
                &[],
                json!({ "value": "{{ item }}{{ index }}" }),
                json!({ "for_each": { "over": "env.zones", "max_parallel": 2 } }),
            )],
            json!({ "outputs": { "all": "{{ pluck steps.each \"value\" }}" } }),
        ))
        .await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    let outputs = world.snapshot().run(&id).unwrap().outputs;
    assert_eq!(outputs, Some(json!({ "all": ["a0", "b1", "c2"] })));
    let journal = world.journal(&id);
    let started = journal
        .iter()
        .position(|line| line == "each[2] attempt_started")
        .unwrap();
    let ended = journal
        .iter()
        .position(|line| line.ends_with("] succeeded"))
        .unwrap();
    assert!(
        started > ended,
        "the third item waits for a slot: {journal:?}"
    );
}

#[tokio::test]
async fn an_empty_loop_is_skipped_and_gives_an_empty_list() {
    let world = World::new();
    let empty = json!({ "for_each": { "over": "[]", "max_parallel": 2 } });
    let (id, ended) = world
        .run(book_with(
            vec![step("each", "test.echo", &[], json!({}), empty)],
            json!({ "outputs": { "all": "{{ steps.each }}" } }),
        ))
        .await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    assert_eq!(
        world.snapshot().run(&id).unwrap().outputs,
        Some(json!({ "all": [] }))
    );
}

#[tokio::test]
async fn an_output_that_cannot_be_given_fails_the_run() {
    let world = World::new();
    let (id, ended) = world
        .run(book_with(
            vec![step("one", "test.echo", &[], json!({}), json!({}))],
            json!({ "outputs": { "nothing": "{{ steps.one.no_such_output }}" } }),
        ))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    assert_eq!(
        world.journal(&id).last().map(String::as_str),
        Some("finished")
    );
}

#[tokio::test]
async fn a_transient_fault_is_retried_and_a_permanent_one_is_not() {
    let world = World::new();
    let cloud = world.cloud();
    let (id, ended) = world
        .run(book(vec![
            step(
                "flaky",
                "test.echo",
                &[],
                json!({ "failures": 2, "cloud": cloud }),
                json!({}),
            ),
            step(
                "broken",
                "test.echo",
                &[0],
                json!({ "permanent": true, "cloud": cloud }),
                json!({}),
            ),
            step(
                "never",
                "test.echo",
                &[1],
                json!({ "cloud": cloud }),
                json!({}),
            ),
            step(
                "tell",
                "test.echo",
                &[],
                json!({ "value": "{{ run.status }}", "cloud": cloud }),
                json!({ "section": "finally" }),
            ),
        ]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    assert_eq!(
        calls(&world.cloud()),
        ["flaky 1", "flaky 2", "flaky 3", "broken 1", "tell 1"]
    );
    let events = world.snapshot().events(&id, 0).unwrap();
    assert!(events.iter().any(|row| matches!(
        &row.entry.event,
        Event::Succeeded { step, outputs, .. } if step == "tell" && outputs["value"] == "failed"
    )));
}

#[tokio::test]
async fn a_tolerated_failure_ends_with_warnings() {
    let world = World::new();
    let (_, ended) = world
        .run(book(vec![
            step(
                "broken",
                "test.echo",
                &[],
                json!({ "permanent": true }),
                json!({ "on_failure": "continue" }),
            ),
            step("after", "test.echo", &[0], json!({}), json!({})),
        ]))
        .await;
    assert_eq!(finished(&ended), RunStatus::SucceededWithWarnings);
}

#[tokio::test]
async fn failed_items_within_the_limit_are_tolerated() {
    let world = World::new();
    let with = json!({ "value": "{{ item }}", "permanent": "{{ eq item \"b\" }}" });
    let each = |limit| {
        step(
            "each",
            "test.echo",
            &[],
            with.clone(),
            json!({ "for_each": { "over": "env.zones", "max_parallel": 1, "max_failures": limit } }),
        )
    };
    let (_, ended) = world
        .run(book(vec![each(json!({ "percent": 34.0 }))]))
        .await;
    assert_eq!(finished(&ended), RunStatus::SucceededWithWarnings);
    let (id, ended) = world.run(book(vec![each(json!({ "count": 0 }))])).await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    assert!(
        !world
            .journal(&id)
            .contains(&"each[2] attempt_started".to_owned())
    );
}

#[tokio::test]
async fn a_query_is_asked_until_its_condition_holds() {
    let world = World::new();
    let (_, ended) = world
        .run(book(vec![step(
            "poll",
            "test.count",
            &[],
            json!({ "cloud": world.cloud() }),
            json!({ "until": { "that": "count >= 3", "interval": 5 } }),
        )]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    assert_eq!(calls(&world.cloud()).len(), 3);
}

#[tokio::test]
async fn a_step_that_is_not_done_in_time_fails_and_says_what_it_saw_last() {
    let world = World::new();
    let (id, ended) = world
        .run(book(vec![step(
            "poll",
            "test.until",
            &[],
            json!({ "file": world.cloud().join("never") }),
            json!({ "timeout": 60 }),
        )]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    let events = world.snapshot().events(&id, 0).unwrap();
    let fault = events.iter().find_map(|row| match &row.entry.event {
        Event::Failed { fault, .. } => Some(fault.message.clone()),
        _ => None,
    });
    let fault = fault.unwrap();
    assert!(
        fault.starts_with("not done after ") && fault.ends_with("last seen: no file yet"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_missed_objective_shows_in_the_end() {
    let world = World::new();
    let marked = |name: &str| json!({ "marks": name });
    let steps = || {
        vec![
            step("in", "test.echo", &[], json!({}), marked("incident")),
            step("nap", "wait", &[0], json!({ "for": "30ms" }), json!({})),
            step(
                "out",
                "test.echo",
                &[1],
                json!({}),
                marked("service_restored"),
            ),
        ]
    };
    let (_, ended) = world
        .run(book_with(steps(), json!({ "objectives": { "rto": 1 } })))
        .await;
    let Ended::Finished {
        status, measures, ..
    } = ended
    else {
        panic!()
    };
    assert_eq!(status, RunStatus::ObjectiveMissed);
    assert!(measures[0].actual.unwrap() >= 30);
    let (_, ended) = world
        .run(book_with(
            steps(),
            json!({ "objectives": { "rto": 60_000 } }),
        ))
        .await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
}

#[tokio::test]
async fn a_wrong_input_fails_before_anything_is_called() {
    let world = World::new();
    let (id, ended) = world
        .run(book(vec![step(
            "one",
            "test.echo",
            &[],
            json!({ "valeu": 1 }),
            json!({}),
        )]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    assert_eq!(
        world.journal(&id),
        ["created", "started", "one failed", "finished"]
    );
}

#[tokio::test]
async fn a_mark_takes_its_time_from_the_output_at() {
    let world = World::new();
    let at = |that: &str| json!({ "that": format!("'{that}'") });
    let (id, ended) = world
        .run(book_with(
            vec![
                step(
                    "point",
                    "test.computed",
                    &[],
                    at("2026-01-01T00:00:00Z"),
                    json!({ "marks": "recovery_point" }),
                ),
                step(
                    "broke",
                    "test.computed",
                    &[0],
                    at("2026-01-01T00:01:30Z"),
                    json!({ "marks": "incident" }),
                ),
            ],
            json!({ "objectives": { "rpo": 60_000 } }),
        ))
        .await;
    let Ended::Finished {
        status, measures, ..
    } = ended
    else {
        panic!("{id}")
    };
    assert_eq!(measures[0].actual, Some(90_000));
    assert_eq!(status, RunStatus::ObjectiveMissed);
}

#[tokio::test]
async fn a_timer_that_is_longer_than_its_timeout_fails() {
    let world = World::new();
    let timeout = json!({ "timeout": 30 });
    let (_, ended) = world
        .run(book(vec![step(
            "nap",
            "wait",
            &[],
            json!({ "for": "1h" }),
            timeout,
        )]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
}

#[tokio::test]
async fn a_list_that_cannot_be_made_fails_the_step_whatever_it_tolerates() {
    let world = World::new();
    let looped = json!({ "for_each": { "over": "env.no_such", "max_parallel": 1, "max_failures": { "percent": 100.0 } } });
    let (_, ended) = world
        .run(book(vec![step(
            "each",
            "test.echo",
            &[],
            json!({}),
            looped,
        )]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
}
