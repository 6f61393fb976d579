//! Too much of something ends the call, with a reason, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use runbook_wasm::host::{Kind, Outcome};
use runbook_wasm::limits::Limits;
use serde_json::json;

use crate::guests;
use crate::world::{Silent, World};

#[tokio::test]
async fn an_endless_computation_is_ended_and_others_go_on_meanwhile() {
    let plugin = guests::plugin("hostile").await;
    let mut world = World::default();
    world.limits.cpu = Duration::from_millis(400);
    let turns = Arc::new(AtomicU32::new(0));
    let counted = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let after = world.run(&plugin, "spin", json!({})).await;
    other.abort();
    let failure = after.failure();
    assert_eq!(
        (failure.kind, failure.code.as_str()),
        (Kind::Retryable, "limit")
    );
    assert!(
        failure.why.contains("computed for more than 400ms"),
        "{}",
        failure.why
    );
    assert!(turns.load(Ordering::Relaxed) > 3, "the other task starved");
}

#[tokio::test]
async fn heartbeats_are_no_way_around_the_limit() {
    let plugin = guests::plugin("hostile").await;
    let mut world = World::default();
    world.limits.cpu = Duration::from_millis(200);
    let after = world.run(&plugin, "heartbeat_forever", json!({})).await;
    assert_eq!(after.failure().code, "limit");
}

#[tokio::test]
async fn memory_is_bounded_and_the_reason_is_said() {
    let plugin = guests::plugin("hostile").await;
    let after = World::default().run(&plugin, "alloc_bomb", json!({})).await;
    let failure = after.failure();
    assert!(
        failure.why.contains("more memory than 64 MiB"),
        "{}",
        failure.why
    );
    assert_eq!(failure.kind, Kind::Permanent);
}

#[tokio::test]
async fn what_a_panic_says_is_told_with_its_line() {
    let plugin = guests::plugin("hostile").await;
    let after = World::default().run(&plugin, "panic", json!({})).await;
    let why = &after.failure().why;
    assert!(
        why.contains("lies.rs:") && why.contains("the guest has had enough"),
        "{why}"
    );
    let after = World::default()
        .run(&plugin, "unreachable", json!({}))
        .await;
    let failure = after.failure();
    assert_eq!(failure.code, "trap");
    let exit = World::default().run(&plugin, "exits", json!({})).await;
    assert_eq!(exit.failure().kind, Kind::Permanent);
}

#[tokio::test]
async fn endless_recursion_is_named() {
    let plugin = guests::plugin("hostile").await;
    let after = World::default()
        .run(&plugin, "deep_recursion", json!({}))
        .await;
    let why = &after.failure().why;
    assert!(why.contains("without end"), "{why}");
}

#[tokio::test]
async fn outputs_are_bounded() {
    let plugin = guests::plugin("hostile").await;
    let world = World::default();
    let after = world
        .run(&plugin, "output_bomb", json!({ "n": 2 << 20 }))
        .await;
    let why = &after.failure().why;
    assert!(why.contains("1048576 are allowed"), "{why}");
    for step in ["output_bomb", "error_bomb", "pause_bomb"] {
        let after = world.run(&plugin, step, json!({})).await;
        assert_eq!(after.failure().kind, Kind::Permanent, "{step}");
        assert!(after.failure().why.len() < 1000, "{step}");
    }
    let after = world
        .run(&plugin, "error_bomb", json!({ "n": 2 << 20 }))
        .await;
    assert!(
        after.failure().why.len() < 5000,
        "{}",
        after.failure().why.len()
    );
    let after = world
        .run(&plugin, "pause_bomb", json!({ "n": 70_000 }))
        .await;
    assert!(
        after.failure().why.contains("65536 are kept"),
        "{}",
        after.failure().why
    );
}

#[tokio::test]
async fn logs_and_streams_are_bounded() {
    let plugin = guests::plugin("hostile").await;
    let world = World::default();
    for step in ["log_flood", "progress_flood"] {
        let after = world.run(&plugin, step, json!({ "n": 5000 })).await;
        assert_eq!(after.log.len(), 1001, "{step}");
        assert!(
            after.log[1000].starts_with("(the log ends here"),
            "{}",
            after.log[1000]
        );
        after.done();
    }
    let after = world
        .run(&plugin, "log_bomb", json!({ "n": 1 << 20 }))
        .await;
    assert_eq!(after.log.len(), 1, "{} bytes", after.log[0].len());
    for step in ["stderr_flood", "stdout_flood"] {
        let after = world.run(&plugin, step, json!({ "n": 1 << 20 })).await;
        assert_eq!(after.ended.stderr.len(), 64 << 10, "{step}");
        assert_eq!(after.done(), json!({ "bytes": 1 << 20 }));
    }
}

#[tokio::test]
async fn notes_and_state_are_bounded() {
    let plugin = guests::plugin("hostile").await;
    let world = World {
        state: true,
        ..World::default()
    };
    let after = world
        .run(&plugin, "checkpoint_bomb", json!({ "n": 70_000 }))
        .await;
    assert!(after.events.is_empty(), "{} notes", after.events.len());
    let refused = after.done()["refused"].to_string();
    assert!(refused.contains("65536 are kept"), "{refused}");
    let after = world
        .run(&plugin, "state_bomb", json!({ "n": 70_000 }))
        .await;
    let stored = after.done()["stored"].to_string();
    assert!(stored.contains("TooLarge(65536)"), "{stored}");
    assert!(world.shelf.0.lock().unwrap().is_empty());
    // Many small ones fill a disk as well as a large one.
    let after = world
        .run(&plugin, "checkpoint_flood", json!({ "n": 1000 }))
        .await;
    assert_eq!(after.done(), json!({ "saved": 100 }));
    let after = world
        .run(&plugin, "state_flood", json!({ "n": 1000 }))
        .await;
    assert_eq!(after.done(), json!({ "stored": 100 }));
}

#[tokio::test]
async fn silence_ends_a_call_and_so_does_its_time() {
    let plugin = guests::plugin("hostile").await;
    let mut world = World::default();
    world.limits.silence = Duration::from_millis(50);
    let after = world.run(&plugin, "sleeps", json!({})).await;
    let why = &after.failure().why;
    assert!(why.contains("nothing was heard of it for 50ms"), "{why}");

    let mut world = World {
        http: vec!["GET http://127.0.0.1:*/*"],
        transport: Some(Arc::new(Silent)),
        ..World::default()
    };
    // Whoever waits for the host is not silent.
    world.limits.silence = Duration::from_millis(20);
    world.limits.call = Duration::from_millis(200);
    let with = json!({ "url": "http://127.0.0.1:9/" });
    let after = world.run(&plugin, "sleeps_in_host_call", with).await;
    let why = &after.failure().why;
    assert!(why.contains("not done within 200ms"), "{why}");
}

#[tokio::test]
async fn requests_are_counted() {
    let plugin = guests::plugin("hostile").await;
    let mut world = World {
        http: vec!["GET http://127.0.0.1:*/*"],
        ..World::default()
    };
    world.limits = Limits {
        requests: 3,
        ..world.limits
    };
    let with = json!({ "url": "http://127.0.0.1:9/", "n": 10 });
    let outputs = world.run(&plugin, "many_requests", with).await.done();
    assert_eq!(outputs["sent"], 3);
    assert!(
        outputs["refused"].to_string().contains("limits.requests"),
        "{outputs}"
    );
}

#[tokio::test]
async fn what_was_sent_before_the_end_leaves_a_doubt() {
    let plugin = guests::plugin("hostile").await;
    let mut world = World {
        http: vec!["POST http://127.0.0.1:*/*"],
        ..World::default()
    };
    world.limits.cpu = Duration::from_millis(300);
    let with = json!({ "url": "http://127.0.0.1:9/" });
    for step in ["mutates_then_panics", "mutates_then_spins"] {
        let after = world.run(&plugin, step, with.clone()).await;
        assert!(after.ended.touched, "{step}");
        assert_eq!(after.failure().kind, Kind::Ambiguous, "{step}");
    }
}

#[tokio::test]
async fn answers_that_break_the_contract_are_told_apart_from_the_hosts_own() {
    let plugin = guests::plugin("hostile").await;
    let world = World::default();
    for (step, says) in [
        ("lies_about_schema", "not what its schema says"),
        ("bad_json_output", "its output is no JSON"),
        ("not_an_object", "no JSON object"),
    ] {
        let after = world.run(&plugin, step, json!({})).await;
        let failure = after.failure();
        assert_eq!(
            (failure.code.as_str(), failure.own),
            ("plugin", false),
            "{step}"
        );
        assert!(failure.why.contains(says), "{step}: {}", failure.why);
    }
    let after = world.run(&plugin, "pause_overflow", json!({})).await;
    assert!(matches!(after.ended.answer, Ok(Outcome::Wait { .. })));
    let after = world.run(&plugin, "no_such_step", json!({})).await;
    assert!(after.failure().why.contains("no step type `no_such_step`"));
}
