//! Instances as several steps see them.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName};
use runbook_step::{Context, Fault, FaultKind, StepResult};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Explain, not_found};

/// Every instance that the filters fit.
pub(super) async fn search(
    filters: Vec<Filter>,
    ec2: &Ec2,
    context: &Context,
) -> StepResult<Vec<Instance>> {
    let mut found = Vec::new();
    let call = ec2.describe_instances().set_filters(Some(filters));
    let mut pages = call.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.explain("ec2:DescribeInstances", context)?;
        for reservation in page.reservations.unwrap_or_default() {
            found.extend(reservation.instances.unwrap_or_default());
        }
    }
    found.sort_by(|a, b| a.instance_id().cmp(&b.instance_id()));
    Ok(found)
}

/// The instances with these ids, each of which must exist.
pub(super) async fn all(ids: &[String], ec2: &Ec2, context: &Context) -> StepResult<Vec<Instance>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let answer = ec2
        .describe_instances()
        .set_instance_ids(Some(ids.to_vec()))
        .send()
        .await
        .explain("ec2:DescribeInstances", context)?;
    let mut found = BTreeMap::new();
    for reservation in answer.reservations.unwrap_or_default() {
        for instance in reservation.instances.unwrap_or_default() {
            found.insert(id(&instance), instance);
        }
    }
    ids.iter()
        .map(|id| {
            found
                .get(id)
                .cloned()
                .ok_or_else(|| not_found(format!("instance {id}")))
        })
        .collect()
}

/// The id of an instance.
pub(super) fn id(instance: &Instance) -> String {
    tag::text(instance.instance_id())
}

/// The zone that an instance stands in.
pub(super) fn zone(instance: &Instance) -> String {
    tag::text(
        instance
            .placement()
            .and_then(|placement| placement.availability_zone()),
    )
}

/// The state of an instance, such as `running`.
pub(super) fn state(instance: &Instance) -> &str {
    instance
        .state()
        .and_then(|state| state.name())
        .map_or("unknown", InstanceStateName::as_str)
}

/// Whether an instance is gone or about to go.
pub(super) fn is_ending(instance: &Instance) -> bool {
    matches!(state(instance), "shutting-down" | "terminated")
}

/// The ids of the instances that are in one of `states`.
pub(super) fn in_states(instances: &[Instance], states: &[&str]) -> Vec<String> {
    instances
        .iter()
        .filter(|one| states.contains(&state(one)))
        .map(id)
        .collect()
}

/// How many instances are in `wished` by now, for people.
pub(super) fn count(instances: &[Instance], wished: &str) -> String {
    let there = instances.iter().filter(|one| state(one) == wished).count();
    format!("{there} of {} {wished}", instances.len())
}

/// Refuses instances that can never get into `wished` again.
pub(super) fn alive(instances: &[Instance], wished: &str) -> StepResult<()> {
    match instances.iter().find(|one| is_ending(one)) {
        Some(ending) if wished != "terminated" => {
            let message = format!(
                "{} is {}, it cannot become {wished}",
                id(ending),
                state(ending)
            );
            Err(Fault::new(FaultKind::Unmet, message))
        }
        _ => Ok(()),
    }
}
