//! `aws.elbv2.targets.wait`

use std::time::Duration;

use runbook_step::{Args, Context, Progress, StepResult, Wait};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::{self, Target};
use crate::aws::client::Elb;

/// Waits until enough targets of a target group are healthy.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Healthy {
    /// Name or ARN of the target group.
    target_group: String,
    /// How many must be healthy; absent: all that are not on their way out, and at least one.
    #[serde(default)]
    healthy: Option<usize>,
}

/// The targets that were waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AreHealthy {
    /// Every target, sorted by id.
    targets: Vec<Target>,
    /// How many are healthy.
    healthy: usize,
}

impl Args for Healthy {
    const KIND: &'static str = "aws.elbv2.targets.wait";
    const TIMEOUT: Duration = Duration::from_secs(600);
    const IAM: &'static [&'static str] = &[
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    ];
    type Client = Elb;
    type Output = AreHealthy;
}

impl Wait for Healthy {
    async fn poll(&self, elb: &Elb, context: &Context) -> StepResult<Progress<AreHealthy>> {
        let group = find::target_group_arn(elb, context, &self.target_group).await?;
        let targets = find::targets(elb, context, &group).await?;
        let healthy = targets.iter().filter(|target| target.is_healthy()).count();
        let staying = targets.iter().filter(|target| !target.is_leaving()).count();
        let wanted = self.healthy.unwrap_or(staying.max(1));
        if healthy >= wanted {
            return Ok(Progress::Done(AreHealthy { targets, healthy }));
        }
        Ok(Progress::Again {
            after: Duration::from_secs(5),
            note: format!("{healthy} of {wanted} targets healthy"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::super::testing::{client, targets};
    use super::*;
    use crate::aws::testing::context;

    async fn note(
        states: &'static [(&'static str, &'static str)],
        healthy: Value,
    ) -> Option<String> {
        let with = json!({ "target_group": "arn:tg", "healthy": healthy });
        let step: Healthy = from_value(with).unwrap();
        match step
            .poll(&client(&[&targets(states)]), &context())
            .await
            .unwrap()
        {
            Progress::Done(_) => None,
            Progress::Again { note, .. } => Some(note),
        }
    }

    #[tokio::test]
    async fn it_waits_for_so_many_or_for_all_that_stay() {
        let two_of_three = &[("i-1", "healthy"), ("i-2", "healthy"), ("i-3", "initial")];
        assert_eq!(
            note(two_of_three, Value::Null).await.as_deref(),
            Some("2 of 3 targets healthy")
        );
        assert_eq!(note(two_of_three, json!(2)).await, None);
        let one_leaves = &[("i-1", "healthy"), ("i-2", "draining")];
        assert_eq!(note(one_leaves, Value::Null).await, None);
        assert_eq!(
            note(&[], Value::Null).await.as_deref(),
            Some("0 of 1 targets healthy")
        );
    }
}
