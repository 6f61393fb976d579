//! Steps that work on metrics and alarms.

use runbook_step::StepKind;
use runbook_step::catalog::{action, change, query, wait};

mod alarm;
mod alarm_put;
mod alarm_state;
mod alarm_wait;
mod metric_put;

/// The step types of this service, sorted by name.
pub(crate) const STEPS: &[StepKind] = &[
    change::<alarm_put::Put>(),
    query::<alarm_state::State>(),
    wait::<alarm_wait::Await>(),
    action::<metric_put::Put>(),
];
