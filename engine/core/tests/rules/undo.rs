//! Undos: which there are, in which order, how often they are tried.

use runbook_core::{
    Answer, Command, Effect, Event, Executed, Fault, FaultKind, Input, Journal, Kept, Key, Method,
    Note, StepStatus, Timestamp, UndoAttempt,
};
use serde_json::{Value, json};

use crate::bench::{Bench, create, done, doubt, failed, key, kinds, step};

fn item(item: usize) -> Key {
    Key { step: 0, item }
}

/// A step that took effect, in a run that goes back.
fn going_back(more: Value) -> Bench {
    let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], more)]);
    bench.succeed(0, Effect::Changed);
    bench.roll_back();
    bench.input(Input::Unwind);
    bench
}

/// A loop that goes back; the items took effect or did not.
fn loop_going_back(effects: &[Effect], max_parallel: u32) -> Bench {
    let each = json!({ "for_each": { "over": "x", "max_parallel": max_parallel } });
    let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], each)]);
    bench.expand(0, effects.len());
    for (index, effect) in effects.iter().enumerate() {
        bench.prepare(0, Some(index));
        bench.finish(item(index), done(*effect));
    }
    bench.roll_back();
    bench.input(Input::Unwind);
    bench
}

fn attempt(bench: &Bench) -> &UndoAttempt {
    let undo = bench.run.instance(key(0)).unwrap().undo.as_ref();
    undo.and_then(|undo| undo.attempt()).unwrap()
}

fn prepares(bench: &Bench) -> Vec<usize> {
    let of = |one: &Command| match one {
        Command::PrepareUndo { key } => Some(key.item),
        _ => None,
    };
    bench.run.commands().iter().filter_map(of).collect()
}

#[test]
fn items_go_back_newest_first_as_many_at_once_as_the_loop_says() {
    let effects = [
        Effect::Changed,
        Effect::None,
        Effect::Adopted,
        Effect::Changed,
    ];
    let mut bench = loop_going_back(&effects, 2);
    assert_eq!(prepares(&bench), [3, 2]);
    bench.prepare_undo(item(3));
    assert_eq!(prepares(&bench), [2]);
    assert_eq!(bench.run.steps()[0].status(), StepStatus::Undoing);
    bench.finish(item(3), done(Effect::Changed));
    assert_eq!(prepares(&bench), [2, 0]);
    bench.prepare_undo(item(2));
    bench.finish(item(2), done(Effect::Changed));
    bench.prepare_undo(item(0));
    bench.finish(item(0), done(Effect::Changed));
    assert_eq!(bench.run.commands(), [Command::Conclude]);
    assert_eq!(bench.run.steps()[0].status(), StepStatus::Undone);
}

#[test]
fn an_item_without_effect_is_not_taken_back() {
    let mut bench = loop_going_back(&[Effect::Changed, Effect::None], 2);
    assert!(bench.prepare_undo(item(1)).is_empty());
    for kind in ["undo_started", "not_undone"] {
        let event = json!({ "kind": kind, "step": "a", "item": 1, "attempt": 2, "token": "u",
                            "deadline": 9_000, "why": "failed", "message": "m" });
        let event: Event = serde_json::from_value(event).unwrap();
        let at = Timestamp(bench.now);
        let entry = Journal { at, event };
        assert!(bench.run.clone().evolve(&entry).is_err(), "{kind}");
    }
}

#[test]
fn an_undo_is_made_ready_once_and_not_before_what_was_built_on_the_step() {
    let steps = vec![
        step("a", create(), &[], Value::Null),
        step("b", create(), &[0], Value::Null),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.succeed(0, Effect::Changed);
    bench.succeed(1, Effect::Changed);
    assert!(bench.prepare_undo(key(1)).is_empty(), "it does not go back");
    bench.roll_back();
    bench.input(Input::Unwind);
    assert!(bench.prepare_undo(key(0)).is_empty());
    assert_eq!(kinds(&bench.prepare_undo(key(1))), ["undo_started"]);
    assert!(bench.prepare_undo(key(1)).is_empty());
}

#[test]
fn what_stays_names_the_step_that_was_built_on_it() {
    let steps = vec![
        step("a", create(), &[], Value::Null),
        step("b", create(), &[0], json!({ "irreversible": "sent" })),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.succeed(0, Effect::Changed);
    bench.succeed(1, Effect::Changed);
    bench.roll_back();
    bench.input(Input::Unwind);
    bench.prepare_undo(key(1));
    let events = bench.prepare_undo(key(0));
    let Event::NotUndone { why, message, .. } = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(*why, Kept::Behind);
    assert_eq!(message, "`b` was built on it and stays");
    // What stays did not go back.
    assert_eq!(bench.run.steps()[0].status(), StepStatus::Succeeded);
}

#[test]
fn an_undo_flies_and_waits_as_a_step_does() {
    let mut bench = going_back(Value::Null);
    bench.prepare_undo(key(0));
    let flies = |number| Command::Attempt {
        key: key(0),
        number,
        method: Method::Undo,
    };
    assert_eq!(bench.run.commands(), [flies(2)]);
    assert_eq!(bench.run.next_wake(), Some(Timestamp(11_000)));
    let at = Timestamp(1_500);
    let note = "busy".into();
    bench.finish(key(0), Answer::Again { at, note });
    assert_eq!(bench.run.commands(), [Command::Wake { key: key(0), at }]);
    assert_eq!(bench.run.next_wake(), Some(at));
    bench.now = 1_499;
    assert!(bench.tick().is_empty());
    bench.now = 1_500;
    assert_eq!(kinds(&bench.tick()), ["undo_started"]);
    assert_eq!(bench.run.commands(), [flies(3)]);
}

#[test]
fn an_undo_has_as_many_attempts_as_its_step_within_its_time() {
    let mut bench = going_back(Value::Null);
    bench.prepare_undo(key(0));
    let events = bench.finish(key(0), failed(FaultKind::Transient));
    assert_eq!(kinds(&events), ["undo_waiting"]);
    assert!(!attempt(&bench).unsure, "it did not happen for sure");
    assert_eq!(bench.run.next_wake(), Some(Timestamp(1_100)));
    bench.now = 1_100;
    bench.tick();
    assert_eq!(attempt(&bench).tries, 2);
    let events = bench.finish(key(0), failed(FaultKind::Transient));
    assert_eq!(kinds(&events), ["not_undone"]);
    for (kind, timeout, expected) in [
        (FaultKind::Denied, 10_000, "not_undone"),
        (FaultKind::Transient, 100, "not_undone"),
        (FaultKind::Transient, 101, "undo_waiting"),
    ] {
        let mut bench = going_back(json!({ "timeout": timeout }));
        bench.prepare_undo(key(0));
        assert_eq!(kinds(&bench.finish(key(0), failed(kind))), [expected]);
    }
    let mut bench = going_back(Value::Null);
    bench.prepare_undo(key(0));
    assert_eq!(kinds(&bench.finish(key(0), doubt())), ["not_undone"]);
}

/// The last call of an owner that is gone may arrive after the undo: a worker looks once more then.
#[test]
fn what_was_in_flight_when_its_owner_went_may_still_arrive_after_the_undo() {
    for dies in [true, false] {
        let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
        bench.prepare(0, None);
        if dies {
            bench.drive();
        }
        bench.finish(key(0), done(Effect::Changed));
        // A later owner does not make it certain.
        bench.retry(0, false);
        bench.drive();
        bench.succeed(0, Effect::Unchanged);
        assert_eq!(bench.next_back(0).unsure, dies);
    }
}

#[test]
fn a_stray_undo_of_a_later_generation_may_come_after_that_of_an_earlier_one() {
    for dies in [true, false] {
        let mut bench = Bench::twice_and_back();
        bench.prepare_undo(key(0));
        if dies {
            bench.drive();
        }
        bench.now = 2_000;
        assert_eq!(
            kinds(&bench.finish(key(0), done(Effect::Changed))),
            ["undone"]
        );
        let made = bench.next_back(0);
        assert_eq!(made.unsure, dies);
        let ended = if dies { 2_000 } else { 1_000 };
        assert_eq!(made.at, Some(Timestamp(ended)));
    }
}

#[test]
fn an_undo_that_was_lost_may_have_happened() {
    let mut bench = going_back(Value::Null);
    bench.prepare_undo(key(0));
    let fault = Fault::new(FaultKind::Transient, "lost").unknown_effect();
    bench.finish(key(0), Answer::Failed { fault, share: 1.0 });
    assert!(attempt(&bench).unsure);
}

#[test]
fn nothing_is_known_of_an_undo_that_ran_out_of_time() {
    let mut bench = going_back(Value::Null);
    bench.prepare_undo(key(0));
    bench.now = 11_000;
    let events = bench.tick();
    let Event::NotUndone { why, fault, .. } = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(*why, Kept::Failed);
    assert_eq!(fault.as_ref().unwrap().executed, Executed::Unknown);
}

#[test]
fn an_undo_puts_down_what_it_wants_to_find_again_while_it_is_in_flight() {
    let note = |number| Input::Noted {
        key: key(0),
        number,
        note: Note::Checkpoint {
            state: "half".into(),
        },
    };
    let mut bench = going_back(Value::Null);
    bench.prepare_undo(key(0));
    assert!(bench.input(note(1)).is_empty(), "that was its step");
    assert_eq!(kinds(&bench.input(note(2))), ["noted"]);
    bench.finish(key(0), failed(FaultKind::Transient));
    assert!(bench.input(note(2)).is_empty(), "it waits");
    bench.now = 1_100;
    bench.tick();
    assert_eq!(attempt(&bench).kept.as_deref(), Some("half"));
}
