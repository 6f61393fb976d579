//! Deadlines of runs and steps across restarts, and how many items run at once.

use std::time::Duration;

use runbook_core::RunStatus;
use runbook_runtime::GatePolicy;
use serde_json::{Value, json};

use crate::cloud::calls;
use crate::hands::{count, drive_on, go, reopen, until};
use crate::world::{World, book, book_with, finished, step};

fn act(world: &World, id: &str, needs: &[usize], extra: Value) -> Value {
    let with = json!({ "cloud": world.cloud(), "repeatable": true });
    step(id, "test.act", needs, with, extra)
}

#[tokio::test]
async fn the_deadline_of_a_run_ends_what_waits_and_another_chance_has_its_whole_time() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let file = world.cloud().join("go");
    let steps = vec![
        step("see", "test.until", &[], json!({ "file": file }), json!({})),
        act(&world, "next", &[0], json!({})),
        act(&world, "tell", &[], json!({ "section": "finally" })),
    ];
    let book = book_with(steps, json!({ "timeout": 1_000 }));
    let id = world.start(&engine, book).await.unwrap();
    assert_eq!(finished(&go(&engine, &id).ended().await), RunStatus::Failed);
    assert_eq!(calls(&world.cloud()), ["act tell"]);
    assert_eq!(count(&world, &id, "deadline_passed"), 1);
    std::fs::write(&file, "").unwrap();
    assert_eq!(
        finished(&reopen(&engine, &id).await.unwrap()),
        RunStatus::Succeeded
    );
    assert_eq!(calls(&world.cloud()), ["act tell", "act next", "act tell"]);
}

#[tokio::test]
async fn an_attempt_that_got_late_while_nobody_drove_is_looked_at_once_more() {
    for there in [true, false] {
        let world = World::new();
        let engine = world.engine(GatePolicy::Park);
        let file = world.cloud().join("go");
        let see = step(
            "see",
            "test.until",
            &[],
            json!({ "file": file }),
            json!({ "timeout": 600 }),
        );
        let id = world.start(&engine, book(vec![see])).await.unwrap();
        let going = go(&engine, &id);
        until(|| count(&world, &id, "see waiting") > 0).await;
        going.kill().await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        if there {
            std::fs::write(&file, "").unwrap();
        }
        let ended = finished(&drive_on(&engine, &id).await);
        let expected = if there {
            RunStatus::Succeeded
        } else {
            RunStatus::Failed
        };
        assert_eq!(ended, expected);
    }
}

#[tokio::test]
async fn a_loop_begins_with_small_batches_and_goes_on_in_a_window() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let hold = format!("{}/go-{{{{ item }}}}", world.cloud().display());
    let with = json!({ "cloud": world.cloud(), "repeatable": true, "hold": hold });
    let ramp = json!([{ "count": 1 }, { "percent": 40.0 }]);
    let looped =
        json!({ "for_each": { "over": "[0, 1, 2, 3, 4]", "max_parallel": 10, "ramp": ramp } });
    let id = world
        .start(
            &engine,
            book(vec![step("each", "test.act", &[], with, looped)]),
        )
        .await
        .unwrap();
    let going = go(&engine, &id);
    let release = |item: u32| std::fs::write(world.cloud().join(format!("go-{item}")), "").unwrap();
    for (item, begun) in [(0, 1), (1, 3), (2, 4), (3, 5)] {
        until(|| calls(&world.cloud()).len() == begun).await;
        // Whatever would start wrongly has had its time.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(calls(&world.cloud()).len(), begun);
        release(item);
    }
    release(4);
    assert_eq!(finished(&going.ended().await), RunStatus::Succeeded);
}
