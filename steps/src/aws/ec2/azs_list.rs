//! `aws.ec2.azs.list`

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::client::Ec2;
use crate::aws::fault::Explain;

/// Lists the availability zones of the region that can be used now.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {}

/// The zones.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Zones {
    /// Names such as `eu-west-1a`, sorted.
    zones: Vec<String>,
}

impl Args for List {
    const KIND: &'static str = "aws.ec2.azs.list";
    const IAM: &'static [&'static str] = &["ec2:DescribeAvailabilityZones"];
    type Client = Ec2;
    type Output = Zones;
}

impl Query for List {
    async fn read(&self, ec2: &Ec2, context: &Context) -> StepResult<Zones> {
        let answer = ec2
            .describe_availability_zones()
            .send()
            .await
            .explain("ec2:DescribeAvailabilityZones", context)?;
        let mut zones: Vec<String> = answer
            .availability_zones()
            .iter()
            // Local and wavelength zones are zones of another kind.
            .filter(|zone| {
                zone.zone_type()
                    .is_none_or(|kind| kind == "availability-zone")
            })
            .filter(|zone| {
                zone.state()
                    .is_none_or(|state| state.as_str() == "available")
            })
            .filter_map(|zone| zone.zone_name().map(str::to_owned))
            .collect();
        zones.sort();
        Ok(Zones { zones })
    }
}
