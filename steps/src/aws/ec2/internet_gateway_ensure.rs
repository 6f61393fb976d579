//! `aws.ec2.internet_gateway.ensure`

use aws_sdk_ec2::types::{Filter, InternetGateway, ResourceType};
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, incomplete};

/// Makes sure that a VPC has an internet gateway.
///
/// A VPC has at most one: one that is attached already is taken, whatever its name. Undo detaches and
/// deletes a gateway that this step created.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name tag of a new gateway.
    name: String,
    /// Id of the VPC.
    vpc: String,
}

/// The gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ensured {
    /// Id of the internet gateway.
    internet_gateway_id: String,
}

/// Nothing is needed: a gateway that existed is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

impl Args for Ensure {
    const KIND: &'static str = "aws.ec2.internet_gateway.ensure";
    const IAM: &'static [&'static str] = &[
        "ec2:AttachInternetGateway",
        "ec2:CreateInternetGateway",
        "ec2:CreateTags",
        "ec2:DeleteInternetGateway",
        "ec2:DescribeInternetGateways",
        "ec2:DetachInternetGateway",
    ];
    type Client = Ec2;
    type Output = Ensured;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Ensured>> {
        Ok(match self.attached(ec2, context).await? {
            Some(gateway) => tag::settled(gateway.tags(), context, output(&gateway)),
            None => Observed::Differs(Before {}),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Ensured>> {
        if let Some(gateway) = self.attached(ec2, context).await? {
            return Ok(Progress::Done(output(&gateway)));
        }
        let gateway = match find(tag::made(context), ec2, context).await? {
            Some(gateway) => gateway,
            None => self.create(ec2, context).await?,
        };
        let output = output(&gateway);
        let attached = ec2
            .attach_internet_gateway()
            .internet_gateway_id(&output.internet_gateway_id)
            .vpc_id(&self.vpc)
            .send()
            .await
            .explain("ec2:AttachInternetGateway", context);
        tag::fresh(attached, &output.internet_gateway_id)?;
        Ok(Progress::Done(output))
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Ensured>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(gateway) = find(tag::made(context), ec2, context).await? else {
            return Ok(Progress::Done(()));
        };
        let id = output(&gateway).internet_gateway_id;
        for attachment in gateway.attachments() {
            ec2.detach_internet_gateway()
                .internet_gateway_id(&id)
                .set_vpc_id(attachment.vpc_id().map(str::to_owned))
                .send()
                .await
                .explain("ec2:DetachInternetGateway", context)
                .or_code(&["Gateway.NotAttached"])?;
        }
        let deleted = ec2
            .delete_internet_gateway()
            .internet_gateway_id(id)
            .send()
            .await;
        deleted
            .explain("ec2:DeleteInternetGateway", context)
            .or_absent()?;
        Ok(Progress::Done(()))
    }
}

impl Ensure {
    async fn attached(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<InternetGateway>> {
        find(tag::filter("attachment.vpc-id", &self.vpc), ec2, context).await
    }

    async fn create(&self, ec2: &Ec2, context: &Context) -> StepResult<InternetGateway> {
        let tags = tag::specification(ResourceType::InternetGateway, &self.name, context);
        let answer = ec2
            .create_internet_gateway()
            .tag_specifications(tags)
            .send()
            .await
            .explain("ec2:CreateInternetGateway", context)?;
        answer
            .internet_gateway
            .ok_or_else(|| incomplete("CreateInternetGateway", "a gateway"))
    }
}

async fn find(filter: Filter, ec2: &Ec2, context: &Context) -> StepResult<Option<InternetGateway>> {
    let answer = ec2
        .describe_internet_gateways()
        .filters(filter)
        .send()
        .await
        .explain("ec2:DescribeInternetGateways", context)?;
    Ok(answer.internet_gateways.unwrap_or_default().pop())
}

fn output(gateway: &InternetGateway) -> Ensured {
    Ensured {
        internet_gateway_id: tag::text(gateway.internet_gateway_id()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::attach_internet_gateway::AttachInternetGatewayOutput;
    use aws_sdk_ec2::operation::create_internet_gateway::CreateInternetGatewayOutput;
    use aws_sdk_ec2::operation::delete_internet_gateway::DeleteInternetGatewayOutput;
    use aws_sdk_ec2::operation::describe_internet_gateways::DescribeInternetGatewaysOutput;
    use aws_sdk_ec2::operation::detach_internet_gateway::DetachInternetGatewayOutput;
    use aws_sdk_ec2::types::InternetGatewayAttachment;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{answering, context};

    fn ensure() -> Ensure {
        Ensure {
            name: "main".to_owned(),
            vpc: "vpc-1".to_owned(),
        }
    }

    fn gateway() -> InternetGateway {
        let attachment = InternetGatewayAttachment::builder().vpc_id("vpc-1").build();
        InternetGateway::builder()
            .internet_gateway_id("igw-1")
            .attachments(attachment)
            .build()
    }

    /// What is found by a filter of this name.
    fn by(filter: &'static str, found: bool) -> Rule {
        mock!(Client::describe_internet_gateways)
            .match_requests(move |request| request.filters()[0].name() == Some(filter))
            .then_output(move || {
                let found = found.then(|| vec![gateway()]);
                DescribeInternetGatewaysOutput::builder()
                    .set_internet_gateways(found)
                    .build()
            })
    }

    #[tokio::test]
    async fn any_gateway_that_is_attached_will_do() {
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&by("attachment.vpc-id", true)]));
        let observed = ensure().observe(&ec2, &context()).await.unwrap();
        assert_eq!(observed, Observed::Same(output(&gateway())));
    }

    #[tokio::test]
    async fn one_that_was_created_and_not_attached_is_attached() {
        let attached = mock!(Client::attach_internet_gateway)
            .then_output(|| AttachInternetGatewayOutput::builder().build());
        let created = mock!(Client::create_internet_gateway)
            .then_output(|| CreateInternetGatewayOutput::builder().build());
        let (free, made) = (
            by("attachment.vpc-id", false),
            by("tag:runbook:token", true),
        );
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&free, &made, &attached, &created]));
        let done = ensure().apply(&Before {}, &ec2, &context()).await.unwrap();
        assert_eq!(done, Progress::Done(output(&gateway())));
        assert_eq!((attached.num_calls(), created.num_calls()), (1, 0));
    }

    #[tokio::test]
    async fn undo_detaches_before_it_deletes() {
        let detached = mock!(Client::detach_internet_gateway)
            .match_requests(|request| request.vpc_id() == Some("vpc-1"))
            .then_output(|| DetachInternetGatewayOutput::builder().build());
        let deleted = mock!(Client::delete_internet_gateway)
            .then_output(|| DeleteInternetGatewayOutput::builder().build());
        let made = by("tag:runbook:token", true);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&made, &detached, &deleted]));
        ensure()
            .undo(&Before {}, None, &ec2, &context())
            .await
            .unwrap();
        assert_eq!((detached.num_calls(), deleted.num_calls()), (1, 1));
    }
}
