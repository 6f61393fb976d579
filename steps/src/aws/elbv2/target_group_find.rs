//! `aws.elbv2.target_group.find`

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::aws::client::Elb;

/// Finds a target group by its name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// Name or ARN of the target group.
    name: String,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Group {
    /// Its ARN.
    pub(super) target_group_arn: String,
}

impl Args for Find {
    const KIND: &'static str = "aws.elbv2.target_group.find";
    const IAM: &'static [&'static str] = &["elasticloadbalancing:DescribeTargetGroups"];
    type Client = Elb;
    type Output = Group;
}

impl Query for Find {
    async fn read(&self, elb: &Elb, context: &Context) -> StepResult<Group> {
        find::target_group(elb, context, &self.name)
            .await?
            .and_then(|group| group.target_group_arn)
            .map(|target_group_arn| Group { target_group_arn })
            .ok_or_else(|| find::missing("target group", &self.name))
    }
}
