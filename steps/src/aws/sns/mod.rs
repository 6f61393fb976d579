//! Steps that tell people and machines.

use runbook_step::StepKind;
use runbook_step::catalog::{action, change};

mod publish;
mod subscribe;
mod topic;
mod topic_ensure;

/// The step types of this service, sorted by name.
pub(crate) const STEPS: &[StepKind] = &[
    action::<publish::Publish>(),
    change::<subscribe::Subscribe>(),
    change::<topic_ensure::Ensure>(),
];
