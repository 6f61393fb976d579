//! `aws.ec2.nat_gateway.create`

use std::time::Duration;

use aws_sdk_ec2::types::{NatGateway, NatGatewayState, ResourceType};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, incomplete};

/// Makes sure that a subnet has a NAT gateway of this name, and waits until it is available.
///
/// It is found by its Name tag in the subnet, together with the environment's Project and Environment
/// tags. Undo deletes a gateway that this step created and waits until it is gone, so that its
/// address can be released.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// Name tag.
    name: String,
    /// Id of the public subnet that it stands in.
    subnet: String,
    /// Allocation id of its elastic IP address.
    allocation: String,
}

/// The gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Created {
    /// Id of the NAT gateway.
    nat_gateway_id: String,
    /// Its state, `available`.
    state: String,
}

/// Nothing is needed: a gateway that existed is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

impl Args for Create {
    const KIND: &'static str = "aws.ec2.nat_gateway.create";
    const TIMEOUT: Duration = Duration::from_secs(900);
    const IAM: &'static [&'static str] = &[
        "ec2:CreateNatGateway",
        "ec2:CreateTags",
        "ec2:DeleteNatGateway",
        "ec2:DescribeNatGateways",
    ];
    type Client = Ec2;
    type Output = Created;
}

impl Change for Create {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Token;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Created>> {
        let available = self.find(ec2, context).await?.filter(is_available);
        Ok(match available {
            Some(gateway) => tag::settled(gateway.tags(), context, output(&gateway)),
            None => Observed::Differs(Before {}),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Created>> {
        let gateway = match self.find(ec2, context).await? {
            Some(gateway) => gateway,
            None => self.create(ec2, context).await?,
        };
        let output = output(&gateway);
        match gateway.state() {
            Some(NatGatewayState::Available) => Ok(Progress::Done(output)),
            Some(NatGatewayState::Failed) => {
                let message = format!(
                    "{} failed: {}",
                    output.nat_gateway_id,
                    gateway.failure_message().unwrap_or("no reason given"),
                );
                Err(Fault::new(FaultKind::Unmet, message))
            }
            _ => Ok(tag::again(format!(
                "{} is {}",
                output.nat_gateway_id, output.state
            ))),
        }
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Created>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let made = self.all(ec2, context).await?.into_iter();
        let mut made = made.filter(|gateway| tag::ours(gateway.tags(), context));
        let Some(gateway) = made.find(|gateway| gateway.state() != Some(&NatGatewayState::Deleted))
        else {
            return Ok(Progress::Done(()));
        };
        let id = output(&gateway).nat_gateway_id;
        if gateway.state() != Some(&NatGatewayState::Deleting) {
            let deleted = ec2.delete_nat_gateway().nat_gateway_id(&id).send().await;
            deleted
                .explain("ec2:DeleteNatGateway", context)
                .or_absent()?;
        }
        Ok(tag::again(format!("{id} is deleting")))
    }
}

impl Create {
    /// Every gateway of that name in the subnet, dead ones as well.
    async fn all(&self, ec2: &Ec2, context: &Context) -> StepResult<Vec<NatGateway>> {
        let mut filters = tag::named(&self.name, context);
        filters.push(tag::filter("subnet-id", &self.subnet));
        let answer = ec2
            .describe_nat_gateways()
            .set_filter(Some(filters))
            .send()
            .await
            .explain("ec2:DescribeNatGateways", context)?;
        Ok(answer.nat_gateways.unwrap_or_default())
    }

    async fn find(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<NatGateway>> {
        let mut found = self.all(ec2, context).await?;
        found.retain(|gateway| match gateway.state() {
            Some(NatGatewayState::Deleted | NatGatewayState::Deleting) => false,
            // A failed one says what is wrong, but only this step's own is this step's matter.
            Some(NatGatewayState::Failed) => tag::ours(gateway.tags(), context),
            _ => true,
        });
        tag::single(
            found,
            NatGateway::tags,
            &format!("NAT gateway `{}`", self.name),
            context,
        )
    }

    async fn create(&self, ec2: &Ec2, context: &Context) -> StepResult<NatGateway> {
        let answer = ec2
            .create_nat_gateway()
            .subnet_id(&self.subnet)
            .allocation_id(&self.allocation)
            .client_token(&context.token)
            .tag_specifications(tag::specification(
                ResourceType::Natgateway,
                &self.name,
                context,
            ))
            .send()
            .await
            .explain("ec2:CreateNatGateway", context)?;
        answer
            .nat_gateway
            .ok_or_else(|| incomplete("CreateNatGateway", "a gateway"))
    }
}

fn is_available(gateway: &NatGateway) -> bool {
    gateway.state() == Some(&NatGatewayState::Available)
}

fn output(gateway: &NatGateway) -> Created {
    Created {
        nat_gateway_id: tag::text(gateway.nat_gateway_id()),
        state: tag::text(gateway.state().map(NatGatewayState::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::create_nat_gateway::CreateNatGatewayOutput;
    use aws_sdk_ec2::operation::delete_nat_gateway::DeleteNatGatewayOutput;
    use aws_sdk_ec2::operation::describe_nat_gateways::DescribeNatGatewaysOutput;
    use aws_sdk_ec2::types::Tag;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn create() -> Create {
        serde_json::from_value(serde_json::json!({
            "name": "nat-a", "subnet": "subnet-1", "allocation": "eipalloc-1",
        }))
        .unwrap()
    }

    fn gateway(token: &str, state: NatGatewayState) -> NatGateway {
        NatGateway::builder()
            .nat_gateway_id("nat-1")
            .state(state)
            .failure_message("the subnet has no free address")
            .tags(Tag::builder().key("runbook:token").value(token).build())
            .build()
    }

    fn gateways(found: &[NatGateway]) -> Rule {
        let found = found.to_vec();
        mock!(Client::describe_nat_gateways).then_output(move || {
            DescribeNatGatewaysOutput::builder()
                .set_nat_gateways(Some(found.clone()))
                .build()
        })
    }

    fn creation() -> Rule {
        mock!(Client::create_nat_gateway)
            .match_requests(|request| request.client_token() == Some(TOKEN))
            .then_output(|| {
                let made = gateway(TOKEN, NatGatewayState::Pending);
                CreateNatGatewayOutput::builder().nat_gateway(made).build()
            })
    }

    #[tokio::test]
    async fn a_new_gateway_is_waited_for_without_being_created_again() {
        let (ec2, creation) = {
            let creation = creation();
            (
                Ec2(answering!(aws_sdk_ec2, [&gateways(&[]), &creation])),
                creation,
            )
        };
        let progress = create().apply(&Before {}, &ec2, &context()).await.unwrap();
        assert_eq!(progress, tag::again("nat-1 is pending"));
        assert_eq!(creation.num_calls(), 1);

        let pending = gateways(&[gateway(TOKEN, NatGatewayState::Pending)]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&pending]));
        let progress = create().apply(&Before {}, &ec2, &context()).await.unwrap();
        assert_eq!(progress, tag::again("nat-1 is pending"));
    }

    #[tokio::test]
    async fn dead_gateways_and_failed_ones_of_others_do_not_count() {
        let dead = [
            gateway(TOKEN, NatGatewayState::Deleted),
            gateway("x", NatGatewayState::Deleting),
            gateway("x", NatGatewayState::Failed),
        ];
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&gateways(&dead)]));
        let observed = create().observe(&ec2, &context()).await.unwrap();
        assert_eq!(observed, Observed::Differs(Before {}));
    }

    #[tokio::test]
    async fn a_failed_gateway_says_why() {
        let failed = gateways(&[gateway(TOKEN, NatGatewayState::Failed)]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&failed]));
        let fault = create()
            .apply(&Before {}, &ec2, &context())
            .await
            .unwrap_err();
        assert_eq!(
            fault.message,
            "nat-1 failed: the subnet has no free address"
        );
    }

    #[tokio::test]
    async fn undo_waits_until_the_gateway_is_gone() {
        use NatGatewayState::{Available, Deleted, Deleting};
        for (state, deletions, done) in [
            (Available, 1, false),
            (Deleting, 0, false),
            (Deleted, 0, true),
        ] {
            let delete = mock!(Client::delete_nat_gateway)
                .then_output(|| DeleteNatGatewayOutput::builder().build());
            let found = gateways(&[gateway(TOKEN, state)]);
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&found, &delete]));
            let undone = create()
                .undo(&Before {}, None, &ec2, &context())
                .await
                .unwrap();
            assert_eq!(
                (delete.num_calls(), undone == Progress::Done(())),
                (deletions, done)
            );
        }
    }
}
