//! A run goes on from a copy of its state file that is older than the world.

use std::path::Path;

use runbook_core::{Effect, Event, RunStatus};
use runbook_runtime::store::Snapshot;
use runbook_runtime::{Ended, Engine, GatePolicy, Options, Store, Watch};
use serde_json::json;
use tokio::sync::watch;

use crate::cloud::{calls, catalog};
use crate::hands::{go, until};
use crate::world::{World, book, finished, step};

fn over(copy: &Path) -> Engine {
    let options = Options {
        settle: 0,
        ..Options::default()
    };
    Engine::new(
        Store::open(copy).unwrap(),
        std::sync::Arc::new(catalog()),
        options,
    )
}

async fn restore(engine: &Engine, id: &str) -> Ended {
    let (_keep, stop) = watch::channel(Watch::Go);
    engine.restore(id, "ann", stop).await.unwrap()
}

#[tokio::test]
async fn what_was_made_after_the_copy_is_found_and_what_cannot_be_known_is_asked() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let make = |id: &str, needs: &[usize]| {
        let with = json!({ "cloud": world.cloud(), "name": id });
        step(id, "test.create", needs, with, json!({}))
    };
    let hold =
        json!({ "cloud": world.cloud(), "repeatable": true, "hold": world.cloud().join("go") });
    let steps = vec![
        make("one", &[]),
        step("slow", "test.act", &[0], hold, json!({})),
        make("two", &[1]),
        step(
            "once",
            "test.act",
            &[2],
            json!({ "cloud": world.cloud() }),
            json!({}),
        ),
        step(
            "look",
            "test.echo",
            &[3],
            json!({ "cloud": world.cloud() }),
            json!({}),
        ),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 2).await;
    let copy = world.folder.path().join("copy.db");
    runbook_runtime::backup::backup(&world.state(), &copy, false).unwrap();
    std::fs::write(world.cloud().join("go"), "").unwrap();
    assert_eq!(finished(&going.ended().await), RunStatus::Succeeded);
    let original = calls(&world.cloud());
    assert_eq!(
        original,
        ["create one", "act slow", "create two", "act once", "look 1"]
    );

    let second = over(&copy);
    assert_eq!(restore(&second, &id).await, Ended::Waiting);
    // The resource was taken over, the repeatable action repeated, the other one is in doubt.
    assert_eq!(calls(&world.cloud())[original.len()..], ["act slow"]);
    let snapshot = Snapshot::open(&copy).unwrap();
    let events = snapshot.events(&id, 0).unwrap();
    let adopted: Vec<_> = events
        .iter()
        .filter_map(|row| match &row.entry.event {
            Event::Succeeded {
                step,
                effect: Effect::Adopted,
                ..
            } => Some(step.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(adopted, ["two"]);
    let doubt = events
        .iter()
        .any(|row| matches!(&row.entry.event, Event::InDoubt { step, .. } if step == "once"));
    assert!(doubt);
    let report = runbook_runtime::doctor::examine(&copy, None).unwrap();
    assert!(report.is_healthy(), "{:#?}", report.findings);
}

#[tokio::test]
async fn a_child_of_a_restored_run_knows_no_more_than_its_parent() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let hold =
        json!({ "cloud": world.cloud(), "repeatable": true, "hold": world.cloud().join("go") });
    let once = step(
        "once",
        "test.act",
        &[],
        json!({ "cloud": world.cloud() }),
        json!({}),
    );
    let parent = book(vec![
        step("slow", "test.act", &[], hold, json!({})),
        step(
            "sub",
            "runbook",
            &[0],
            json!({ "file": "child.yaml" }),
            json!({}),
        ),
    ]);
    let children = crate::hands::one_child(book(vec![once]));
    let id = world.start_with(&engine, parent, children).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    let copy = world.folder.path().join("copy.db");
    runbook_runtime::backup::backup(&world.state(), &copy, false).unwrap();
    std::fs::write(world.cloud().join("go"), "").unwrap();
    assert_eq!(finished(&going.ended().await), RunStatus::Succeeded);
    assert_eq!(calls(&world.cloud()), ["act slow", "act once"]);
    // The child run itself is younger than the copy.
    assert_eq!(restore(&over(&copy), &id).await, Ended::Waiting);
    assert_eq!(calls(&world.cloud()), ["act slow", "act once", "act slow"]);
}

#[tokio::test]
async fn a_restored_run_that_had_failed_gets_its_chance() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "failures": 3 });
    let (id, ended) = world
        .run(book(vec![step("flaky", "test.echo", &[], with, json!({}))]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    let copy = world.folder.path().join("copy.db");
    runbook_runtime::backup::backup(&world.state(), &copy, false).unwrap();
    assert_eq!(
        finished(&restore(&over(&copy), &id).await),
        RunStatus::Succeeded
    );
}
