//! What is created is not there at once.
//!
//! - NAT gateways are `pending`.
//!   <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html>
//! - Snapshots are `pending`.
//!   <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Snapshot.html>
//! - Load balancers are `provisioning`.
//!   <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html>

use super::{delays, replace_text};
use crate::call::Call;
use crate::http::Reply;
use crate::rules::impairment::with;
use crate::wire::xml;
use crate::world::World;

/// `CreateNatGateway` and `DescribeNatGateways`.
pub(in crate::rules) fn nat_gateways(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = delays(world, call).nat_gateway_ms;
    let mut memory = world.memory();
    let created = call.operation == "CreateNatGateway";
    let edited = xml::edit(reply.text(), |document, edits| {
        for id in xml::all(document, "natGatewayId") {
            let (Some(id), Some(gateway)) = (id.text(), id.parent()) else {
                continue;
            };
            if created {
                memory.begin(&call.account, id);
            }
            if memory.is_young(&call.account, id, delay) {
                replace_text(edits, gateway, "state", ("available", "pending"));
            }
        }
    });
    with(reply, edited)
}

/// `CreateSnapshot`, `CreateSnapshots`, `CopySnapshot` and `DescribeSnapshots`.
pub(in crate::rules) fn snapshots(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = delays(world, call).snapshot_ms;
    let mut memory = world.memory();
    let created = call.operation != "DescribeSnapshots";
    let edited = xml::edit(reply.text(), |document, edits| {
        for id in xml::all(document, "snapshotId") {
            let (Some(id), Some(snapshot)) = (id.text(), id.parent()) else {
                continue;
            };
            if created {
                memory.begin(&call.account, id);
            }
            if memory.is_young(&call.account, id, delay) {
                replace_text(edits, snapshot, "status", ("completed", "pending"));
                replace_text(edits, snapshot, "progress", ("100%", "42%"));
            }
        }
    });
    with(reply, edited)
}

/// `CreateLoadBalancer` and `DescribeLoadBalancers`.
pub(in crate::rules) fn load_balancers(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = delays(world, call).load_balancer_ms;
    let mut memory = world.memory();
    let created = call.operation == "CreateLoadBalancer";
    let edited = xml::edit(reply.text(), |document, edits| {
        for arn in xml::all(document, "LoadBalancerArn") {
            let (Some(arn), Some(balancer)) = (arn.text(), arn.parent()) else {
                continue;
            };
            if created && memory.age(&call.account, arn).is_none() {
                memory.begin(&call.account, arn);
            }
            let Some(state) = xml::child(balancer, "State") else {
                continue;
            };
            if memory.is_young(&call.account, arn, delay) {
                replace_text(edits, state, "Code", ("active", "provisioning"));
            }
        }
    });
    with(reply, edited)
}
