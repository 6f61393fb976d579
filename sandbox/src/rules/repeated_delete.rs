//! Removing what is gone already, in load balancing.
//!
//! "If the specified target does not exist, the action returns successfully."
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html>
//! Deleting a target group that is gone succeeds too, as deleting a load
//! balancer does in moto.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteTargetGroup.html>

use std::collections::BTreeMap;

use super::{Settled, forward};
use crate::call::{Call, query_result};
use crate::http::Reply;
use crate::wire::refusal::code_of;
use crate::world::{Service, World};

const RULE: &str = "repeated_delete";

pub(super) async fn run(world: &World, call: &Call) -> Settled {
    let mut settled = forward(world, call).await;
    let code = code_of(&settled.reply);
    match (call.operation.as_str(), code.as_deref()) {
        ("DeregisterTargets", Some("InvalidTarget")) => deregister_each(world, call).await,
        ("DeleteTargetGroup", Some("TargetGroupNotFound")) => {}
        ("DeregisterTargets", None) => {
            forget(world, call);
            return settled;
        }
        _ => return settled,
    }
    forget(world, call);
    settled.reply = Reply::new(
        ::http::StatusCode::OK,
        "text/xml",
        query_result(&call.operation, ""),
    );
    settled.rule = Some(RULE.into());
    settled
}

/// moto refuses all because of one: those that are there must still go.
async fn deregister_each(world: &World, call: &Call) {
    for target in targets(call) {
        let mut params = vec![("TargetGroupArn", call.param("TargetGroupArn"))];
        let names: Vec<(String, &String)> = target
            .iter()
            .map(|(field, value)| (format!("Targets.member.1.{field}"), *value))
            .collect();
        params.extend(
            names
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        world
            .ask(call, Service::LoadBalancing, "DeregisterTargets", &params)
            .await;
    }
}

/// The targets of the request, each by its fields.
pub(super) fn targets(call: &Call) -> Vec<BTreeMap<&str, &String>> {
    let mut targets: BTreeMap<&str, BTreeMap<&str, &String>> = BTreeMap::new();
    for (name, value) in &call.form {
        let Some((index, field)) = name
            .strip_prefix("Targets.member.")
            .and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        targets.entry(index).or_default().insert(field, value);
    }
    targets.into_values().collect()
}

/// A target that comes back later is new again.
fn forget(world: &World, call: &Call) {
    let mut memory = world.memory();
    for target in targets(call) {
        if let Some(id) = target.get("Id") {
            memory.end(
                &call.account,
                &format!("{}/{id}", call.param("TargetGroupArn")),
            );
        }
    }
}
