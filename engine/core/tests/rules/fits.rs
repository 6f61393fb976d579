//! Which events a journal may hold at which point: a journal that cannot be is refused, at its first
//! line that nobody could have written.

use runbook_core::{Answer, Effect, FaultKind, Input, Journal, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, action, create, done, doubt, failed, key, step};

/// Whether the journal of a run may go on with `event`.
fn fits(bench: &Bench, event: Value) -> bool {
    let event = serde_json::from_value(event).unwrap();
    let at = Timestamp(bench.now);
    bench.run.clone().evolve(&Journal { at, event }).is_ok()
}

fn run(kind: &str) -> Value {
    json!({ "kind": kind, "actor": "ann", "reason": "r", "epoch": 9, "deadline": 1,
            "status": "succeeded", "outputs": {} })
}

/// An event about the first step.
fn of(kind: &str, attempt: u32) -> Value {
    json!({ "kind": kind, "step": "a", "attempt": attempt, "token": "t", "deadline": 9_000,
            "until": 1_100, "retry_at": 1_100, "note": "n", "why": "w", "before": {}, "how": "done",
            "outputs": {}, "actor": "ann", "reason": "r", "granted": true, "downstream": false,
            "fault": { "kind": "denied", "message": "no" } })
}

/// Which of `kinds` about the run fit.
fn fitting(bench: &Bench, kinds: &[&'static str]) -> Vec<&'static str> {
    let fits = |kind: &&&str| fits(bench, run(kind));
    kinds.iter().filter(fits).copied().collect()
}

const WORDS: [&str; 10] = [
    "started",
    "resumed",
    "cancel_requested",
    "cancel_forced",
    "pause_requested",
    "unpaused",
    "deadline_passed",
    "rollback_requested",
    "rollback_started",
    "finished",
];

fn one(work: Value) -> Bench {
    Bench::new(Value::Null, vec![step("a", work, &[], Value::Null)])
}

#[test]
fn what_a_live_run_may_go_on_with() {
    let words = [
        "resumed",
        "cancel_requested",
        "pause_requested",
        "rollback_requested",
    ];
    let mut bench = one(action());
    assert_eq!(fitting(&bench, &WORDS), words);
    bench.prepare(0, None);
    assert_eq!(fitting(&bench, &WORDS), words);
    let mut timed = Bench::new(
        json!({ "timeout": 500 }),
        vec![step("a", action(), &[], Value::Null)],
    );
    assert!(fits(&timed, run("deadline_passed")));
    timed.pause();
    assert!(!fits(&timed, run("deadline_passed")), "it is held");
    timed.unpause();
    timed.fail(0);
    assert!(!fits(&timed, run("deadline_passed")), "it has failed");
    let ends = [
        "resumed",
        "cancel_requested",
        "rollback_requested",
        "finished",
    ];
    assert_eq!(fitting(&timed, &WORDS), ends);
}

#[test]
fn what_a_held_run_may_go_on_with() {
    let held = [
        "resumed",
        "cancel_requested",
        "unpaused",
        "rollback_requested",
    ];
    let mut bench = one(action());
    bench.prepare(0, None);
    bench.pause();
    assert_eq!(fitting(&bench, &WORDS), held);
    bench.finish(key(0), done(Effect::None));
    assert_eq!(fitting(&bench, &WORDS), held, "it goes on before it ends");
    let more = json!({ "on_failure": "pause" });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], more)]);
    bench.fail(0);
    let failed = ["resumed", "cancel_requested", "rollback_requested"];
    assert_eq!(fitting(&bench, &WORDS), failed);
    assert!(fits(&bench, run("reopened")));
    let stirred = json!({ "kind": "reopened", "actor": "ann", "steps": [] });
    assert!(!fits(&bench, stirred), "it is not live");
}

#[test]
fn what_a_cancelled_run_may_go_on_with() {
    let mut bench = one(action());
    bench.prepare(0, None);
    bench.cancel();
    let words = ["resumed", "cancel_forced", "rollback_requested"];
    assert_eq!(fitting(&bench, &WORDS), words);
    // The second cancel lets go of what is in flight before the run ends.
    let event = serde_json::from_value(run("cancel_forced")).unwrap();
    let at = Timestamp(bench.now);
    bench.run.evolve(&Journal { at, event }).unwrap();
    assert!(!fits(&bench, run("finished")));
    bench.roll_back();
    assert!(!fits(&bench, run("cancel_forced")), "it goes back");
}

#[test]
fn what_a_run_that_goes_back_or_has_ended_may_go_on_with() {
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
    assert_eq!(fitting(&bench, &WORDS), ["resumed", "unpaused"]);
    bench.unpause();
    assert_eq!(fitting(&bench, &WORDS), ["resumed", "rollback_started"]);
    bench.input(Input::Unwind);
    assert_eq!(fitting(&bench, &WORDS), ["resumed"]);
    bench.prepare_undo(key(0));
    bench.finish(key(0), done(Effect::Changed));
    assert_eq!(fitting(&bench, &WORDS), ["resumed", "finished"]);
    bench.conclude();
    assert_eq!(fitting(&bench, &WORDS), ["rollback_requested"]);
}

#[test]
fn an_attempt_goes_on_under_its_own_number_and_from_where_it_is() {
    let calls = ["observed", "waiting", "attempt_failed", "in_doubt"];
    let mut bench = one(action());
    bench.prepare(0, None);
    for kind in calls.into_iter().chain(["succeeded", "failed"]) {
        assert!(fits(&bench, of(kind, 1)), "{kind}");
        assert!(!fits(&bench, of(kind, 2)), "{kind} of another attempt");
    }
    for kind in [
        "woken",
        "resolved",
        "answered",
        "step_cancelled",
        "step_skipped",
        "retry_requested",
    ] {
        assert!(!fits(&bench, of(kind, 1)), "{kind} while in flight");
    }
    let at = Timestamp(bench.now);
    let note = "busy".into();
    bench.finish(key(0), Answer::Again { at, note });
    assert!(fits(&bench, of("woken", 1)));
    assert!(!fits(&bench, of("woken", 2)));
    assert!(!fits(&bench, of("answered", 1)), "nobody was asked");
    for kind in calls {
        assert!(!fits(&bench, of(kind, 1)), "{kind} while it waits");
    }
    assert!(!fits(&bench, of("step_cancelled", 1)), "nobody cancelled");
    bench.tick();
    bench.finish(key(0), doubt());
    assert!(fits(&bench, of("resolved", 1)));
    bench.cancel();
    assert!(fits(&bench, of("step_cancelled", 1)));
    let mut gate = one(json!({ "gate": "approval" }));
    gate.prepare(0, None);
    assert!(fits(&gate, of("answered", 1)));
}

#[test]
fn the_next_attempt_has_the_next_number_and_its_request_only_when_it_is_new() {
    let started = |attempt: u32, inputs: bool| {
        let mut event = of("attempt_started", attempt);
        if inputs {
            event["inputs"] = json!({});
        }
        event
    };
    let mut bench = one(action());
    assert!(fits(&bench, started(1, true)));
    assert!(!fits(&bench, started(1, false)));
    assert!(!fits(&bench, started(2, true)));
    bench.prepare(0, None);
    bench.finish(key(0), failed(FaultKind::Transient));
    assert!(fits(&bench, started(2, false)));
    assert!(!fits(&bench, started(2, true)));
    assert!(!fits(&bench, started(3, false)));
    bench.pause();
    let mut other = one(action());
    other.pause();
    assert!(!fits(&other, started(1, true)), "it is held");
}

#[test]
fn an_item_starts_in_its_turn_and_what_cannot_be_made_has_no_attempt() {
    let each = json!({ "for_each": { "over": "x", "max_parallel": 2 } });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], each)]);
    let item = |kind: &str, item: u32, attempt: u32| {
        let mut event = of(kind, attempt);
        event["item"] = json!(item);
        event["inputs"] = json!({});
        event
    };
    let list = |count: usize| json!({ "kind": "expanded", "step": "a", "items": vec![0; count] });
    assert!(fits(&bench, list(1)) && !fits(&bench, list(0)));
    assert!(fits(&bench, of("failed", 0)), "its list cannot be made");
    assert!(!fits(&bench, item("failed", 1, 0)));
    assert!(
        !fits(&bench, item("attempt_started", 0, 1)),
        "it has no list"
    );
    bench.expand(0, 2);
    assert!(!fits(&bench, list(1)), "it has one");
    assert!(fits(&bench, item("attempt_started", 0, 1)));
    assert!(!fits(&bench, item("attempt_started", 1, 1)));
    assert!(fits(&bench, item("failed", 0, 0)));
    assert!(!fits(&bench, item("failed", 0, 1)) && !fits(&bench, item("failed", 1, 0)));
    bench.pause();
    assert!(!fits(&bench, item("attempt_started", 0, 1)), "it is held");
    let mut plain = one(action());
    assert!(fits(&plain, of("failed", 0)));
    assert!(!fits(&plain, of("failed", 1)) && !fits(&plain, item("failed", 1, 0)));
    plain.pause();
    assert!(!fits(
        &plain,
        json!({ "kind": "skipped", "step": "a", "reason": "condition" })
    ));
}

#[test]
fn an_undo_goes_on_under_its_own_number_and_from_where_it_is() {
    let undo = |kind: &str, attempt: u32| {
        let mut event = of(kind, attempt);
        event["why"] = json!("failed");
        event["message"] = json!("m");
        event
    };
    let kinds = ["undo_started", "undo_waiting", "undone", "not_undone"];
    let fitting = |bench: &Bench, attempt: u32| -> Vec<&str> {
        let fits = |kind: &&str| fits(bench, undo(kind, attempt));
        kinds.into_iter().filter(fits).collect()
    };
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", create(), &[], Value::Null),
            step("b", create(), &[0], Value::Null),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.succeed(1, Effect::Changed);
    assert!(fitting(&bench, 2).is_empty(), "it does not go back");
    bench.roll_back();
    bench.input(Input::Unwind);
    assert!(
        fitting(&bench, 2).is_empty(),
        "what was built on it comes first"
    );
    bench.prepare_undo(key(1));
    bench.finish(key(1), done(Effect::Changed));
    assert_eq!(fitting(&bench, 2), ["undo_started", "not_undone"]);
    assert_eq!(fitting(&bench, 3), ["not_undone"]);
    bench.prepare_undo(key(0));
    assert_eq!(fitting(&bench, 2), ["undo_waiting", "undone", "not_undone"]);
    assert_eq!(fitting(&bench, 3), ["not_undone"]);
    let at = Timestamp(bench.now);
    let note = "busy".into();
    bench.finish(key(0), Answer::Again { at, note });
    assert_eq!(fitting(&bench, 3), ["undo_started", "not_undone"]);
    assert_eq!(fitting(&bench, 2), ["not_undone"]);
    bench.tick();
    bench.finish(key(0), done(Effect::Changed));
    assert!(fitting(&bench, 3).is_empty() && fitting(&bench, 4).is_empty());
}
