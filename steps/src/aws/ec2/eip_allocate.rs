//! `aws.ec2.eip.allocate`

use aws_sdk_ec2::types::{Address, DomainType, ResourceType};
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain};

/// Makes sure that an elastic IP address of this name is allocated.
///
/// It is found by its Name tag, together with the environment's Project and Environment tags. Undo
/// releases an address that this step allocated.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allocate {
    /// Name tag.
    name: String,
}

/// The address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Allocated {
    /// Id of the allocation.
    allocation_id: String,
    /// The address itself.
    public_ip: String,
}

/// Nothing is needed: an address that existed is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

impl Args for Allocate {
    const KIND: &'static str = "aws.ec2.eip.allocate";
    const IAM: &'static [&'static str] = &[
        "ec2:AllocateAddress",
        "ec2:CreateTags",
        "ec2:DescribeAddresses",
        "ec2:ReleaseAddress",
    ];
    type Client = Ec2;
    type Output = Allocated;
}

impl Change for Allocate {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Observed<Before, Allocated>> {
        Ok(match self.find(ec2, context).await? {
            Some(address) => tag::settled(address.tags(), context, output(&address)),
            None => Observed::Differs(Before {}),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Allocated>> {
        if let Some(address) = self.find(ec2, context).await? {
            return Ok(Progress::Done(output(&address)));
        }
        let made = ec2
            .allocate_address()
            .domain(DomainType::Vpc)
            .tag_specifications(tag::specification(
                ResourceType::ElasticIp,
                &self.name,
                context,
            ))
            .send()
            .await
            .explain("ec2:AllocateAddress", context)?;
        Ok(Progress::Done(Allocated {
            allocation_id: tag::text(made.allocation_id()),
            public_ip: tag::text(made.public_ip()),
        }))
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Allocated>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let made = self.find(ec2, context).await?;
        if let Some(address) = made.filter(|address| tag::ours(address.tags(), context)) {
            let id = output(&address).allocation_id;
            let released = ec2.release_address().allocation_id(id).send().await;
            released
                .explain("ec2:ReleaseAddress", context)
                .or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Allocate {
    async fn find(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<Address>> {
        let answer = ec2
            .describe_addresses()
            .set_filters(Some(tag::named(&self.name, context)))
            .send()
            .await
            .explain("ec2:DescribeAddresses", context)?;
        let found = answer.addresses.unwrap_or_default();
        tag::single(
            found,
            Address::tags,
            &format!("address `{}`", self.name),
            context,
        )
    }
}

fn output(address: &Address) -> Allocated {
    Allocated {
        allocation_id: tag::text(address.allocation_id()),
        public_ip: tag::text(address.public_ip()),
    }
}
