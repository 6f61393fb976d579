//! Questions, timers and deadlines: what time and people move.

use runbook_core::{
    Answer, Effect, Event, Executed, FaultKind, Input, Prepared, RunStatus, StepStatus, Timestamp,
};
use serde_json::{Value, json};

use crate::bench::{Bench, action, done, doubt, failed, key, kinds, step};

/// Starts the step, which waits until a time.
fn wait(bench: &mut Bench, step: usize, until: Option<i64>, inputs: Value) -> Vec<Event> {
    let prepared = Prepared::Start {
        token: "t".into(),
        inputs,
        wait: Some((until.map(Timestamp), "a note".into())),
    };
    bench.input(Input::Prepared {
        step,
        item: None,
        prepared,
    })
}

fn asked(gate: &str, inputs: Value) -> Bench {
    let steps = vec![step("a", json!({ "gate": gate }), &[], Value::Null)];
    let mut bench = Bench::new(Value::Null, steps);
    wait(&mut bench, 0, Some(5_000), inputs);
    bench
}

fn answer(bench: &mut Bench, actor: &str, granted: bool, comment: Option<&str>) -> Vec<Event> {
    bench.input(Input::Answered {
        key: key(0),
        actor: actor.into(),
        granted,
        comment: comment.map(Into::into),
        outputs: json!({ "by": actor }),
    })
}

fn fault(events: &[Event]) -> (FaultKind, Executed, &str) {
    match events.last() {
        Some(Event::Failed { fault, .. }) => (fault.kind, fault.executed, &fault.message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_approval_waits_for_as_many_people_as_it_asks_for() {
    let mut bench = asked("approval", json!({ "count": 3 }));
    for actor in ["ann", "bob"] {
        assert_eq!(kinds(&answer(&mut bench, actor, true, None)), ["answered"]);
    }
    assert!(answer(&mut bench, "ann", true, None).is_empty(), "again");
    let events = answer(&mut bench, "eve", true, None);
    assert_eq!(kinds(&events), ["answered", "succeeded"]);
    assert!(answer(&mut bench, "eve", false, None).is_empty(), "late");
    let mut bench = asked("approval", json!({}));
    let events = answer(&mut bench, "ann", true, None);
    assert_eq!(kinds(&events), ["answered", "succeeded"]);
    assert_eq!(bench.run.steps()[0].outputs(), json!({ "by": "ann" }));
}

#[test]
fn who_said_yes_may_still_say_no() {
    let mut bench = asked("approval", json!({ "count": 2 }));
    answer(&mut bench, "ann", true, None);
    let events = answer(&mut bench, "ann", false, Some("too late"));
    assert_eq!(kinds(&events), ["answered", "failed"]);
    let rejected = "rejected by ann: too late";
    assert_eq!(fault(&events).2, rejected);
    assert_eq!(fault(&events).0, FaultKind::Rejected);
}

#[test]
fn one_word_is_enough_for_what_is_done_by_hand() {
    for gate in ["manual", "pause"] {
        let mut bench = asked(gate, json!({ "count": 2 }));
        let events = answer(&mut bench, "ann", true, None);
        assert_eq!(kinds(&events), ["answered", "succeeded"], "{gate}");
    }
}

#[test]
fn nobody_answers_what_was_not_asked() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    assert!(answer(&mut bench, "ann", true, None).is_empty());
    bench.prepare(0, None);
    assert!(answer(&mut bench, "ann", true, None).is_empty());
    let at = Timestamp(1_500);
    let note = "busy".into();
    bench.finish(key(0), Answer::Again { at, note });
    assert!(answer(&mut bench, "ann", true, None).is_empty());
}

#[test]
fn a_question_that_nobody_answers_in_time_is_rejected() {
    let mut bench = asked("approval", json!({}));
    bench.now = 4_999;
    assert!(bench.tick().is_empty());
    bench.now = 5_000;
    let events = bench.tick();
    let rejected = (FaultKind::Rejected, Executed::No, "nobody answered in time");
    assert_eq!(fault(&events), rejected);
    // It is asked again without a time of its own.
    bench.conclude();
    bench.reopen();
    let events = bench.tick();
    assert!(matches!(events[1], Event::Waiting { until: None, .. }));
}

#[test]
fn a_timer_is_done_when_its_time_has_come() {
    let steps = vec![step("a", json!("timer"), &[], Value::Null)];
    let mut bench = Bench::new(Value::Null, steps);
    wait(&mut bench, 0, Some(3_000), Value::Null);
    bench.now = 2_999;
    assert!(bench.tick().is_empty());
    bench.now = 3_000;
    assert_eq!(kinds(&bench.tick()), ["succeeded"]);
    assert_eq!(bench.run.steps()[0].outputs(), json!({ "waited": "2s" }));
}

#[test]
fn a_timer_that_is_given_again_is_due_at_once() {
    let book = json!({ "timeout": 500 });
    let steps = vec![step("a", json!("timer"), &[], Value::Null)];
    let mut bench = Bench::new(book, steps);
    wait(&mut bench, 0, Some(3_000), Value::Null);
    bench.now = 1_500;
    assert_eq!(kinds(&bench.tick()), ["deadline_passed", "failed"]);
    bench.conclude();
    bench.reopen();
    let events = bench.tick();
    let due = Some(Timestamp(1_500));
    assert!(matches!(events[1], Event::Waiting { until, .. } if until == due));
}

#[test]
fn what_is_not_done_in_time_fails_and_may_have_happened_only_if_it_was_in_flight() {
    for flying in [true, false] {
        let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
        bench.prepare(0, None);
        if !flying {
            let at = Timestamp(20_000);
            let note = "busy".into();
            bench.finish(key(0), Answer::Again { at, note });
        }
        bench.now = 11_000;
        let events = bench.tick();
        let (kind, executed, message) = fault(&events);
        assert_eq!(kind, FaultKind::Timeout);
        assert_eq!(executed == Executed::Unknown, flying);
        let seen = if flying { "" } else { "; last seen: busy" };
        assert_eq!(message, format!("not done after 10s{seen}"));
    }
}

#[test]
fn a_failure_that_turns_back_comes_before_what_else_is_due() {
    for (policy, expected) in [
        ("rollback", ["failed", "step_cancelled"]),
        ("stop", ["failed", "failed"]),
    ] {
        let steps = vec![
            step("a", action(), &[], json!({ "on_failure": policy })),
            step("b", action(), &[], Value::Null),
        ];
        let mut bench = Bench::new(Value::Null, steps);
        bench.prepare(0, None);
        bench.prepare(1, None);
        let at = Timestamp(20_000);
        let note = "busy".into();
        bench.finish(key(1), Answer::Again { at, note });
        bench.now = 11_000;
        assert_eq!(kinds(&bench.tick()), expected, "{policy}");
    }
}

#[test]
fn a_step_that_turns_back_when_it_fails_holds_up_nothing_else_while_it_goes_on() {
    let more = json!({ "on_failure": "rollback" });
    let steps = ["a", "b"].map(|id| step(id, action(), &[], more.clone()));
    let mut bench = Bench::new(Value::Null, steps.to_vec());
    for step in 0..2 {
        bench.prepare(step, None);
        bench.finish(key(step), failed(FaultKind::Transient));
    }
    bench.now = 1_100;
    assert_eq!(kinds(&bench.tick()), ["attempt_started", "attempt_started"]);
}

#[test]
fn the_deadline_of_the_run_is_for_the_main_steps() {
    let book = json!({ "timeout": 5_000 });
    let steps = vec![
        step("a", action(), &[], Value::Null),
        step("z", action(), &[], json!({ "section": "finally" })),
    ];
    let mut bench = Bench::new(book, steps);
    let deadline = |events: &[Event]| match &events[0] {
        Event::AttemptStarted { deadline, .. } => *deadline,
        other => panic!("{other:?}"),
    };
    assert_eq!(deadline(&bench.prepare(0, None)), Timestamp(6_000));
    bench.finish(key(0), done(Effect::None));
    assert_eq!(deadline(&bench.prepare(1, None)), Timestamp(11_000));
    assert_eq!(bench.run.next_wake(), Some(Timestamp(11_000)));
    bench.now = 6_000;
    assert!(bench.tick().is_empty());
}

#[test]
fn a_failure_of_what_cleans_up_ends_nothing_else() {
    let finally = json!({ "section": "finally" });
    let steps = vec![
        step("a", action(), &[], Value::Null),
        step("y", action(), &[], finally.clone()),
        step("z", action(), &[], finally),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.fail(0);
    bench.prepare(1, None);
    bench.prepare(2, None);
    bench.finish(key(1), doubt());
    bench.resolve(1, runbook_core::Resolution::Retry);
    let events = bench.finish(key(2), failed(FaultKind::Denied));
    assert_eq!(kinds(&events), ["failed"]);
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
}

#[test]
fn what_is_in_doubt_may_be_tried_again_beside_a_failure() {
    let steps = ["a", "b"].map(|id| step(id, action(), &[], Value::Null));
    let mut bench = Bench::new(Value::Null, steps.to_vec());
    bench.prepare(1, None);
    bench.finish(key(1), doubt());
    bench.fail(0);
    let events = bench.resolve(1, runbook_core::Resolution::Retry);
    assert_eq!(kinds(&events), ["resolved"]);
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
    bench.finish(key(1), done(Effect::None));
    assert_eq!(bench.ended(1), Some(StepStatus::Succeeded));
    assert_eq!(bench.conclude(), RunStatus::Failed);
}
