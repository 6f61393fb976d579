//! `aws.ec2.vpc.ensure`

use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Vpc, VpcAttributeName, VpcState};
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, incomplete};

/// Makes sure that a VPC of this name exists.
///
/// It is found by its Name tag, together with the environment's Project and Environment tags. Undo
/// deletes a VPC that this step created, and sets the DNS attributes of one that existed back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name tag.
    name: String,
    /// IPv4 range, such as `10.0.0.0/16`. That of an existing VPC cannot be changed.
    cidr: String,
    /// Whether instances get public DNS names.
    #[serde(default = "yes")]
    dns_hostnames: bool,
    /// Whether the VPC answers DNS queries.
    #[serde(default = "yes")]
    dns_support: bool,
}

/// The VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ensured {
    /// Id of the VPC.
    vpc_id: String,
    /// IPv4 range of the VPC.
    cidr: String,
}

/// The DNS attributes of a VPC that existed; none when it did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    existed: Option<Dns>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Dns {
    hostnames: bool,
    support: bool,
}

fn yes() -> bool {
    true
}

impl Args for Ensure {
    const KIND: &'static str = "aws.ec2.vpc.ensure";
    const IAM: &'static [&'static str] = &[
        "ec2:CreateTags",
        "ec2:CreateVpc",
        "ec2:DeleteVpc",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcs",
        "ec2:ModifyVpcAttribute",
    ];
    type Client = Ec2;
    type Output = Ensured;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Ensured>> {
        let Some(vpc) = self.find(ec2, context).await? else {
            return Ok(Observed::Differs(Before { existed: None }));
        };
        let output = self.output(&vpc)?;
        let dns = Dns::of(&output.vpc_id, ec2, context).await?;
        if dns == self.wished() && vpc.state() != Some(&VpcState::Pending) {
            return Ok(tag::settled(vpc.tags(), context, output));
        }
        let existed = (!tag::ours(vpc.tags(), context)).then_some(dns);
        Ok(Observed::Differs(Before { existed }))
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Ensured>> {
        let vpc = match self.find(ec2, context).await? {
            Some(vpc) => vpc,
            None => {
                self.create(ec2, context).await?;
                self.find(ec2, context)
                    .await?
                    .ok_or_else(|| tag::unseen("the VPC"))?
            }
        };
        let output = self.output(&vpc)?;
        if vpc.state() == Some(&VpcState::Pending) {
            return Ok(tag::again(format!("{} is pending", output.vpc_id)));
        }
        let written = self.wished().write(&output.vpc_id, ec2, context).await;
        tag::fresh(written, &output.vpc_id)?;
        Ok(Progress::Done(output))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Ensured>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(vpc) = self.find(ec2, context).await? else {
            return Ok(Progress::Done(()));
        };
        let id = tag::text(vpc.vpc_id());
        if let Some(dns) = before.existed {
            dns.write(&id, ec2, context).await?;
        } else if tag::ours(vpc.tags(), context) {
            let deleted = ec2.delete_vpc().vpc_id(id).send().await;
            deleted.explain("ec2:DeleteVpc", context).or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Ensure {
    fn wished(&self) -> Dns {
        Dns {
            hostnames: self.dns_hostnames,
            support: self.dns_support,
        }
    }

    fn output(&self, vpc: &Vpc) -> StepResult<Ensured> {
        let output = Ensured {
            vpc_id: tag::text(vpc.vpc_id()),
            cidr: tag::text(vpc.cidr_block()),
        };
        if output.cidr != self.cidr {
            let what = format!("VPC `{}` ({})", self.name, output.vpc_id);
            return Err(tag::differs(&what, &output.cidr, &self.cidr));
        }
        Ok(output)
    }

    async fn find(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<Vpc>> {
        let answer = ec2
            .describe_vpcs()
            .set_filters(Some(tag::named(&self.name, context)))
            .send()
            .await
            .explain("ec2:DescribeVpcs", context)?;
        let found = answer.vpcs.unwrap_or_default();
        tag::single(found, Vpc::tags, &format!("VPC `{}`", self.name), context)
    }

    async fn create(&self, ec2: &Ec2, context: &Context) -> StepResult<Vpc> {
        let answer = ec2
            .create_vpc()
            .cidr_block(&self.cidr)
            .tag_specifications(tag::specification(ResourceType::Vpc, &self.name, context))
            .send()
            .await
            .explain("ec2:CreateVpc", context)?;
        answer.vpc.ok_or_else(|| incomplete("CreateVpc", "a VPC"))
    }
}

impl Dns {
    async fn of(vpc: &str, ec2: &Ec2, context: &Context) -> StepResult<Self> {
        let ask = |name: VpcAttributeName| async move {
            ec2.describe_vpc_attribute()
                .vpc_id(vpc)
                .attribute(name)
                .send()
                .await
                .explain("ec2:DescribeVpcAttribute", context)
        };
        let hostnames = ask(VpcAttributeName::EnableDnsHostnames).await?;
        let support = ask(VpcAttributeName::EnableDnsSupport).await?;
        let on = |value: Option<&AttributeBooleanValue>| {
            value
                .and_then(AttributeBooleanValue::value)
                .unwrap_or_default()
        };
        Ok(Self {
            hostnames: on(hostnames.enable_dns_hostnames()),
            support: on(support.enable_dns_support()),
        })
    }

    // The API takes one attribute in each call, and host names need support to be on first.
    async fn write(self, vpc: &str, ec2: &Ec2, context: &Context) -> StepResult<()> {
        let value = |on: bool| AttributeBooleanValue::builder().value(on).build();
        let support = ec2.modify_vpc_attribute().vpc_id(vpc);
        let support = support.enable_dns_support(value(self.support));
        let hostnames = ec2.modify_vpc_attribute().vpc_id(vpc);
        let hostnames = hostnames.enable_dns_hostnames(value(self.hostnames));
        let mut calls = [support, hostnames];
        if !self.support {
            calls.reverse();
        }
        for call in calls {
            call.send()
                .await
                .explain("ec2:ModifyVpcAttribute", context)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::create_vpc::CreateVpcOutput;
    use aws_sdk_ec2::operation::delete_vpc::DeleteVpcOutput;
    use aws_sdk_ec2::operation::describe_vpc_attribute::DescribeVpcAttributeOutput;
    use aws_sdk_ec2::operation::describe_vpcs::DescribeVpcsOutput;
    use aws_sdk_ec2::operation::modify_vpc_attribute::ModifyVpcAttributeOutput;
    use aws_sdk_ec2::types::{Filter, Tag};
    use aws_smithy_mocks::{Rule, mock};
    use runbook_step::{Executed, FaultKind};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn ensure() -> Ensure {
        serde_json::from_value(serde_json::json!({ "name": "main", "cidr": "10.0.0.0/16" }))
            .unwrap()
    }

    fn vpc(token: &str, cidr: &str) -> Vpc {
        Vpc::builder()
            .vpc_id("vpc-1")
            .cidr_block(cidr)
            .tags(Tag::builder().key("runbook:token").value(token).build())
            .build()
    }

    fn vpcs(found: &[Vpc]) -> Rule {
        let found = found.to_vec();
        mock!(Client::describe_vpcs)
            .match_requests(|request| {
                let names: Vec<_> = request.filters().iter().filter_map(Filter::name).collect();
                names == ["tag:Name", "tag:Environment", "tag:Project"]
            })
            .then_output(move || {
                DescribeVpcsOutput::builder()
                    .set_vpcs(Some(found.clone()))
                    .build()
            })
    }

    fn dns(on: bool) -> Rule {
        let value = move || AttributeBooleanValue::builder().value(on).build();
        mock!(Client::describe_vpc_attribute).then_output(move || {
            DescribeVpcAttributeOutput::builder()
                .enable_dns_hostnames(value())
                .enable_dns_support(value())
                .build()
        })
    }

    fn created() -> Rule {
        mock!(Client::create_vpc)
            .match_requests(|request| {
                let tags = request.tag_specifications()[0].tags();
                tag::value(tags, "Name") == Some("main")
                    && tag::value(tags, "runbook:token") == Some(TOKEN)
                    && tag::value(tags, "Project") == Some("shop")
            })
            .then_output(|| {
                CreateVpcOutput::builder()
                    .vpc(vpc(TOKEN, "10.0.0.0/16"))
                    .build()
            })
    }

    fn modified() -> Rule {
        mock!(Client::modify_vpc_attribute)
            .then_output(|| ModifyVpcAttributeOutput::builder().build())
    }

    fn output() -> Ensured {
        Ensured {
            vpc_id: "vpc-1".to_owned(),
            cidr: "10.0.0.0/16".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_exists_as_wished_is_left_alone() {
        let ec2 = Ec2(answering!(
            aws_sdk_ec2,
            &[vpcs(&[vpc("other", "10.0.0.0/16")]), dns(true)]
        ));
        let observed = ensure().observe(&ec2, &context()).await.unwrap();
        assert_eq!(observed, Observed::Same(output()));
    }

    #[tokio::test]
    async fn what_this_step_made_is_adopted() {
        let ec2 = Ec2(answering!(
            aws_sdk_ec2,
            &[vpcs(&[vpc(TOKEN, "10.0.0.0/16")]), dns(true)]
        ));
        let observed = ensure().observe(&ec2, &context()).await.unwrap();
        assert_eq!(observed, Observed::Adopted(output()));
    }

    #[tokio::test]
    async fn attributes_that_differ_are_kept_for_undo_unless_this_step_made_it() {
        for (token, existed) in [("other", true), (TOKEN, false)] {
            let ec2 = Ec2(answering!(
                aws_sdk_ec2,
                &[vpcs(&[vpc(token, "10.0.0.0/16")]), dns(false)]
            ));
            let Observed::Differs(before) = ensure().observe(&ec2, &context()).await.unwrap()
            else {
                panic!("the attributes differ");
            };
            assert_eq!(before.existed.is_some(), existed, "{token}");
        }
    }

    #[tokio::test]
    async fn another_range_cannot_be_made_right() {
        let ec2 = Ec2(answering!(
            aws_sdk_ec2,
            &[vpcs(&[vpc("other", "10.9.0.0/16")])]
        ));
        let fault = ensure().observe(&ec2, &context()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert_eq!(
            fault.message,
            "VPC `main` (vpc-1) exists with 10.9.0.0/16, not with 10.0.0.0/16"
        );
    }

    #[tokio::test]
    async fn a_second_apply_creates_nothing() {
        let (create, modify) = (created(), modified());
        let rules = [&vpcs(&[vpc(TOKEN, "10.0.0.0/16")]), &create, &modify];
        let ec2 = Ec2(answering!(aws_sdk_ec2, rules));
        let done = ensure()
            .apply(&Before { existed: None }, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(done, Progress::Done(output()));
        assert_eq!((create.num_calls(), modify.num_calls()), (0, 2));
    }

    #[tokio::test]
    async fn what_was_created_and_does_not_show_is_not_created_again() {
        let create = created();
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&vpcs(&[]), &create]));
        let fault = ensure()
            .apply(&Before { existed: None }, &ec2, &context())
            .await
            .unwrap_err();
        assert_eq!(
            (fault.kind, fault.executed),
            (FaultKind::Transient, Executed::Unknown)
        );
        assert_eq!(create.num_calls(), 1);
    }

    #[tokio::test]
    async fn undo_deletes_only_what_this_step_made() {
        for (token, deletions) in [("other", 0), (TOKEN, 1)] {
            let delete =
                mock!(Client::delete_vpc).then_output(|| DeleteVpcOutput::builder().build());
            let ec2 = Ec2(answering!(
                aws_sdk_ec2,
                [&vpcs(&[vpc(token, "10.0.0.0/16")]), &delete]
            ));
            let before = Before { existed: None };
            let undone = ensure()
                .undo(&before, None, &ec2, &context())
                .await
                .unwrap();
            assert_eq!(undone, Progress::Done(()));
            assert_eq!(delete.num_calls(), deletions, "{token}");
        }
    }

    #[tokio::test]
    async fn undo_sets_the_attributes_of_an_existing_one_back() {
        let modify = modified();
        let ec2 = Ec2(answering!(
            aws_sdk_ec2,
            [&vpcs(&[vpc("other", "10.0.0.0/16")]), &modify]
        ));
        let existed = Dns {
            hostnames: false,
            support: true,
        };
        let before = Before {
            existed: Some(existed),
        };
        ensure()
            .undo(&before, None, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(modify.num_calls(), 2);
    }
}
