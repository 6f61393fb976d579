//! Steps that need no cloud: gates, timers, expressions, HTTP, commands.

use runbook_core::{Gate, Work};
use runbook_step::StepKind;
use runbook_step::catalog::{action, engine, pure, query};

mod approval;
mod assert;
mod bind;
mod child;
mod http;
mod http_check;
mod http_request;
mod log;
mod manual;
mod pause;
mod shell_run;
pub(crate) mod span;
mod wait;

/// The step types of this module, sorted by name.
pub(crate) const STEPS: &[StepKind] = &[
    engine::<approval::Approval, approval::Approved>("approval", Work::Gate(Gate::Approval)),
    pure::<assert::Assert, assert::Nothing>("assert", assert::run),
    query::<http_check::Check>(),
    action::<http_request::Request>(),
    pure::<bind::Let, bind::Names>("let", bind::run),
    pure::<log::Log, log::Logged>("log", log::run),
    engine::<manual::Manual, manual::Answers>("manual", Work::Gate(Gate::Manual)),
    engine::<pause::Pause, pause::Continued>("pause", Work::Gate(Gate::Pause)),
    engine::<child::Runbook, child::Ended>("runbook", Work::Child),
    action::<shell_run::Run>(),
    engine::<wait::Wait, wait::Waited>("wait", Work::Timer),
];

#[cfg(test)]
mod tests {
    use super::STEPS;
    use serde_json::json;

    #[test]
    fn the_list_is_sorted_and_every_entry_refuses_an_unknown_field() {
        assert!(STEPS.is_sorted_by_key(|kind| kind.name));
        for kind in STEPS.iter().filter(|kind| kind.name != "let") {
            let refused = kind.check(&json!({ "no_such_field": 1 })).unwrap_err();
            assert!(
                refused.contains("unknown field"),
                "{}: {refused}",
                kind.name
            );
        }
    }

    #[test]
    fn every_entry_says_what_it_does() {
        for kind in STEPS {
            assert!(!kind.summary().is_empty(), "{}", kind.name);
        }
    }
}
