//! Which steps may start when, and what the run is called meanwhile.

use runbook_core::{
    Command, Effect, FaultKind, Input, Resolution, RunStatus, StepStatus, Timestamp,
};
use serde_json::{Value, json};

use crate::bench::{Bench, action, create, done, doubt, failed, key, kinds, step};

fn section(id: &str, needs: &[usize], section: &str) -> Value {
    step(id, action(), needs, json!({ "section": section }))
}

#[test]
fn what_cleans_up_runs_after_a_failure_and_what_follows_a_cancel_does_not() {
    let steps = vec![
        step("a", action(), &[], Value::Null),
        step("b", action(), &[], Value::Null),
        section("c", &[], "on_cancel"),
        section("z", &[], "finally"),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.fail(0);
    assert!(!bench.is_prepared(1), "the run has failed");
    assert!(!bench.is_prepared(2) && bench.is_prepared(3));
    bench.succeed(3, Effect::None);
    assert_eq!(bench.run.commands(), [Command::Conclude]);
    assert_eq!(bench.conclude(), RunStatus::Failed);
}

#[test]
fn what_follows_a_cancel_comes_before_what_cleans_up() {
    let steps = vec![
        step("a", action(), &[], Value::Null),
        section("c", &[], "on_cancel"),
        section("z", &[], "finally"),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.cancel();
    assert!(!bench.is_prepared(0) && bench.is_prepared(1) && !bench.is_prepared(2));
    bench.succeed(1, Effect::None);
    assert!(bench.is_prepared(2));
    bench.succeed(2, Effect::None);
    assert_eq!(bench.conclude(), RunStatus::Cancelled);
    assert!(bench.cancel().is_empty(), "it is over");
}

#[test]
fn nothing_more_cleans_up_before_the_way_back() {
    let steps = vec![
        step("a", create(), &[], Value::Null),
        section("y", &[], "finally"),
        section("z", &[], "finally"),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.succeed(0, Effect::Changed);
    bench.prepare(1, None);
    bench.roll_back();
    assert!(!bench.is_prepared(2));
    assert!(bench.cancel().is_empty(), "it goes back");
    bench.finish(key(1), done(Effect::None));
    bench.input(Input::Unwind);
    bench.prepare_undo(key(0));
    bench.finish(key(0), done(Effect::None));
    assert!(bench.is_prepared(2), "it cleans up afterwards");
}

#[test]
fn a_failure_of_what_cleans_up_holds_nothing() {
    let steps = vec![
        step("a", action(), &[], Value::Null),
        section("x", &[], "finally"),
        section("y", &[1], "finally"),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.succeed(0, Effect::None);
    bench.fail(1);
    bench.prepare(2, None);
    bench.finish(key(2), doubt());
    assert_eq!(kinds(&bench.resolve(2, Resolution::Retry)), ["resolved"]);
    bench.tick();
    bench.finish(key(2), done(Effect::None));
    assert_eq!(bench.conclude(), RunStatus::SucceededWithWarnings);
}

#[test]
fn failures_that_are_tolerated_are_warnings() {
    let more = json!({ "on_failure": "continue" });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], more)]);
    bench.fail(0);
    assert_eq!(bench.conclude(), RunStatus::SucceededWithWarnings);
    let each =
        json!({ "for_each": { "over": "x", "max_parallel": 2, "max_failures": { "count": 1 } } });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], each)]);
    bench.expand(0, 1);
    bench.prepare(0, Some(0));
    bench.finish(key(0), failed(FaultKind::Denied));
    assert_eq!(bench.conclude(), RunStatus::SucceededWithWarnings);
}

#[test]
fn a_run_of_which_one_failure_was_mended_has_failed_by_the_other() {
    let steps = ["a", "b"].map(|id| step(id, action(), &[], Value::Null));
    let mut bench = Bench::new(Value::Null, steps.to_vec());
    bench.prepare(0, None);
    bench.fail(1);
    bench.finish(key(0), failed(FaultKind::Denied));
    bench.retry(1, false);
    bench.tick();
    bench.finish(key(1), done(Effect::None));
    assert!(!bench.run.has_failed());
    assert_eq!(bench.conclude(), RunStatus::Failed);
}

#[test]
fn a_run_that_is_ended_is_neither_held_nor_rolled_back_by_a_failure() {
    for policy in ["pause", "rollback"] {
        let more = json!({ "on_failure": policy });
        let book = json!({ "timeout": 500 });
        let mut cancelled = Bench::new(Value::Null, vec![step("a", action(), &[], more.clone())]);
        cancelled.prepare(0, None);
        cancelled.cancel();
        let mut late = Bench::new(book, vec![step("a", create(), &[], more)]);
        late.prepare(0, None);
        late.now = 1_500;
        late.tick();
        for bench in [&mut cancelled, &mut late] {
            bench.finish(key(0), failed(FaultKind::Denied));
            assert_eq!(bench.run.status(), RunStatus::Running, "{policy}");
        }
    }
    let steps = vec![
        step("a", action(), &[], json!({ "on_failure": "rollback" })),
        step("b", action(), &[], json!({ "on_failure": "pause" })),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.prepare(1, None);
    bench.fail(0);
    bench.finish(key(1), failed(FaultKind::Denied));
    assert_eq!(bench.run.status(), RunStatus::RollingBack);
}

#[test]
fn a_held_run_tells_who_holds_it() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    assert!(!bench.run.is_paused());
    assert_eq!(bench.run.paused_by(), None);
    bench.pause();
    assert!(bench.run.is_paused());
    assert_eq!(bench.run.paused_by(), Some("ann"));
    bench.unpause();
    assert!(!bench.run.is_paused());
    assert_eq!(bench.run.paused_by(), None);
}

#[test]
fn a_run_that_has_failed_is_not_held() {
    let steps = vec![
        step("a", action(), &[], Value::Null),
        section("z", &[], "finally"),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.fail(0);
    assert!(bench.pause().is_empty());
}

#[test]
fn the_time_of_a_run_counts_while_its_main_steps_may_go_on() {
    let book = json!({ "timeout": 5_000 });
    let steps = ["a", "b"].map(|id| step(id, action(), &[], Value::Null));
    let mut bench = Bench::new(book, steps.to_vec());
    bench.prepare(1, None);
    bench.finish(key(1), doubt());
    assert_eq!(bench.run.next_wake(), Some(Timestamp(6_000)));
    bench.pause();
    assert_eq!(bench.run.next_wake(), None, "it is held");
    bench.unpause();
    bench.fail(0);
    assert_eq!(bench.run.next_wake(), None, "it has failed");
}

#[test]
fn a_step_without_which_the_run_goes_on_is_not_open() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.skip(0);
    assert!(!bench.run.is_main_open());
    assert_eq!(bench.ended(0), Some(StepStatus::Skipped));
}

#[test]
fn a_runbook_is_written_down_as_it_was_said() {
    let book = |more| Bench::new(more, vec![step("a", action(), &[], Value::Null)]);
    let plain = book(Value::Null);
    let written = serde_json::to_value(plain.run.book().as_ref()).unwrap();
    assert_eq!(written.get("on_failure"), None);
    let other = book(json!({ "on_failure": "rollback" }));
    let written = serde_json::to_value(other.run.book().as_ref()).unwrap();
    assert_eq!(written["on_failure"], "rollback");
}

#[test]
fn a_step_is_found_by_its_name() {
    let steps = ["a", "b", "c"].map(|id| step(id, action(), &[], Value::Null));
    let bench = Bench::new(Value::Null, steps.to_vec());
    let book = bench.run.book();
    let found = ["a", "b", "c", "d"].map(|id| book.index_of(id));
    assert_eq!(found, [Some(0), Some(1), Some(2), None]);
}
