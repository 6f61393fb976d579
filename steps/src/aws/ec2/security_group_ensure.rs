//! `aws.ec2.security_group.ensure`

use aws_sdk_ec2::types::{ResourceType, SecurityGroup};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::security_group_rules::{Allowed, Rules, Side};
use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, incomplete};

/// Makes sure that a VPC has a security group of this name with exactly these rules.
///
/// It is found by its group name, which is unique in a VPC. Rules that are not listed are taken away,
/// except egress rules when `egress` is absent. Undo deletes a group that this step created and sets
/// the rules of one that existed back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name of the group, and its Name tag.
    name: String,
    /// Id of the VPC.
    vpc: String,
    /// What the group is for. That of an existing group stays.
    description: String,
    /// Rules for what may come in.
    ingress: Vec<Rule>,
    /// Rules for what may go out; when absent they stay as they are, and a new group lets all out.
    #[serde(default)]
    egress: Option<Vec<Rule>>,
}

/// One rule; exactly one of `cidr` and `source_group` is given.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// `tcp`, `udp`, `icmp`, a protocol number, or `all`.
    protocol: String,
    /// First port; absent: all.
    #[serde(default)]
    from_port: Option<i32>,
    /// Last port; absent: the first one.
    #[serde(default)]
    to_port: Option<i32>,
    /// IPv4 or IPv6 range of the other side.
    #[serde(default)]
    cidr: Option<String>,
    /// Id of the other side's security group; `self` means this group.
    #[serde(default)]
    source_group: Option<String>,
    /// What the rule is for. A difference in it alone changes nothing.
    #[serde(default)]
    description: Option<String>,
}

/// The group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ensured {
    /// Id of the security group.
    group_id: String,
}

/// The rules of a group that existed; none when it did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    existed: Option<Rules>,
}

impl Args for Ensure {
    const KIND: &'static str = "aws.ec2.security_group.ensure";
    const IAM: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
        "ec2:DeleteSecurityGroup",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    ];
    type Client = Ec2;
    type Output = Ensured;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Name;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Ensured>> {
        let Some(group) = self.find(ec2, context).await? else {
            self.wished("self", &Rules::default())?;
            return Ok(Observed::Differs(Before { existed: None }));
        };
        let output = output(&group);
        let rules = Rules::of(&group);
        if rules == self.wished(&output.group_id, &rules)? {
            return Ok(tag::settled(group.tags(), context, output));
        }
        let existed = (!tag::ours(group.tags(), context)).then_some(rules);
        Ok(Observed::Differs(Before { existed }))
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Ensured>> {
        let (output, rules) = match self.find(ec2, context).await? {
            Some(group) => (output(&group), Rules::of(&group)),
            None => {
                let group_id = self.create(ec2, context).await?;
                (Ensured { group_id }, Rules::new_group())
            }
        };
        let wished = self.wished(&output.group_id, &rules)?;
        let written = rules
            .turn_into(&wished, &output.group_id, ec2, context)
            .await;
        tag::fresh(written, &output.group_id)?;
        Ok(Progress::Done(output))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Ensured>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(group) = self.find(ec2, context).await? else {
            return Ok(Progress::Done(()));
        };
        let id = output(&group).group_id;
        if let Some(rules) = &before.existed {
            Rules::of(&group)
                .turn_into(rules, &id, ec2, context)
                .await?;
        } else if tag::ours(group.tags(), context) {
            let deleted = ec2.delete_security_group().group_id(id).send().await;
            deleted
                .explain("ec2:DeleteSecurityGroup", context)
                .or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Ensure {
    async fn find(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<SecurityGroup>> {
        let answer = ec2
            .describe_security_groups()
            .filters(tag::filter("vpc-id", &self.vpc))
            .filters(tag::filter("group-name", &self.name))
            .send()
            .await
            .explain("ec2:DescribeSecurityGroups", context)?;
        Ok(answer.security_groups.unwrap_or_default().pop())
    }

    async fn create(&self, ec2: &Ec2, context: &Context) -> StepResult<String> {
        let tags = tag::specification(ResourceType::SecurityGroup, &self.name, context);
        let answer = ec2
            .create_security_group()
            .vpc_id(&self.vpc)
            .group_name(&self.name)
            .description(&self.description)
            .tag_specifications(tags)
            .send()
            .await
            .explain("ec2:CreateSecurityGroup", context)?;
        answer
            .group_id
            .ok_or_else(|| incomplete("CreateSecurityGroup", "an id"))
    }

    /// The rules that group `id`, which has `current`, is to have.
    fn wished(&self, id: &str, current: &Rules) -> StepResult<Rules> {
        let all = |rules: &[Rule]| -> StepResult<_> {
            rules.iter().map(|rule| rule.allowed(id)).collect()
        };
        let egress = match &self.egress {
            Some(rules) => all(rules)?,
            None => current.egress.clone(),
        };
        Ok(Rules {
            ingress: all(&self.ingress)?,
            egress,
        })
    }
}

impl Rule {
    fn allowed(&self, own: &str) -> StepResult<Allowed> {
        let side = match (&self.cidr, self.source_group.as_deref()) {
            (Some(cidr), None) => Side::Cidr(cidr.clone()),
            (None, Some("self")) => Side::Group(own.to_owned()),
            (None, Some(group)) => Side::Group(group.to_owned()),
            (None, None) | (Some(_), Some(_)) => {
                return Err(Fault::new(
                    FaultKind::Invalid,
                    "a rule needs exactly one of `cidr` and `source_group`",
                ));
            }
        };
        let protocol = match self.protocol.as_str() {
            "all" => "-1",
            named => named,
        };
        // The whole span stands as nothing, 0 to 65535 or -1, depending on who is asked.
        let whole = if matches!(protocol, "tcp" | "udp") {
            (0, 65_535)
        } else {
            (-1, -1)
        };
        let (from, to) = match (self.from_port, self.to_port) {
            _ if protocol == "-1" => whole,
            (None, None) => whole,
            (Some(from), to) => (from, to.unwrap_or(from)),
            (None, Some(to)) => (to, to),
        };
        Ok(Allowed {
            protocol: protocol.to_owned(),
            from,
            to,
            side,
            description: self.description.clone(),
        })
    }
}

fn output(group: &SecurityGroup) -> Ensured {
    Ensured {
        group_id: tag::text(group.group_id()),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::authorize_security_group_ingress::AuthorizeSecurityGroupIngressOutput;
    use aws_sdk_ec2::operation::create_security_group::CreateSecurityGroupOutput;
    use aws_sdk_ec2::operation::delete_security_group::DeleteSecurityGroupOutput;
    use aws_sdk_ec2::operation::describe_security_groups::DescribeSecurityGroupsOutput;
    use aws_sdk_ec2::operation::revoke_security_group_ingress::RevokeSecurityGroupIngressOutput;
    use aws_sdk_ec2::types::{IpPermission, IpRange, Tag, UserIdGroupPair};
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn ensure() -> Ensure {
        serde_json::from_value(serde_json::json!({
            "name": "web", "vpc": "vpc-1", "description": "web servers",
            "ingress": [
                { "protocol": "tcp", "from_port": 443, "cidr": "0.0.0.0/0", "description": "all" },
                { "protocol": "tcp", "from_port": 80, "source_group": "self" },
            ],
        }))
        .unwrap()
    }

    fn tcp(port: i32) -> aws_sdk_ec2::types::builders::IpPermissionBuilder {
        IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(port)
            .to_port(port)
    }

    fn from_anywhere(port: i32) -> IpPermission {
        tcp(port)
            .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build())
            .build()
    }

    fn from_itself(port: i32) -> IpPermission {
        tcp(port)
            .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-1").build())
            .build()
    }

    fn group(token: &str, ingress: &[IpPermission]) -> aws_smithy_mocks::Rule {
        let group = SecurityGroup::builder()
            .group_id("sg-1")
            .set_ip_permissions(Some(ingress.to_vec()))
            .tags(Tag::builder().key("runbook:token").value(token).build())
            .build();
        mock!(Client::describe_security_groups).then_output(move || {
            DescribeSecurityGroupsOutput::builder()
                .security_groups(group.clone())
                .build()
        })
    }

    fn authorized() -> aws_smithy_mocks::Rule {
        mock!(Client::authorize_security_group_ingress)
            .match_requests(|request| request.ip_permissions().len() == 1)
            .then_output(|| AuthorizeSecurityGroupIngressOutput::builder().build())
    }

    fn revoked(port: i32) -> aws_smithy_mocks::Rule {
        mock!(Client::revoke_security_group_ingress)
            .match_requests(move |request| request.ip_permissions()[0].from_port() == Some(port))
            .then_output(|| RevokeSecurityGroupIngressOutput::builder().build())
    }

    #[tokio::test]
    async fn equal_rules_in_another_order_are_the_same() {
        let found = group("x", &[from_itself(80), from_anywhere(443)]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found]));
        let observed = ensure().observe(&ec2, &context()).await.unwrap();
        assert_eq!(
            observed,
            Observed::Same(Ensured {
                group_id: "sg-1".to_owned()
            })
        );
    }

    #[tokio::test]
    async fn only_the_difference_is_written_and_undo_writes_it_back() {
        let found = group("x", &[from_anywhere(443), from_anywhere(22)]);
        let (authorized, revoked) = (authorized(), revoked(22));
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found, &authorized, &revoked]));
        let Observed::Differs(before) = ensure().observe(&ec2, &context()).await.unwrap() else {
            panic!("port 22 is open, port 80 is not");
        };
        ensure().apply(&before, &ec2, &context()).await.unwrap();
        assert_eq!((authorized.num_calls(), revoked.num_calls()), (1, 1));

        let (again, taken) = (self::authorized(), self::revoked(80));
        let now = group("x", &[from_anywhere(443), from_itself(80)]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&now, &again, &taken]));
        ensure()
            .undo(&before, None, &ec2, &context())
            .await
            .unwrap();
        assert_eq!((again.num_calls(), taken.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn a_new_group_gets_its_rules() {
        let none = mock!(Client::describe_security_groups)
            .then_output(|| DescribeSecurityGroupsOutput::builder().build());
        let created = mock!(Client::create_security_group).then_output(|| {
            CreateSecurityGroupOutput::builder()
                .group_id("sg-1")
                .build()
        });
        let authorized = authorized();
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&none, &created, &authorized]));
        let before = Before { existed: None };
        ensure().apply(&before, &ec2, &context()).await.unwrap();
        assert_eq!((created.num_calls(), authorized.num_calls()), (1, 2));
    }

    #[tokio::test]
    async fn undo_deletes_what_this_step_made() {
        let deleted = mock!(Client::delete_security_group)
            .then_output(|| DeleteSecurityGroupOutput::builder().build());
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&group(TOKEN, &[]), &deleted]));
        ensure()
            .undo(&Before { existed: None }, None, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(deleted.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_rule_needs_one_other_side() {
        let mut wrong = ensure();
        wrong.ingress[0].source_group = Some("sg-2".to_owned());
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&group("x", &[])]));
        assert_eq!(
            wrong.observe(&ec2, &context()).await.unwrap_err().kind,
            FaultKind::Invalid
        );
    }
}
