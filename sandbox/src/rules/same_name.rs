//! Creating what exists already, in load balancing.
//!
//! "This operation is idempotent … If you attempt to create multiple load
//! balancers with the same settings, each call succeeds", and the same of
//! target groups and listeners; with other settings the name or port is taken.
//! moto makes a second load balancer and listener, and refuses the target group.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>
//!
//! Which settings count is not documented; here all of them, tags included.

use roxmltree::Document;

use super::{Settled, correct, forward};
use crate::call::{Call, query_result};
use crate::ledger::Verdict;
use crate::wire::refusal::Refusal;
use crate::wire::xml;
use crate::world::{Service, World};

const RULE: &str = "same_name";

/// A kind of resource and what identifies one.
struct Natural {
    /// The operation that shows it, and its parameter.
    describe: (&'static str, &'static str),
    /// Elements of the answer.
    list: &'static str,
    code: &'static str,
}

pub(super) async fn create(world: &World, call: &Call) -> Settled {
    let natural = natural(call);
    let key = [
        call.account.clone(),
        call.region.clone(),
        call.operation.clone(),
        identity(call),
    ];
    let _turn = world
        .locks
        .hold(&[RULE, &key[0], &key[1], &key[2], &key[3]])
        .await;
    let Some(existing) = existing(world, call, &natural).await else {
        let settled = forward(world, call).await;
        if settled.reply.status.is_success() {
            world.memory().settings.insert(key, call.form.clone());
        }
        return settled;
    };
    let same = world.memory().settings.get(&key) == Some(&call.form);
    if !same {
        let message = format!(
            "{} exists already, but with different settings",
            identity(call)
        );
        return Settled::refused(call, &Refusal::bad(natural.code, message), RULE);
    }
    let list = natural.list;
    let body = query_result(&call.operation, &format!("<{list}>{existing}</{list}>"));
    let reply = super::Reply::new(::http::StatusCode::OK, "text/xml", body);
    let settled = Settled {
        reply,
        verdict: Verdict::Replayed,
        rule: Some(RULE.into()),
    };
    correct(world, call, settled).await
}

fn natural(call: &Call) -> Natural {
    match call.operation.as_str() {
        "CreateLoadBalancer" => Natural {
            describe: ("DescribeLoadBalancers", "Names.member.1"),
            list: "LoadBalancers",
            code: "DuplicateLoadBalancerName",
        },
        "CreateTargetGroup" => Natural {
            describe: ("DescribeTargetGroups", "Names.member.1"),
            list: "TargetGroups",
            code: "DuplicateTargetGroupName",
        },
        _ => Natural {
            describe: ("DescribeListeners", "LoadBalancerArn"),
            list: "Listeners",
            code: "DuplicateListener",
        },
    }
}

fn identity(call: &Call) -> String {
    if call.operation == "CreateListener" {
        return format!("{}:{}", call.param("LoadBalancerArn"), call.param("Port"));
    }
    call.param("Name").to_owned()
}

/// The `member` element that shows the resource, if there is one.
async fn existing(world: &World, call: &Call, natural: &Natural) -> Option<String> {
    let (action, param) = natural.describe;
    let is_listener = param == "LoadBalancerArn";
    let value = if is_listener {
        call.param(param)
    } else {
        call.param("Name")
    };
    let reply = world
        .ask(call, Service::LoadBalancing, action, &[(param, value)])
        .await;
    if !reply.status.is_success() {
        return None;
    }
    let document = Document::parse(reply.text()).ok()?;
    let list = *xml::all(&document, natural.list).first()?;
    let mut members = list.children().filter(|node| node.is_element());
    let member = members
        .find(|member| !is_listener || xml::text_at(*member, &["Port"]) == call.param("Port"))?;
    Some(reply.text()[member.range()].to_owned())
}
