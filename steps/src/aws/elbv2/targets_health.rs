//! `aws.elbv2.targets.health`

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::{self, Target};
use crate::aws::client::Elb;

/// Reads the health of the targets of a target group.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// Name or ARN of the target group.
    target_group: String,
}

/// The targets with their health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Healths {
    /// Every target, sorted by id.
    targets: Vec<Target>,
    /// How many are healthy.
    healthy: usize,
    /// How many are unhealthy; those that are new, unused or on their way out do not count.
    unhealthy: usize,
    /// How many there are.
    total: usize,
}

impl Args for Health {
    const KIND: &'static str = "aws.elbv2.targets.health";
    const IAM: &'static [&'static str] = &[
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    ];
    type Client = Elb;
    type Output = Healths;
}

impl Query for Health {
    async fn read(&self, elb: &Elb, context: &Context) -> StepResult<Healths> {
        let group = find::target_group_arn(elb, context, &self.target_group).await?;
        let targets = find::targets(elb, context, &group).await?;
        Ok(Healths {
            healthy: targets.iter().filter(|target| target.is_healthy()).count(),
            unhealthy: targets
                .iter()
                .filter(|target| target.state == "unhealthy")
                .count(),
            total: targets.len(),
            targets,
        })
    }
}
