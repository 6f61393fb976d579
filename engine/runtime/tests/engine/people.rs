//! Questions, cancelling, another chance.

use runbook_core::{Event, RunStatus, Timestamp};
use runbook_runtime::store::Signal;
use runbook_runtime::{Ended, GatePolicy, Watch, now};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::cloud::calls;
use crate::world::{World, book, drive, finished, step};

fn answer(granted: bool) -> Signal {
    Signal::Answer {
        step: "go".into(),
        item: None,
        granted,
        comment: Some("because".into()),
        form: Value::Null,
    }
}

fn asked(world: &World, with: Value) -> runbook_core::Runbook {
    book(vec![
        step("go", "approval", &[], with, json!({})),
        step(
            "after",
            "test.echo",
            &[0],
            json!({ "value": "{{ steps.go.by }}", "cloud": world.cloud() }),
            json!({ "refs": ["go"] }),
        ),
    ])
}

#[tokio::test]
async fn a_question_lets_go_of_the_run_and_an_answer_moves_it() {
    let world = World::new();
    let (id, ended) = world
        .run(asked(&world, json!({ "message": "really?" })))
        .await;
    assert_eq!(ended, Ended::Waiting);
    let open = world.snapshot().questions(None).unwrap();
    assert_eq!(
        (open[0].step.as_str(), open[0].message.as_str()),
        ("go", "really?")
    );
    let engine = world.engine(GatePolicy::Park);
    engine
        .store()
        .signal(&id, "ann", now(), answer(true))
        .await
        .unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert!(world.snapshot().questions(None).unwrap().is_empty());
    // The same word again means nothing to a run that has ended.
    engine
        .store()
        .signal(&id, "ann", now(), answer(false))
        .await
        .unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
}

#[tokio::test]
async fn a_no_fails_the_run() {
    let world = World::new();
    let (id, _) = world
        .run(asked(&world, json!({ "message": "really?" })))
        .await;
    let engine = world.engine(GatePolicy::Park);
    engine
        .store()
        .signal(&id, "ann", now(), answer(false))
        .await
        .unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    assert!(calls(&world.cloud()).is_empty());
}

#[tokio::test]
async fn two_people_are_two_and_one_person_is_one() {
    let world = World::new();
    let (id, _) = world
        .run(asked(&world, json!({ "message": "really?", "count": 2 })))
        .await;
    let engine = world.engine(GatePolicy::Park);
    for (who, ended) in [("ann", false), ("ann", false), ("bob", true)] {
        engine
            .store()
            .signal(&id, who, now(), answer(true))
            .await
            .unwrap();
        let now = drive(&engine, &id).await.unwrap();
        assert_eq!(now != Ended::Waiting, ended, "{who}");
    }
}

#[tokio::test]
async fn silence_is_never_a_yes() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Hold);
    let id = world
        .start(
            &engine,
            asked(&world, json!({ "message": "really?", "expires": "40ms" })),
        )
        .await
        .unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    assert!(calls(&world.cloud()).is_empty());
}

#[tokio::test]
async fn a_granting_engine_says_so() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Grant("sandbox".into()));
    let id = world
        .start(&engine, asked(&world, json!({ "message": "really?" })))
        .await
        .unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert!(world.journal(&id).contains(&"go answered".to_owned()));
}

#[tokio::test]
async fn a_granting_engine_fills_forms_in_with_their_defaults_and_makes_nothing_up() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Grant("sandbox".into()));
    let asks = |form: Value| {
        let with = json!({ "message": "how many?", "form": form });
        book(vec![step("ask", "manual", &[], with, json!({}))])
    };
    let form = json!({ "count": { "type": "integer", "default": 3 }, "note": { "type": "string", "default": "" } });
    let id = world.start(&engine, asks(form)).await.unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    let given = world.snapshot().events(&id, 0).unwrap().into_iter();
    let given: Vec<Value> = given
        .filter_map(|row| match row.entry.event {
            Event::Succeeded { outputs, .. } => Some(outputs),
            _ => None,
        })
        .collect();
    assert_eq!(given, [json!({ "count": 3, "note": "" })]);

    let form = json!({ "count": { "type": "integer" } });
    let id = world.start(&engine, asks(form)).await.unwrap();
    assert_eq!(drive(&engine, &id).await.unwrap(), Ended::Waiting);
}

#[tokio::test]
async fn cancelling_ends_what_waits_and_runs_finally() {
    let world = World::new();
    let cloud = world.cloud();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![
        step(
            "nap",
            "wait",
            &[],
            json!({ "for": "1h" }),
            json!({ "timeout": 7_200_000 }),
        ),
        step(
            "never",
            "test.echo",
            &[0],
            json!({ "cloud": cloud }),
            json!({}),
        ),
        step(
            "clean",
            "test.echo",
            &[],
            json!({ "cloud": cloud }),
            json!({ "section": "on_cancel" }),
        ),
        step(
            "tell",
            "test.echo",
            &[],
            json!({ "cloud": cloud }),
            json!({ "section": "finally" }),
        ),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let (driver, run) = (engine.clone(), id.clone());
    let (_keep, stop) = watch::channel(Watch::Go);
    let task = tokio::spawn(async move { driver.drive(&run, "tester", stop).await });
    let cancel = Signal::Cancel {
        reason: Some("enough".into()),
    };
    engine
        .store()
        .signal(&id, "ann", Timestamp(1), cancel)
        .await
        .unwrap();
    assert_eq!(
        finished(&task.await.unwrap().unwrap()),
        RunStatus::Cancelled
    );
    assert_eq!(calls(&cloud), ["clean 1", "tell 1"]);
}

#[tokio::test]
async fn a_failed_run_gets_another_chance_where_it_failed() {
    let world = World::new();
    let cloud = world.cloud();
    for policy in ["stop", "pause"] {
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
                "test.echo",
                &[0],
                json!({ "failures": 3, "cloud": cloud }),
                json!({ "on_failure": policy }),
            ),
            step(
                "three",
                "test.echo",
                &[1],
                json!({ "cloud": cloud }),
                json!({}),
            ),
        ];
        let (id, ended) = world.run(book(steps)).await;
        if policy == "stop" {
            assert_eq!(finished(&ended), RunStatus::Failed);
        } else {
            assert_eq!(ended, Ended::Paused);
        }
        let engine = world.engine(GatePolicy::Park);
        let (_keep, stop) = watch::channel(Watch::Go);
        let ended = engine.reopen(&id, "tester", stop).await.unwrap();
        assert_eq!(finished(&ended), RunStatus::Succeeded);
        let calls = calls(&cloud);
        assert_eq!(
            calls.iter().filter(|call| call.starts_with("one")).count(),
            1
        );
        assert_eq!(calls.last().map(String::as_str), Some("three 1"));
        std::fs::remove_file(cloud.join("calls")).unwrap();
    }
}

#[tokio::test]
async fn a_rejected_question_is_asked_again_when_the_run_gets_another_chance() {
    let world = World::new();
    let (id, _) = world
        .run(asked(&world, json!({ "message": "really?" })))
        .await;
    let engine = world.engine(GatePolicy::Park);
    engine
        .store()
        .signal(&id, "ann", now(), answer(false))
        .await
        .unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Failed
    );
    let (_keep, stop) = watch::channel(Watch::Go);
    assert_eq!(
        engine.reopen(&id, "tester", stop).await.unwrap(),
        Ended::Waiting
    );
    assert_eq!(
        world.snapshot().questions(None).unwrap()[0].message,
        "really?"
    );
    engine
        .store()
        .signal(&id, "ann", now(), answer(true))
        .await
        .unwrap();
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
}

#[tokio::test]
async fn a_word_to_an_ended_run_makes_it_the_new_owners() {
    let world = World::new();
    let cloud = world.cloud();
    let steps = vec![
        step(
            "one",
            "test.echo",
            &[],
            json!({ "failures": 3, "cloud": cloud }),
            json!({}),
        ),
        step(
            "two",
            "test.act",
            &[0],
            json!({ "cloud": cloud }),
            json!({}),
        ),
    ];
    let (id, ended) = world.run(book(steps)).await;
    assert_eq!(finished(&ended), RunStatus::Failed);
    let engine = world.engine(GatePolicy::Park);
    engine
        .store()
        .signal(&id, "ann", now(), Signal::Resume)
        .await
        .unwrap();
    // The action was never called before: nothing of it can be in doubt.
    assert_eq!(
        finished(&drive(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert!(world.journal(&id).contains(&"resumed".to_owned()));
}
