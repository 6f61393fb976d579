//! `aws.ec2.subnet.ensure`

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Subnet, SubnetState};
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, incomplete};
use crate::aws::tags;

/// Makes sure that a VPC has a subnet of this range and name.
///
/// It is found by its range, which is unique in a VPC. Undo deletes a subnet that this step created,
/// and sets the public address setting of one that existed back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name tag.
    name: String,
    /// Id of the VPC.
    vpc: String,
    /// IPv4 range inside that of the VPC, such as `10.0.1.0/24`.
    cidr: String,
    /// Availability zone, such as `eu-west-1a`.
    zone: String,
    /// Whether instances get a public address.
    #[serde(default)]
    public: bool,
    /// Value of the `Tier` tag that a new subnet gets, such as `private`.
    #[serde(default)]
    tier: Option<String>,
}

/// The subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ensured {
    /// Id of the subnet.
    subnet_id: String,
    /// Availability zone of the subnet.
    zone: String,
    /// IPv4 range of the subnet.
    cidr: String,
}

/// Whether a subnet that existed gave public addresses; none when it did not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    existed: Option<bool>,
}

impl Args for Ensure {
    const KIND: &'static str = "aws.ec2.subnet.ensure";
    const IAM: &'static [&'static str] = &[
        "ec2:CreateSubnet",
        "ec2:CreateTags",
        "ec2:DeleteSubnet",
        "ec2:DescribeSubnets",
        "ec2:ModifySubnetAttribute",
    ];
    type Client = Ec2;
    type Output = Ensured;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Name;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Ensured>> {
        let Some(subnet) = self.find(ec2, context).await? else {
            return Ok(Observed::Differs(Before { existed: None }));
        };
        let output = self.output(&subnet)?;
        let public = subnet.map_public_ip_on_launch().unwrap_or_default();
        if public == self.public && subnet.state() != Some(&SubnetState::Pending) {
            return Ok(tag::settled(subnet.tags(), context, output));
        }
        let existed = (!tag::ours(subnet.tags(), context)).then_some(public);
        Ok(Observed::Differs(Before { existed }))
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Ensured>> {
        let subnet = match self.find(ec2, context).await? {
            Some(subnet) => subnet,
            None => self.create(ec2, context).await?,
        };
        let output = self.output(&subnet)?;
        if subnet.state() == Some(&SubnetState::Pending) {
            return Ok(tag::again(format!("{} is pending", output.subnet_id)));
        }
        if subnet.map_public_ip_on_launch().unwrap_or_default() != self.public {
            let written = write(&output.subnet_id, self.public, ec2, context).await;
            tag::fresh(written, &output.subnet_id)?;
        }
        Ok(Progress::Done(output))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Ensured>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(subnet) = self.find(ec2, context).await? else {
            return Ok(Progress::Done(()));
        };
        let id = tag::text(subnet.subnet_id());
        if let Some(public) = before.existed {
            write(&id, public, ec2, context).await?;
        } else if tag::ours(subnet.tags(), context) {
            let deleted = ec2.delete_subnet().subnet_id(id).send().await;
            deleted.explain("ec2:DeleteSubnet", context).or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Ensure {
    fn output(&self, subnet: &Subnet) -> StepResult<Ensured> {
        let output = Ensured {
            subnet_id: tag::text(subnet.subnet_id()),
            zone: tag::text(subnet.availability_zone()),
            cidr: tag::text(subnet.cidr_block()),
        };
        let what = format!("subnet {} of {}", output.subnet_id, output.cidr);
        if output.zone != self.zone {
            return Err(tag::differs(
                &what,
                &format!("zone {}", output.zone),
                &self.zone,
            ));
        }
        if let Some(name) = tag::value(subnet.tags(), "Name")
            && name != self.name
        {
            let wished = format!("`{}`", self.name);
            return Err(tag::differs(&what, &format!("the name `{name}`"), &wished));
        }
        Ok(output)
    }

    async fn find(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<Subnet>> {
        let answer = ec2
            .describe_subnets()
            .filters(tag::filter("vpc-id", &self.vpc))
            .filters(tag::filter("cidr-block", &self.cidr))
            .send()
            .await
            .explain("ec2:DescribeSubnets", context)?;
        Ok(answer.subnets.unwrap_or_default().pop())
    }

    async fn create(&self, ec2: &Ec2, context: &Context) -> StepResult<Subnet> {
        let mut tags = tags::creation(context, Some(&self.name));
        tags.extend(
            self.tier
                .iter()
                .map(|tier| ("Tier".to_owned(), tier.clone())),
        );
        let answer = ec2
            .create_subnet()
            .vpc_id(&self.vpc)
            .cidr_block(&self.cidr)
            .availability_zone(&self.zone)
            .tag_specifications(tag::with(ResourceType::Subnet, tags))
            .send()
            .await
            .explain("ec2:CreateSubnet", context)?;
        answer
            .subnet
            .ok_or_else(|| incomplete("CreateSubnet", "a subnet"))
    }
}

async fn write(subnet: &str, public: bool, ec2: &Ec2, context: &Context) -> StepResult<()> {
    ec2.modify_subnet_attribute()
        .subnet_id(subnet)
        .map_public_ip_on_launch(AttributeBooleanValue::builder().value(public).build())
        .send()
        .await
        .explain("ec2:ModifySubnetAttribute", context)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::create_subnet::CreateSubnetOutput;
    use aws_sdk_ec2::operation::delete_subnet::DeleteSubnetOutput;
    use aws_sdk_ec2::operation::describe_subnets::DescribeSubnetsOutput;
    use aws_sdk_ec2::operation::modify_subnet_attribute::ModifySubnetAttributeOutput;
    use aws_sdk_ec2::types::Tag;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn ensure() -> Ensure {
        serde_json::from_value(serde_json::json!({
            "name": "public-a", "vpc": "vpc-1", "cidr": "10.0.1.0/24", "zone": "us-east-1a",
            "public": true, "tier": "public",
        }))
        .unwrap()
    }

    fn subnet(token: &str, zone: &str, public: bool) -> Subnet {
        Subnet::builder()
            .subnet_id("subnet-1")
            .cidr_block("10.0.1.0/24")
            .availability_zone(zone)
            .map_public_ip_on_launch(public)
            .tags(Tag::builder().key("Name").value("public-a").build())
            .tags(Tag::builder().key("runbook:token").value(token).build())
            .build()
    }

    fn subnets(found: &[Subnet]) -> Rule {
        let found = found.to_vec();
        mock!(Client::describe_subnets).then_output(move || {
            DescribeSubnetsOutput::builder()
                .set_subnets(Some(found.clone()))
                .build()
        })
    }

    #[tokio::test]
    async fn observe_tells_same_adopted_and_different_apart() {
        let look = async |found: &[Subnet]| {
            let ec2 = Ec2(answering!(aws_sdk_ec2, &[subnets(found)]));
            ensure().observe(&ec2, &context()).await.unwrap()
        };
        assert!(matches!(
            look(&[subnet("x", "us-east-1a", true)]).await,
            Observed::Same(_)
        ));
        assert!(matches!(
            look(&[subnet(TOKEN, "us-east-1a", true)]).await,
            Observed::Adopted(_)
        ));
        let differs = |existed| Observed::Differs(Before { existed });
        assert_eq!(look(&[]).await, differs(None));
        assert_eq!(
            look(&[subnet("x", "us-east-1a", false)]).await,
            differs(Some(false))
        );
        assert_eq!(
            look(&[subnet(TOKEN, "us-east-1a", false)]).await,
            differs(None)
        );
    }

    #[tokio::test]
    async fn a_subnet_of_that_range_in_another_zone_is_a_mistake() {
        let ec2 = Ec2(answering!(
            aws_sdk_ec2,
            &[subnets(&[subnet("x", "us-east-1b", true)])]
        ));
        let fault = ensure().observe(&ec2, &context()).await.unwrap_err();
        assert_eq!(
            fault.message,
            "subnet subnet-1 of 10.0.1.0/24 exists with zone us-east-1b, not with us-east-1a"
        );
    }

    #[tokio::test]
    async fn a_new_public_subnet_is_tagged_and_made_public() {
        let create = mock!(Client::create_subnet)
            .match_requests(|request| {
                let tags = request.tag_specifications()[0].tags();
                tag::value(tags, "Tier") == Some("public") && tag::ours(tags, &context())
            })
            .then_output(|| {
                let made = subnet(TOKEN, "us-east-1a", false);
                CreateSubnetOutput::builder().subnet(made).build()
            });
        let modify = mock!(Client::modify_subnet_attribute)
            .then_output(|| ModifySubnetAttributeOutput::builder().build());
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&subnets(&[]), &create, &modify]));
        let before = Before { existed: None };
        let done = ensure().apply(&before, &ec2, &context()).await.unwrap();
        assert!(matches!(done, Progress::Done(output) if output.subnet_id == "subnet-1"));
        assert_eq!((create.num_calls(), modify.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn undo_leaves_a_subnet_of_others() {
        for (token, deletions) in [("x", 0), (TOKEN, 1)] {
            let delete =
                mock!(Client::delete_subnet).then_output(|| DeleteSubnetOutput::builder().build());
            let found = subnets(&[subnet(token, "us-east-1a", true)]);
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&found, &delete]));
            ensure()
                .undo(&Before { existed: None }, None, &ec2, &context())
                .await
                .unwrap();
            assert_eq!(delete.num_calls(), deletions);
        }
    }
}
