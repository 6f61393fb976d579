//! Things take time. In moto they do not.
//!
//! - Route 53 changes: `PENDING`, then `INSYNC`.
//!   <https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html>
//! - Targets: `initial` while registering.
//!   <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>
//! - NAT gateways and instances: `pending`; load balancers: `provisioning`.

use roxmltree::Node;

use super::impairment::with;
use super::repeated_delete::targets as targets_of;
use super::{Settled, forward};
use crate::call::Call;
use crate::http::Reply;
use crate::ledger::Verdict;
use crate::wire::refusal::Refusal;
use crate::wire::xml::{self, Edits};
use crate::world::World;

/// Gives every change an id of its own, and `PENDING`.
pub(super) fn changed(world: &World, call: &Call, reply: Reply) -> Reply {
    let pending = world.lifecycles(Some(&call.account)).dns_change_ms > 0;
    let edited = xml::edit(reply.text(), |document, edits| {
        let Some(info) = xml::all(document, "ChangeInfo").first().copied() else {
            return;
        };
        let id = format!("C{:016X}", rand::random::<u64>());
        world.memory().begin(&call.account, &id);
        edits.set(info, "Id", &format!("/change/{id}"));
        edits.set(info, "Status", if pending { "PENDING" } else { "INSYNC" });
    });
    with(reply, edited)
}

/// `GetChange`: knows the changes that were made, and only those.
pub(super) async fn change(world: &World, call: &Call) -> Settled {
    let id = call
        .request
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let age = world.memory().age(&call.account, &id);
    let Some(age) = age else {
        let message = format!("Could not find resource with ID: {id}");
        return Settled::refused(
            call,
            &Refusal::with(404, "NoSuchChange", message),
            "lifecycle",
        );
    };
    let pending = age.as_millis() < u128::from(world.lifecycles(Some(&call.account)).dns_change_ms);
    let status = if pending { "PENDING" } else { "INSYNC" };
    let submitted = jiff::Timestamp::now() - age;
    let body = format!(
        "<GetChangeResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo>\
         <Id>/change/{id}</Id><Status>{status}</Status><SubmittedAt>{submitted:.3}</SubmittedAt>\
         </ChangeInfo></GetChangeResponse>"
    );
    Settled {
        reply: Reply::new(::http::StatusCode::OK, "text/xml", body),
        verdict: Verdict::Answered,
        rule: Some("lifecycle".into()),
    }
}

/// `RegisterTargets`: those that were not there begin.
pub(super) async fn register(world: &World, call: &Call) -> Settled {
    let settled = forward(world, call).await;
    if settled.reply.status.is_success() {
        let mut memory = world.memory();
        for target in targets_of(call) {
            let Some(id) = target.get("Id") else { continue };
            let name = target_name(call, id);
            if memory.age(&call.account, &name).is_none() {
                memory.begin(&call.account, &name);
            }
        }
    }
    settled
}

fn target_name(call: &Call, id: &str) -> String {
    format!("{}/{id}", call.param("TargetGroupArn"))
}

/// `DescribeTargetHealth`: what is new is `initial`.
pub(super) fn targets(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = world.lifecycles(Some(&call.account)).target_ms;
    let memory = world.memory();
    let edited = xml::edit(reply.text(), |document, edits| {
        for health in xml::all(document, "TargetHealth") {
            let Some(description) = health.parent() else {
                continue;
            };
            let id = xml::text_at(description, &["Target", "Id"]);
            let healthy = xml::text_at(health, &["State"]) == "healthy";
            if healthy && memory.is_young(&call.account, &target_name(call, id), delay) {
                edits.replace(
                    health,
                    "<TargetHealth><State>initial</State><Reason>Elb.RegistrationInProgress</Reason>\
                     <Description>Target registration is in progress</Description></TargetHealth>",
                );
            }
        }
    });
    with(reply, edited)
}

/// Notes the birth of instances.
pub(super) fn launched(world: &World, call: &Call, ids: &[String]) {
    let mut memory = world.memory();
    for id in ids {
        memory.begin(&call.account, id);
    }
}

/// `StartInstances`: they begin again.
pub(super) fn started(world: &World, call: &Call, reply: Reply) -> Reply {
    launched(world, call, &call.list("InstanceId."));
    reply
}

/// `DescribeInstances`: what is new is `pending`, and not found as `running`.
pub(super) fn instances(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = world.lifecycles(Some(&call.account)).instance_ms;
    let admitted = admits_pending(call);
    let memory = world.memory();
    let edited = xml::edit(reply.text(), |document, edits| {
        for state in xml::all(document, "instanceState") {
            let Some(instance) = state.parent() else {
                continue;
            };
            let id = xml::text_at(instance, &["instanceId"]);
            let young = memory.is_young(&call.account, id, delay);
            if !young || xml::text_at(state, &["name"]) != "running" {
                continue;
            }
            if admitted {
                edits.replace(state, PENDING);
            } else {
                edits.replace(instance, "");
            }
        }
    });
    with(reply, edited)
}

const PENDING: &str = "<instanceState><code>0</code><name>pending</name></instanceState>";

/// Whether the request's filters let a pending instance through.
fn admits_pending(call: &Call) -> bool {
    let filters = call
        .form
        .iter()
        .filter(|(name, _)| name.starts_with("Filter.") && name.ends_with(".Name"));
    let mut by_state = filters.filter(|(_, value)| *value == "instance-state-name");
    by_state.all(|(name, _)| {
        let prefix = format!("{}.Value.", name.trim_end_matches(".Name"));
        call.list(&prefix).iter().any(|value| value == "pending")
    })
}

/// `DescribeInstanceStatus`: what is new is not listed, or is `initializing`.
pub(super) fn statuses(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = world.lifecycles(Some(&call.account)).instance_ms;
    let all = call
        .param("IncludeAllInstances")
        .eq_ignore_ascii_case("true");
    let memory = world.memory();
    let edited = xml::edit(reply.text(), |document, edits| {
        for state in xml::all(document, "instanceState") {
            let Some(item) = state.parent() else { continue };
            let id = xml::text_at(item, &["instanceId"]);
            if !memory.is_young(&call.account, id, delay) {
                continue;
            }
            if !all {
                edits.replace(item, "");
                continue;
            }
            edits.replace(state, PENDING);
            for summary in ["instanceStatus", "systemStatus"] {
                if let Some(summary) = xml::child(item, summary) {
                    edits.set(summary, "status", "initializing");
                }
            }
        }
    });
    with(reply, edited)
}

/// `CreateNatGateway` and `DescribeNatGateways`: what is new is `pending`.
pub(super) fn nat_gateways(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = world.lifecycles(Some(&call.account)).nat_gateway_ms;
    if delay == 0 {
        return reply;
    }
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

/// `CreateLoadBalancer` and `DescribeLoadBalancers`: what is new is `provisioning`.
pub(super) fn load_balancers(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = world.lifecycles(Some(&call.account)).load_balancer_ms;
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

fn replace_text(edits: &mut Edits, parent: Node<'_, '_>, name: &str, (old, new): (&str, &str)) {
    if xml::text_at(parent, &[name]) == old {
        edits.set(parent, name, new);
    }
}
