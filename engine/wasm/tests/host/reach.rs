//! Nothing is reached but what is granted, by no door.

use std::sync::Arc;

use runbook_wasm::host::Live;
use runbook_wasm::host::transport::Transport;
use serde_json::{Value, json};

use crate::guests;
use crate::server::Server;
use crate::world::World;

fn live() -> Option<Arc<dyn Transport>> {
    Some(Arc::new(Live::new(None)))
}

async fn refused(world: &World, with: Value) -> String {
    let plugin = guests::plugin("hostile").await;
    let after = world.run(&plugin, "http", with).await;
    assert!(
        !after.events.iter().any(|one| one.starts_with("sent")),
        "{:?}",
        after.events
    );
    let outputs = after.done();
    outputs["refused"]
        .as_str()
        .unwrap_or_else(|| panic!("not refused: {outputs}"))
        .to_owned()
}

#[tokio::test]
async fn a_plugin_is_alone() {
    let plugin = guests::plugin("hostile").await;
    let server = Server::start().await;
    let world = World::default();
    let outputs = world.run(&plugin, "reads_env", json!({})).await.done();
    assert_eq!(outputs, json!({ "variables": [], "arguments": 0 }));
    let outputs = world.run(&plugin, "reads_files", json!({})).await.done();
    assert_eq!(outputs, json!({ "read": [], "listed": [] }));
    let outputs = world.run(&plugin, "writes_files", json!({})).await.done();
    assert_eq!(outputs, json!({ "written": [] }));
    let address = json!({ "address": format!("127.0.0.1:{}", server.port) });
    for step in ["opens_tcp", "opens_udp", "listens_tcp"] {
        let outputs = world.run(&plugin, step, address.clone()).await.done();
        assert!(outputs["refused"].is_string(), "{step}: {outputs}");
    }
    let name = json!({ "address": "localhost:80" });
    let outputs = world.run(&plugin, "resolves_name", name).await.done();
    assert!(outputs["refused"].is_string(), "{outputs}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_host_that_is_not_granted_is_refused_at_both_doors() {
    let why = refused(
        &World::default(),
        json!({ "method": "GET", "url": "https://a.example/x?token=1" }),
    )
    .await;
    assert!(
        why.contains("may not GET") && why.contains("https://a.example/x"),
        "{why}"
    );
    assert!(!why.contains("token=1"), "{why}");

    let plugin = guests::plugin("hostile").await;
    let with = json!({ "url": "http://a.example/x" });
    let after = World::default().run(&plugin, "wasi_http", with).await;
    // `wasi:http` can only say that it was denied; the log says why.
    let said = after
        .log
        .iter()
        .any(|line| line.starts_with("refused: ") && line.contains("a.example"));
    assert!(said, "{:?}", after.log);
    assert!(after.done()["refused"].is_string());
}

#[tokio::test]
async fn what_is_granted_arrives_by_both_doors() {
    let plugin = guests::plugin("hostile").await;
    let server = Server::start().await;
    let world = World {
        http: vec!["GET http://127.0.0.1:*/*", "POST http://127.0.0.1:*/*"],
        transport: live(),
        ..World::default()
    };
    let with = json!({ "method": "POST", "url": server.url("127.0.0.1", "/a?b=c"), "n": 3 });
    let after = world.run(&plugin, "http", with).await;
    assert!(after.ended.touched);
    assert!(
        after.events[0].starts_with("call true "),
        "{:?}",
        after.events
    );
    assert!(after.events[0].contains("/a?…"), "{:?}", after.events);
    assert_eq!(after.done()["status"], 200);
    let with = json!({ "url": server.url("127.0.0.1", "/wasi") });
    let after = world.run(&plugin, "wasi_http", with).await;
    assert_eq!(after.done(), json!({ "ok": 200 }));
    let seen = server.seen();
    assert!(
        seen[0].starts_with("POST /a?b=c ") && seen[0].ends_with("xxx"),
        "{seen:?}"
    );
    assert!(seen[1].starts_with("GET /wasi "), "{seen:?}");
}

#[tokio::test]
async fn redirects_are_left_to_the_plugin() {
    let plugin = guests::plugin("hostile").await;
    let server = Server::start().await;
    let world = World {
        http: vec!["GET http://127.0.0.1:*/*"],
        transport: live(),
        ..World::default()
    };
    let with = json!({ "method": "GET", "url": server.url("127.0.0.1", "/moved") });
    assert_eq!(world.run(&plugin, "http", with).await.done()["status"], 302);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_name_does_not_lead_where_its_grant_does_not() {
    let server = Server::start().await;
    let anywhere = World {
        http: vec!["GET http://*:*/*"],
        transport: live(),
        ..World::default()
    };
    let get = |url: String| json!({ "method": "GET", "url": url });
    refused(&anywhere, get(server.url("localhost", "/"))).await;
    refused(&anywhere, get(server.url("127.0.0.1", "/"))).await;
    refused(&anywhere, get(server.url("[::1]", "/"))).await;
    refused(
        &anywhere,
        get("http://169.254.169.254/latest/meta-data/".to_owned()),
    )
    .await;

    let named = |pattern| World {
        http: vec![pattern],
        transport: live(),
        ..World::default()
    };
    let private = named("GET http://10.255.255.1/*");
    let why = refused(&private, get("http://10.255.255.1/".to_owned())).await;
    assert!(why.contains("private_network"), "{why}");
    assert!(server.seen().is_empty(), "{:?}", server.seen());

    // Whoever names this machine means it.
    let plugin = guests::plugin("hostile").await;
    let granted = named("GET http://localhost:*/*");
    let with = get(server.url("localhost", "/"));
    assert_eq!(
        granted.run(&plugin, "http", with).await.done()["status"],
        200
    );
}

#[tokio::test]
async fn calls_of_aws_are_those_that_are_granted() {
    let plugin = guests::plugin("hostile").await;
    let world = World {
        aws: vec!["rds:DescribeDBInstances"],
        ..World::default()
    };
    let call = async |with: Value| world.run(&plugin, "aws", with).await.done();
    let read = json!({ "service": "rds", "action": "DescribeDBInstances" });
    assert_eq!(call(read.clone()).await["status"], 200);
    let refused = async |more: Value| {
        let mut with = read.clone();
        with.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let outputs = call(with).await;
        outputs["refused"]
            .as_str()
            .unwrap_or_else(|| panic!("{outputs}"))
            .to_owned()
    };
    let why = refused(json!({ "action": "DeleteDBInstance" })).await;
    assert!(why.contains("rds:DeleteDBInstance"), "{why}");
    let why = refused(json!({ "region": "eu-west-1" })).await;
    assert!(why.contains("eu-west-1"), "{why}");
    let why = refused(json!({ "identity": "admin" })).await;
    assert!(why.contains("no identity `admin`"), "{why}");
    // The label of a call says nothing of what it does.
    let why = refused(json!({ "rest": { "method": "POST", "path": "/" } })).await;
    assert!(why.contains("rds POST /"), "{why}");
    // Nor does what stands beside the action.
    let params = json!({ "Action": "DeleteDBInstance" });
    let with = json!({ "service": "rds", "action": "DescribeDBInstances", "params": params });
    assert_eq!(call(with).await["status"], 200);
    let sent = world.events.lock().unwrap().clone();
    let sent: Vec<_> = sent.iter().filter(|one| one.starts_with("sent")).collect();
    assert_eq!(
        sent,
        [
            "sent rds:DescribeDBInstances",
            "sent rds:DescribeDBInstances"
        ]
    );
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let plugin = guests::plugin("hostile").await;
    let world = World {
        http: vec!["GET http://127.0.0.1:*/*", "POST http://127.0.0.1:*/*"],
        state: true,
        dry_run: true,
        ..World::default()
    };
    let url = "http://127.0.0.1:9/";
    let after = world
        .run(&plugin, "http", json!({ "method": "GET", "url": url }))
        .await;
    assert!(!after.ended.attempted);
    assert_eq!(after.done()["status"], 200);
    world.events.lock().unwrap().clear();
    let after = world
        .run(&plugin, "http", json!({ "method": "POST", "url": url }))
        .await;
    assert!(after.ended.attempted && !after.ended.touched);
    assert!(after.events.is_empty(), "{:?}", after.events);
    assert!(after.done()["refused"].to_string().contains("dry run"));
    let after = world.run(&plugin, "state_bomb", json!({ "n": 10 })).await;
    assert!(after.ended.attempted);
    assert!(world.shelf.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_request_goes_to_the_host_that_was_checked() {
    let server = Server::start().await;
    let world = World {
        http: vec!["GET http://127.0.0.1:*/*"],
        transport: live(),
        ..World::default()
    };
    let url = server.url("127.0.0.1", "/");
    // One server answers for many names: the name in the header is the one that counts.
    for header in ["Host", "Transfer-Encoding", "connection", "Content-Length"] {
        let headers = json!({ header: "internal.example" });
        let with = json!({ "method": "GET", "url": url, "headers": headers });
        let why = refused(&world, with).await;
        assert!(why.contains(&header.to_ascii_lowercase()), "{why}");
    }
    assert!(server.seen().is_empty(), "{:?}", server.seen());
}
