//! `aws.elbv2.targets.deregister`

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::{self, Target};
use crate::aws::client::Elb;
use crate::aws::fault::{Expect, Explain};

/// Takes targets out of a target group and waits until they have finished their requests.
///
/// Undo registers again those that were there before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deregister {
    /// Name or ARN of the target group.
    target_group: String,
    /// Ids of the targets, such as instance ids.
    targets: BTreeSet<String>,
    /// Only the registration with this port; every one when absent.
    #[serde(default)]
    port: Option<u16>,
}

/// The targets that are out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Deregistered {
    /// All ids that were asked for.
    targets: BTreeSet<String>,
    /// Those that were there before.
    removed: BTreeSet<String>,
}

/// The registrations that were there before: id and port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    registered: BTreeSet<(String, Option<i32>)>,
}

impl Args for Deregister {
    const KIND: &'static str = "aws.elbv2.targets.deregister";
    const TIMEOUT: Duration = Duration::from_secs(900);
    const IAM: &'static [&'static str] = &[
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:RegisterTargets",
    ];
    type Client = Elb;
    type Output = Deregistered;
}

impl Change for Deregister {
    type Before = Before;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Observed<Before, Deregistered>> {
        let group = find::target_group_arn(elb, context, &self.target_group).await?;
        let there = self.there(elb, context, &group).await?;
        let registered = staying(&there);
        Ok(if there.is_empty() {
            Observed::Same(self.output(&registered))
        } else {
            Observed::Differs(Before { registered })
        })
    }

    async fn apply(
        &self,
        before: &Before,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<Deregistered>> {
        let group = find::target_group_arn(elb, context, &self.target_group).await?;
        let staying = staying(&self.there(elb, context, &group).await?);
        if !staying.is_empty() {
            elb.deregister_targets()
                .target_group_arn(&group)
                .set_targets(Some(described(&staying)))
                .send()
                .await
                .explain("elasticloadbalancing:DeregisterTargets", context)?;
        }
        let left = self.there(elb, context, &group).await?.len();
        if left == 0 {
            return Ok(Progress::Done(self.output(&before.registered)));
        }
        Ok(Progress::Again {
            after: Duration::from_secs(5),
            note: format!("{left} of {} targets draining", self.targets.len()),
        })
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Deregistered>,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(group) = find::target_group_arn(elb, context, &self.target_group)
            .await
            .or_absent()?
        else {
            return Ok(Progress::Done(()));
        };
        let Some(there) = self.there(elb, context, &group).await.or_absent()? else {
            return Ok(Progress::Done(()));
        };
        let now = staying(&there);
        let gone: BTreeSet<_> = before.registered.difference(&now).cloned().collect();
        if !gone.is_empty() {
            elb.register_targets()
                .target_group_arn(&group)
                .set_targets(Some(described(&gone)))
                .send()
                .await
                .explain("elasticloadbalancing:RegisterTargets", context)?;
        }
        Ok(Progress::Done(()))
    }
}

impl Deregister {
    /// The named targets that are still known to the group, draining ones too.
    async fn there(&self, elb: &Elb, context: &Context, group: &str) -> StepResult<Vec<Target>> {
        let mut targets = find::targets(elb, context, group).await?;
        targets.retain(|target| {
            self.targets.iter().any(|id| target.is(id, self.port))
                && target.reason.as_deref() != Some("Target.NotRegistered")
        });
        Ok(targets)
    }

    fn output(&self, registered: &BTreeSet<(String, Option<i32>)>) -> Deregistered {
        Deregistered {
            targets: self.targets.clone(),
            removed: registered.iter().map(|(id, _)| id.clone()).collect(),
        }
    }
}

fn staying(targets: &[Target]) -> BTreeSet<(String, Option<i32>)> {
    targets
        .iter()
        .filter(|target| !target.is_leaving())
        .map(|target| (target.id.clone(), target.port))
        .collect()
}

fn described(targets: &BTreeSet<(String, Option<i32>)>) -> Vec<TargetDescription> {
    targets
        .iter()
        .map(|(id, port)| TargetDescription::builder().id(id).set_port(*port).build())
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::Client;
    use aws_sdk_elasticloadbalancingv2::operation::deregister_targets::DeregisterTargetsOutput;
    use aws_sdk_elasticloadbalancingv2::operation::register_targets::RegisterTargetsOutput;
    use aws_smithy_mocks::mock;
    use serde_json::{from_value, json};

    use super::super::testing::{client, targets};
    use super::*;
    use crate::aws::testing::context;

    fn step() -> Deregister {
        from_value(json!({ "target_group": "arn:tg", "targets": ["i-1", "i-9"] })).unwrap()
    }

    #[tokio::test]
    async fn it_waits_until_draining_is_over_and_registers_again() {
        let removed = mock!(Client::deregister_targets)
            .then_output(|| DeregisterTargetsOutput::builder().build());
        let elb = client(&[
            &targets(&[("i-1", "healthy"), ("i-2", "healthy")]),
            &removed,
        ]);
        let Ok(Observed::Differs(before)) = step().observe(&elb, &context()).await else {
            panic!("it differs");
        };
        step().apply(&before, &elb, &context()).await.unwrap();
        let elb = client(&[
            &targets(&[("i-1", "draining"), ("i-2", "healthy")]),
            &removed,
        ]);
        let again = step().apply(&before, &elb, &context()).await.unwrap();
        assert!(matches!(again, Progress::Again { note, .. } if note == "1 of 2 targets draining"));
        assert_eq!(removed.num_calls(), 1);

        let back = mock!(Client::register_targets)
            .match_requests(|request| {
                request.targets().len() == 1 && request.targets()[0].port() == Some(80)
            })
            .then_output(|| RegisterTargetsOutput::builder().build());
        let elb = client(&[&targets(&[("i-2", "healthy")]), &back]);
        let Ok(Progress::Done(output)) = step().apply(&before, &elb, &context()).await else {
            panic!("it is done");
        };
        assert_eq!(output.removed, BTreeSet::from(["i-1".to_owned()]));
        assert!(matches!(
            step().observe(&elb, &context()).await,
            Ok(Observed::Same(_))
        ));
        step().undo(&before, None, &elb, &context()).await.unwrap();
        assert_eq!(back.num_calls(), 1);
    }
}
