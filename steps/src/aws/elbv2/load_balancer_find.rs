//! `aws.elbv2.load_balancer.find`

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::aws::client::Elb;

/// Finds a load balancer by its name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// Name or ARN of the load balancer.
    name: String,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Balancer {
    /// Its ARN.
    pub(super) load_balancer_arn: String,
    /// The name that DNS answers with.
    pub(super) dns_name: String,
    /// The hosted zone of that name, as an alias record needs it.
    pub(super) zone_id: String,
}

impl From<aws_sdk_elasticloadbalancingv2::types::LoadBalancer> for Balancer {
    fn from(balancer: aws_sdk_elasticloadbalancingv2::types::LoadBalancer) -> Self {
        Self {
            load_balancer_arn: balancer.load_balancer_arn.unwrap_or_default(),
            dns_name: balancer.dns_name.unwrap_or_default(),
            zone_id: balancer.canonical_hosted_zone_id.unwrap_or_default(),
        }
    }
}

impl Args for Find {
    const KIND: &'static str = "aws.elbv2.load_balancer.find";
    const IAM: &'static [&'static str] = &["elasticloadbalancing:DescribeLoadBalancers"];
    type Client = Elb;
    type Output = Balancer;
}

impl Query for Find {
    async fn read(&self, elb: &Elb, context: &Context) -> StepResult<Balancer> {
        find::load_balancer(elb, context, &self.name)
            .await?
            .map(Balancer::from)
            .ok_or_else(|| find::missing("load balancer", &self.name))
    }
}
