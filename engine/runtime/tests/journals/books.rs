//! The runbooks of the recorded runs. What is recorded stays as it is: new ones are added.

use std::collections::BTreeMap;

use runbook_core::{Gate, Runbook, Shape, Work};
use runbook_runtime::{Definition, NewRun};
use serde_json::{Value, json};

/// A step that needs the one before it.
pub fn step(index: usize, id: &str, uses: &str, with: Value, extra: Value) -> Value {
    let work = match uses {
        "cloud.make" => Work::Call(Shape::Create),
        "cloud.act" => Work::Call(Shape::Action),
        "cloud.read" => Work::Call(Shape::Query),
        "wait" => Work::Timer,
        "approval" => Work::Gate(Gate::Approval),
        _ => Work::Child,
    };
    let needs: Vec<usize> = index.checked_sub(1).into_iter().collect();
    // A journal that is replayed for ever must not run out of time.
    let mut step = json!({
        "id": id, "uses": uses, "work": work, "with": with, "needs": needs,
        "timeout": 3_000_000_000_000_u64,
        "retry": { "attempts": 4, "delay": 1, "max_delay": 3, "backoff": 2.0, "jitter": false,
                   "on": ["throttled", "transient", "conflict"] },
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        step[key] = value.clone();
    }
    step
}

pub fn book(steps: &[Value]) -> Runbook {
    serde_json::from_value(json!({ "name": "recorded", "steps": steps })).unwrap()
}

fn none() -> Value {
    json!({})
}

/// Stopped inside its step `cut`, whose effect has happened.
pub fn interrupted() -> Runbook {
    let over = json!({ "for_each": { "over": "['a', 'b', 'c']", "max_parallel": 2 } });
    let mut book = book(&[
        step(0, "read", "cloud.read", json!({ "value": 1 }), none()),
        step(
            1,
            "unless",
            "cloud.make",
            none(),
            json!({ "when": "1 == 2" }),
        ),
        step(
            2,
            "each",
            "cloud.make",
            json!({ "value": "{{ item }}" }),
            over,
        ),
        step(
            3,
            "again",
            "cloud.make",
            json!({ "throttle": 1, "slow": true }),
            json!({ "marks": "decision" }),
        ),
        step(4, "nap", "wait", json!({ "for": "2ms" }), none()),
        step(5, "sub", "runbook", json!({ "file": "child.yaml" }), none()),
        step(
            6,
            "cut",
            "cloud.make",
            json!({ "value": "{{ steps.again.made }}", "hang": true }),
            json!({ "refs": ["again"] }),
        ),
        step(7, "after", "cloud.make", none(), none()),
    ]);
    book.lock = Some("the-lock".to_owned());
    book
}

pub fn children() -> BTreeMap<String, Runbook> {
    let mut child = book(&[step(0, "inner", "cloud.make", none(), none())]);
    child.name = "child".to_owned();
    BTreeMap::from([("child.yaml".to_owned(), child)])
}

/// Waits for a person.
pub fn asked() -> Runbook {
    let message = json!({ "message": "really?" });
    book(&[
        step(0, "before", "cloud.make", none(), none()),
        step(1, "go", "approval", message, none()),
        step(2, "after", "cloud.make", none(), none()),
    ])
}

/// Fails for good.
pub fn failing() -> Runbook {
    book(&[
        step(0, "before", "cloud.make", none(), none()),
        step(1, "denied", "cloud.make", json!({ "deny": true }), none()),
    ])
}

/// Stopped inside an action that nothing can tell anything of.
pub fn doubted() -> Runbook {
    book(&[
        step(0, "act", "cloud.act", json!({ "hang": true }), none()),
        step(1, "after", "cloud.make", none(), none()),
    ])
}

/// A run of it.
pub fn run(id: &str, runbook: Runbook, children: BTreeMap<String, Runbook>) -> NewRun {
    let definition = Definition {
        engine: "test".into(),
        file: None,
        runbook,
        children,
        environment: "dev".into(),
        env: json!({}),
        aws: runbook_step::Aws::default(),
        tags: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
    };
    NewRun {
        id: Some(id.to_owned()),
        definition: std::sync::Arc::new(definition),
        params: json!({}),
        secrets: BTreeMap::new(),
        overrides: Value::Null,
        actor: "tester".into(),
        meta: json!({}),
        parent: None,
        idempotency_key: None,
    }
}
