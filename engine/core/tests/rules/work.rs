//! What should be in flight, and when a tick is due.

use runbook_core::{Answer, Command, FaultKind, Input, Journal, Method, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, action, create, failed, key, step};

#[test]
fn what_was_observed_is_applied_and_not_observed_again() {
    let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
    bench.prepare(0, None);
    let attempt = |method| {
        [Command::Attempt {
            key: key(0),
            number: 1,
            method,
        }]
    };
    assert_eq!(bench.run.commands(), attempt(Method::Observe));
    bench.finish(key(0), Answer::Observed(json!({})));
    assert_eq!(bench.run.commands(), attempt(Method::Apply));
}

#[test]
fn a_tick_is_due_at_the_earliest_of_all_times() {
    let mut bench = Bench::new(
        json!({ "timeout": 5_000 }),
        vec![
            step("a", action(), &[], json!({ "timeout": 3_000 })),
            step("b", action(), &[], Value::Null),
        ],
    );
    // The deadline of the run, of an attempt, and a retry.
    assert_eq!(bench.run.next_wake(), Some(Timestamp(6_000)));
    bench.prepare(0, None);
    assert_eq!(bench.run.next_wake(), Some(Timestamp(4_000)));
    bench.prepare(1, None);
    bench.finish(key(1), failed(FaultKind::Transient));
    assert_eq!(bench.run.next_wake(), Some(Timestamp(1_100)));
    // The deadline of a held run does not pass; what is in flight has its own.
    bench.pause();
    bench.finish(key(0), failed(FaultKind::Denied));
    bench.now = 1_100;
    bench.tick();
    bench.finish(key(1), failed(FaultKind::Denied));
    assert_eq!(bench.run.next_wake(), None);
}

#[test]
fn a_run_is_not_concluded_while_something_is_in_flight() {
    let finally = json!({ "section": "finally" });
    let steps = ["a", "b"].map(|id| step(id, action(), &[], finally.clone()));
    let mut bench = Bench::new(Value::Null, steps.to_vec());
    bench.prepare(0, None);
    bench.prepare(1, None);
    bench.cancel();
    let at = Timestamp(bench.now);
    let events = bench.run.decide(
        at,
        Input::Cancel {
            actor: "ann".into(),
            reason: None,
        },
    );
    // Cancelled by force, and one of the two is let go: the other one counts still.
    for event in events.into_iter().take(2) {
        bench.run.evolve(&Journal { at, event }).unwrap();
    }
    assert_eq!(bench.run.active().count(), 1);
    assert!(!bench.run.commands().contains(&Command::Conclude));
}
