//! Random runbooks over the steps of the simulated cloud.

use std::collections::BTreeMap;

use runbook_core::{Gate, Runbook, Shape, Work};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::plan::Plan;

/// A runbook with its children.
pub struct Book {
    pub root: Runbook,
    pub children: BTreeMap<String, Runbook>,
}

/// What stays the same for one runbook.
struct Make<'a> {
    plan: &'a Plan,
    /// Files of children that may be used.
    children: Vec<String>,
}

impl Book {
    pub fn random(dice: &mut Dice, plan: &Plan) -> Self {
        if plan.single {
            let create = json!({ "id": "make", "uses": "sim.create", "work": { "call": "create" },
                                 "with": { "name": "one", "slow": false }, "timeout": 3_600_000 });
            let root = json!({ "name": "single", "steps": [create] });
            return Self {
                root: serde_json::from_value(root).unwrap(),
                children: BTreeMap::new(),
            };
        }
        let mut children = BTreeMap::new();
        for number in 0..dice.roll(3) {
            let make = Make {
                plan,
                // A child may use the ones that are made already.
                children: children.keys().cloned().collect(),
            };
            let count = dice.between(1, 4);
            let book = make.book(dice, &format!("child-{number}"), count);
            children.insert(format!("child-{number}"), book);
        }
        let make = Make {
            plan,
            children: children.keys().cloned().collect(),
        };
        let count = dice.between(1, plan.steps);
        let root = make.book(dice, "root", count);
        Self { root, children }
    }
}

impl Make<'_> {
    fn book(&self, dice: &mut Dice, name: &str, count: u64) -> Runbook {
        let mut steps = Vec::new();
        for index in 0..count {
            let needs: Vec<u64> = (0..index).filter(|_| dice.chance(45)).collect();
            steps.push(self.step(dice, &format!("s{index}"), needs, "main"));
        }
        for (section, percent) in [("finally", 30), ("on_cancel", 20)] {
            if dice.chance(percent) {
                steps.push(self.step(dice, section, Vec::new(), section));
            }
        }
        let mut book = json!({ "name": name, "steps": steps });
        if self.plan.is_harsh() && dice.chance(10) {
            book["timeout"] = json!(dice.between(10, 60) * 1000);
            book["on_failure"] = json!(dice.pick(&["stop", "rollback"]));
        }
        serde_json::from_value(book).unwrap()
    }

    fn step(&self, dice: &mut Dice, id: &str, needs: Vec<u64>, section: &str) -> Value {
        let main = section == "main";
        let looped = dice.chance(20);
        let (uses, work, with) = self.work(dice, id, main, looped);
        let waits = matches!(work, Work::Gate(_) | Work::Timer | Work::Child);
        let timeout = if waits || !self.plan.is_harsh() {
            3_600_000
        } else {
            dice.between(15, 60) * 1000
        };
        let policy = ["stop", "stop", "continue", "rollback", "pause"];
        let mut step = json!({
            "id": id, "uses": uses, "work": work, "with": with, "needs": needs,
            "section": section, "timeout": timeout, "on_failure": dice.pick(&policy),
            "retry": { "attempts": dice.between(1, 4), "delay": 500, "max_delay": 4000, "backoff": 2.0,
                       "jitter": true, "on": ["throttled", "transient", "conflict"] },
        });
        if looped {
            let items = dice.between(1, 4);
            step["for_each"] = json!({
                "over": format!("{:?}", (0..items).collect::<Vec<_>>()),
                "max_parallel": dice.between(1, 3),
                "max_failures": { "count": u64::from(dice.chance(20)) },
            });
            if dice.chance(30) {
                step["for_each"]["ramp"] = json!([{ "count": 1 }, { "percent": 50.0 }]);
            }
        }
        if main && dice.chance(10) {
            step["when"] = json!(dice.pick(&["true", "false"]));
        }
        if main && matches!(work, Work::Call(Shape::Create | Shape::Modify)) {
            match dice.roll(10) {
                0 => step["undo"] = json!("none"),
                // Another step type takes back what has this name, whenever it looks.
                1 if uses == "sim.create" && !with.to_string().contains("run.attempt") => {
                    step["undo"] = json!({ "with": { "uses": "sim.remove",
                                                     "with": { "name": with["name"] } } });
                }
                2 => step["irreversible"] = json!("it is a one-way street"),
                _ => {}
            }
        }
        step
    }

    fn work(&self, dice: &mut Dice, id: &str, main: bool, looped: bool) -> (String, Work, Value) {
        let name = match looped {
            true => format!("{{{{ run.id }}}}/{id}/{{{{ index }}}}"),
            false => format!("{{{{ run.id }}}}/{id}"),
        };
        let call = |uses: &str, shape, with| (uses.to_owned(), Work::Call(shape), with);
        match dice.roll(20) {
            0 => (
                "test.compute".to_owned(),
                Work::Pure,
                json!({ "that": "1 + 1" }),
            ),
            1 => {
                let span = format!("{}s", dice.between(1, 15));
                ("wait".to_owned(), Work::Timer, json!({ "for": span }))
            }
            2 if main => {
                let mut with = json!({ "message": "go?", "count": dice.between(1, 2) });
                if self.plan.is_harsh() && dice.chance(30) {
                    with["expires"] = json!("40s");
                }
                ("approval".to_owned(), Work::Gate(Gate::Approval), with)
            }
            3 | 4 if main && !self.children.is_empty() => {
                let file = dice.pick(&self.children);
                ("runbook".to_owned(), Work::Child, json!({ "file": file }))
            }
            5 => call("sim.read", Shape::Query, json!({})),
            6 => call(
                "sim.poll",
                Shape::Wait,
                json!({ "name": name, "after": dice.between(0, 10_000) }),
            ),
            7..=11 if main => {
                let slow = dice.chance(30);
                // Run again by an operator it makes another thing.
                let name = match dice.chance(40) {
                    true => format!("{name}/{{{{ run.attempt }}}}"),
                    false => name,
                };
                call(
                    "sim.create",
                    Shape::Create,
                    json!({ "name": name, "slow": slow }),
                )
            }
            12..=14 => call(
                "sim.put",
                Shape::Modify,
                match dice.chance(40) {
                    true => json!({ "name": name, "value": "{{ run.attempt }}" }),
                    false => json!({ "name": name, "value": dice.between(1, 9) }),
                },
            ),
            _ => {
                let mode = dice.pick(&["token", "harmless", "look_up", "never"]);
                call("sim.act", Shape::Action, json!({ "mode": mode }))
            }
        }
    }
}
