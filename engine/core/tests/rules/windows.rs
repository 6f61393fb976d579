//! Windows.

use runbook_core::{FaultKind, ForEach, InstanceState, Limit, Phase};
use serde_json::Value;

use crate::bench::{Bench, action, failed, key, kinds, step};

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
    // Items that were given another chance have not ended any more.
    assert_eq!((ramp.window(8, 2, 0, 0), ramp.window(8, 4, 0, 0)), (3, 7));
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
