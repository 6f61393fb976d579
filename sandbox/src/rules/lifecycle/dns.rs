//! Route 53 changes: `PENDING`, then `INSYNC`. In moto they share one id, and
//! every id is known.
//! <https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html>

use ::http::StatusCode;
use jiff::Timestamp;

use super::delays;
use crate::call::Call;
use crate::http::Reply;
use crate::rules::Settled;
use crate::rules::impairment::with;
use crate::wire::refusal::Refusal;
use crate::wire::xml;
use crate::world::World;

const RULE: &str = "lifecycle";

/// Gives every change an id of its own, and `PENDING`.
pub(in crate::rules) fn changed(world: &World, call: &Call, reply: Reply) -> Reply {
    let pending = delays(world, call).dns_change_ms > 0;
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
pub(in crate::rules) fn change(world: &World, call: &Call) -> Settled {
    let id = call.request.path().rsplit('/').next().unwrap_or_default();
    let Some(age) = world.memory().age(&call.account, id) else {
        let message = format!("Could not find resource with ID: {id}");
        return Settled::refused(call, &Refusal::with(404, "NoSuchChange", message), RULE);
    };
    let pending = age.as_millis() < u128::from(delays(world, call).dns_change_ms);
    let status = if pending { "PENDING" } else { "INSYNC" };
    let submitted = Timestamp::now() - age;
    let body = format!(
        "<GetChangeResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo>\
         <Id>/change/{id}</Id><Status>{status}</Status><SubmittedAt>{submitted:.3}</SubmittedAt>\
         </ChangeInfo></GetChangeResponse>"
    );
    Settled::answered(Reply::new(StatusCode::OK, "text/xml", body), RULE)
}
