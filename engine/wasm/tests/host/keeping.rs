//! Secrets stay hidden, state stays where it is allowed, and notes are on disk before what they announce.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use runbook_wasm::grant::{Reference, Use};
use runbook_wasm::host::{Kind, Live, Outcome, Verb};
use serde_json::json;

use crate::guests;
use crate::server::Server;
use crate::world::{SECRET, World};

/// The forms in which the secret must not come up.
fn forms() -> [String; 2] {
    [
        SECRET.to_owned(),
        base64::engine::general_purpose::STANDARD.encode(SECRET),
    ]
}

#[tokio::test]
async fn a_secret_that_was_read_is_hidden_wherever_it_comes_up() {
    let plugin = guests::plugin("hostile").await;
    for how in ["done", "error", "pause", "panic"] {
        let world = World {
            secret: Some(Use::Read),
            ..World::default()
        };
        let with = json!({ "secret": "token", "how": how });
        let after = world.run(&plugin, "leaks_secret", with).await;
        let ended = &after.ended;
        let everything = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            ended.answer, ended.kept, ended.stderr, after.log, after.events
        );
        assert!(everything.contains("‹secret:token›"), "{how}: {everything}");
        for form in forms() {
            assert!(!everything.contains(&form), "{how}: {form} in {everything}");
        }
    }
}

#[tokio::test]
async fn a_secret_that_may_only_be_attached_is_not_read() {
    let plugin = guests::plugin("hostile").await;
    let world = World {
        secret: Some(Use::Attach),
        ..World::default()
    };
    let with = json!({ "secret": "token" });
    let outputs = world.run(&plugin, "leaks_secret", with).await.done();
    assert!(
        outputs["denied"].as_str().unwrap().contains("token"),
        "{outputs}"
    );
    let with = json!({ "secret": "another" });
    let outputs = world.run(&plugin, "leaks_secret", with).await.done();
    assert!(
        outputs["denied"].as_str().unwrap().contains("another"),
        "{outputs}"
    );
}

#[tokio::test]
async fn a_secret_is_attached_by_the_host() {
    let plugin = guests::plugin("hostile").await;
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("token");
    std::fs::write(&file, "abcd1234\n").unwrap();
    let world = World {
        http: vec!["GET http://127.0.0.1:*/*"],
        secret: Some(Use::Attach),
        secret_at: Reference::File(file),
        transport: Some(Arc::new(Live::new(None))),
        ..World::default()
    };
    let url = server.url("127.0.0.1", "/");
    let with = json!({ "method": "GET", "url": url, "secret": "token" });
    let after = world.run(&plugin, "http", with).await;
    assert!(
        after.events[0].contains("bearer:token"),
        "{:?}",
        after.events
    );
    assert_eq!(after.done()["status"], 200);
    let seen = server.seen();
    assert!(
        seen[0]
            .to_ascii_lowercase()
            .contains("authorization: bearer abcd1234"),
        "{seen:?}"
    );

    let headers = json!({ "Authorization": "mine" });
    let with = json!({ "method": "GET", "url": url, "secret": "token", "headers": headers });
    let outputs = world.run(&plugin, "http", with).await.done();
    assert!(
        outputs["refused"]
            .to_string()
            .contains("by the host and by the plugin")
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn state_is_kept_within_its_grant() {
    let plugin = guests::plugin("hostile").await;
    let without = World::default();
    let after = without.run(&plugin, "state_flood", json!({ "n": 3 })).await;
    assert!(
        after.log.iter().any(|line| line.contains("state")),
        "{:?}",
        after.log
    );
    assert_eq!(after.done(), json!({ "stored": 0 }));
    assert!(without.shelf.0.lock().unwrap().is_empty());
    let with = World {
        state: true,
        ..World::default()
    };
    let outputs = with
        .run(&plugin, "state_flood", json!({ "n": 3 }))
        .await
        .done();
    assert_eq!(outputs, json!({ "stored": 3 }));
    let keys: Vec<String> = with.shelf.0.lock().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["hostile/key-0", "hostile/key-1", "hostile/key-2"]);
}

#[tokio::test]
async fn the_first_version_of_the_contract_is_spoken() {
    let plugin = guests::plugin("compat-wit-0-1-0").await;
    let world = World {
        state: true,
        ..World::default()
    };
    let after = world.run(&plugin, "everything", json!({})).await;
    // Put, replaced, and taken away again.
    assert!(world.shelf.0.lock().unwrap().is_empty());
    let writes = after
        .events
        .iter()
        .filter(|one| one.contains("\"writes\":"))
        .count();
    assert_eq!(writes, 3, "{:?}", after.events);
    assert_eq!(after.done(), json!({ "calls": 20 }));
    let after = world
        .call(&plugin, "echo", json!({ "a": 1 }), Verb::Reconcile)
        .await;
    assert_eq!(
        after.ended.answer.unwrap(),
        Outcome::Happened(json!({ "a": 1 }))
    );
    let undo = Verb::Undo(Some(json!({ "b": 2 })));
    let after = world.call(&plugin, "echo", json!({}), undo).await;
    assert_eq!(
        after.ended.answer.unwrap(),
        Outcome::Done(json!({ "b": 2 }))
    );
    let after = world.call(&plugin, "echo", json!({}), Verb::Plan).await;
    let plan = json!([{ "summary": "run echo" }]);
    assert_eq!(after.ended.answer.unwrap(), Outcome::Plan(plan));
}

#[tokio::test]
async fn a_pause_is_taken_up_where_it_ended() {
    let plugin = guests::plugin("compat-wit-0-1-0").await;
    let world = World::default();
    let after = world.run(&plugin, "wait", json!({ "a": 1 })).await;
    let Ok(Outcome::Wait { state, note, .. }) = &after.ended.answer else {
        panic!("{:?}", after.ended.answer);
    };
    assert_eq!((state.as_str(), note.as_str()), (r#"{"a":1}"#, "once"));
    assert_eq!(after.events, [r#"checkpoint {"a":1}"#]);
    let again = World {
        kept: after.ended.kept.clone(),
        ..World::default()
    };
    assert_eq!(
        again.run(&plugin, "wait", json!({})).await.done(),
        json!({ "a": 1 })
    );
}

#[tokio::test]
async fn a_note_is_on_disk_before_what_it_announces() {
    let plugin = guests::plugin("hostile").await;
    let with = json!({ "method": "POST", "url": "http://127.0.0.1:9/" });
    let world = World {
        http: vec!["POST http://127.0.0.1:*/*"],
        ..World::default()
    };
    let after = world.run(&plugin, "http", with.clone()).await;
    let kinds: Vec<&str> = after
        .events
        .iter()
        .filter_map(|one| one.split(' ').next())
        .collect();
    assert_eq!(kinds, ["call", "sent", "returned"], "{:?}", after.events);

    // What cannot be put down is not sent.
    let world = World {
        durable: false,
        ..world
    };
    world.events.lock().unwrap().clear();
    let after = world.run(&plugin, "http", with).await;
    assert!(
        !after.events.iter().any(|one| one.starts_with("sent")),
        "{:?}",
        after.events
    );
    assert!(!after.ended.touched);
    assert!(after.done()["refused"].to_string().contains("let go of"));
    let after = world
        .run(&plugin, "checkpoint_flood", json!({ "n": 3 }))
        .await;
    assert_eq!(after.done(), json!({ "saved": 0 }));
    assert_eq!(
        world
            .run(&plugin, "pause_forever", json!({}))
            .await
            .failure()
            .kind,
        Kind::Permanent
    );
}
