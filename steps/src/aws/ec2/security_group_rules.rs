//! The rules of a security group: compared one by one, written one by one.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroup, UserIdGroupPair,
};
use runbook_step::{Context, StepResult};
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rules {
    pub(super) ingress: BTreeSet<Allowed>,
    pub(super) egress: BTreeSet<Allowed>,
}

/// One rule as the service counts them: one protocol, one span of ports, one other side. Two that
/// differ only in their description are the same rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Allowed {
    pub(super) protocol: String,
    pub(super) from: i32,
    pub(super) to: i32,
    pub(super) side: Side,
    pub(super) description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    Cidr(String),
    Group(String),
    PrefixList(String),
}

#[derive(Clone, Copy)]
enum Direction {
    Ingress,
    Egress,
}

impl Rules {
    /// What a group has that was created a moment ago.
    pub(super) fn new_group() -> Self {
        let all = Allowed {
            protocol: "-1".to_owned(),
            from: -1,
            to: -1,
            side: Side::Cidr("0.0.0.0/0".to_owned()),
            description: None,
        };
        Self {
            ingress: BTreeSet::new(),
            egress: BTreeSet::from([all]),
        }
    }

    pub(super) fn of(group: &SecurityGroup) -> Self {
        Self {
            ingress: group
                .ip_permissions()
                .iter()
                .flat_map(Allowed::of)
                .collect(),
            egress: group
                .ip_permissions_egress()
                .iter()
                .flat_map(Allowed::of)
                .collect(),
        }
    }

    /// Adds what is missing before it takes away what is too much, so that nothing that is allowed
    /// before and after is cut in between.
    pub(super) async fn turn_into(
        &self,
        wished: &Self,
        group: &str,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<()> {
        let both = [
            (Direction::Ingress, &self.ingress, &wished.ingress),
            (Direction::Egress, &self.egress, &wished.egress),
        ];
        for (direction, current, wished) in both {
            for rule in wished.difference(current) {
                rule.authorize(direction, group, ec2, context).await?;
            }
            for rule in current.difference(wished) {
                rule.revoke(direction, group, ec2, context).await?;
            }
        }
        Ok(())
    }
}

impl Allowed {
    fn of(permission: &IpPermission) -> Vec<Self> {
        let rule = |side: Side, description: Option<&str>| Self {
            protocol: tag::text(permission.ip_protocol()),
            from: permission.from_port().unwrap_or(-1),
            to: permission.to_port().unwrap_or(-1),
            side,
            description: description.map(str::to_owned),
        };
        let v4 = permission.ip_ranges().iter();
        let v4 = v4.map(|one| rule(Side::Cidr(tag::text(one.cidr_ip())), one.description()));
        let v6 = permission.ipv6_ranges().iter();
        let v6 = v6.map(|one| rule(Side::Cidr(tag::text(one.cidr_ipv6())), one.description()));
        let groups = permission.user_id_group_pairs().iter();
        let groups =
            groups.map(|one| rule(Side::Group(tag::text(one.group_id())), one.description()));
        let lists = permission.prefix_list_ids().iter();
        let lists = lists.map(|one| {
            rule(
                Side::PrefixList(tag::text(one.prefix_list_id())),
                one.description(),
            )
        });
        v4.chain(v6).chain(groups).chain(lists).collect()
    }

    fn permission(&self) -> IpPermission {
        let described = self.description.clone();
        let permission = IpPermission::builder().ip_protocol(&self.protocol);
        let permission = match self.protocol.as_str() {
            "-1" => permission,
            _ => permission.from_port(self.from).to_port(self.to),
        };
        match &self.side {
            Side::Cidr(cidr) if cidr.contains(':') => permission.ipv6_ranges(
                Ipv6Range::builder()
                    .cidr_ipv6(cidr)
                    .set_description(described)
                    .build(),
            ),
            Side::Cidr(cidr) => permission.ip_ranges(
                IpRange::builder()
                    .cidr_ip(cidr)
                    .set_description(described)
                    .build(),
            ),
            Side::Group(group) => permission.user_id_group_pairs(
                UserIdGroupPair::builder()
                    .group_id(group)
                    .set_description(described)
                    .build(),
            ),
            Side::PrefixList(list) => permission.prefix_list_ids(
                PrefixListId::builder()
                    .prefix_list_id(list)
                    .set_description(described)
                    .build(),
            ),
        }
        .build()
    }

    // One rule in each call: a call with several is refused as a whole when one of them is there.
    async fn authorize(
        &self,
        direction: Direction,
        group: &str,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<()> {
        let rule = self.permission();
        let answer = match direction {
            Direction::Ingress => {
                let call = ec2.authorize_security_group_ingress().group_id(group);
                let answer = call.ip_permissions(rule).send().await;
                answer
                    .explain("ec2:AuthorizeSecurityGroupIngress", context)
                    .map(|_| ())
            }
            Direction::Egress => {
                let call = ec2.authorize_security_group_egress().group_id(group);
                let answer = call.ip_permissions(rule).send().await;
                answer
                    .explain("ec2:AuthorizeSecurityGroupEgress", context)
                    .map(|_| ())
            }
        };
        answer.or_code(&["InvalidPermission.Duplicate"])?;
        Ok(())
    }

    async fn revoke(
        &self,
        direction: Direction,
        group: &str,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<()> {
        let rule = self.permission();
        let answer = match direction {
            Direction::Ingress => {
                let call = ec2.revoke_security_group_ingress().group_id(group);
                let answer = call.ip_permissions(rule).send().await;
                answer
                    .explain("ec2:RevokeSecurityGroupIngress", context)
                    .map(|_| ())
            }
            Direction::Egress => {
                let call = ec2.revoke_security_group_egress().group_id(group);
                let answer = call.ip_permissions(rule).send().await;
                answer
                    .explain("ec2:RevokeSecurityGroupEgress", context)
                    .map(|_| ())
            }
        };
        answer.or_code(&["InvalidPermission.NotFound"])?;
        Ok(())
    }

    fn key(&self) -> (&str, i32, i32, &Side) {
        (&self.protocol, self.from, self.to, &self.side)
    }
}

impl PartialEq for Allowed {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Allowed {}

impl PartialOrd for Allowed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Allowed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
