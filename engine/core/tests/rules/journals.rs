//! Journals that cannot be.

use runbook_core::{Effect, Event, Fault, FaultKind, Journal, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, action, failed, key, step};

#[test]
fn an_end_that_comes_twice_is_refused() {
    let steps = ["a", "b"].map(|id| step(id, action(), &[], Value::Null));
    let mut bench = Bench::new(Value::Null, steps.to_vec());
    bench.prepare(0, None);
    bench.succeed(1, Effect::Changed);
    bench.finish(key(0), failed(FaultKind::Denied));
    let again = Event::Failed {
        step: "a".into(),
        item: None,
        attempt: 1,
        fault: Fault::new(FaultKind::Denied, "no"),
    };
    let skipped = Event::StepSkipped {
        step: "b".into(),
        actor: "ann".into(),
        reason: String::new(),
    };
    for event in [again, skipped] {
        let at = Timestamp(bench.now);
        assert!(bench.run.clone().evolve(&Journal { at, event }).is_err());
    }
}

#[test]
fn nothing_gets_another_chance_while_something_cleans_up() {
    let steps = vec![
        step("a", action(), &[], json!({ "on_failure": "pause" })),
        step("z", action(), &[], json!({ "section": "finally" })),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.prepare(0, None);
    // No owner begins to clean up while a main step is in flight, but a journal may say so.
    let event = Event::AttemptStarted {
        step: "z".into(),
        item: None,
        attempt: 1,
        token: "t".into(),
        inputs: Some(Value::Null),
        deadline: Timestamp(9_000),
    };
    let at = Timestamp(bench.now);
    bench.run.evolve(&Journal { at, event }).unwrap();
    bench.finish(key(0), failed(FaultKind::Denied));
    let event = Event::Reopened {
        actor: "ann".into(),
        steps: None,
    };
    assert!(bench.run.clone().evolve(&Journal { at, event }).is_err());
    assert!(bench.reopen().is_empty());
}
