//! The runbooks whose every crash point is tried. To add one, add a line to [`ALL`] or [`back::ALL`].

use std::collections::BTreeMap;

use runbook_core::{RunStatus, Runbook};
use serde_json::{Value, json};

use crate::back;
use crate::steps::catalog;

/// What a person does at a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Says yes.
    Grant,
    /// Cancels the run, root first.
    Cancel,
    /// Holds the run, lets it go on, and says yes.
    Hold,
    /// Does without the step.
    Skip,
}

/// What a person does once with a run that has ended.
#[derive(Clone, Copy, Debug)]
pub enum After {
    /// Takes it back.
    RollBack,
    /// Has a step run again, with what depends on it or without.
    Retry(&'static str, bool),
}

/// One runbook and what people do while it runs.
pub struct Scenario {
    pub name: &'static str,
    pub book: fn() -> Runbook,
    /// Child runbooks, by file.
    pub children: fn() -> BTreeMap<String, Runbook>,
    /// What is done at a question, by step.
    pub people: &'static [(&'static str, Word)],
    /// How often a run that failed is given another chance.
    pub reopen: u32,
    /// What is done when it has ended.
    pub after: Option<After>,
    /// How it ends.
    pub ends: RunStatus,
    /// How long the cloud hides what is new, and how long the engine allows for it; milliseconds.
    pub hidden: (u64, u64),
    /// Whether every pair of crashes is tried.
    pub every_pair: bool,
}

pub const PLAIN: Scenario = Scenario {
    name: "",
    book: chain,
    children: BTreeMap::new,
    people: &[],
    reopen: 0,
    after: None,
    ends: RunStatus::Succeeded,
    hidden: (0, 0),
    every_pair: false,
};

/// Every scenario.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    ALL.iter().chain(back::ALL)
}

/// Runs that go forwards.
const ALL: &[Scenario] = &[
    Scenario {
        name: "tag",
        book: || book(&[call(0, "tag", "cloud.tag")]),
        every_pair: true,
        ..PLAIN
    },
    Scenario {
        name: "none",
        book: || book(&[call(0, "none", "cloud.none")]),
        ..PLAIN
    },
    Scenario {
        name: "chain",
        ..PLAIN
    },
    Scenario {
        name: "loop",
        book: each,
        ..PLAIN
    },
    Scenario {
        name: "until",
        book: until,
        ..PLAIN
    },
    Scenario {
        name: "approval",
        book: approval,
        people: &[("go", Word::Grant)],
        ..PLAIN
    },
    Scenario {
        name: "retry",
        book: retry,
        ..PLAIN
    },
    Scenario {
        name: "child",
        book: parent,
        children,
        ..PLAIN
    },
    Scenario {
        name: "asking_child",
        book: parent,
        children: asking_children,
        people: &[("go", Word::Grant)],
        ..PLAIN
    },
    Scenario {
        name: "failing",
        book: failing,
        ends: RunStatus::Failed,
        ..PLAIN
    },
    Scenario {
        name: "reopened",
        book: failing,
        reopen: 1,
        ends: RunStatus::Failed,
        ..PLAIN
    },
    Scenario {
        name: "cancelled",
        book: cancelled,
        people: &[("go", Word::Cancel)],
        ends: RunStatus::Cancelled,
        ..PLAIN
    },
    Scenario {
        name: "large",
        book: large,
        ..PLAIN
    },
    Scenario {
        name: "hidden",
        book: hidden,
        hidden: (30, 1_000),
        ..PLAIN
    },
];

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    all().find(|one| one.name == name)
}

/// A step that needs the one before it. `extra` overrides any field.
pub fn step(index: usize, id: &str, uses: &str, with: Value, extra: Value) -> Value {
    let catalog = catalog();
    let work = catalog.get(uses).unwrap().work();
    let needs: Vec<usize> = index.checked_sub(1).into_iter().collect();
    let mut step = json!({
        "id": id, "uses": uses, "work": work, "with": with, "needs": needs, "timeout": 60_000,
        "retry": { "attempts": 4, "delay": 1, "max_delay": 3, "backoff": 2.0, "jitter": false,
                   "on": ["throttled", "transient", "conflict"] },
    });
    if let Some(extra) = extra.as_object() {
        for (key, value) in extra {
            step[key] = value.clone();
        }
    }
    step
}

pub fn call(index: usize, id: &str, uses: &str) -> Value {
    step(
        index,
        id,
        uses,
        json!({ "name": id, "value": id }),
        json!({}),
    )
}

pub fn book(steps: &[Value]) -> Runbook {
    serde_json::from_value(json!({ "name": "scenario", "steps": steps })).unwrap()
}

/// All the ways to keep an effect from doubling, each with what the one before it gave.
fn chain() -> Runbook {
    let kinds = ["token", "tag", "name", "state", "look_up", "none"];
    let mut steps = vec![call(0, "read", "cloud.read")];
    let mut before = "read";
    for kind in kinds {
        let with = json!({ "name": kind, "value": format!("{{{{ steps.{before}.thing_id }}}}") });
        let refs = json!({ "refs": [before] });
        steps.push(step(
            steps.len(),
            kind,
            &format!("cloud.{kind}"),
            with,
            refs,
        ));
        before = kind;
    }
    book(&steps)
}

fn each() -> Runbook {
    let over = json!({ "for_each": { "over": "['a', 'b', 'c', 'd']", "max_parallel": 2 } });
    let with = json!({ "name": "vpc-{{ item }}", "value": "{{ index }}" });
    let wide = json!({ "for_each": { "over": "['a', 'b', 'c']", "max_parallel": 3 } });
    let blind = json!({ "name": "call-{{ item }}", "value": 1 });
    book(&[
        step(0, "each", "cloud.tag", with, over),
        step(1, "wide", "cloud.none", blind, wide),
        call(2, "last", "cloud.token"),
    ])
}

fn until() -> Runbook {
    let until = json!({ "until": { "that": "value >= 3", "interval": 2 } });
    book(&[
        step(0, "ask", "cloud.read", json!({ "name": "ask" }), until),
        step(1, "nap", "wait", json!({ "for": "4ms" }), json!({})),
        step(
            2,
            "slow",
            "cloud.tag",
            json!({ "name": "slow", "value": 1, "slow": true }),
            json!({}),
        ),
    ])
}

fn approval() -> Runbook {
    book(&[
        call(0, "first", "cloud.tag"),
        step(
            1,
            "go",
            "approval",
            json!({ "message": "really?" }),
            json!({}),
        ),
        step(
            2,
            "after",
            "cloud.token",
            json!({ "name": "after", "value": "{{ steps.go.by }}" }),
            json!({ "refs": ["go"] }),
        ),
    ])
}

fn retry() -> Runbook {
    let with = |name: &str| json!({ "name": name, "value": 1, "throttle": 2 });
    book(&[
        step(0, "token", "cloud.token", with("token"), json!({})),
        step(1, "tag", "cloud.tag", with("tag"), json!({})),
        step(2, "state", "cloud.state", with("state"), json!({})),
        step(3, "none", "cloud.none", with("none"), json!({})),
        step(4, "look_up", "cloud.look_up", with("look_up"), json!({})),
    ])
}

fn parent() -> Runbook {
    book(&[
        call(0, "before", "cloud.state"),
        step(
            1,
            "sub",
            "runbook",
            json!({ "file": "child.yaml" }),
            json!({}),
        ),
        call(2, "after", "cloud.tag"),
    ])
}

pub fn child(steps: &[Value]) -> BTreeMap<String, Runbook> {
    let mut child = book(steps);
    child.name = "child".to_owned();
    BTreeMap::from([("child.yaml".to_owned(), child)])
}

fn children() -> BTreeMap<String, Runbook> {
    child(&[
        call(0, "inner", "cloud.tag"),
        step(1, "nap", "wait", json!({ "for": "2ms" }), json!({})),
        call(2, "blind", "cloud.none"),
    ])
}

fn asking_children() -> BTreeMap<String, Runbook> {
    child(&[
        call(0, "inner", "cloud.name"),
        step(
            1,
            "go",
            "approval",
            json!({ "message": "really?" }),
            json!({}),
        ),
        call(2, "last", "cloud.look_up"),
    ])
}

fn failing() -> Runbook {
    let denied = json!({ "name": "denied", "value": 1, "deny": true });
    let mut steps = vec![
        call(0, "first", "cloud.tag"),
        step(1, "broken", "cloud.tag", denied, json!({})),
        call(2, "never", "cloud.token"),
        call(0, "clean", "cloud.state"),
        call(4, "tell", "cloud.token"),
    ];
    for finally in &mut steps[3..] {
        finally["section"] = json!("finally");
    }
    steps[4]["needs"] = json!([3]);
    book(&steps)
}

fn cancelled() -> Runbook {
    let section = |id: &str, uses: &str, section: &str| {
        let mut step = call(0, id, uses);
        step["section"] = json!(section);
        step
    };
    book(&[
        call(0, "first", "cloud.tag"),
        step(
            1,
            "go",
            "approval",
            json!({ "message": "really?" }),
            json!({}),
        ),
        call(2, "never", "cloud.token"),
        section("undo", "cloud.state", "on_cancel"),
        section("tell", "cloud.token", "finally"),
    ])
}

fn large() -> Runbook {
    let with = |name: &str| json!({ "name": name, "value": 1, "ballast": 9_000 });
    let after = json!({ "name": "after", "value": "{{ steps.second.thing_id }}" });
    book(&[
        step(0, "first", "cloud.read", with("first"), json!({})),
        step(1, "second", "cloud.tag", with("second"), json!({})),
        step(
            2,
            "after",
            "cloud.token",
            after,
            json!({ "refs": ["second"] }),
        ),
    ])
}

/// The same with a cloud that does not show at once what it has made.
fn hidden() -> Runbook {
    book(&[
        call(0, "tag", "cloud.tag"),
        call(1, "look_up", "cloud.look_up"),
    ])
}
