//! `aws.ec2.instance.find`

use std::collections::BTreeMap;

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{instances, tag};
use crate::aws::client::Ec2;

/// Finds instances by their tags, state and place.
///
/// Only instances with the environment's Project and Environment tags are found, unless `tags` names
/// other values for them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// Name tag; `*` stands for any letters.
    #[serde(default)]
    name: Option<String>,
    /// Tags that they must have.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// States that count, such as `running` and `stopped`.
    #[serde(default = "running")]
    states: Vec<String>,
    /// Id of the VPC that they must be in.
    #[serde(default)]
    vpc: Option<String>,
    /// Availability zone that they must be in.
    #[serde(default)]
    zone: Option<String>,
}

/// The instances that were found, sorted by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Instances {
    /// What is known of each.
    instances: Vec<Seen>,
    /// Their ids.
    instance_ids: Vec<String>,
    /// How many there are.
    count: usize,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Seen {
    /// Its id.
    instance_id: String,
    /// Availability zone.
    zone: String,
    /// State, such as `running`.
    state: String,
    /// Private IPv4 address; empty when it has none.
    private_ip: String,
    /// Id of its subnet.
    subnet_id: String,
    /// Name tag; empty when it has none.
    name: String,
}

fn running() -> Vec<String> {
    vec!["running".to_owned()]
}

impl Args for Find {
    const KIND: &'static str = "aws.ec2.instance.find";
    const IAM: &'static [&'static str] = &["ec2:DescribeInstances"];
    type Client = Ec2;
    type Output = Instances;
}

impl Query for Find {
    async fn read(&self, ec2: &Ec2, context: &Context) -> StepResult<Instances> {
        let mut filters = tag::matching(self.name.as_deref(), &self.tags, context);
        if !self.states.is_empty() {
            filters.push(tag::any("instance-state-name", &self.states));
        }
        filters.extend(self.vpc.iter().map(|vpc| tag::filter("vpc-id", vpc)));
        filters.extend(
            self.zone
                .iter()
                .map(|zone| tag::filter("availability-zone", zone)),
        );
        let found = instances::search(filters, ec2, context).await?;
        Ok(Instances {
            count: found.len(),
            instance_ids: found.iter().map(instances::id).collect(),
            instances: found
                .iter()
                .map(|one| Seen {
                    instance_id: instances::id(one),
                    zone: instances::zone(one),
                    state: instances::state(one).to_owned(),
                    private_ip: tag::text(one.private_ip_address()),
                    subnet_id: tag::text(one.subnet_id()),
                    name: tag::text(tag::value(one.tags(), "Name")),
                })
                .collect(),
        })
    }
}
