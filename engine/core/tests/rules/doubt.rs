//! In doubt.

use runbook_core::{Effect, Kept, Resolution, RunStatus};
use serde_json::Value;

use crate::bench::{Bench, action, doubt, key, kinds, step};

#[test]
fn nothing_in_doubt_begins_again_in_a_run_that_is_being_ended() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.finish(key(0), doubt());
    bench.cancel();
    let events = bench.resolve(0, Resolution::Retry);
    assert_eq!(kinds(&events), ["resolved", "step_cancelled"]);
}

#[test]
fn what_is_in_doubt_is_not_tried_again_when_what_it_needs_has_failed_meanwhile() {
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], Value::Null),
            step("b", action(), &[0], Value::Null),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.prepare(1, None);
    bench.finish(key(1), doubt());
    bench.retry(0, false);
    bench.fail(0);
    assert_eq!(
        kinds(&bench.resolve(1, Resolution::Retry)),
        ["resolved", "failed"]
    );
    assert_eq!(bench.conclude(), RunStatus::Failed);
}

#[test]
fn a_step_in_doubt_that_is_done_without_may_have_taken_effect() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.finish(key(0), doubt());
    bench.skip(0);
    let preview = bench.run.rollback_preview();
    assert_eq!(preview[0].0, key(0));
    assert!(matches!(preview[0].1, Some((Kept::NoUndo, _))));
}

#[test]
fn what_is_in_doubt_waits_for_what_it_needs_when_that_is_tried_again() {
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], Value::Null),
            step("b", action(), &[0], Value::Null),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.prepare(1, None);
    bench.finish(key(1), doubt());
    bench.retry(0, false);
    assert_eq!(kinds(&bench.resolve(1, Resolution::Retry)), ["resolved"]);
    assert!(bench.tick().is_empty());
    bench.succeed(0, Effect::Changed);
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
}
