//! Instances: `pending` before `running`, `stopping` before `stopped`,
//! `shutting-down` before `terminated`.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>

use super::delays;
use crate::call::Call;
use crate::http::Reply;
use crate::rules::impairment::with;
use crate::rules::remove_instance;
use crate::wire::xml;
use crate::world::World;

/// The state before the one that moto shows, with its code.
fn before(state: &str) -> Option<(u8, &'static str)> {
    match state {
        "running" => Some((0, "pending")),
        "stopped" => Some((64, "stopping")),
        "terminated" => Some((32, "shutting-down")),
        _ => None,
    }
}

/// Notes that instances begin to change.
pub(in crate::rules) fn turn(world: &World, call: &Call, ids: &[String]) {
    let mut memory = world.memory();
    for id in ids {
        memory.begin(&call.account, id);
    }
}

/// `StartInstances`, `StopInstances`, `TerminateInstances`: those that change begin to.
pub(in crate::rules) fn turned(world: &World, call: &Call, reply: Reply) -> Reply {
    if let Ok(document) = roxmltree::Document::parse(reply.text()) {
        let currents = xml::all(&document, "currentState").into_iter();
        let changing = currents
            .filter_map(|current| current.parent())
            .filter(|item| {
                xml::text_at(*item, &["currentState", "name"])
                    != xml::text_at(*item, &["previousState", "name"])
            });
        let ids: Vec<String> = changing
            .map(|item| xml::text_at(item, &["instanceId"]).to_owned())
            .collect();
        turn(world, call, &ids);
    }
    reply
}

/// `DescribeInstances`: what has just turned is not there yet, and filters know it.
pub(in crate::rules) fn show(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = delays(world, call).instance_ms;
    let memory = world.memory();
    let edited = xml::edit(reply.text(), |document, edits| {
        for state in xml::all(document, "instanceState") {
            let Some(instance) = state.parent() else {
                continue;
            };
            let id = xml::text_at(instance, &["instanceId"]);
            let Some((code, name)) = before(xml::text_at(state, &["name"])) else {
                continue;
            };
            if !memory.is_young(&call.account, id, delay) {
                continue;
            }
            if admits(call, name) {
                edits.replace(state, state_element(code, name));
            } else {
                remove_instance(edits, instance);
            }
        }
    });
    with(reply, edited)
}

fn state_element(code: u8, name: &str) -> String {
    format!("<instanceState><code>{code}</code><name>{name}</name></instanceState>")
}

/// Whether the request's filters let an instance of this state through.
fn admits(call: &Call, state: &str) -> bool {
    let is_filter = |name: &str| name.starts_with("Filter.") && name.ends_with(".Name");
    let mut by_state = call
        .form
        .iter()
        .filter(|(name, value)| is_filter(name) && *value == "instance-state-name");
    by_state.all(|(name, _)| {
        let prefix = format!("{}.Value.", name.trim_end_matches(".Name"));
        call.list(&prefix).iter().any(|value| value == state)
    })
}

/// `DescribeInstanceStatus`: what is new is not listed, or is `initializing`.
pub(in crate::rules) fn show_status(world: &World, call: &Call, reply: Reply) -> Reply {
    let delay = delays(world, call).instance_ms;
    let all = call
        .param("IncludeAllInstances")
        .eq_ignore_ascii_case("true");
    let memory = world.memory();
    let edited = xml::edit(reply.text(), |document, edits| {
        for state in xml::all(document, "instanceState") {
            let Some(item) = state.parent() else { continue };
            let id = xml::text_at(item, &["instanceId"]);
            let Some((code, name)) = before(xml::text_at(state, &["name"])) else {
                continue;
            };
            if !memory.is_young(&call.account, id, delay) {
                continue;
            }
            if !all {
                edits.replace(item, "");
                continue;
            }
            edits.replace(state, state_element(code, name));
            for summary in ["instanceStatus", "systemStatus"] {
                if let Some(summary) = xml::child(item, summary) {
                    edits.set(summary, "status", "initializing");
                }
            }
        }
    });
    with(reply, edited)
}
