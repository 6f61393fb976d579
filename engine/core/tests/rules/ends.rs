//! How a run ends, and what is known of it then.

use runbook_core::{Effect, Input, Prepared, RunStatus, StepStatus, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, action, done, key, kinds, step};

fn concluded(missed: bool, broken: bool) -> Input {
    Input::Concluded {
        outputs: json!({}),
        missed,
        broken,
    }
}

#[test]
fn only_a_live_run_whose_steps_have_ended_is_concluded() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    assert!(
        bench.input(concluded(false, false)).is_empty(),
        "nothing ran"
    );
    bench.prepare(0, None);
    bench.pause();
    bench.finish(key(0), done(Effect::None));
    assert!(
        bench.input(concluded(false, false)).is_empty(),
        "it is held"
    );
    bench.unpause();
    assert_eq!(kinds(&bench.input(concluded(false, false))), ["finished"]);
    assert!(
        bench.input(concluded(false, false)).is_empty(),
        "it is over"
    );
}

#[test]
fn outputs_that_cannot_be_made_fail_the_run_and_count_more_than_an_objective() {
    for (missed, broken, status) in [
        (false, false, RunStatus::Succeeded),
        (true, false, RunStatus::ObjectiveMissed),
        (false, true, RunStatus::Failed),
        (true, true, RunStatus::Failed),
    ] {
        let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
        bench.succeed(0, Effect::None);
        bench.input(concluded(missed, broken));
        assert_eq!(bench.run.status(), status);
    }
}

#[test]
fn a_run_counts_its_owners() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    assert_eq!(bench.run.attempt(), 1);
    bench.drive();
    assert_eq!(bench.run.attempt(), 2);
    bench.drive();
    assert_eq!(bench.run.attempt(), 3);
}

#[test]
fn a_loop_over_nothing_has_an_empty_list_of_outputs_and_one_that_did_not_run_has_none() {
    let each = json!({ "for_each": { "over": "x", "max_parallel": 2 } });
    let skip = Prepared::Skip { saw: Value::Null };
    for (prepared, outputs) in [
        (Prepared::Items(Vec::new()), json!([])),
        (skip, Value::Null),
    ] {
        let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], each.clone())]);
        bench.input(Input::Prepared {
            step: 0,
            item: None,
            prepared,
        });
        assert_eq!(bench.ended(0), Some(StepStatus::Skipped));
        assert_eq!(bench.run.steps()[0].outputs(), outputs);
    }
}

#[test]
fn a_run_tells_when_it_began_and_ended_and_how_far_it_is() {
    let finally = json!({ "section": "finally" });
    let steps = vec![
        step("a", action(), &[], Value::Null),
        step("z", action(), &[], finally),
    ];
    let mut bench = Bench::new(Value::Null, steps);
    assert_eq!(bench.run.started(), Some(Timestamp(1_000)));
    assert_eq!(bench.run.finished(), None);
    assert!(bench.run.is_main_open());
    bench.succeed(0, Effect::None);
    assert!(!bench.run.is_main_open());
    assert!(!bench.run.has_failed() && !bench.run.is_cancelled());
    bench.succeed(1, Effect::None);
    bench.now = 2_000;
    bench.input(Input::Concluded {
        outputs: json!({ "url": "u" }),
        missed: false,
        broken: false,
    });
    assert_eq!(bench.run.finished(), Some(Timestamp(2_000)));
    assert_eq!(bench.run.outputs(), &json!({ "url": "u" }));
    assert!(bench.run.commands().is_empty());
}

#[test]
fn a_run_tells_what_became_of_it() {
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.fail(0);
    assert!(bench.run.has_failed());
    let mut bench = Bench::new(Value::Null, vec![step("a", action(), &[], Value::Null)]);
    bench.prepare(0, None);
    bench.cancel();
    assert!(bench.run.is_cancelled() && !bench.run.is_forced());
    bench.cancel();
    assert!(bench.run.is_forced() && !bench.run.is_restored());
    bench.input(Input::Restore {
        actor: "ann".into(),
    });
    assert!(bench.run.is_restored());
}
