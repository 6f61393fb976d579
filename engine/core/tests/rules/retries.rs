//! Attempts that are repeated by themselves.

use runbook_core::{Answer, Fault, FaultKind, Retry, RunStatus};
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

#[test]
fn delays_grow_up_to_the_largest_and_jitter_takes_a_share() {
    let retry = |jitter| Retry {
        delay: 100,
        max_delay: 500,
        backoff: 2.0,
        jitter,
        ..Retry::default()
    };
    let delays = [0, 1, 2, 3, 4, 99].map(|attempt| retry(false).delay_after(attempt, 0.5));
    assert_eq!(delays, [100, 100, 200, 400, 500, 500]);
    let shares = [-1.0, 0.0, 0.5, 1.0, 2.0].map(|share| retry(true).delay_after(2, share));
    assert_eq!(shares, [0, 0, 100, 200, 200]);
}

#[test]
fn an_effect_that_may_have_happened_is_remembered_over_the_attempts() {
    let lost = Answer::Failed {
        fault: Fault::new(FaultKind::Transient, "lost").unknown_effect(),
        share: 1.0,
    };
    for (first, rows) in [(lost, 1), (failed(FaultKind::Transient), 0)] {
        let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
        bench.prepare(0, None);
        bench.finish(key(0), first);
        bench.now += 100;
        bench.tick();
        bench.finish(key(0), failed(FaultKind::Denied));
        assert_eq!(bench.run.rollback_preview().len(), rows);
    }
}

#[test]
fn what_was_in_flight_at_a_crash_may_have_happened_though_the_next_owner_failed() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.drive();
    bench.finish(key(0), failed(FaultKind::Denied));
    assert_eq!(bench.run.rollback_preview().len(), 1);
}
