//! Targets that a fault makes unhealthy. In moto no target ever is.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>

use std::collections::HashMap;

use super::{capacity, impairment};
use crate::call::Call;
use crate::faults::Unhealthy;
use crate::http::Reply;
use crate::wire::xml;
use crate::world::World;

const TIMEOUT: &str = "Target.Timeout";

/// Rewrites `DescribeTargetHealth`.
pub(super) async fn worsen(world: &World, call: &Call, reply: Reply) -> Reply {
    let group = call.param("TargetGroupArn");
    let named: Vec<Unhealthy> = world.faults.unhealthy(&call.account);
    let named: Vec<Unhealthy> = named
        .into_iter()
        .filter(|fault| fits(&fault.target_group, group))
        .collect();
    let by_zone = if world.faults.any_zone_down(&call.account) {
        lost_with_their_zone(world, call, &xml::texts(reply.text(), "Id")).await
    } else {
        HashMap::new()
    };
    if named.is_empty() && by_zone.is_empty() {
        return reply;
    }
    let reason_for = |id: &str| -> Option<(String, String)> {
        let fault = named.iter().find(|fault| {
            fault.targets.is_empty() || fault.targets.iter().any(|target| target == id)
        });
        let named = fault.map(|fault| (fault.key.clone(), fault.reason.clone()));
        named.or_else(|| by_zone.get(id).map(|key| (key.clone(), TIMEOUT.to_owned())))
    };
    let edited = xml::edit(reply.text(), |document, edits| {
        for health in xml::all(document, "TargetHealth") {
            let Some(description) = health.parent() else {
                continue;
            };
            // A target that is not in use is not checked, so it cannot fail.
            if matches!(xml::text_at(health, &["State"]), "unused" | "draining") {
                continue;
            }
            if let Some((key, reason)) = reason_for(xml::text_at(description, &["Target", "Id"])) {
                world.faults.hit(&call.account, &key);
                edits.replace(health, unhealthy(&reason));
            }
        }
    });
    impairment::with(reply, edited)
}

fn unhealthy(reason: &str) -> String {
    let reason = xml::escape(reason);
    let description = if reason == TIMEOUT {
        "Request timed out"
    } else {
        "Health checks failed"
    };
    format!(
        "<TargetHealth><State>unhealthy</State><Reason>{reason}</Reason>\
         <Description>{description}</Description></TargetHealth>"
    )
}

/// Whether `wanted` is the ARN or the name of the group.
fn fits(wanted: &str, arn: &str) -> bool {
    wanted == arn || arn.split('/').nth(1) == Some(wanted)
}

/// Targets whose zone is down, with the fault's key.
async fn lost_with_their_zone(
    world: &World,
    call: &Call,
    ids: &[String],
) -> HashMap<String, String> {
    let mut lost = HashMap::new();
    for id in ids.iter().filter(|id| id.starts_with("i-")) {
        let zones = capacity::zones_of_instances(world, call, std::slice::from_ref(id)).await;
        let down = zones
            .first()
            .and_then(|zone| world.faults.zone_down(&call.account, zone));
        lost.extend(down.map(|key| (id.clone(), key)));
    }
    lost
}
