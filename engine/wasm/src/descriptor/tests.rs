use semver::Version;
use serde_json::{Value, json};

use super::{Descriptor, DescriptorError, Idempotency, Lint, WantKind};
use crate::component::Component;
use crate::grant::Use;

fn plugin() -> Value {
    json!({
        "descriptor": "runbook.plugin/1",
        "name": "chat-notify", "version": "0.3.1", "summary": "Tell people",
        "homepage": "https://example.org", "later": { "x": 1 },
        "config": { "type": "object", "properties": { "channel": { "type": "string" } } },
        "wants": [
            { "http": "POST https://hooks.example.org/*", "why": "send messages" },
            { "secret": "chat_token", "use": "attach", "why": "to be let in" },
            { "aws": "rds:DescribeDBInstances", "why": "to look" },
            { "state": true, "why": "to remember" },
        ],
        "steps": [
            {
                "name": "slack.post", "summary": "Post a message",
                "input": { "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } } },
                "output": { "type": "object", "properties": { "id": { "type": "string" } } },
                "idempotency": "once", "typical_ms": 800, "timeout": "30s", "limits": { "memory": "32MiB" },
                "irreversible": "a message that was read stays read",
                "examples": [{ "with": { "text": "hello" } }],
            },
            { "name": "look", "idempotency": "pure" },
        ],
    })
}

fn parse(document: &Value) -> Result<Descriptor, String> {
    Descriptor::parse(document.to_string()).map_err(|wrong| wrong.to_string())
}

/// The descriptor with one place changed.
fn with(pointer: &str, value: Value) -> Result<Descriptor, String> {
    let mut document = plugin();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
        }
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        _ => unreachable!(),
    }
    parse(&document)
}

#[test]
fn a_descriptor_is_read() {
    let read = parse(&plugin()).unwrap();
    assert_eq!(read.name, "chat-notify");
    assert_eq!(read.version, Version::new(0, 3, 1));
    assert_eq!(read.wants.len(), 4);
    let secret = WantKind::Secret {
        name: "chat_token".to_owned(),
        usage: Use::Attach,
    };
    assert_eq!(read.wants[1].kind, secret);
    let post = read.step("slack.post").unwrap();
    assert_eq!(post.idempotency, Idempotency::Once);
    assert_eq!(post.limits.memory.unwrap().0, 32 << 20);
    assert!(post.input.check(&json!({})).is_err());
    assert!(
        read.step("look")
            .unwrap()
            .input
            .check(&json!({ "any": 1 }))
            .is_ok()
    );
    assert!(
        read.config
            .unwrap()
            .check(&json!({ "channel": 1 }))
            .is_err()
    );
}

#[test]
fn what_a_plugin_wants_is_said_in_sentences() {
    let read = parse(&plugin()).unwrap();
    let said: Vec<_> = read.wants.iter().map(|want| want.kind.sentence()).collect();
    assert_eq!(
        said,
        [
            "send POST requests to https://hooks.example.org/*",
            "have the secret chat_token attached to its requests, without seeing it",
            "call rds:DescribeDBInstances in AWS",
            "keep state between runs",
        ]
    );
}

#[test]
fn a_mistake_is_named_with_its_place() {
    let says = |pointer: &str, value: Value, part: &str| {
        let said = with(pointer, value).unwrap_err();
        assert!(said.contains(part), "{said}");
    };
    says("/descriptor", json!("runbook.plugin/2"), "upgrade runbook");
    says(
        "/name",
        json!("Chat"),
        "`name` of the descriptor is `Chat`; write it in kebab-case",
    );
    says(
        "/version",
        json!("1.0"),
        "`version` of the descriptor is `1.0`",
    );
    says("/steps", json!([]), "nothing to run");
    says(
        "/steps/1/name",
        json!("slack.post"),
        "has `slack.post` twice",
    );
    says("/steps/1/name", json!("Look"), "`steps[1].name`");
    says(
        "/steps/1/idempotency",
        json!("maybe"),
        "one of pure, idempotent, keyed, reconcilable, once",
    );
    says(
        "/steps/1/undo",
        json!("yes"),
        "`steps[1].undo` of the descriptor has to be true or false",
    );
    says("/steps/0/undo", json!(true), "contradicts `undo: true`");
    says(
        "/steps/0/input",
        json!({ "type": "string" }),
        "has to describe an object",
    );
    says(
        "/steps/0/input",
        json!({ "$ref": "https://a.org/x" }),
        "`steps[0].input`",
    );
    says("/steps/0/limits", json!({ "memory": 1.5 }), "64MiB");
    says("/steps/0/timeout", json!(30), "`steps[0].timeout`");
    says(
        "/steps/0",
        json!("post"),
        "`steps[0]` of the descriptor has to be an object",
    );
    says(
        "/wants/0",
        json!({ "http": "hooks.example.org" }),
        "`wants[0].http` of the descriptor the scheme is missing",
    );
    says(
        "/wants/1",
        json!({ "secret": "x", "use": "steal" }),
        "`attach` or `read`",
    );
    says("/wants/3", json!({ "state": false }), "left out");
    says(
        "/wants/3",
        json!({ "state": true, "aws": "rds:*" }),
        "one entry for each",
    );
    assert!(matches!(
        Descriptor::parse("[]"),
        Err(DescriptorError::Line(_))
    ));
    assert!(matches!(
        Descriptor::parse("{"),
        Err(DescriptorError::Json(_))
    ));
}

#[test]
fn an_unknown_want_is_refused_and_an_unknown_key_is_not() {
    let said = with("/wants/0", json!({ "files": "/etc", "why": "to read" })).unwrap_err();
    assert!(
        said.contains("`wants[0]` of the descriptor wants `files`"),
        "{said}"
    );
    assert!(with("/wants/0", json!({ "why": "nothing" })).is_err());
    assert!(with("/steps/0/colour", json!("red")).is_ok());
}

#[test]
fn the_digest_is_of_the_content() {
    let one = Descriptor::parse(plugin().to_string()).unwrap();
    let two = Descriptor::parse(serde_json::to_string_pretty(&plugin()).unwrap()).unwrap();
    assert_eq!(one.digest(), two.digest());
    let why = with("/wants/0/why", json!("other words")).unwrap();
    assert_ne!(one.digest(), why.digest());
    assert_eq!(one.wants_digest(), why.wants_digest());
    let more = with("/wants/0/http", json!("POST https://*")).unwrap();
    assert_ne!(one.wants_digest(), more.wants_digest());
}

#[test]
fn lints_name_what_is_legal_and_wrong() {
    assert_eq!(
        parse(&plugin()).unwrap().lint(None),
        [
            Lint::NoSummary(Some("look".to_owned())),
            Lint::NoOutput("look".to_owned())
        ]
    );
    let mut document = plugin();
    document["summary"] = json!("");
    document["wants"] = json!([{ "http": "https://a.org" }]);
    document["steps"] = json!([{
        "name": "a", "summary": "A", "output": {}, "idempotency": "reconcilable", "undo": true, "plan": true,
        "input": { "properties": { "n": { "type": "integer" } } }, "examples": [{ "with": { "n": "x" } }],
    }]);
    let component = crate::component::tests::component(
        &[
            ("runbook:plugin/http@0.1.0", &["send"]),
            ("runbook:plugin/aws@0.1.0", &["call"]),
            ("wasi:nn/graph@0.2.0", &[]),
        ],
        &["runbook:plugin/steps@0.1.0"],
    );
    let component = Component::read(&component).unwrap();
    let found = parse(&document).unwrap().lint(Some(&component));
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    let parts = [
        "the plugin has no summary",
        "without a reason",
        "does not fit its input schema: `n`: the value is not of type \"integer\"",
        "does not export `recovery`",
        "does not export `compensation`",
        "does not export `preview`",
        "imports wasi:nn/graph@0.2.0",
        "uses `aws`",
    ];
    assert_eq!(said.len(), parts.len(), "{said:#?}");
    for (said, part) in said.iter().zip(parts) {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(found.iter().filter(|one| one.is_fatal()).count(), 4);
}
