//! Steps that tell who calls.

use runbook_step::StepKind;
use runbook_step::catalog::query;

mod whoami;

/// The step types of this service, sorted by name.
pub(crate) const STEPS: &[StepKind] = &[query::<whoami::Whoami>()];
