//! `aws.route53.health.status`

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::aws::client::Route53;
use crate::aws::fault::{Explain, not_found};

/// Reads what the observers of a health check see.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Status {
    /// Id of the health check, or its `Name` tag.
    health_check: String,
}

/// What the observers see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Seen {
    /// How many observers reach the endpoint.
    healthy_observers: usize,
    /// How many observers there are.
    total: usize,
    /// `healthy` when more than 18 % of the observers reach the endpoint, as Route 53 counts; else
    /// `unhealthy`, or `unknown` while there are no observers.
    status: String,
}

impl Args for Status {
    const KIND: &'static str = "aws.route53.health.status";
    const IAM: &'static [&'static str] = &[
        "route53:GetHealthCheckStatus",
        "route53:ListHealthChecks",
        "route53:ListTagsForResources",
    ];
    type Client = Route53;
    type Output = Seen;
}

impl Query for Status {
    async fn read(&self, route53: &Route53, context: &Context) -> StepResult<Seen> {
        let id = self.id(route53, context).await?;
        let answer = route53
            .get_health_check_status()
            .health_check_id(id)
            .send()
            .await
            .explain("route53:GetHealthCheckStatus", context)?;
        let observations = answer.health_check_observations();
        let reaches = |status: &str| status.starts_with("Success");
        let healthy_observers = observations
            .iter()
            .filter_map(|observation| observation.status_report()?.status())
            .filter(|status| reaches(status))
            .count();
        let total = observations.len();
        let status = match total {
            0 => "unknown",
            total if healthy_observers * 100 > total * 18 => "healthy",
            _ => "unhealthy",
        };
        Ok(Seen {
            healthy_observers,
            total,
            status: status.to_owned(),
        })
    }
}

impl Status {
    async fn id(&self, route53: &Route53, context: &Context) -> StepResult<String> {
        let named = &self.health_check;
        let is_id = named.len() == 36 && named.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if is_id {
            return Ok(named.clone());
        }
        find::health_check(route53, context, named)
            .await?
            .map(|check| check.id)
            .ok_or_else(|| not_found(format_args!("health check `{named}`")))
    }
}
