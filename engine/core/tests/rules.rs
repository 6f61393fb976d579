//! What the words of operators, deadlines and rollbacks mean, case by case.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use runbook_core::{
    Answer, Command, Doubt, Effect, Event, Executed, Fault, FaultKind, ForEach, Input,
    InstanceState, Journal, Kept, Key, Limit, Phase, Prepared, Resolution, Run, RunStatus, Runbook,
    StepStatus, Timestamp, Undoing,
};
use serde_json::{Value, json};

/// A run that is driven by hand.
struct Bench {
    run: Run,
    now: i64,
    epoch: u64,
}

fn step(id: &str, work: Value, needs: &[usize], more: Value) -> Value {
    let mut step = json!({
        "id": id, "uses": "any", "work": work, "needs": needs, "timeout": 10_000,
        "retry": { "attempts": 2, "delay": 100, "max_delay": 100, "backoff": 1.0, "jitter": false,
                   "on": ["transient"] },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        step[name] = value.clone();
    }
    step
}

fn action() -> Value {
    json!({ "call": "action" })
}

fn create() -> Value {
    json!({ "call": "create" })
}

fn key(step: usize) -> Key {
    Key { step, item: 0 }
}

fn done(effect: Effect) -> Answer {
    Answer::Done {
        outputs: json!({}),
        effect,
        at: None,
    }
}

fn failed(kind: FaultKind) -> Answer {
    Answer::Failed {
        fault: Fault::new(kind, "no"),
        share: 1.0,
    }
}

impl Bench {
    fn new(more: Value, steps: Vec<Value>) -> Self {
        let mut book = json!({ "name": "rules", "steps": steps });
        for (name, value) in more.as_object().into_iter().flatten() {
            book[name] = value.clone();
        }
        let book: Runbook = serde_json::from_value(book).unwrap();
        let mut bench = Self {
            run: Run::new(Arc::new(book)),
            now: 1_000,
            epoch: 0,
        };
        bench.drive();
        bench
    }

    fn input(&mut self, input: Input) -> Vec<Event> {
        let at = Timestamp(self.now);
        let events = self.run.decide(at, input);
        for event in events.clone() {
            self.run.evolve(&Journal { at, event }).unwrap();
        }
        events
    }

    fn drive(&mut self) {
        self.epoch += 1;
        let epoch = self.epoch;
        self.input(Input::Drive {
            actor: "ann".into(),
            epoch,
        });
    }

    fn prepare(&mut self, step: usize, item: Option<usize>) -> Vec<Event> {
        let gate = matches!(
            self.run.book().steps[step].work,
            runbook_core::Work::Gate(_)
        );
        let prepared = Prepared::Start {
            token: "t".into(),
            inputs: json!({}),
            wait: gate.then(|| (None, "a person".to_owned())),
        };
        self.input(Input::Prepared {
            step,
            item,
            prepared,
        })
    }

    fn expand(&mut self, step: usize, count: usize) {
        let prepared = Prepared::Items(vec![Value::Null; count]);
        self.input(Input::Prepared {
            step,
            item: None,
            prepared,
        });
    }

    fn finish(&mut self, key: Key, answer: Answer) -> Vec<Event> {
        let undo = self.run.instance(key).unwrap().undo.as_ref();
        let number = match undo.and_then(Undoing::attempt) {
            Some(attempt) => attempt.number,
            None => self.run.instance(key).unwrap().last_number(),
        };
        self.input(Input::Finished {
            key,
            number,
            answer,
        })
    }

    fn succeed(&mut self, step: usize, effect: Effect) {
        self.prepare(step, None);
        self.finish(key(step), done(effect));
    }

    fn fail(&mut self, step: usize) -> Vec<Event> {
        self.prepare(step, None);
        self.finish(key(step), failed(FaultKind::Denied))
    }

    fn tick(&mut self) -> Vec<Event> {
        self.input(Input::Tick)
    }

    fn retry(&mut self, step: usize, downstream: bool) -> Vec<Event> {
        let (actor, reason) = ("ann".into(), "because".into());
        self.input(Input::Retry {
            step,
            downstream,
            actor,
            reason,
        })
    }

    fn skip(&mut self, step: usize) -> Vec<Event> {
        let (actor, reason) = ("ann".into(), "because".into());
        self.input(Input::Skip {
            step,
            actor,
            reason,
        })
    }

    fn pause(&mut self) -> Vec<Event> {
        let (actor, reason) = ("ann".into(), "because".into());
        self.input(Input::Pause { actor, reason })
    }

    fn unpause(&mut self) -> Vec<Event> {
        self.input(Input::Unpause {
            actor: "ann".into(),
        })
    }

    fn reopen(&mut self) -> Vec<Event> {
        self.input(Input::Reopen {
            actor: "ann".into(),
        })
    }

    fn cancel(&mut self) -> Vec<Event> {
        self.input(Input::Cancel {
            actor: "ann".into(),
            reason: None,
        })
    }

    fn roll_back(&mut self) -> Vec<Event> {
        let (actor, reason) = ("ann".into(), "because".into());
        self.input(Input::RollBack { actor, reason })
    }

    fn resolve(&mut self, step: usize, resolution: Resolution) -> Vec<Event> {
        self.input(Input::Resolve {
            key: key(step),
            actor: "ann".into(),
            reason: "looked".into(),
            resolution,
        })
    }

    fn conclude(&mut self) -> RunStatus {
        self.input(Input::Concluded {
            outputs: json!({}),
            missed: false,
            broken: false,
        });
        self.run.status()
    }

    fn prepare_undo(&mut self, key: Key) -> Vec<Event> {
        let prepared = Ok(("u".to_owned(), None));
        self.input(Input::UndoPrepared { key, prepared })
    }

    fn ended(&self, step: usize) -> Option<StepStatus> {
        self.run.steps()[step].ended
    }

    fn is_prepared(&self, step: usize) -> bool {
        let wanted = |one: &Command| matches!(one, Command::Prepare { step: s, .. } if *s == step);
        self.run.commands().iter().any(wanted)
    }
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::kind).collect()
}

fn doubt() -> Answer {
    Answer::Doubt(Doubt {
        why: "nothing can tell".into(),
    })
}

// ---- holding a run

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

// ---- another chance

#[test]
fn reopened_items_of_a_loop_keep_to_its_window() {
    let each =
        json!({ "for_each": { "over": "x", "max_parallel": 2, "max_failures": { "count": 3 } } });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], each)]);
    bench.expand(0, 4);
    for item in 0..4 {
        bench.prepare(0, Some(item));
        bench.finish(Key { step: 0, item }, failed(FaultKind::Denied));
    }
    assert_eq!(bench.ended(0), Some(StepStatus::Failed));
    bench.conclude();
    bench.reopen();
    assert_eq!(kinds(&bench.tick()), ["attempt_started", "attempt_started"]);
    assert_eq!(kinds(&bench.tick()), Vec::<&str>::new());
    bench.finish(key(0), done(Effect::Changed));
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
}

#[test]
fn what_was_given_another_chance_and_not_started_stays_failed_when_another_step_fails() {
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], Value::Null),
            step("b", action(), &[0], json!({ "on_failure": "continue" })),
            step("c", action(), &[0], Value::Null),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.fail(1);
    bench.fail(2);
    bench.conclude();
    // Only the first runs again, then everything that failed is given another chance.
    bench.retry(0, false);
    bench.prepare(0, None);
    bench.finish(key(0), failed(FaultKind::Denied));
    bench.conclude();
    bench.reopen();
    assert_eq!(
        bench.run.resting().into_iter().collect::<Vec<_>>(),
        [key(2)]
    );
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
    let events = bench.finish(key(0), failed(FaultKind::Denied));
    assert_eq!(kinds(&events), ["failed", "failed"]);
    assert_eq!(bench.conclude(), RunStatus::Failed);
}

#[test]
fn a_step_downstream_that_failed_for_sure_starts_over_after_what_it_needs() {
    let more = json!({ "on_failure": "continue" });
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], Value::Null),
            step("b", create(), &[0], more),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.fail(1);
    bench.retry(0, true);
    assert_eq!(bench.run.active().count(), 0);
    assert!(!bench.is_prepared(1), "it waits for what it needs");
    bench.prepare(0, None);
    bench.finish(key(0), done(Effect::Changed));
    let events = bench.prepare(1, None);
    assert!(matches!(
        &events[0],
        Event::AttemptStarted {
            inputs: Some(_),
            attempt: 2,
            ..
        }
    ));
}

#[test]
fn a_step_downstream_that_may_have_been_carried_out_sends_its_request_again() {
    let more = json!({ "on_failure": "continue" });
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], Value::Null),
            step("b", create(), &[0], more),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.prepare(1, None);
    bench.finish(
        key(1),
        Answer::Failed {
            fault: Fault::new(FaultKind::Denied, "lost").unknown_effect(),
            share: 1.0,
        },
    );
    bench.retry(0, true);
    bench.prepare(0, None);
    assert_eq!(
        kinds(&bench.tick()),
        Vec::<&str>::new(),
        "it waits for what it needs"
    );
    bench.finish(key(0), done(Effect::Changed));
    let events = bench.tick();
    assert!(matches!(
        &events[0],
        Event::AttemptStarted {
            inputs: None,
            attempt: 2,
            ..
        }
    ));
    assert!(
        bench
            .run
            .instance(key(1))
            .unwrap()
            .attempt
            .as_ref()
            .unwrap()
            .unsure
    );
}

#[test]
fn a_step_is_not_tried_again_before_what_it_needs() {
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], Value::Null),
            step("b", action(), &[0], Value::Null),
        ],
    );
    bench.succeed(0, Effect::Changed);
    bench.fail(1);
    bench.conclude();
    bench.retry(0, false);
    assert!(bench.retry(1, false).is_empty());
    bench.prepare(0, None);
    bench.finish(key(0), done(Effect::Changed));
    assert_eq!(kinds(&bench.retry(1, false)), ["retry_requested"]);
}

#[test]
fn nothing_goes_on_while_something_cleans_up_and_what_cleaned_up_does_it_again() {
    let finally = json!({ "section": "finally" });
    let mut bench = Bench::new(
        Value::Null,
        vec![
            step("a", action(), &[], Value::Null),
            step("z", action(), &[], finally),
        ],
    );
    bench.fail(0);
    bench.prepare(1, None);
    assert!(bench.retry(0, false).is_empty());
    assert!(bench.skip(0).is_empty());
    bench.finish(key(1), done(Effect::Changed));
    assert_eq!(kinds(&bench.retry(0, false)), ["retry_requested"]);
    bench.tick();
    bench.finish(key(0), done(Effect::Changed));
    let events = bench.prepare(1, None);
    // Its numbers go on, so that no late answer is taken for one of the new attempt.
    assert!(matches!(
        &events[0],
        Event::AttemptStarted { attempt: 2, .. }
    ));
    assert_eq!(bench.run.steps()[1].generation, 1);
    let late = Input::Finished {
        key: key(1),
        number: 1,
        answer: done(Effect::None),
    };
    assert!(bench.input(late).is_empty());
}

#[test]
fn what_an_earlier_generation_did_outlives_a_request_that_cannot_be_made() {
    let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
    bench.succeed(0, Effect::Changed);
    bench.retry(0, false);
    let unfit = Prepared::Unfit(Fault::new(FaultKind::Invalid, "unfit"));
    bench.input(Input::Prepared {
        step: 0,
        item: None,
        prepared: unfit,
    });
    bench.conclude();
    bench.reopen();
    assert_eq!(bench.run.steps()[0].generation, 1);
    bench.fail(0);
    bench.conclude();
    let preview = bench.run.rollback_preview();
    assert_eq!(preview, [(key(0), None)]);
}

#[test]
fn an_action_whose_effect_is_unknown_is_remembered_when_its_loop_starts_over() {
    let each =
        json!({ "for_each": { "over": "x", "max_parallel": 2, "max_failures": { "count": 1 } } });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], each)]);
    bench.expand(0, 1);
    bench.prepare(0, Some(0));
    bench.finish(
        key(0),
        Answer::Failed {
            fault: Fault::new(FaultKind::Denied, "lost").unknown_effect(),
            share: 1.0,
        },
    );
    assert_eq!(bench.ended(0), Some(StepStatus::Succeeded));
    bench.retry(0, false);
    assert!(bench.run.instance(key(0)).unwrap().earlier.is_some());
}

#[test]
fn a_tolerated_failure_that_was_mended_is_no_warning() {
    let more = json!({ "on_failure": "continue" });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], more)]);
    bench.fail(0);
    bench.retry(0, false);
    bench.tick();
    bench.finish(key(0), done(Effect::Changed));
    assert_eq!(bench.conclude(), RunStatus::Succeeded);
}

#[test]
fn no_item_starts_after_too_many_failures() {
    let each = json!({ "for_each": { "over": "x", "max_parallel": 3 } });
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], each)]);
    bench.expand(0, 3);
    bench.prepare(0, Some(0));
    let unfit = Prepared::Unfit(Fault::new(FaultKind::Invalid, "unfit"));
    bench.input(Input::Prepared {
        step: 0,
        item: Some(1),
        prepared: unfit,
    });
    assert!(bench.prepare(0, Some(2)).is_empty());
}

// ---- in doubt

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

// ---- the run's deadline

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

// ---- the way back

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

// ---- journals that cannot be

#[test]
fn an_end_that_comes_twice_is_refused() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.fail(0);
    let again = Event::Failed {
        step: "a".into(),
        item: None,
        attempt: 1,
        fault: Fault::new(FaultKind::Denied, "no"),
    };
    let skipped = Event::StepSkipped {
        step: "b".into(),
        actor: "ann".into(),
        reason: String::new(),
    };
    for event in [again, skipped] {
        let at = Timestamp(bench.now);
        assert!(bench.run.clone().evolve(&Journal { at, event }).is_err());
    }
}

// ---- windows

fn each(max_parallel: u32, ramp: &[Limit]) -> ForEach {
    ForEach {
        over: "x".into(),
        max_parallel,
        ramp: ramp.to_vec(),
        max_failures: Limit::default(),
    }
}

#[test]
fn a_window_slides_over_the_items() {
    let two = each(2, &[]);
    assert_eq!(two.window(5, 0, 0, 0), 2);
    assert_eq!(two.window(5, 2, 2, 0), 2);
    assert_eq!(two.window(5, 2, 1, 1), 3);
    assert_eq!(two.window(5, 4, 0, 4), 5);
    assert_eq!(two.window(5, 2, 3, 0), 2, "more are live than may be");
    assert_eq!(
        each(0, &[]).window(5, 0, 0, 0),
        1,
        "none at all would never end"
    );
    assert_eq!((two.at_once(5, 3), each(0, &[]).at_once(5, 0)), (2, 1));
}

#[test]
fn batches_start_one_after_another() {
    let ramp = each(9, &[Limit::Count(1), Limit::Percent(25.0), Limit::Count(3)]);
    // 8 items: one, then two, then three at a time.
    assert_eq!(ramp.window(8, 0, 0, 0), 1);
    assert_eq!(ramp.window(8, 1, 1, 0), 1, "the first has not ended");
    assert_eq!(ramp.window(8, 1, 0, 1), 3);
    assert_eq!(ramp.window(8, 2, 1, 1), 3);
    assert_eq!(ramp.window(8, 3, 1, 2), 3, "one of the second is live");
    assert_eq!(ramp.window(8, 3, 0, 3), 6);
    assert_eq!(ramp.window(8, 4, 1, 3), 6);
    assert_eq!(ramp.window(8, 6, 2, 4), 7, "the last size slides");
    assert_eq!(ramp.window(8, 7, 0, 7), 8);
    let at_once = [0, 1, 2, 3, 4, 8].map(|next| ramp.at_once(8, next));
    assert_eq!(at_once, [1, 1, 2, 2, 3, 3]);
}

#[test]
fn an_empty_share_is_one_item() {
    let ramp = each(9, &[Limit::Percent(1.0), Limit::Percent(0.0)]);
    assert_eq!(ramp.window(3, 0, 0, 0), 1);
    assert_eq!(ramp.window(3, 1, 0, 1), 2);
    assert_eq!(
        each(9, &[Limit::Count(2)]).window(3, 0, 0, 0),
        2,
        "one size is a window"
    );
}

#[test]
fn a_phase_tells_whether_an_item_was_given_again() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.finish(key(0), failed(FaultKind::Transient));
    let state = &bench.run.instance(key(0)).unwrap().state;
    assert!(matches!(state, InstanceState::Live(Phase::Retrying { .. })));
    bench.pause();
    // It is in the middle of its attempts, and goes on.
    assert!(bench.run.resting().is_empty());
    bench.now = 1_100;
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
}
