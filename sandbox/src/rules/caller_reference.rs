//! Route 53's caller references. moto makes a second zone, a second check.
//!
//! A zone's reference can be used once: `HostedZoneAlreadyExists` after that.
//! <https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html>
//! A health check's reference with the same settings gives the existing check;
//! with other settings, or after the check was deleted,
//! `HealthCheckAlreadyExists`.
//! <https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHealthCheck.html>

use std::collections::BTreeMap;

use ::http::Method;

use super::{Settled, forward};
use crate::call::Call;
use crate::http::Request;
use crate::memory::Given;
use crate::wire::refusal::Refusal;
use crate::wire::xml;
use crate::world::World;

const RULE: &str = "caller_reference";

pub(super) async fn create(world: &World, call: &Call) -> Settled {
    let Some(reference) = call.token() else {
        return forward(world, call).await;
    };
    let key = [call.account.clone(), call.operation.clone(), reference];
    let _turn = world.locks.hold(&[RULE, &key[0], &key[1], &key[2]]).await;
    let known = world.memory().references.get(&key).cloned();
    if let Some(given) = known {
        return again(world, call, given).await;
    }
    let settled = forward(world, call).await;
    if settled.reply.status.is_success() {
        let given = Given {
            asked: asked(call),
            reply: settled.reply.clone(),
        };
        world.memory().references.insert(key, given);
    }
    settled
}

async fn again(world: &World, call: &Call, given: Given) -> Settled {
    let reference = call.token().unwrap_or_default();
    if call.operation == "CreateHostedZone" {
        let message = format!(
            "A hosted zone has already been created with the specified caller reference {reference}."
        );
        return Settled::refused(
            call,
            &Refusal::with(409, "HostedZoneAlreadyExists", message),
            RULE,
        );
    }
    if given.asked == asked(call) && still_exists(world, call, &given).await {
        return Settled::replayed(given.reply, RULE);
    }
    let message = format!(
        "A health check has already been created with the specified caller reference {reference}."
    );
    Settled::refused(
        call,
        &Refusal::with(409, "HealthCheckAlreadyExists", message),
        RULE,
    )
}

async fn still_exists(world: &World, call: &Call, given: &Given) -> bool {
    let Some(id) = xml::first(given.reply.text(), "Id") else {
        return false;
    };
    let mut look = call.clone();
    let headers = std::mem::take(&mut look.request.headers);
    look.request = Request::new(Method::GET, format!("/2013-04-01/healthcheck/{id}"));
    look.request.headers = headers;
    world.pass(&look).await.status.is_success()
}

/// The settings, whatever their order and white space.
fn asked(call: &Call) -> BTreeMap<String, String> {
    let body = String::from_utf8_lossy(&call.request.body);
    let Ok(document) = roxmltree::Document::parse(&body) else {
        return BTreeMap::new();
    };
    let leaves = document
        .descendants()
        .filter(|node| node.is_element() && node.children().all(|child| !child.is_element()));
    leaves
        .enumerate()
        .map(|(index, leaf)| {
            // Lists repeat a name; what they hold is told apart by position.
            let name = leaf.tag_name().name();
            let siblings = leaf.parent().map_or(0, |parent| {
                parent
                    .children()
                    .filter(|child| child.tag_name().name() == name)
                    .count()
            });
            let key = if siblings > 1 {
                format!("{name}.{index}")
            } else {
                name.to_owned()
            };
            (key, leaf.text().unwrap_or_default().trim().to_owned())
        })
        .collect()
}
