//! Attempts that are repeated by themselves.

use runbook_core::{FaultKind, RunStatus};
use serde_json::{Value, json};

use crate::bench::{Bench, action, failed, key, kinds, step};

#[test]
fn a_step_has_as_many_attempts_as_it_says() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    let events = bench.finish(key(0), failed(FaultKind::Transient));
    assert_eq!(kinds(&events), ["attempt_failed"]);
    bench.now += 100;
    bench.tick();
    let events = bench.finish(key(0), failed(FaultKind::Transient));
    assert_eq!(kinds(&events), ["failed"]);
    assert_eq!(bench.conclude(), RunStatus::Failed);
}

#[test]
fn an_attempt_that_would_begin_at_the_deadline_does_not() {
    for (timeout, kind) in [(100, "failed"), (101, "attempt_failed")] {
        let more = json!({ "timeout": timeout });
        let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], more)]);
        bench.prepare(0, None);
        let events = bench.finish(key(0), failed(FaultKind::Transient));
        assert_eq!(kinds(&events), [kind]);
    }
}
