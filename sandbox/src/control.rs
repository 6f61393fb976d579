//! The control endpoint, `/_sandbox/…`: how people and tests steer the sandbox.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::account::{self, DEFAULT_ACCOUNT};
use crate::fault::Fault;
use crate::http::{Reply, Request};
use crate::ledger::Filter;
use crate::lifecycles::Lifecycles;
use crate::rules::alarms;
use crate::serve::Server;

/// Paths that begin so are not AWS's.
pub(crate) const PREFIX: &str = "/_sandbox/";

/// Answers a request to the control endpoint.
pub(crate) async fn answer(server: &Arc<Server>, request: &Request) -> Reply {
    let path = request.path().strip_prefix(PREFIX).unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "status") => json_reply(&server.status()),
        ("GET", "faults") => json_reply(&server.world.faults.all()),
        ("POST", "faults") => inject(server, request).await,
        ("DELETE", "faults") => clear(server, request).await,
        ("GET" | "POST", "ledger") => ledger(server, request),
        ("PUT", "lifecycles") => set_lifecycles(server, request),
        ("POST", "copy") => copy(server, request).await,
        ("POST", "reset") => reset(server, request).await,
        ("POST", "stop") => {
            server.stop();
            json_reply(&json!({ "stopping": true }))
        }
        _ => refuse(
            StatusCode::NOT_FOUND,
            "there is no such control; see status, faults, ledger, lifecycles, copy, reset, stop",
        ),
    }
}

async fn inject(server: &Arc<Server>, request: &Request) -> Reply {
    let fault: Fault = match parse(request) {
        Ok(fault) => fault,
        Err(reply) => return *reply,
    };
    match server.world.faults.inject(fault) {
        Ok((active, fresh)) => {
            if fresh {
                alarms::hold(&server.world, &active.fault).await;
            }
            json_reply(&active)
        }
        Err(message) => refuse(StatusCode::BAD_REQUEST, &message),
    }
}

/// `?key=…&account=…`; without a key all faults of the account.
async fn clear(server: &Arc<Server>, request: &Request) -> Reply {
    let account = param(request, "account").unwrap_or_else(|| DEFAULT_ACCOUNT.into());
    let cleared = match param(request, "key") {
        Some(key) => server
            .world
            .faults
            .clear(&account, &key)
            .into_iter()
            .collect(),
        None => server.world.faults.clear_account(&account),
    };
    for active in &cleared {
        alarms::release(&server.world, &active.fault).await;
    }
    json_reply(&cleared)
}

fn ledger(server: &Arc<Server>, request: &Request) -> Reply {
    let filter: Filter = if request.method == Method::POST {
        match parse(request) {
            Ok(filter) => filter,
            Err(reply) => return *reply,
        }
    } else {
        let since = param(request, "since").map(|text| text.parse());
        let after = param(request, "after").map(|text| text.parse());
        match (since.transpose(), after.transpose()) {
            (Ok(since), Ok(after)) => Filter {
                account: param(request, "account"),
                service: param(request, "service"),
                operation: param(request, "operation"),
                token: param(request, "token"),
                since,
                after,
            },
            _ => {
                return refuse(
                    StatusCode::BAD_REQUEST,
                    "`since` is a timestamp and `after` a number",
                );
            }
        }
    };
    json_reply(&server.world.ledger.read(&filter))
}

fn set_lifecycles(server: &Arc<Server>, request: &Request) -> Reply {
    match parse::<Lifecycles>(request) {
        Ok(lifecycles) => {
            server
                .world
                .set_lifecycles(param(request, "account"), lifecycles);
            json_reply(&lifecycles)
        }
        Err(reply) => *reply,
    }
}

/// `?from=…&to=…`: everything of one account again in another, which must be empty.
async fn copy(server: &Arc<Server>, request: &Request) -> Reply {
    let account = |name| param(request, name).filter(|account| account::is_valid(account));
    let (Some(from), Some(to)) = (account("from"), account("to")) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "`from` and `to` are accounts of twelve digits",
        );
    };
    match server.world.copy(&from, &to).await {
        Ok(()) => json_reply(&json!({ "from": from, "to": to })),
        Err(error) => refuse(
            StatusCode::BAD_GATEWAY,
            &format!("account {from} was not copied to {to}: {error}"),
        ),
    }
}

async fn reset(server: &Arc<Server>, request: &Request) -> Reply {
    if param(request, "account").is_some() {
        return refuse(
            StatusCode::BAD_REQUEST,
            "moto cannot reset one account; use another account instead",
        );
    }
    if let Err(error) = server.world.reset().await {
        return refuse(
            StatusCode::BAD_GATEWAY,
            &format!("moto did not reset: {error}"),
        );
    }
    match server.publish() {
        Ok(()) => json_reply(&server.status()),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn param(request: &Request, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(request.query().as_bytes());
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn parse<T: DeserializeOwned>(request: &Request) -> Result<T, Box<Reply>> {
    serde_json::from_slice(&request.body)
        .map_err(|error| Box::new(refuse(StatusCode::BAD_REQUEST, &error.to_string())))
}

fn json_reply(value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => Reply::new(StatusCode::OK, "application/json", body),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn refuse(status: StatusCode, message: &str) -> Reply {
    Reply::new(
        status,
        "application/json",
        json!({ "error": message }).to_string(),
    )
}
