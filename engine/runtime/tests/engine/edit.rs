//! A run goes on with an edited runbook, or refuses it and stays as it was.

use std::collections::BTreeMap;

use runbook_core::{RunStatus, Runbook};
use runbook_runtime::{Definition, GatePolicy, RedefineError};
use serde_json::{Value, json};

use crate::cloud::calls;
use crate::hands::{reopen, retry, say};
use crate::world::{World, book, drive, finished, step};

fn echo(world: &World, id: &str, needs: &[usize], extra: Value) -> Value {
    let mut with = json!({ "cloud": world.cloud() });
    for (key, value) in extra.as_object().into_iter().flatten() {
        with[key] = value.clone();
    }
    step(id, "test.echo", needs, with, json!({}))
}

/// One step that succeeded, one that failed, one that never started.
async fn failed(world: &World) -> String {
    let (id, ended) = world
        .run(book(vec![
            echo(world, "done", &[], json!({})),
            echo(world, "broken", &[0], json!({ "failures": 3 })),
            echo(world, "wrong", &[1], json!({ "permanent": true })),
        ]))
        .await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    id
}

fn edited(world: &World, book: Runbook) -> Definition {
    world.definition(book, BTreeMap::new())
}

#[tokio::test]
async fn what_has_not_started_may_change_and_move() {
    let world = World::new();
    let id = failed(&world).await;
    let engine = world.engine(GatePolicy::Park);
    // The steps have other places, one is new, one is gone, one reads something else.
    let other = book(vec![
        echo(&world, "before", &[], json!({})),
        echo(&world, "done", &[], json!({})),
        echo(&world, "broken", &[1], json!({ "failures": 3 })),
        echo(&world, "right", &[2], json!({})),
    ]);
    let changes = engine
        .redefine(&id, &edited(&world, other), "ann")
        .await
        .unwrap();
    assert_eq!(changes, ["- wrong", "+ before", "+ right"]);
    assert_eq!(world.journal(&id).last().unwrap(), "redefined");
    assert_eq!(world.status(&id), RunStatus::Failed);
    let report = runbook_runtime::doctor::examine(&world.state(), None).unwrap();
    assert!(report.is_healthy(), "{:#?}", report.findings);
    assert_eq!(
        finished(&reopen(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    let calls = calls(&world.cloud());
    assert_eq!(
        calls.iter().filter(|call| call.starts_with("done")).count(),
        1
    );
    assert!(calls.contains(&"broken 4".to_owned()), "{calls:?}");
    assert!(calls.contains(&"before 1".to_owned()) && calls.contains(&"right 1".to_owned()));
    // It can be gone on with after that like any other run.
    say(&engine, &id, retry("right", false)).await;
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
}

#[tokio::test]
async fn what_has_happened_stands() {
    let world = World::new();
    let id = failed(&world).await;
    let engine = world.engine(GatePolicy::Park);
    let before = world.journal(&id);
    let done = |extra| echo(&world, "done", &[], extra);
    let broken = |extra| echo(&world, "broken", &[0], extra);
    let fails = || json!({ "failures": 3 });
    let wrong = || echo(&world, "wrong", &[1], json!({ "permanent": true }));
    let mut demanding = book(vec![done(json!({})), broken(fails()), wrong()]);
    demanding.params = serde_json::from_value(json!({ "who": { "type": "string" } })).unwrap();
    let cases: Vec<(Runbook, &str)> = vec![
        (
            book(vec![done(json!({ "value": 1 })), broken(fails()), wrong()]),
            "`done`",
        ),
        (
            book(vec![
                done(json!({})),
                broken(json!({ "failures": 0 })),
                wrong(),
            ]),
            "`broken`",
        ),
        (
            book(vec![
                echo(&world, "renamed", &[], json!({})),
                broken(fails()),
                wrong(),
            ]),
            "not there any more",
        ),
        (demanding, "parameter `who`"),
    ];
    for (other, why) in cases {
        match engine.redefine(&id, &edited(&world, other), "ann").await {
            Err(RedefineError::Unfit { reasons, .. }) => {
                assert!(reasons.iter().any(|one| one.contains(why)), "{reasons:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    let same = book(vec![done(json!({})), broken(fails()), wrong()]);
    let refused = engine.redefine(&id, &edited(&world, same), "ann").await;
    assert!(
        matches!(refused, Err(RedefineError::Same { .. })),
        "{refused:?}"
    );
    assert_eq!(world.journal(&id), before);
}
