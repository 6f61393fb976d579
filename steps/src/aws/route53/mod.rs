//! Steps that work on DNS.

use runbook_step::StepKind;
use runbook_step::catalog::{change, query};

mod find;
mod health_check_ensure;
mod health_status;
mod record;
mod record_get;
mod record_upsert;
mod records_failover;
mod sent;
mod zone_ensure;
mod zone_find;

/// The step types of this service, sorted by name.
pub(crate) const STEPS: &[StepKind] = &[
    query::<health_status::Status>(),
    change::<health_check_ensure::Ensure>(),
    query::<record_get::Get>(),
    change::<record_upsert::Upsert>(),
    change::<records_failover::Failover>(),
    change::<zone_ensure::Ensure>(),
    query::<zone_find::Find>(),
];
