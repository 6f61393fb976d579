//! Another chance.

use runbook_core::{
    Answer, Command, Effect, Event, Fault, FaultKind, Input, Journal, Key, Prepared, Resolution,
    RunStatus, StepStatus, Timestamp,
};
use serde_json::{Value, json};

use crate::bench::{Bench, action, create, done, doubt, failed, key, kinds, step};

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
fn what_each_generation_did_is_taken_back_for_itself() {
    let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
    bench.succeed(0, Effect::Changed);
    bench.retry(0, false);
    // This one found everything as wished.
    bench.succeed(0, Effect::Unchanged);
    bench.retry(0, false);
    bench.succeed(0, Effect::Changed);
    let row = (key(0), None);
    assert_eq!(bench.run.rollback_preview(), [row.clone(), row]);
    bench.roll_back();
    bench.input(Input::Unwind);
    let mut left = Vec::new();
    while !bench.prepare_undo(key(0)).is_empty() {
        let events = bench.finish(key(0), done(Effect::Changed));
        let [Event::Undone { left: one, .. }] = events[..] else {
            panic!("{events:?}");
        };
        left.push(one);
    }
    assert_eq!(left, [1, 0]);
    assert_eq!(bench.run.steps()[0].status(), StepStatus::Undone);
    assert_eq!(bench.run.commands(), [Command::Conclude]);
}

/// An older build kept the first generation alone, and its word that it took it back ends the item.
#[test]
fn a_journal_of_an_older_build_takes_an_item_back_at_once() {
    let mut bench = Bench::twice_and_back();
    bench.prepare_undo(key(0));
    let attempt = bench.run.instance(key(0)).unwrap().last_number();
    let word = |left: u32| {
        let event = json!({ "kind": "undone", "step": "a", "attempt": attempt, "left": left });
        let event: Event = serde_json::from_value(event).unwrap();
        Journal {
            at: Timestamp(bench.now),
            event,
        }
    };
    assert!(bench.run.clone().evolve(&word(2)).is_err());
    let mut newer = bench.run.clone();
    newer.evolve(&word(1)).unwrap();
    assert_eq!(newer.steps()[0].status(), StepStatus::Succeeded);
    let mut older = bench.run.clone();
    older.evolve(&word(0)).unwrap();
    assert_eq!(older.steps()[0].status(), StepStatus::Undone);
    assert_eq!(older.commands(), [Command::Conclude]);
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
    assert_eq!(bench.run.instance(key(0)).unwrap().earlier.len(), 1);
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

#[test]
fn downstream_stays_as_it_is_where_another_failure_holds_it() {
    for other_fails in [true, false] {
        let mut bench = Bench::new(
            Value::Null,
            vec![
                step("a", action(), &[], Value::Null),
                step("other", action(), &[], Value::Null),
                step("b", action(), &[0, 1], Value::Null),
            ],
        );
        for index in 0..3 {
            bench.succeed(index, Effect::Changed);
        }
        if other_fails {
            bench.retry(1, false);
            bench.fail(1);
        }
        bench.retry(0, true);
        assert_eq!(bench.ended(0), None);
        let stays = other_fails.then_some(StepStatus::Succeeded);
        assert_eq!(bench.ended(2), stays);
    }
}

/// A step, and a loop of one item that needs it; both have ended, the item with `answer`.
fn loop_downstream(answer: Answer) -> Bench {
    let each = json!({ "on_failure": "continue", "for_each": { "over": "x", "max_parallel": 2 } });
    let steps = vec![
        step("a", action(), &[], Value::Null),
        step("b", create(), &[0], each),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.succeed(0, Effect::Changed);
    bench.expand(1, 1);
    bench.prepare(1, Some(0));
    bench.finish(key(1), answer);
    bench
}

#[test]
fn a_loop_downstream_starts_over_with_its_list_when_what_it_needs_has_ended() {
    let mut bench = loop_downstream(done(Effect::Changed));
    bench.retry(0, true);
    bench.succeed(0, Effect::Changed);
    assert!(bench.is_prepared(1));
    bench.prepare(1, Some(0));
    bench.finish(key(1), done(Effect::Changed));
    assert_eq!(bench.conclude(), RunStatus::Succeeded);
}

#[test]
fn a_loop_downstream_whose_items_all_send_their_request_again_has_none_to_start() {
    let lost = Fault::new(FaultKind::Denied, "lost").unknown_effect();
    let mut bench = loop_downstream(Answer::Failed {
        fault: lost,
        share: 1.0,
    });
    bench.retry(0, true);
    bench.succeed(0, Effect::Changed);
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
    bench.finish(key(1), done(Effect::Changed));
    assert_eq!(bench.conclude(), RunStatus::Succeeded);
}

#[test]
fn a_request_that_was_in_flight_at_a_crash_and_failed_is_sent_again_downstream() {
    let steps = vec![
        step("a", action(), &[], Value::Null),
        step("b", action(), &[0], json!({ "on_failure": "continue" })),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.succeed(0, Effect::Changed);
    bench.prepare(1, None);
    bench.drive();
    bench.finish(key(1), failed(FaultKind::Denied));
    bench.retry(0, true);
    bench.succeed(0, Effect::Changed);
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
}

#[test]
fn a_step_that_is_done_without_is_in_no_attempt() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.finish(key(0), doubt());
    bench.skip(0);
    let state = serde_json::to_value(&bench.run.steps()[0]).unwrap();
    assert_eq!((&state["live"], &state["done"]), (&json!(0), &json!(1)));
    assert_eq!(bench.run.active().count(), 0);
}

#[test]
fn a_loop_in_doubt_whose_need_ran_again_ends_with_its_last_item() {
    let mut bench = loop_downstream(doubt());
    bench.retry(0, false);
    bench.tick();
    bench.succeed(0, Effect::Changed);
    bench.resolve(1, Resolution::Done(Value::Null));
    assert_eq!(bench.conclude(), RunStatus::Succeeded);
}
