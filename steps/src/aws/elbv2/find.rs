//! Look-ups by name or ARN that the load balancer steps share.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, TargetGroup};
use runbook_step::{Context, Fault, FaultKind, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::client::Elb;
use crate::aws::fault::{Expect, Explain, not_found};
use crate::aws::tags;

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

/// The load balancer with this name or ARN.
pub(super) async fn load_balancer(
    elb: &Elb,
    context: &Context,
    named: &str,
) -> StepResult<Option<LoadBalancer>> {
    let request = elb.describe_load_balancers();
    let request = if is_arn(named) {
        request.load_balancer_arns(named)
    } else {
        request.names(named)
    };
    let answer = request
        .send()
        .await
        .explain("elasticloadbalancing:DescribeLoadBalancers", context)
        .or_absent()?;
    Ok(answer.and_then(|answer| answer.load_balancers.unwrap_or_default().into_iter().next()))
}

/// The ARN of a load balancer that must exist.
pub(super) async fn load_balancer_arn(
    elb: &Elb,
    context: &Context,
    named: &str,
) -> StepResult<String> {
    if is_arn(named) {
        return Ok(named.to_owned());
    }
    load_balancer(elb, context, named)
        .await?
        .and_then(|balancer| balancer.load_balancer_arn)
        .ok_or_else(|| missing("load balancer", named))
}

/// The target group with this name or ARN.
pub(super) async fn target_group(
    elb: &Elb,
    context: &Context,
    named: &str,
) -> StepResult<Option<TargetGroup>> {
    let request = elb.describe_target_groups();
    let request = if is_arn(named) {
        request.target_group_arns(named)
    } else {
        request.names(named)
    };
    let answer = request
        .send()
        .await
        .explain("elasticloadbalancing:DescribeTargetGroups", context)
        .or_absent()?;
    Ok(answer.and_then(|answer| answer.target_groups.unwrap_or_default().into_iter().next()))
}

/// The ARN of a target group that must exist.
pub(super) async fn target_group_arn(
    elb: &Elb,
    context: &Context,
    named: &str,
) -> StepResult<String> {
    if is_arn(named) {
        return Ok(named.to_owned());
    }
    target_group(elb, context, named)
        .await?
        .and_then(|group| group.target_group_arn)
        .ok_or_else(|| missing("target group", named))
}

pub(super) fn missing(what: &str, named: &str) -> Fault {
    not_found(format_args!("{what} `{named}`"))
}

/// Whether this step made the resource in an earlier attempt.
pub(super) async fn made_by(elb: &Elb, context: &Context, arn: &str) -> StepResult<bool> {
    let answer = elb
        .describe_tags()
        .resource_arns(arn)
        .send()
        .await
        .explain("elasticloadbalancing:DescribeTags", context)?;
    Ok(answer
        .tag_descriptions()
        .iter()
        .flat_map(|described| described.tags())
        .any(|tag| tag.key() == Some(tags::TOKEN) && tag.value() == Some(context.token.as_str())))
}

/// Values that a step may restore: everything else was changed by somebody else since.
pub(super) fn may_restore<T: PartialEq>(now: &T, before: &T, wished: &T) -> bool {
    now == before || now == wished
}

/// The fault of an undo that finds the world changed.
pub(super) fn changed_since(what: &str, named: &str) -> Fault {
    let message = format!("{what} `{named}` was changed since; it is left as it is");
    Fault::new(FaultKind::Conflict, message)
}

/// Attributes by key, as both kinds of attributes give them.
pub(super) type Attributes = BTreeMap<String, String>;

/// Those of `all` that `wished` names.
pub(super) fn named_by<'a>(
    wished: &Attributes,
    all: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> Attributes {
    all.filter_map(|(key, value)| Some((key?, value?)))
        .filter(|(key, _)| wished.contains_key(*key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// One target of a target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Target {
    /// The instance, address or function.
    pub(super) id: String,
    /// The port that it is registered with.
    pub(super) port: Option<i32>,
    /// Its availability zone, when it is registered with one.
    pub(super) zone: Option<String>,
    /// `healthy`, `initial`, `unhealthy`, `draining`, `unused` or `unavailable`.
    pub(super) state: String,
    /// Why it is not healthy, as a code.
    pub(super) reason: Option<String>,
    /// Why it is not healthy, in words.
    pub(super) description: Option<String>,
}

impl Target {
    pub(super) fn is_healthy(&self) -> bool {
        self.state == "healthy"
    }

    /// On its way out, or not registered at all.
    pub(super) fn is_leaving(&self) -> bool {
        self.state.ends_with("draining") || self.reason.as_deref() == Some("Target.NotRegistered")
    }

    pub(super) fn is(&self, id: &str, port: Option<u16>) -> bool {
        self.id == id && port.is_none_or(|port| self.port == Some(i32::from(port)))
    }
}

/// The targets of a group with their health.
pub(super) async fn targets(elb: &Elb, context: &Context, group: &str) -> StepResult<Vec<Target>> {
    let answer = elb
        .describe_target_health()
        .target_group_arn(group)
        .send()
        .await
        .explain("elasticloadbalancing:DescribeTargetHealth", context)?;
    let mut targets: Vec<Target> = answer
        .target_health_descriptions()
        .iter()
        .filter_map(|described| {
            let target = described.target()?;
            let health = described.target_health();
            Some(Target {
                id: target.id()?.to_owned(),
                port: target.port(),
                zone: target.availability_zone().map(str::to_owned),
                state: health
                    .and_then(|health| health.state())
                    .map_or("unavailable", |state| state.as_str())
                    .to_owned(),
                reason: health
                    .and_then(|health| health.reason())
                    .map(|reason| reason.as_str().to_owned()),
                description: health
                    .and_then(|health| health.description())
                    .map(str::to_owned),
            })
        })
        .collect();
    targets.sort_by(|a, b| (&a.id, a.port).cmp(&(&b.id, b.port)));
    Ok(targets)
}
