//! Runbooks that are taken back, and those whose steps people repeat, skip or hold: see
//! [`crate::scenario`] for the others. What must hold of a rollback is in [`taken_back`].

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::{RunStatus, Runbook};
use serde_json::{Value, json};

use crate::check::{Entry, Journals, show};
use crate::scenario::{After, PLAIN, Scenario, Word, book, call, child, step};
use crate::world::World;

/// Every scenario of this kind.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "rolled_back",
        book: failing,
        ends: RunStatus::RolledBack,
        ..PLAIN
    },
    Scenario {
        name: "partly_back",
        book: partly,
        ends: RunStatus::RolledBack,
        ..PLAIN
    },
    Scenario {
        name: "taken_back",
        book: || book(&branches()),
        after: Some(After::RollBack),
        ends: RunStatus::RolledBack,
        ..PLAIN
    },
    Scenario {
        name: "child_back",
        book: parent,
        children,
        ends: RunStatus::RolledBack,
        ..PLAIN
    },
    Scenario {
        name: "held",
        book: asking,
        people: &[("go", Word::Hold)],
        ..PLAIN
    },
    Scenario {
        name: "skipped",
        book: asking,
        people: &[("go", Word::Skip)],
        ..PLAIN
    },
    Scenario {
        name: "forced",
        book: cancelled_twice,
        people: &[("go", Word::Cancel), ("sure", Word::Cancel)],
        ends: RunStatus::Cancelled,
        ..PLAIN
    },
    Scenario {
        name: "repeated",
        book: finished,
        after: Some(After::Retry("state", false)),
        ..PLAIN
    },
    Scenario {
        name: "repeated_on",
        book: finished,
        after: Some(After::Retry("state", true)),
        ..PLAIN
    },
];

fn undone_by(name: &str, deny: bool) -> Value {
    let with = json!({ "name": name, "deny": deny });
    json!({ "undo": { "with": { "uses": "cloud.remove", "with": with } } })
}

fn with(name: &str) -> Value {
    json!({ "name": name, "value": name })
}

/// Two branches from one step: the one and the other way back, and a step that its author keeps.
fn branches() -> Vec<Value> {
    let mut steps = vec![
        call(0, "tag", "cloud.tag"),
        call(1, "name", "cloud.name"),
        step(
            2,
            "token",
            "cloud.token",
            with("token"),
            undone_by("token", false),
        ),
        call(3, "state", "cloud.state"),
        step(
            4,
            "look_up",
            "cloud.look_up",
            with("look_up"),
            undone_by("look_up", false),
        ),
        step(
            5,
            "none",
            "cloud.none",
            with("none"),
            json!({ "undo": "none" }),
        ),
    ];
    steps[3]["needs"] = json!([0]);
    steps
}

fn broken(index: usize) -> Value {
    let denied = json!({ "name": "broken", "value": 1, "deny": true });
    let policy = json!({ "on_failure": "rollback" });
    step(index, "broken", "cloud.token", denied, policy)
}

fn failing() -> Runbook {
    let mut steps = branches();
    let mut last = broken(steps.len());
    last["needs"] = json!([2, 5]);
    steps.push(last);
    book(&steps)
}

/// The undo in the middle is refused: what it was built on stays too.
fn partly() -> Runbook {
    book(&[
        call(0, "tag", "cloud.tag"),
        step(
            1,
            "token",
            "cloud.token",
            with("token"),
            undone_by("token", true),
        ),
        call(2, "state", "cloud.state"),
        broken(3),
    ])
}

fn parent() -> Runbook {
    let file = json!({ "file": "child.yaml" });
    book(&[
        call(0, "before", "cloud.state"),
        step(1, "sub", "runbook", file, json!({})),
        broken(2),
    ])
}

fn children() -> BTreeMap<String, Runbook> {
    child(&[
        call(0, "inner", "cloud.tag"),
        step(
            1,
            "blind",
            "cloud.none",
            with("blind"),
            undone_by("blind", false),
        ),
    ])
}

fn question(index: usize, id: &str) -> Value {
    let message = json!({ "message": "really?" });
    step(index, id, "approval", message, json!({}))
}

fn asking() -> Runbook {
    book(&[
        call(0, "first", "cloud.tag"),
        question(1, "go"),
        call(2, "after", "cloud.look_up"),
    ])
}

fn cancelled_twice() -> Runbook {
    let mut steps = vec![
        call(0, "first", "cloud.tag"),
        question(1, "go"),
        call(2, "never", "cloud.token"),
        call(0, "clean", "cloud.state"),
        question(4, "sure"),
        call(0, "tell", "cloud.token"),
    ];
    steps[3]["section"] = json!("on_cancel");
    steps[4]["section"] = json!("on_cancel");
    steps[4]["needs"] = json!([3]);
    steps[5]["section"] = json!("finally");
    book(&steps)
}

fn finished() -> Runbook {
    let kinds = ["tag", "state", "token", "look_up"];
    let steps: Vec<Value> = kinds
        .iter()
        .enumerate()
        .map(|(index, kind)| call(index, kind, &format!("cloud.{kind}")))
        .collect();
    book(&steps)
}

/// At the end of a run that was rolled back: nothing is there but what it names, and nothing was taken
/// back before what was built on it.
pub fn taken_back(world: &World, journals: &Journals) -> Result<(), String> {
    let kept = journals.not_undone();
    for line in world.ledger.inventory() {
        if !kept.iter().any(|step| line.contains(&format!(" {step} "))) {
            return Err(format!("left without a word: {line}; named: {kept:?}"));
        }
    }
    let book = (world.scenario.book)();
    let entries = world.ledger.entries();
    let back = |one: &&Entry| one.call.op.takes_back();
    for (index, entry) in entries.iter().enumerate().filter(|(_, one)| back(one)) {
        let needed = book.index_of(&entry.call.step);
        for built in book.steps.iter().filter(|one| {
            needed.is_some_and(|needed| one.needs.contains(&needed)) && !kept.contains(&one.id)
        }) {
            let of = |one: &&Entry| one.effective && one.call.step == built.id;
            let made = entries.iter().filter(of).any(|one| !back(&one));
            let gone = entries[..index].iter().filter(of).any(|one| back(&one));
            if made && !gone {
                let what = show(entry);
                return Err(format!(
                    "taken back before `{}`, which needs it: {what}",
                    built.id
                ));
            }
        }
    }
    Ok(())
}

/// Undos that the journal calls done, and the ledger knows nothing of.
pub fn lost_undos(world: &World, journals: &Journals) -> Vec<String> {
    let entries = world.ledger.entries();
    let taken: BTreeSet<(String, String)> = entries
        .into_iter()
        .filter(|one| one.call.op.takes_back() && one.effective)
        .map(|one| (one.call.run, one.call.step))
        .collect();
    let undone = journals.undone(world.scenario).into_iter();
    undone
        .filter(|(run, step)| !taken.contains(&(run.clone(), step.clone())))
        .map(|(run, step)| format!("lost: {run} {step} is undone without an effect"))
        .collect()
}
