//! Removing what is gone already, in load balancing.
//!
//! "If the specified target does not exist, the action returns successfully."
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html>
//! Deleting a target group that is gone succeeds too, as deleting a load
//! balancer does in moto.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteTargetGroup.html>

use super::lifecycle::targets::{deregistered, targets};
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
        ("DeregisterTargets", Some("InvalidTarget")) => {
            deregister_each(world, call).await;
            deregistered(world, call);
        }
        ("DeleteTargetGroup", Some("TargetGroupNotFound")) => {}
        ("DeregisterTargets", None) => {
            deregistered(world, call);
            return settled;
        }
        _ => return settled,
    }
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
