//! A zone that is down has no capacity.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
//! lists `InsufficientInstanceCapacity` and `InsufficientVolumeCapacity` among
//! the server errors.

use super::Settled;
use crate::call::Call;
use crate::proxy::fault_rule;
use crate::wire::refusal::Refusal;
use crate::wire::xml;
use crate::world::{Service, World};

pub(super) async fn check(world: &World, call: &Call) -> Option<Settled> {
    let code = match (call.service.as_str(), call.operation.as_str()) {
        ("ec2", "RunInstances" | "StartInstances") => "InsufficientInstanceCapacity",
        ("ec2", "CreateVolume") => "InsufficientVolumeCapacity",
        _ => return None,
    };
    if !world.faults.any_zone_down(&call.account) {
        return None;
    }
    for zone in zones_touched(world, call).await {
        if let Some(key) = world.faults.zone_down(&call.account, &zone) {
            world.faults.hit(&call.account, &key);
            let message = format!(
                "We currently do not have sufficient capacity in the Availability Zone you requested ({zone})."
            );
            return Some(Settled::refused(
                call,
                &Refusal::with(500, code, message),
                fault_rule(&key),
            ));
        }
    }
    None
}

async fn zones_touched(world: &World, call: &Call) -> Vec<String> {
    if call.operation == "StartInstances" {
        return zones_of_instances(world, call, &call.list("InstanceId.")).await;
    }
    zone_asked_for(world, call).await.into_iter().collect()
}

/// The zone that the request names, by itself or through a subnet.
pub(super) async fn zone_asked_for(world: &World, call: &Call) -> Option<String> {
    let named = ["Placement.AvailabilityZone", "AvailabilityZone"]
        .iter()
        .map(|name| call.param(name));
    if let Some(zone) = named.into_iter().find(|zone| !zone.is_empty()) {
        return Some(zone.to_owned());
    }
    let subnets = ["SubnetId", "NetworkInterface.1.SubnetId"]
        .iter()
        .map(|name| call.param(name));
    let subnet = subnets.into_iter().find(|subnet| !subnet.is_empty())?;
    zone_of(world, call, subnet, ("DescribeSubnets", "SubnetId.1")).await
}

/// The zones of these instances, where they are known.
pub(super) async fn zones_of_instances(world: &World, call: &Call, ids: &[String]) -> Vec<String> {
    let mut zones = Vec::new();
    for id in ids {
        zones.extend(zone_of(world, call, id, ("DescribeInstances", "InstanceId.1")).await);
    }
    zones
}

async fn zone_of(
    world: &World,
    call: &Call,
    id: &str,
    (action, param): (&str, &str),
) -> Option<String> {
    let key = [call.account.clone(), id.to_owned()];
    let known = world.memory().zones.get(&key).cloned();
    if known.is_some() {
        return known;
    }
    let reply = world.ask(call, Service::Ec2, action, &[(param, id)]).await;
    let zone = xml::first(reply.text(), "availabilityZone")?;
    world.memory().zones.insert(key, zone.clone());
    Some(zone)
}
