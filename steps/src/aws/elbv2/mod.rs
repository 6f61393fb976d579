//! Steps that work on load balancers.

use runbook_step::StepKind;
use runbook_step::catalog::{change, query, wait};

mod action;
mod find;
mod listener_ensure;
mod load_balancer_ensure;
mod load_balancer_find;
mod target_group_ensure;
mod target_group_find;
mod targets_deregister;
mod targets_health;
mod targets_register;
mod targets_wait;
#[cfg(test)]
mod testing;

/// The step types of this module, sorted by name.
pub(crate) const STEPS: &[StepKind] = &[
    change::<listener_ensure::Ensure>(),
    change::<load_balancer_ensure::Ensure>(),
    query::<load_balancer_find::Find>(),
    change::<target_group_ensure::Ensure>(),
    query::<target_group_find::Find>(),
    change::<targets_deregister::Deregister>(),
    query::<targets_health::Health>(),
    change::<targets_register::Register>(),
    wait::<targets_wait::Healthy>(),
];
