//! A zone that is down shows it.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AvailabilityZone.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceStatusSummary.html>

use crate::call::Call;
use crate::http::Reply;
use crate::wire::xml;
use crate::world::World;

/// `DescribeAvailabilityZones` says `impaired`.
pub(super) fn zones(world: &World, call: &Call, reply: Reply) -> Reply {
    if !world.faults.any_zone_down(&call.account) {
        return reply;
    }
    let edited = xml::edit(reply.text(), |document, edits| {
        for name in xml::all(document, "zoneName") {
            let (Some(zone), Some(item)) = (name.text(), name.parent()) else {
                continue;
            };
            if let Some(key) = world.faults.zone_down(&call.account, zone) {
                world.faults.hit(&call.account, &key);
                edits.set(item, "zoneState", "impaired");
            }
        }
    });
    with(reply, edited)
}

/// `DescribeInstanceStatus` says `impaired`.
pub(super) fn instances(world: &World, call: &Call, reply: Reply) -> Reply {
    if !world.faults.any_zone_down(&call.account) {
        return reply;
    }
    let edited = xml::edit(reply.text(), |document, edits| {
        for name in xml::all(document, "availabilityZone") {
            let (Some(zone), Some(item)) = (name.text(), name.parent()) else {
                continue;
            };
            let Some(key) = world.faults.zone_down(&call.account, zone) else {
                continue;
            };
            world.faults.hit(&call.account, &key);
            for summary in ["instanceStatus", "systemStatus"] {
                let Some(summary) = xml::child(item, summary) else {
                    continue;
                };
                edits.set(summary, "status", "impaired");
                if let Some(details) = xml::child(summary, "details") {
                    let failed = "<details><item><name>reachability</name><status>failed</status></item></details>";
                    edits.replace(details, failed);
                }
            }
        }
    });
    with(reply, edited)
}

pub(super) fn with(reply: Reply, edited: Option<String>) -> Reply {
    match edited {
        Some(body) => reply.with_body(body),
        None => reply,
    }
}
