//! What was just made may not be seen yet.
//!
//! "The EC2 API follows an eventual consistency model": a describe right after
//! a create may leave the resource out, or answer that its id does not exist.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
//! moto is consistent, so a fault makes it so.

use roxmltree::Node;

use super::{Settled, remove_instance};
use crate::call::Call;
use crate::http::Reply;
use crate::ledger::Verdict;
use crate::proxy::fault_rule;
use crate::wire::refusal::Refusal;
use crate::wire::xml;
use crate::world::World;

/// How a kind of resource is made, found, and missed.
struct Kind {
    id: &'static str,
    makers: &'static [&'static str],
    finder: &'static str,
    code: &'static str,
}

const fn kind(
    id: &'static str,
    makers: &'static [&'static str],
    finder: &'static str,
    code: &'static str,
) -> Kind {
    Kind {
        id,
        makers,
        finder,
        code,
    }
}

const KINDS: [Kind; 12] = [
    kind(
        "allocationId",
        &["AllocateAddress"],
        "DescribeAddresses",
        "InvalidAllocationID.NotFound",
    ),
    kind(
        "groupId",
        &["CreateSecurityGroup"],
        "DescribeSecurityGroups",
        "InvalidGroup.NotFound",
    ),
    kind(
        "imageId",
        &["CreateImage", "CopyImage"],
        "DescribeImages",
        "InvalidAMIID.NotFound",
    ),
    kind(
        "instanceId",
        &["RunInstances"],
        "DescribeInstances",
        "InvalidInstanceID.NotFound",
    ),
    kind(
        "internetGatewayId",
        &["CreateInternetGateway"],
        "DescribeInternetGateways",
        "InvalidInternetGatewayID.NotFound",
    ),
    kind(
        "natGatewayId",
        &["CreateNatGateway"],
        "DescribeNatGateways",
        "NatGatewayNotFound",
    ),
    kind(
        "networkAclId",
        &["CreateNetworkAcl"],
        "DescribeNetworkAcls",
        "InvalidNetworkAclID.NotFound",
    ),
    kind(
        "routeTableId",
        &["CreateRouteTable"],
        "DescribeRouteTables",
        "InvalidRouteTableID.NotFound",
    ),
    kind(
        "snapshotId",
        &["CreateSnapshot", "CreateSnapshots", "CopySnapshot"],
        "DescribeSnapshots",
        "InvalidSnapshot.NotFound",
    ),
    kind(
        "subnetId",
        &["CreateSubnet"],
        "DescribeSubnets",
        "InvalidSubnetID.NotFound",
    ),
    kind(
        "volumeId",
        &["CreateVolume"],
        "DescribeVolumes",
        "InvalidVolume.NotFound",
    ),
    kind(
        "vpcId",
        &["CreateVpc"],
        "DescribeVpcs",
        "InvalidVpcID.NotFound",
    ),
];

/// Notes what was made, and hides what is too new to be seen.
pub(super) fn apply(world: &World, call: &Call, settled: Settled) -> Settled {
    if call.service != "ec2" {
        return settled;
    }
    let operation = call.operation.as_str();
    if let Some(kind) = KINDS.iter().find(|kind| kind.makers.contains(&operation)) {
        let mut memory = world.memory();
        for id in xml::texts(settled.reply.text(), kind.id) {
            memory.begin(&call.account, &made(&id));
        }
    } else if let Some((key, ms)) = world.faults.stale(&call.account)
        && let Some(kind) = KINDS.iter().find(|kind| kind.finder == operation)
    {
        return hide(world, call, settled, (kind, &key, ms));
    }
    settled
}

fn made(id: &str) -> String {
    format!("made {id}")
}

fn hide(
    world: &World,
    call: &Call,
    mut settled: Settled,
    (kind, key, ms): (&Kind, &str, u64),
) -> Settled {
    let mut hidden = Vec::new();
    let edited = xml::edit(settled.reply.text(), |document, edits| {
        let memory = world.memory();
        for element in xml::all(document, kind.id) {
            let (Some(id), Some(item)) = (element.text(), element.parent()) else {
                continue;
            };
            if is_listed(item, kind) && memory.is_young(&call.account, &made(id), ms) {
                hidden.push(id.to_owned());
                if kind.id == "instanceId" {
                    remove_instance(edits, item);
                } else {
                    edits.replace(item, "");
                }
            }
        }
    });
    let Some(edited) = edited else { return settled };
    world.faults.hit(&call.account, key);
    settled.rule = Some(fault_rule(key));
    let asked = hidden
        .iter()
        .find(|id| call.form.values().any(|value| value == *id));
    match asked {
        Some(id) => {
            let message = format!("The ID '{id}' does not exist");
            let reply: Reply = Refusal::bad(kind.code, message).reply(call.protocol);
            Settled {
                reply,
                verdict: Verdict::Forwarded,
                ..settled
            }
        }
        None => Settled {
            reply: settled.reply.with_body(edited),
            ..settled
        },
    }
}

/// Whether it is an item of the answer's own list: ids also stand for what a
/// resource belongs to.
fn is_listed(item: Node<'_, '_>, kind: &Kind) -> bool {
    let depth = item.ancestors().filter(|node| node.is_element()).count();
    // Response, set, item; instances lie in reservations.
    let own = if kind.id == "instanceId" { 5 } else { 3 };
    item.tag_name().name() == "item" && depth == own
}
