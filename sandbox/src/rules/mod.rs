//! Where moto and AWS differ, AWS's rule; one file each.

pub(crate) mod alarms;
mod caller_reference;
mod capacity;
mod dry_run;
mod impairment;
mod issued_keys;
mod launch;
mod lifecycle;
mod monitoring;
mod repeated_delete;
mod same_name;
mod stale_reads;
mod target_health;
mod token_filter;
mod tokens;
mod unimplemented;

use roxmltree::Node;

use lifecycle::{creations, dns, instances, targets};

use crate::call::Call;
use crate::http::Reply;
use crate::ledger::Verdict;
use crate::wire::refusal::Refusal;
use crate::wire::xml::Edits;
use crate::world::World;

/// A call that has its answer.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    pub(crate) reply: Reply,
    pub(crate) verdict: Verdict,
    /// The rule that decided, if one did.
    pub(crate) rule: Option<String>,
}

impl Settled {
    fn forwarded(reply: Reply) -> Settled {
        Settled {
            reply,
            verdict: Verdict::Forwarded,
            rule: None,
        }
    }

    fn replayed(reply: Reply, rule: &str) -> Settled {
        Settled {
            reply,
            verdict: Verdict::Replayed,
            rule: Some(rule.to_owned()),
        }
    }

    fn answered(reply: Reply, rule: &str) -> Settled {
        Settled {
            reply,
            verdict: Verdict::Answered,
            rule: Some(rule.to_owned()),
        }
    }

    pub(crate) fn refused(call: &Call, refusal: &Refusal, rule: impl Into<String>) -> Settled {
        Settled {
            reply: refusal.reply(call.protocol),
            verdict: Verdict::Refused,
            rule: Some(rule.into()),
        }
    }
}

/// The answer to a call that no fault has stopped.
pub(crate) async fn settle(world: &World, call: &Call) -> Settled {
    if let Some(refused) = dry_run::check(call) {
        return refused;
    }
    tokens::once(world, call).await
}

/// The answer to a call that has not been answered before.
async fn perform(world: &World, call: &Call) -> Settled {
    if let Some(refused) = capacity::check(world, call).await {
        return refused;
    }
    match (call.service.as_str(), call.operation.as_str()) {
        ("ec2", "DescribeInstances") => token_filter::describe(world, call).await,
        ("ec2", "RunInstances") => launch::run(world, call).await,
        ("ec2", "MonitorInstances") => monitoring::switch(world, call, true).await,
        ("ec2", "UnmonitorInstances") => monitoring::switch(world, call, false).await,
        ("elasticloadbalancing", "CreateLoadBalancer" | "CreateTargetGroup" | "CreateListener") => {
            same_name::create(world, call).await
        }
        ("elasticloadbalancing", "DeregisterTargets" | "DeleteTargetGroup") => {
            repeated_delete::run(world, call).await
        }
        ("elasticloadbalancing", "RegisterTargets") => targets::register(world, call).await,
        ("route53", "CreateHostedZone" | "CreateHealthCheck") => {
            caller_reference::create(world, call).await
        }
        ("route53", "GetChange") => dns::change(world, call),
        ("cloudwatch", "PutMetricAlarm" | "SetAlarmState") => alarms::write(world, call).await,
        _ => forward(world, call).await,
    }
}

/// Passes the call to moto and corrects the answer.
async fn forward(world: &World, call: &Call) -> Settled {
    let settled = unimplemented::name(call, world.pass(call).await);
    if !settled.reply.status.is_success() {
        return settled;
    }
    correct(world, call, settled).await
}

/// What moto's answer lacks or gets wrong.
async fn correct(world: &World, call: &Call, mut settled: Settled) -> Settled {
    issued_keys::learn(world, call, &settled.reply);
    let reply = settled.reply;
    settled.reply = match (call.service.as_str(), call.operation.as_str()) {
        ("ec2", operation) => correct_ec2(world, call, (operation, reply)),
        ("elasticloadbalancing", "CreateLoadBalancer" | "DescribeLoadBalancers") => {
            creations::load_balancers(world, call, reply)
        }
        ("elasticloadbalancing", "DescribeTargetHealth") => {
            let reply = targets::show(world, call, reply);
            target_health::worsen(world, call, reply).await
        }
        ("route53", _) => dns::changed(world, call, reply),
        _ => reply,
    };
    stale_reads::apply(world, call, settled)
}

fn correct_ec2(world: &World, call: &Call, (operation, reply): (&str, Reply)) -> Reply {
    match operation {
        "DescribeInstances" => {
            let reply = monitoring::show(world, call, reply);
            instances::show(world, call, reply)
        }
        "StartInstances" | "StopInstances" | "TerminateInstances" => {
            instances::turned(world, call, reply)
        }
        "DescribeInstanceStatus" => {
            let reply = instances::show_status(world, call, reply);
            impairment::instances(world, call, reply)
        }
        "DescribeAvailabilityZones" => impairment::zones(world, call, reply),
        "CreateNatGateway" | "DescribeNatGateways" => creations::nat_gateways(world, call, reply),
        "CreateSnapshot" | "CreateSnapshots" | "CopySnapshot" | "DescribeSnapshots" => {
            creations::snapshots(world, call, reply)
        }
        _ => reply,
    }
}

/// Takes an instance out of an answer, and its reservation if nothing else is in it.
fn remove_instance(edits: &mut Edits, instance: Node<'_, '_>) {
    let Some(set) = instance.parent() else { return };
    let alone = set.children().filter(Node::is_element).count() == 1;
    match set.parent().filter(|_| alone) {
        Some(reservation) => edits.replace(reservation, ""),
        None => edits.replace(instance, ""),
    }
}
