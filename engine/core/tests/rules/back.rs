//! The way back.

use runbook_core::{
    Answer, Command, Effect, Event, Executed, FaultKind, Input, InstanceState, Kept, Key,
    RunStatus, StepStatus, Timestamp,
};
use serde_json::{Value, json};

use crate::bench::{Bench, action, create, done, failed, key, kinds, step};

#[test]
fn a_failure_that_rolls_back_cuts_what_waits() {
    let more = json!({ "on_failure": "rollback" });
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], more),
            step("b", json!({ "gate": "approval" }), &[], Value::Null),
        ],
    );
    bench.prepare(1, None);
    assert_eq!(kinds(&bench.fail(0)), ["failed", "step_cancelled"]);
    assert_eq!(bench.run.commands(), [Command::Unwind]);
}

#[test]
fn a_rollback_waits_for_what_cleans_up() {
    let finally = json!({ "section": "finally" });
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", create(), &[], Value::Null),
            step("z", action(), &[], finally),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.prepare(1, None);
    bench.roll_back();
    assert!(bench.input(Input::Unwind).is_empty());
    bench.finish(key(1), done(Effect::Changed));
    assert_eq!(kinds(&bench.input(Input::Unwind)), ["rollback_started"]);
}

#[test]
fn a_run_that_was_let_go_can_be_rolled_back() {
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", create(), &[], Value::Null),
            step("b", action(), &[0], Value::Null),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.prepare(1, None);
    bench.cancel();
    let events = bench.cancel();
    assert_eq!(
        kinds(&events),
        ["cancel_forced", "step_cancelled", "finished"]
    );
    assert!(bench.run.commands().is_empty());
    bench.roll_back();
    bench.input(Input::Unwind);
    // What was in flight may have happened.
    let events = bench.prepare_undo(key(1));
    assert!(matches!(
        &events[0],
        Event::NotUndone {
            why: Kept::NoUndo,
            ..
        }
    ));
    bench.prepare_undo(key(0));
    bench.finish(key(0), done(Effect::Changed));
    assert_eq!(bench.conclude(), RunStatus::RolledBack);
}

#[test]
fn an_undo_that_was_in_flight_when_its_owner_died_may_have_happened() {
    let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
    bench.succeed(0, Effect::Changed);
    bench.roll_back();
    bench.input(Input::Unwind);
    bench.prepare_undo(key(0));
    let unsure = |bench: &Bench| {
        let undo = bench.run.instance(key(0)).unwrap().undo.as_ref().unwrap();
        undo.attempt().unwrap().unsure
    };
    assert!(!unsure(&bench));
    bench.drive();
    bench.finish(
        key(0),
        Answer::Again {
            at: Timestamp(bench.now),
            note: "looks".into(),
        },
    );
    assert!(unsure(&bench));
    bench.tick();
    assert!(unsure(&bench));
}

#[test]
fn what_a_restored_journal_does_not_know_of_may_have_been_undone() {
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", create(), &[], Value::Null),
            step("b", create(), &[], Value::Null),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.succeed(1, Effect::Changed);
    bench.roll_back();
    bench.input(Input::Unwind);
    bench.prepare_undo(key(0));
    bench.input(Input::Restore {
        actor: "ann".into(),
    });
    bench.prepare_undo(key(1));
    for step in 0..2 {
        let undo = bench
            .run
            .instance(key(step))
            .unwrap()
            .undo
            .as_ref()
            .unwrap();
        assert!(undo.attempt().unwrap().unsure);
    }
}

#[test]
fn an_action_that_was_in_flight_at_a_crash_may_have_happened_whatever_came_of_it() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.drive();
    bench.finish(
        key(0),
        Answer::Again {
            at: Timestamp(bench.now),
            note: "busy".into(),
        },
    );
    bench.tick();
    bench.finish(key(0), failed(FaultKind::Denied));
    let InstanceState::Failed { fault, .. } = &bench.run.instance(key(0)).unwrap().state else {
        panic!("it failed");
    };
    assert_eq!(fault.executed, Executed::No);
    assert_eq!(bench.run.rollback_preview().len(), 1);
}

#[test]
fn a_loop_of_which_an_item_was_cancelled_is_cancelled() {
    let each = json!({ "for_each": { "over": "x", "max_parallel": 2 } });
    let wait = json!({ "call": "wait" });
    let mut bench = Bench::new(Value::Null, vec![step("a", wait, &[], each)]);
    bench.expand(0, 2);
    bench.prepare(0, Some(0));
    bench.prepare(0, Some(1));
    let again = Answer::Again {
        at: Timestamp(1_500),
        note: "not yet".into(),
    };
    bench.finish(key(0), again);
    bench.cancel();
    bench.finish(Key { step: 0, item: 1 }, done(Effect::None));
    assert_eq!(bench.ended(0), Some(StepStatus::Cancelled));
}

#[test]
fn what_was_built_on_stays_only_for_what_cannot_be_taken_back() {
    for (work, more, behind) in [
        (create(), json!({ "irreversible": "it is gone" }), true),
        (create(), json!({ "undo": "none" }), false),
        (action(), Value::Null, false),
    ] {
        let steps = vec![
            step("a", create(), &[], Value::Null),
            step("b", work, &[0], more),
        ];
        let mut bench = Bench::new(Value::Null, steps);
        bench.succeed(0, Effect::Changed);
        bench.succeed(1, Effect::Changed);
        let preview = bench.run.rollback_preview();
        let stays = preview
            .iter()
            .map(|(key, stays)| (key.step, stays.as_ref()));
        let stays: Vec<_> = stays
            .map(|(step, why)| (step, why.map(|one| one.0)))
            .collect();
        assert!(matches!(stays[0], (1, Some(_))), "{stays:?}");
        assert_eq!(stays[1], (0, behind.then_some(Kept::Behind)), "{stays:?}");
    }
}

#[test]
fn an_action_that_waited_and_then_failed_for_sure_has_nothing_to_take_back() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.finish(
        key(0),
        Answer::Again {
            at: Timestamp(bench.now),
            note: "busy".into(),
        },
    );
    bench.tick();
    bench.finish(key(0), failed(FaultKind::Denied));
    assert_eq!(bench.run.rollback_preview(), []);
}
