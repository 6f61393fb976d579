//! What a run does again when it is given another chance, and what it does not.

use runbook_core::{
    Command, Effect, Event, Fault, FaultKind, Input, Key, Prepared, RunStatus, StepStatus,
};
use serde_json::{Value, json};

use crate::bench::{Bench, action, create, done, failed, key, kinds, step};

fn item(item: usize) -> Key {
    Key { step: 0, item }
}

/// What the step asks for cannot be made.
fn unfit(bench: &mut Bench, item: Option<usize>) -> Vec<Event> {
    let prepared = Prepared::Unfit(Fault::new(FaultKind::Invalid, "unfit"));
    bench.input(Input::Prepared {
        step: 0,
        item,
        prepared,
    })
}

fn looped(max_parallel: u32, max_failures: u32) -> Bench {
    let each = json!({ "for_each": { "over": "x", "max_parallel": max_parallel,
                                     "max_failures": { "count": max_failures } } });
    Bench::new(Value::Null, vec![step("a", action(), &[], each)])
}

fn prepares(bench: &Bench) -> Vec<Option<usize>> {
    let of = |one: &Command| match one {
        Command::Prepare { item, .. } => Some(*item),
        _ => None,
    };
    bench.run.commands().iter().filter_map(of).collect()
}

fn number(events: &[Event]) -> u32 {
    match events {
        [Event::AttemptStarted { attempt, .. }] => *attempt,
        other => panic!("{other:?}"),
    }
}

#[test]
fn items_that_ended_well_do_not_start_again() {
    let mut bench = looped(3, 1);
    bench.expand(0, 3);
    unfit(&mut bench, Some(0));
    bench.prepare(0, Some(1));
    bench.finish(item(1), done(Effect::None));
    unfit(&mut bench, Some(2));
    assert_eq!(bench.conclude(), RunStatus::Failed);
    bench.reopen();
    assert_eq!(prepares(&bench), [Some(0), Some(2)]);
    bench.prepare(0, Some(0));
    assert_eq!(kinds(&bench.prepare(0, Some(2))), ["attempt_started"]);
    bench.finish(item(0), done(Effect::None));
    bench.finish(item(2), done(Effect::None));
    assert_eq!(bench.conclude(), RunStatus::Succeeded);
}

#[test]
fn an_item_that_failed_runs_again_and_then_those_that_had_not_begun() {
    let mut bench = looped(1, 0);
    bench.expand(0, 2);
    bench.prepare(0, Some(0));
    bench.finish(item(0), failed(FaultKind::Denied));
    bench.conclude();
    bench.reopen();
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
    assert_eq!(prepares(&bench), [], "one at once");
    bench.finish(item(0), done(Effect::None));
    assert_eq!(prepares(&bench), [Some(1)]);
    assert_eq!(bench.ended(0), None);
    bench.prepare(0, Some(1));
    bench.finish(item(1), done(Effect::None));
    assert_eq!(bench.ended(0), Some(StepStatus::Succeeded));
    assert_eq!(bench.conclude(), RunStatus::Succeeded);
}

#[test]
fn a_loop_all_of_whose_items_had_begun_has_none_to_start() {
    let mut bench = looped(1, 0);
    bench.expand(0, 1);
    bench.prepare(0, Some(0));
    bench.finish(item(0), failed(FaultKind::Denied));
    bench.conclude();
    bench.reopen();
    bench.tick();
    bench.finish(item(0), done(Effect::None));
    assert_eq!(bench.conclude(), RunStatus::Succeeded);
}

#[test]
fn a_loop_of_which_nothing_began_makes_its_list_again() {
    let mut bench = looped(2, 0);
    bench.expand(0, 1);
    unfit(&mut bench, Some(0));
    bench.conclude();
    bench.reopen();
    assert_eq!(prepares(&bench), [None]);
    assert!(bench.run.steps()[0].instances.is_empty());
    bench.expand(0, 2);
    assert_eq!(prepares(&bench), [Some(0), Some(1)]);
}

#[test]
fn a_step_whose_request_could_not_be_made_starts_anew_under_a_number_of_its_own() {
    for effect in [Effect::None, Effect::Changed] {
        let mut bench = Bench::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
        bench.succeed(0, effect);
        bench.retry(0, false);
        unfit(&mut bench, None);
        bench.conclude();
        bench.reopen();
        assert_eq!(prepares(&bench), [None]);
        assert_eq!(number(&bench.prepare(0, None)), 2);
        assert_eq!(kinds(&bench.finish(key(0), done(effect))), ["succeeded"]);
    }
}

#[test]
fn no_item_of_a_new_list_has_a_number_of_the_list_before() {
    let mut bench = looped(2, 0);
    bench.expand(0, 1);
    bench.prepare(0, Some(0));
    bench.finish(item(0), done(Effect::None));
    bench.retry(0, false);
    unfit(&mut bench, Some(0));
    bench.conclude();
    bench.reopen();
    bench.expand(0, 2);
    assert_eq!(number(&bench.prepare(0, Some(0))), 2);
    assert_eq!(number(&bench.prepare(0, Some(1))), 2);
}

#[test]
fn what_never_cleaned_up_is_of_the_first_generation() {
    let steps = vec![
        step("a", action(), &[], json!({ "on_failure": "pause" })),
        step("z", action(), &[], json!({ "section": "finally" })),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.fail(0);
    bench.reopen();
    let state = &bench.run.steps()[1];
    assert_eq!((state.generation, state.instances.len()), (0, 0));
}

#[test]
fn no_item_begins_before_what_its_loop_needs_has_been_mended() {
    let each = json!({ "for_each": { "over": "x", "max_parallel": 2 } });
    let steps = vec![
        step("a", action(), &[], Value::Null),
        step("b", action(), &[0], each),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    bench.succeed(0, Effect::None);
    bench.expand(1, 2);
    bench.prepare(1, Some(0));
    bench.finish(key(1), failed(FaultKind::Denied));
    bench.retry(0, false);
    bench.fail(0);
    bench.conclude();
    bench.reopen();
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
    assert_eq!(prepares(&bench), []);
    bench.finish(key(0), done(Effect::None));
    assert_eq!(prepares(&bench), [Some(1)]);
    assert_eq!(kinds(&bench.tick()), ["attempt_started"]);
}
