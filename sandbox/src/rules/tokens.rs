//! Client tokens. moto ignores most of them.
//!
//! The same token with the same parameters makes nothing new; with others it is
//! `IdempotentParameterMismatch`, where region and zone do not count. Tokens
//! are regional, those of `RunInstances` zonal if the request names a zone, and
//! a repeat after the instance is gone is `IdempotentInstanceTerminated`.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>

use std::collections::BTreeMap;

use super::{Settled, capacity, perform};
use crate::call::Call;
use crate::memory::Given;
use crate::wire::Protocol;
use crate::wire::refusal::Refusal;
use crate::wire::xml;
use crate::world::{Service, World};

const RULE: &str = "client_token";

/// Performs the call, unless its token says that it was performed before. A
/// second call with a token waits for the first.
pub(super) async fn once(world: &World, call: &Call) -> Settled {
    let token = call.param("ClientToken");
    // Other services keep their tokens in moto, or have none.
    if call.protocol != Protocol::Ec2 || token.is_empty() {
        return perform(world, call).await;
    }
    let key = key(world, call, token).await;
    let _turn = world
        .locks
        .hold(&[RULE, &key[0], &key[1], &key[2], &key[3]])
        .await;
    let known = world.memory().tokens.get(&key).cloned();
    if let Some(given) = known {
        return again(world, call, given).await;
    }
    let settled = perform(world, call).await;
    if settled.reply.status.is_success() {
        let given = Given {
            asked: asked(call),
            reply: settled.reply.clone(),
        };
        world.memory().tokens.insert(key, given);
    }
    settled
}

/// Account, place, operation, token.
async fn key(world: &World, call: &Call, token: &str) -> [String; 4] {
    let zone = if call.operation == "RunInstances" {
        capacity::zone_asked_for(world, call).await
    } else {
        None
    };
    let place = zone.unwrap_or_else(|| call.region.clone());
    [
        call.account.clone(),
        place,
        call.operation.clone(),
        token.to_owned(),
    ]
}

fn asked(call: &Call) -> BTreeMap<String, String> {
    let counts = |name: &str| {
        !matches!(
            name,
            "ClientToken" | "AvailabilityZone" | "Placement.AvailabilityZone"
        )
    };
    call.form
        .iter()
        .filter(|(name, _)| counts(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

async fn again(world: &World, call: &Call, given: Given) -> Settled {
    if given.asked != asked(call) {
        let refusal = Refusal::bad(
            "IdempotentParameterMismatch",
            format!(
                "The client token {} was used before with other parameters.",
                call.param("ClientToken")
            ),
        );
        return Settled::refused(call, &refusal, RULE);
    }
    if call.operation == "RunInstances" && is_terminated(world, call, &given).await {
        let refusal = Refusal::bad(
            "IdempotentInstanceTerminated",
            format!(
                "An instance launched with the client token {} is terminated.",
                call.param("ClientToken")
            ),
        );
        return Settled::refused(call, &refusal, RULE);
    }
    Settled::replayed(given.reply, RULE)
}

async fn is_terminated(world: &World, call: &Call, given: &Given) -> bool {
    let ids = xml::texts(given.reply.text(), "instanceId");
    let names: Vec<String> = (1..=ids.len())
        .map(|index| format!("InstanceId.{index}"))
        .collect();
    let params: Vec<(&str, &str)> = names
        .iter()
        .map(String::as_str)
        .zip(ids.iter().map(String::as_str))
        .collect();
    let reply = world
        .ask(call, Service::Ec2, "DescribeInstances", &params)
        .await;
    let Ok(document) = roxmltree::Document::parse(reply.text()) else {
        return false;
    };
    xml::all(&document, "instanceState")
        .iter()
        .any(|state| xml::text_at(*state, &["name"]) == "terminated")
}
