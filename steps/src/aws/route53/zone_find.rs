//! `aws.route53.zone.find`

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::aws::client::Route53;

/// Finds a hosted zone by its name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// Domain name of the zone.
    name: String,
    /// Only a private one, or only a public one; either when absent.
    #[serde(default)]
    private: Option<bool>,
}

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Zone {
    /// Its id.
    zone_id: String,
}

impl Args for Find {
    const KIND: &'static str = "aws.route53.zone.find";
    const IAM: &'static [&'static str] = &["route53:ListHostedZonesByName"];
    type Client = Route53;
    type Output = Zone;
}

impl Query for Find {
    async fn read(&self, route53: &Route53, context: &Context) -> StepResult<Zone> {
        let zone_id = find::zone_called(route53, context, (&self.name, self.private)).await?;
        Ok(Zone { zone_id })
    }
}
