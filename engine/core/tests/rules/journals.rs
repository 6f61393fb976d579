//! Journals that cannot be.

use runbook_core::{Effect, Event, Fault, FaultKind, Journal, Timestamp};
use serde_json::Value;

use crate::bench::{Bench, action, failed, key, step};

#[test]
fn an_end_that_comes_twice_is_refused() {
    let steps = ["a", "b"].map(|id| step(id, action(), &[], Value::Null));
    let mut bench = Bench::new(Value::Null, steps.to_vec());
    bench.prepare(0, None);
    bench.succeed(1, Effect::Changed);
    bench.finish(key(0), failed(FaultKind::Denied));
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
