//! The items of loops, and what a step is called while they go on.

use runbook_core::{
    Answer, Command, Effect, Event, Fault, FaultKind, Key, Resolution, StepStatus, Timestamp,
};
use serde_json::{Value, json};

use crate::bench::{Bench, action, done, doubt, failed, key, kinds, step};

fn item(item: usize) -> Key {
    Key { step: 0, item }
}

/// A loop with its list.
fn looped(count: usize, max_parallel: u32) -> Bench {
    let each = json!({ "for_each": { "over": "x", "max_parallel": max_parallel } });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], each)]);
    bench.expand(0, count);
    bench
}

fn again(at: i64) -> Answer {
    Answer::Again {
        at: Timestamp(at),
        note: "busy".into(),
    }
}

#[test]
fn items_start_in_their_turn_each_with_its_first_attempt() {
    let mut bench = looped(3, 2);
    assert!(bench.prepare(0, Some(1)).is_empty());
    let events = bench.prepare(0, Some(0));
    assert!(matches!(
        events[0],
        Event::AttemptStarted { attempt: 1, .. }
    ));
    assert_eq!(kinds(&bench.prepare(0, Some(1))), ["attempt_started"]);
    assert!(bench.prepare(0, Some(2)).is_empty(), "two at once");
}

#[test]
fn a_loop_is_called_by_its_liveliest_item() {
    let mut bench = looped(3, 2);
    let status = |bench: &Bench| bench.run.steps()[0].status();
    assert_eq!(status(&bench), StepStatus::Pending);
    bench.prepare(0, Some(0));
    bench.prepare(0, Some(1));
    assert_eq!(status(&bench), StepStatus::Running);
    bench.finish(item(0), again(9_000));
    assert_eq!(status(&bench), StepStatus::Running);
    bench.finish(item(1), again(9_000));
    assert_eq!(status(&bench), StepStatus::Waiting);
    bench.now = 9_000;
    bench.tick();
    bench.finish(item(0), doubt());
    bench.finish(item(1), again(9_500));
    assert_eq!(status(&bench), StepStatus::InDoubt);
    bench.resolve(0, Resolution::Done(Value::Null));
    bench.now = 9_500;
    bench.tick();
    bench.finish(item(1), done(Effect::None));
    // Two have ended, and the last one has not begun.
    assert_eq!(status(&bench), StepStatus::Running);
    bench.prepare(0, Some(2));
    bench.finish(item(2), failed(FaultKind::Transient));
    assert_eq!(status(&bench), StepStatus::Retrying);
    bench.now = 9_600;
    bench.tick();
    bench.finish(item(2), done(Effect::None));
    assert_eq!(status(&bench), StepStatus::Succeeded);
}

#[test]
fn a_loop_of_which_all_items_succeed_has_succeeded_in_a_run_that_is_cancelled() {
    let mut bench = looped(2, 2);
    bench.prepare(0, Some(0));
    bench.prepare(0, Some(1));
    bench.cancel();
    bench.finish(item(0), done(Effect::None));
    bench.finish(item(1), done(Effect::None));
    assert_eq!(bench.ended(0), Some(StepStatus::Succeeded));
    // One that did not come to all of its items has not ended.
    let mut bench = looped(2, 1);
    bench.prepare(0, Some(0));
    bench.cancel();
    bench.finish(item(0), done(Effect::None));
    assert_eq!(bench.ended(0), None);
    assert_eq!(bench.run.commands(), [Command::Conclude]);
}

#[test]
fn nothing_is_left_open_by_letting_go_of_what_only_waits() {
    for (answer, rows) in [(again(9_000), 0), (doubt(), 1)] {
        let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
        bench.prepare(0, None);
        bench.finish(key(0), answer);
        bench.skip(0);
        assert_eq!(bench.run.rollback_preview().len(), rows);
    }
}

#[test]
fn another_step_that_is_tried_again_leaves_a_loop_going() {
    let each = json!({ "for_each": { "over": "x", "max_parallel": 1 } });
    let steps = vec![
        step("a", action(), &[], each),
        step("b", action(), &[], json!({ "on_failure": "continue" })),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.expand(0, 2);
    bench.fail(1);
    bench.retry(1, false);
    assert!(bench.is_prepared(0));
}

#[test]
fn a_step_took_as_long_as_all_its_attempts_since_it_was_given_another_chance() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    assert_eq!(bench.run.elapsed(key(0)), None);
    bench.prepare(0, None);
    bench.now = 2_000;
    bench.finish(key(0), failed(FaultKind::Transient));
    assert_eq!(bench.run.elapsed(key(0)), None, "it goes on");
    bench.now = 3_000;
    bench.tick();
    bench.now = 3_500;
    bench.finish(key(0), failed(FaultKind::Denied));
    assert_eq!(bench.run.elapsed(key(0)), Some(2_500));
    bench.conclude();
    bench.now = 9_000;
    bench.reopen();
    bench.tick();
    bench.now = 9_700;
    bench.finish(key(0), done(Effect::None));
    assert_eq!(bench.run.elapsed(key(0)), Some(700));
}

#[test]
fn what_may_have_happened_once_may_have_happened_after_another_chance() {
    for (lost, first) in [(true, true), (true, false), (false, true)] {
        let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
        bench.prepare(0, None);
        let fault = Fault::new(FaultKind::Transient, "lost");
        let fault = if lost { fault.unknown_effect() } else { fault };
        if first {
            bench.finish(key(0), Answer::Failed { fault, share: 1.0 });
            bench.now += 100;
            bench.tick();
            bench.finish(key(0), failed(FaultKind::Denied));
        } else {
            bench.now = 11_000;
            bench.tick();
        }
        bench.conclude();
        bench.reopen();
        let attempt = bench.run.instance(key(0)).unwrap().attempt.as_ref();
        assert_eq!(attempt.unwrap().unsure, lost);
    }
}
