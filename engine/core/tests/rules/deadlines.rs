//! The run's deadline.

use runbook_core::{Answer, Effect, FaultKind, RunStatus, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, action, create, failed, key, kinds, step};

#[test]
fn what_the_deadline_of_the_run_ends_has_failed_and_is_given_another_chance() {
    let book = json!({ "timeout": 500 });
    let mut bench = Bench::new(
        book,
        vec![
            step("a", json!({ "call": "wait" }), &[], Value::Null),
            step("b", json!({ "gate": "approval" }), &[], Value::Null),
            step("c", action(), &[0], Value::Null),
        ],
    );
    bench.prepare(0, None);
    bench.prepare(1, None);
    bench.now = 1_500;
    assert_eq!(kinds(&bench.tick()), ["deadline_passed", "failed"]);
    let again = Answer::Again {
        at: Timestamp(1_600),
        note: "not yet".into(),
    };
    assert_eq!(kinds(&bench.finish(key(0), again)), ["failed"]);
    assert_eq!(bench.conclude(), RunStatus::Failed);
    bench.reopen();
    assert!(!bench.is_prepared(2), "what it needs has not ended");
    assert_eq!(bench.run.deadline(), Some(Timestamp(2_000)));
    assert_eq!(
        kinds(&bench.tick()),
        ["attempt_started", "attempt_started", "waiting"]
    );
}

#[test]
fn no_step_starts_after_the_deadline_of_the_run() {
    let mut bench = Bench::new(
        json!({ "timeout": 500 }),
        vec![step("a", action(), &[], Value::Null)],
    );
    bench.now = 1_500;
    assert_eq!(kinds(&bench.prepare(0, None)), ["deadline_passed"]);
    assert_eq!(bench.conclude(), RunStatus::Failed);
}

#[test]
fn the_runbook_says_what_a_passed_deadline_means() {
    for (policy, status) in [
        ("stop", RunStatus::Running),
        ("continue", RunStatus::Running),
        ("pause", RunStatus::Paused),
        ("rollback", RunStatus::RollingBack),
    ] {
        let mut bench = Bench::new(
            json!({ "timeout": 500, "on_failure": policy }),
            vec![
                step("a", create(), &[], Value::Null),
                step("b", action(), &[0], Value::Null),
            ],
        );
        bench.succeed(0, Effect::Changed);
        bench.now = 1_500;
        bench.tick();
        assert_eq!(bench.run.status(), status, "{policy}");
        if policy == "pause" {
            assert!(bench.unpause().is_empty(), "it is out of time");
            assert_eq!(kinds(&bench.reopen()), ["reopened"]);
            assert!(bench.is_prepared(1));
        }
    }
}

#[test]
fn an_attempt_that_was_due_again_does_not_start_after_its_deadline() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.finish(key(0), failed(FaultKind::Transient));
    bench.now = 20_000;
    bench.drive();
    assert_eq!(kinds(&bench.tick()), ["failed"]);
}

#[test]
fn what_was_in_flight_when_its_deadline_passed_is_looked_at_once_more() {
    let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.now = 20_000;
    bench.drive();
    assert!(bench.tick().is_empty());
    assert_eq!(
        kinds(&bench.finish(key(0), failed(FaultKind::Transient))),
        ["failed"]
    );
}

#[test]
fn nothing_new_begins_after_that_look() {
    let again = Answer::Again {
        at: Timestamp(20_500),
        note: "not yet".into(),
    };
    for answer in [Answer::Observed(Value::Null), again] {
        let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
        bench.prepare(0, None);
        bench.now = 20_000;
        bench.drive();
        assert_eq!(kinds(&bench.finish(key(0), answer)), ["failed"]);
    }
}
