//! Detailed monitoring can be switched. moto lacks both operations.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_MonitorInstances.html>

use ::http::StatusCode;

use super::Settled;
use crate::call::Call;
use crate::http::Reply;
use crate::wire::refusal::Refusal;
use crate::wire::xml::{self, escape};
use crate::world::{Service, World};

const RULE: &str = "monitoring";

/// Answers `MonitorInstances` or `UnmonitorInstances`.
pub(super) async fn switch(world: &World, call: &Call, on: bool) -> Settled {
    let ids = call.list("InstanceId.");
    let params: Vec<(&str, &str)> = call
        .form
        .iter()
        .filter(|(name, _)| name.starts_with("InstanceId."))
        .map(|(name, id)| (name.as_str(), id.as_str()))
        .collect();
    if ids.is_empty() {
        let refusal = Refusal::bad(
            "MissingParameter",
            "The request must contain the parameter InstanceId",
        );
        return Settled::refused(call, &refusal, RULE);
    }
    let found = world
        .ask(call, Service::Ec2, "DescribeInstances", &params)
        .await;
    if !found.status.is_success() {
        return Settled::forwarded(found);
    }
    let mut memory = world.memory();
    let state = if on { "pending" } else { "disabling" };
    let mut items = String::new();
    for id in ids {
        let id_text = escape(&id);
        items.push_str(&format!(
            "<item><instanceId>{id_text}</instanceId><monitoring><state>{state}</state></monitoring></item>"
        ));
        memory.monitoring.insert([call.account.clone(), id], on);
    }
    drop(memory);
    let operation = &call.operation;
    let body = format!(
        "<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>sandbox</requestId>\
         <instancesSet>{items}</instancesSet></{operation}Response>"
    );
    Settled::answered(Reply::new(StatusCode::OK, "text/xml", body), RULE)
}

/// Notes what a launch asked for.
pub(super) fn remember(world: &World, call: &Call, ids: &[String], on: bool) {
    let mut memory = world.memory();
    for id in ids {
        memory
            .monitoring
            .insert([call.account.clone(), id.clone()], on);
    }
}

/// Lets `DescribeInstances` show the remembered state.
pub(super) fn show(world: &World, call: &Call, reply: Reply) -> Reply {
    let memory = world.memory();
    if memory.monitoring.is_empty() {
        return reply;
    }
    let edited = xml::edit(reply.text(), |document, edits| {
        for state in xml::all(document, "monitoring") {
            let Some(instance) = state.parent() else {
                continue;
            };
            let key = [
                call.account.clone(),
                xml::text_at(instance, &["instanceId"]).to_owned(),
            ];
            if let Some(on) = memory.monitoring.get(&key) {
                edits.set(state, "state", if *on { "enabled" } else { "disabled" });
            }
        }
    });
    match edited {
        Some(body) => reply.with_body(body),
        None => reply,
    }
}
