//! Random runbooks.

use runbook_core::Runbook;
use serde_json::{Value, json};

use crate::dice::Dice;

/// What a runbook may be made of.
#[derive(Clone, Copy)]
pub(crate) struct Taste {
    /// Steps and the run may run out of time.
    pub(crate) deadlines: bool,
}

const NEVER: u64 = 1_000_000_000_000;

fn work(dice: &mut Dice) -> Value {
    match dice.roll(12) {
        0 => json!("pure"),
        1 => json!("timer"),
        2 => json!({ "gate": dice.pick(&["approval", "manual", "pause"]) }),
        3 | 4 => json!("child"),
        5 => json!({ "call": "query" }),
        6 => json!({ "call": "wait" }),
        7 | 8 => json!({ "call": "create" }),
        9 => json!({ "call": "modify" }),
        _ => json!({ "call": "action" }),
    }
}

fn limit(dice: &mut Dice) -> Value {
    if dice.chance(50) {
        json!({ "count": dice.roll(4) })
    } else {
        json!({ "percent": dice.pick(&[0.0, 25.0, 50.0, 100.0]) })
    }
}

fn for_each(dice: &mut Dice) -> Value {
    let ramp: Vec<Value> = match dice.roll(3) {
        0 => (0..=dice.roll(3)).map(|_| limit(dice)).collect(),
        _ => Vec::new(),
    };
    json!({
        "over": dice.roll(7).to_string(),
        "max_parallel": dice.roll(4),
        "ramp": ramp,
        "max_failures": limit(dice),
    })
}

fn step(dice: &mut Dice, taste: Taste, index: usize, first: usize, section: &str) -> Value {
    let needs: Vec<usize> = (first..index).filter(|_| dice.chance(40)).collect();
    let timeout = if taste.deadlines && dice.chance(70) {
        200 + dice.roll(4_000)
    } else {
        NEVER
    };
    let mut step = json!({
        "id": format!("s{index}"),
        "uses": "any",
        "work": work(dice),
        "section": section,
        "needs": needs,
        "timeout": timeout,
        "on_failure": dice.pick(&["stop", "stop", "continue", "pause", "rollback"]),
        "retry": {
            "attempts": 1 + dice.roll(3), "delay": 100, "max_delay": 1000, "backoff": 2.0,
            "jitter": true, "on": ["transient"],
        },
        "undo": match dice.roll(6) {
            0 => json!("none"),
            1 | 2 => json!({ "with": { "uses": "other", "with": null } }),
            _ => json!("own"),
        },
    });
    if dice.chance(12) {
        step["irreversible"] = json!("it cannot be taken back");
    }
    if dice.chance(30) {
        step["for_each"] = for_each(dice);
    }
    if dice.chance(10) {
        step["marks"] = json!("somewhere");
    }
    step
}

/// A runbook of up to a dozen steps.
pub(crate) fn runbook(dice: &mut Dice, taste: Taste) -> Runbook {
    let mut steps = Vec::new();
    let sections = [
        ("main", 1 + dice.below(8)),
        ("finally", dice.below(3)),
        ("on_cancel", dice.below(3)),
    ];
    for (section, count) in sections {
        let first = steps.len();
        for index in first..first + count {
            steps.push(step(dice, taste, index, first, section));
        }
    }
    let mut book = json!({ "name": "sim", "steps": steps });
    if taste.deadlines && dice.chance(35) {
        book["timeout"] = json!(300 + dice.roll(4_000));
        book["on_failure"] = json!(dice.pick(&["stop", "continue", "pause", "rollback"]));
    }
    serde_json::from_value(book).unwrap()
}
