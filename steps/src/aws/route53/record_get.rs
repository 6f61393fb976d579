//! `aws.route53.record.get`

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use super::record::{Kind, Record};
use crate::aws::client::Route53;

/// Reads a DNS record.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Get {
    /// Id or name of the hosted zone.
    zone: String,
    /// Fully qualified name of the record.
    name: String,
    /// Type of the record.
    #[serde(rename = "type")]
    kind: Kind,
    /// Which one, of several records of this name and type.
    #[serde(default)]
    set_identifier: Option<String>,
}

/// A record, if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Got {
    /// The record; null when there is none.
    record: Option<Record>,
    /// Whether there is one.
    exists: bool,
}

impl Args for Get {
    const KIND: &'static str = "aws.route53.record.get";
    const IAM: &'static [&'static str] = &[
        "route53:ListHostedZonesByName",
        "route53:ListResourceRecordSets",
    ];
    type Client = Route53;
    type Output = Got;
}

impl Query for Get {
    async fn read(&self, route53: &Route53, context: &Context) -> StepResult<Got> {
        let zone = find::zone_id(route53, context, &self.zone).await?;
        let key = (zone.as_str(), self.name.as_str(), self.kind.as_str());
        let records = find::records(route53, context, key).await?;
        let record = records
            .into_iter()
            .find(|record| record.set_identifier == self.set_identifier);
        Ok(Got {
            exists: record.is_some(),
            record,
        })
    }
}
