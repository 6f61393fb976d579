//! `aws.elbv2.targets.register`

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::TargetDescription;
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
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

    async fn observe(
        &self,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Observed<Before, Registered>> {
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
        let Some(group) = find::target_group_arn(elb, context, &self.target_group)
            .await
            .or_absent()?
        else {
            return Ok(Progress::Done(()));
        };
        let Some(missing) = self.missing(elb, context, &group).await.or_absent()? else {
            return Ok(Progress::Done(()));
        };
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
            there
                .iter()
                .any(|target| target.is(id, self.port) && !target.is_leaving())
        };
        Ok(self
            .targets
            .iter()
            .filter(|id| !is_there(id))
            .cloned()
            .collect())
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

    fn step() -> Register {
        from_value(json!({ "target_group": "arn:tg", "targets": ["i-1", "i-2"] })).unwrap()
    }

    fn only_second(targets: &[TargetDescription]) -> bool {
        targets.len() == 1 && targets[0].id() == Some("i-2")
    }

    #[tokio::test]
    async fn it_adds_and_takes_back_only_what_was_missing() {
        let added = mock!(Client::register_targets)
            .match_requests(|request| only_second(request.targets()))
            .then_output(|| RegisterTargetsOutput::builder().build());
        // One that is on its way out is missing: registering it again keeps it.
        let elb = client(&[&targets(&[("i-1", "initial"), ("i-2", "draining")]), &added]);
        let Ok(Observed::Differs(before)) = step().observe(&elb, &context()).await else {
            panic!("it differs");
        };
        step().apply(&before, &elb, &context()).await.unwrap();

        let removed = mock!(Client::deregister_targets)
            .match_requests(|request| only_second(request.targets()))
            .then_output(|| DeregisterTargetsOutput::builder().build());
        let elb = client(&[
            &targets(&[("i-1", "healthy"), ("i-2", "healthy")]),
            &removed,
        ]);
        assert!(matches!(
            step().observe(&elb, &context()).await,
            Ok(Observed::Same(_))
        ));
        let Ok(Progress::Done(output)) = step().apply(&before, &elb, &context()).await else {
            panic!("it is done");
        };
        assert_eq!(output.added, BTreeSet::from(["i-2".to_owned()]));
        step().undo(&before, None, &elb, &context()).await.unwrap();
        assert_eq!((added.num_calls(), removed.num_calls()), (1, 1));
    }
}
