//! What happens to a call: faults, rules, moto, ledger.

use std::sync::Arc;
use std::time::Instant;

use ::http::HeaderValue;
use ::http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::call::Call;
use crate::faults::{Before, Strike};
use crate::http::{Reply, Request};
use crate::ledger::{Entry, Verdict};
use crate::rules::{self, Settled};
use crate::wire::refusal::{Refusal, code_of};
use crate::wire::{Protocol, cbor};
use crate::world::World;

/// The answer to a request to AWS; `None` means that the connection breaks.
pub(crate) async fn answer(world: Arc<World>, request: Request) -> Option<Reply> {
    let (arrived, at) = (Instant::now(), Timestamp::now());
    let call = Call::read(request, |key| world.memory().keys.get(key).cloned());
    let strike = world.faults.strike(&call);
    let (settled, sent) = settle(&world, &call, strike).await;
    let answered = settled.verdict != Verdict::RequestLost;
    world.ledger.enter(Entry {
        seq: 0,
        at,
        account: call.account.clone(),
        service: call.service.clone(),
        operation: call.operation.clone(),
        region: call.region.clone(),
        token: call.token(),
        verdict: settled.verdict,
        rule: settled.rule,
        answer_dropped: answered && !sent,
        status: if answered {
            settled.reply.status.as_u16()
        } else {
            0
        },
        code: if answered {
            code_of(&settled.reply)
        } else {
            None
        },
        took_us: u64::try_from(arrived.elapsed().as_micros()).unwrap_or(u64::MAX),
    });
    sent.then(|| dress(call.protocol, settled.reply))
}

/// What becomes of the call, and whether the caller learns it.
async fn settle(world: &World, call: &Call, strike: Strike) -> (Settled, bool) {
    if !strike.delay.is_zero() {
        tokio::time::sleep(strike.delay).await;
    }
    if let Some((what, key)) = strike.before {
        let settled = instead(call, what, &key);
        let sent = settled.verdict != Verdict::RequestLost;
        return (settled, sent);
    }
    let mut settled = rules::settle(world, call).await;
    let Some((silence, key)) = strike.after else {
        return (settled, true);
    };
    settled.rule = Some(fault_rule(&key));
    tokio::time::sleep(silence).await;
    (settled, false)
}

fn instead(call: &Call, what: Before, key: &str) -> Settled {
    let refusal = match what {
        Before::Lost => {
            let reply = Refusal::with(503, "ServiceUnavailable", "lost").reply(call.protocol);
            return Settled {
                reply,
                verdict: Verdict::RequestLost,
                rule: Some(fault_rule(key)),
            };
        }
        Before::Throttled => throttled(call),
        Before::Broken => Refusal::with(503, "ServiceUnavailable", "injected by the sandbox"),
        Before::RegionDown => Refusal::with(
            503,
            "ServiceUnavailable",
            format!("{} is down (injected by the sandbox)", call.region),
        ),
        Before::Denied => denied(call),
    };
    Settled::refused(call, &refusal, fault_rule(key))
}

/// How each service says "too fast".
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
fn throttled(call: &Call) -> Refusal {
    match call.protocol {
        Protocol::Ec2 => Refusal::with(503, "RequestLimitExceeded", "Request limit exceeded."),
        Protocol::Query | Protocol::RestXml => Refusal::bad("Throttling", "Rate exceeded"),
        Protocol::Json | Protocol::Cbor | Protocol::Rest => {
            Refusal::bad("ThrottlingException", "Rate exceeded")
        }
    }
}

/// How each service says "not allowed".
fn denied(call: &Call) -> Refusal {
    let message = format!(
        "not authorized to perform {}:{} (injected by the sandbox)",
        call.service, call.operation
    );
    match call.protocol {
        Protocol::Ec2 => Refusal::with(403, "UnauthorizedOperation", message),
        Protocol::Query | Protocol::RestXml => Refusal::with(403, "AccessDenied", message),
        Protocol::Json | Protocol::Cbor | Protocol::Rest => {
            Refusal::bad("AccessDeniedException", message)
        }
    }
}

pub(crate) fn fault_rule(key: &str) -> String {
    format!("fault:{key}")
}

/// Gives the answer the clothes of its protocol: inside, CBOR was JSON.
fn dress(protocol: Protocol, mut reply: Reply) -> Reply {
    if protocol == Protocol::Cbor {
        let json: Json = serde_json::from_slice(&reply.body)
            .unwrap_or_else(|_| Json::Object(serde_json::Map::new()));
        reply.body = cbor::from_json(&json).into();
        reply
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/cbor"));
        reply
            .headers
            .insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    reply
}
