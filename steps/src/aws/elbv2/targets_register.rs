//! `aws.elbv2.targets.register`

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use runbook_step::{
    Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::aws::client::Elb;
use crate::aws::fault::{Expect, Explain};

/// Registers targets with a target group.
///
/// It is done when they are registered; `aws.elbv2.targets.wait` waits until they are healthy. Undo
/// deregisters those that were not there before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// Name or ARN of the target group.
    target_group: String,
    /// Ids of the targets, such as instance ids.
    targets: BTreeSet<String>,
    /// The port that they listen on; the target group's when absent.
    #[serde(default)]
    port: Option<u16>,
}

/// The registered targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Registered {
    /// All ids that were asked for.
    targets: BTreeSet<String>,
    /// Those that were not there before.
    added: BTreeSet<String>,
}

/// The targets that were not there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    missing: BTreeSet<String>,
}

impl Args for Register {
    const KIND: &'static str = "aws.elbv2.targets.register";
    const IAM: &'static [&'static str] = &[
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:RegisterTargets",
    ];
    type Client = Elb;
    type Output = Registered;
}

impl Change for Register {
    type Before = Before;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(&self, elb: &Elb, context: &Context) -> StepResult<Observed<Before, Registered>> {
        let group = find::target_group_arn(elb, context, &self.target_group).await?;
        let missing = self.missing(elb, context, &group).await?;
        Ok(if missing.is_empty() {
            Observed::Same(self.output(missing))
        } else {
            Observed::Differs(Before { missing })
        })
    }

    async fn apply(
        &self,
        before: &Before,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<Registered>> {
        let group = find::target_group_arn(elb, context, &self.target_group).await?;
        let missing = self.missing(elb, context, &group).await?;
        if !missing.is_empty() {
            elb.register_targets()
                .target_group_arn(&group)
                .set_targets(Some(self.described(&missing)))
                .send()
                .await
                .explain("elasticloadbalancing:RegisterTargets", context)?;
        }
        Ok(Progress::Done(self.output(before.missing.clone())))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Registered>,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(group) = find::target_group_arn(elb, context, &self.target_group).await.or_absent()? else {
            return Ok(Progress::Done(()));
        };
        let missing = self.missing(elb, context, &group).await?;
        let there: BTreeSet<String> = before.missing.difference(&missing).cloned().collect();
        if !there.is_empty() {
            elb.deregister_targets()
                    .target_group_arn(&group)
                    .set_targets(Some(self.described(&there)))
                    .send()
                    .await
                    .explain("elasticloadbalancing:DeregisterTargets", context)
                .or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Register {
    /// The wished targets that are not registered, or on their way out.
    async fn missing(
        &self,
        elb: &Elb,
        context: &Context,
        group: &str,
    ) -> StepResult<BTreeSet<String>> {
        let there = find::targets(elb, context, group).await?;
        let is_there = |id: &str| {
            there.iter().any(|target| target.is(id, self.port) && !target.is_leaving())
        };
        Ok(self.targets.iter().filter(|id| !is_there(id)).cloned().collect())
    }

    fn described(&self, ids: &BTreeSet<String>) -> Vec<TargetDescription> {
        let port = self.port.map(i32::from);
        ids.iter()
            .map(|id| TargetDescription::builder().id(id).set_port(port).build())
            .collect()
    }

    fn output(&self, added: BTreeSet<String>) -> Registered {
        Registered {
            targets: self.targets.clone(),
            added,
        }
    }
}
