//! Targets: `initial` while they register, `draining` while they leave.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>
//!
//! "The status of the target is displayed as draining until the deregistration
//! delay timeout expires."
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>

use std::collections::BTreeMap;

use super::delays;
use crate::call::Call;
use crate::http::Reply;
use crate::rules::impairment::with;
use crate::rules::{Settled, forward};
use crate::wire::xml::{self, escape};
use crate::world::World;

const INITIAL: &str = "<TargetHealth><State>initial</State>\
     <Reason>Elb.RegistrationInProgress</Reason>\
     <Description>Target registration is in progress</Description></TargetHealth>";
const DRAINING: &str = "<TargetHealth><State>draining</State>\
     <Reason>Target.DeregistrationInProgress</Reason>\
     <Description>Target deregistration is in progress</Description></TargetHealth>";

/// `RegisterTargets`: those that were not there begin.
pub(in crate::rules) async fn register(world: &World, call: &Call) -> Settled {
    let settled = forward(world, call).await;
    if settled.reply.status.is_success() {
        let mut memory = world.memory();
        for id in ids(call) {
            memory.end(&call.account, &leaving(call, id));
            let name = registered(call, id);
            if memory.age(&call.account, &name).is_none() {
                memory.begin(&call.account, &name);
            }
        }
    }
    settled
}

/// `DeregisterTargets`: those that were there leave.
pub(in crate::rules) fn deregistered(world: &World, call: &Call) {
    let mut memory = world.memory();
    for id in ids(call) {
        let name = registered(call, id);
        if memory.age(&call.account, &name).is_some() {
            memory.end(&call.account, &name);
            memory.begin(&call.account, &leaving(call, id));
        }
    }
}

/// `DescribeTargetHealth`: what is new is `initial`, what left is `draining`.
pub(in crate::rules) fn show(world: &World, call: &Call, reply: Reply) -> Reply {
    let delays = delays(world, call);
    let memory = world.memory();
    let all = !call
        .form
        .keys()
        .any(|name| name.starts_with("Targets.member."));
    let mut drained = memory.young_under(&call.account, &leaving(call, ""), delays.draining_ms);
    let edited = xml::edit(reply.text(), |document, edits| {
        for health in xml::all(document, "TargetHealth") {
            let Some(description) = health.parent() else {
                continue;
            };
            let id = xml::text_at(description, &["Target", "Id"]);
            let listed = drained.iter().position(|drained| drained == id);
            if let Some(index) = listed {
                drained.remove(index);
                edits.replace(health, DRAINING);
            } else if xml::text_at(health, &["State"]) == "healthy"
                && memory.is_young(&call.account, &registered(call, id), delays.target_ms)
            {
                edits.replace(health, INITIAL);
            }
        }
        let list = xml::all(document, "TargetHealthDescriptions");
        if let Some(list) = list.first().filter(|_| all) {
            for id in &drained {
                let target = format!("<Target><Id>{}</Id></Target>", escape(id));
                edits.append(*list, &format!("<member>{target}{DRAINING}</member>"));
            }
        }
    });
    with(reply, edited)
}

fn registered(call: &Call, id: &str) -> String {
    format!("target {}/{id}", call.param("TargetGroupArn"))
}

fn leaving(call: &Call, id: &str) -> String {
    format!("draining {}/{id}", call.param("TargetGroupArn"))
}

fn ids(call: &Call) -> impl Iterator<Item = &str> {
    targets(call)
        .into_iter()
        .filter_map(|target| target.get("Id").map(|id| id.as_str()))
}

/// The targets of the request, each by its fields.
pub(in crate::rules) fn targets(call: &Call) -> Vec<BTreeMap<&str, &String>> {
    let mut targets: BTreeMap<&str, BTreeMap<&str, &String>> = BTreeMap::new();
    for (name, value) in &call.form {
        let rest = name.strip_prefix("Targets.member.");
        let Some((index, field)) = rest.and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        targets.entry(index).or_default().insert(field, value);
    }
    targets.into_values().collect()
}
