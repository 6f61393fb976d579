//! Holding a run.

use runbook_core::{Command, Effect, FaultKind, RunStatus, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, action, create, failed, key, kinds, step};

#[test]
fn a_step_that_is_tried_again_in_a_held_run_waits_until_the_run_goes_on() {
    let more = json!({ "on_failure": "continue" });
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], more),
            step("b", action(), &[], Value::Null),
        ],
    );
    bench.fail(0);
    bench.prepare(1, None);
    bench.pause();
    assert_eq!(kinds(&bench.retry(0, false)), ["retry_requested"]);
    assert_eq!(
        bench.run.resting().into_iter().collect::<Vec<_>>(),
        [key(0)]
    );
    assert_eq!(kinds(&bench.tick()), Vec::<&str>::new());
    assert_eq!(kinds(&bench.unpause()), ["unpaused"]);
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
}

#[test]
fn a_failure_while_an_operator_holds_the_run_does_not_keep_it_held() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.pause();
    bench.finish(key(0), failed(FaultKind::Denied));
    assert_eq!(kinds(&bench.unpause()), ["unpaused"]);
    assert_eq!(bench.conclude(), RunStatus::Failed);
}

#[test]
fn a_run_that_a_failed_step_holds_is_not_unpaused_but_reopened() {
    let more = json!({ "on_failure": "pause" });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], more)]);
    bench.fail(0);
    assert_eq!(bench.run.status(), RunStatus::Paused);
    assert_eq!(bench.run.paused_by(), None);
    assert!(bench.unpause().is_empty());
    assert!(bench.pause().is_empty());
    assert_eq!(kinds(&bench.reopen()), ["reopened"]);
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
}

#[test]
fn a_held_run_whose_step_wants_a_rollback_rolls_back_when_it_goes_on() {
    let more = json!({ "on_failure": "rollback" });
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", create(), &[], Value::Null),
            step("b", action(), &[0], more),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.prepare(1, None);
    bench.pause();
    bench.finish(key(1), failed(FaultKind::Denied));
    assert_eq!(bench.run.status(), RunStatus::Paused);
    assert_eq!(kinds(&bench.reopen()), ["unpaused"]);
    assert_eq!(bench.run.commands(), [Command::Unwind]);
}

#[test]
fn to_do_without_a_pending_step_does_not_release_what_a_failure_holds() {
    let more = json!({ "on_failure": "pause" });
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], more),
            step("b", action(), &[0], Value::Null),
        ],
    );
    bench.fail(0);
    assert_eq!(kinds(&bench.skip(1)), ["step_skipped"]);
    assert_eq!(bench.run.status(), RunStatus::Paused);
    assert_eq!(kinds(&bench.skip(0)), ["step_skipped"]);
    assert_eq!(bench.conclude(), RunStatus::Succeeded);
}

#[test]
fn a_live_run_is_reopened_for_its_child_runs_only() {
    for (work, stirs) in [(json!("child"), true), (action(), false)] {
        let mut bench = Bench::new(Value::Null, vec![step("a", work, &[], Value::Null)]);
        assert!(bench.reopen().is_empty(), "nothing is in flight");
        bench.prepare(0, None);
        bench.now += 1;
        let kinds = kinds(&bench.reopen());
        assert_eq!(!kinds.is_empty(), stirs, "{kinds:?}");
        let reopened = stirs.then_some(Timestamp(bench.now));
        assert_eq!(bench.run.reopened(), reopened);
    }
}

#[test]
fn a_word_about_a_step_that_is_not_there_means_nothing() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.succeed(0, Effect::Changed);
    assert!(bench.retry(1, true).is_empty());
    assert!(bench.skip(1).is_empty());
}
