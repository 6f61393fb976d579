//! `aws.ec2.route_table.ensure`

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{ResourceType, RouteTable};
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, incomplete};

/// Makes sure that a VPC has a route table of this name, and that subnets use it.
///
/// It is found by its Name tag in the VPC, together with the environment's Project and Environment
/// tags. Subnets that are not listed stay as they are. Undo gives every subnet its earlier table back
/// and deletes a table that this step created.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name tag.
    name: String,
    /// Id of the VPC.
    vpc: String,
    /// Ids of the subnets that use the table.
    #[serde(default)]
    subnets: Vec<String>,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ensured {
    /// Id of the route table.
    route_table_id: String,
    /// Ids of the associations, in the order of the subnets.
    association_ids: Vec<String>,
}

/// The table that each subnet used; none where it used the VPC's main table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    subnets: BTreeMap<String, Option<String>>,
}

impl Args for Ensure {
    const KIND: &'static str = "aws.ec2.route_table.ensure";
    const IAM: &'static [&'static str] = &[
        "ec2:AssociateRouteTable",
        "ec2:CreateRouteTable",
        "ec2:CreateTags",
        "ec2:DeleteRouteTable",
        "ec2:DescribeRouteTables",
        "ec2:DisassociateRouteTable",
        "ec2:ReplaceRouteTableAssociation",
    ];
    type Client = Ec2;
    type Output = Ensured;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Token;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Ensured>> {
        let world = World::look(&self.vpc, ec2, context).await?;
        if let Some(table) = self.find(&world, context)?
            && let Some(output) = self.output(table, &world)
        {
            return Ok(tag::settled(table.tags(), context, output));
        }
        let subnets = self.subnets.iter().map(|subnet| {
            let table = world.association(subnet).map(|held| held.table.clone());
            (subnet.clone(), table)
        });
        Ok(Observed::Differs(Before {
            subnets: subnets.collect(),
        }))
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Ensured>> {
        let world = World::look(&self.vpc, ec2, context).await?;
        let table = match self.find(&world, context)? {
            Some(table) => tag::text(table.route_table_id()),
            None => self.create(ec2, context).await?,
        };
        let mut association_ids = Vec::new();
        for subnet in &self.subnets {
            let association = match world.association(subnet) {
                Some(held) if held.table == table => held.id.clone(),
                Some(held) => replace(&held.id, &table, ec2, context).await?,
                None => {
                    let made = associate(&table, subnet, ec2, context).await;
                    tag::fresh(made, &table)?
                }
            };
            association_ids.push(association);
        }
        Ok(Progress::Done(Ensured {
            route_table_id: table,
            association_ids,
        }))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Ensured>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let world = World::look(&self.vpc, ec2, context).await?;
        let Some(table) = self.find(&world, context)? else {
            return Ok(Progress::Done(()));
        };
        let id = tag::text(table.route_table_id());
        let made = tag::ours(table.tags(), context);
        for (subnet, earlier) in &before.subnets {
            let Some(held) = world.association(subnet).filter(|held| held.table == id) else {
                continue;
            };
            match earlier {
                Some(earlier) if *earlier == id => {}
                Some(earlier) => {
                    replace(&held.id, earlier, ec2, context).await?;
                }
                None => disassociate(&held.id, ec2, context).await?,
            }
        }
        if made {
            let deleted = ec2.delete_route_table().route_table_id(id).send().await;
            deleted
                .explain("ec2:DeleteRouteTable", context)
                .or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Ensure {
    fn find<'a>(&self, world: &'a World, context: &Context) -> StepResult<Option<&'a RouteTable>> {
        let named = |table: &&RouteTable| {
            let tags = table.tags();
            tag::value(tags, "Name") == Some(self.name.as_str())
                && crate::aws::tags::scope(context)
                    .all(|(key, value)| tag::value(tags, key) == Some(value))
        };
        let found: Vec<&RouteTable> = world.tables.iter().filter(named).collect();
        let what = format!("route table `{}`", self.name);
        tag::single(found, |table| table.tags(), &what, context)
    }

    /// The output when every subnet uses `table` already.
    fn output(&self, table: &RouteTable, world: &World) -> Option<Ensured> {
        let id = tag::text(table.route_table_id());
        let of = |subnet: &String| {
            let held = world.association(subnet).filter(|held| held.table == id)?;
            Some(held.id.clone())
        };
        let association_ids = self.subnets.iter().map(of).collect::<Option<_>>()?;
        Some(Ensured {
            route_table_id: id,
            association_ids,
        })
    }

    async fn create(&self, ec2: &Ec2, context: &Context) -> StepResult<String> {
        let answer = ec2
            .create_route_table()
            .vpc_id(&self.vpc)
            .client_token(&context.token)
            .tag_specifications(tag::specification(
                ResourceType::RouteTable,
                &self.name,
                context,
            ))
            .send()
            .await
            .explain("ec2:CreateRouteTable", context)?;
        answer
            .route_table
            .and_then(|table| table.route_table_id)
            .ok_or_else(|| incomplete("CreateRouteTable", "a table"))
    }
}

/// All route tables of the VPC, with all associations: one call tells everything.
struct World {
    tables: Vec<RouteTable>,
    associations: BTreeMap<String, Association>,
}

struct Association {
    id: String,
    table: String,
}

impl World {
    async fn look(vpc: &str, ec2: &Ec2, context: &Context) -> StepResult<Self> {
        let mut tables = Vec::new();
        let mut pages = ec2
            .describe_route_tables()
            .filters(tag::filter("vpc-id", vpc))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.explain("ec2:DescribeRouteTables", context)?;
            tables.extend(page.route_tables.unwrap_or_default());
        }
        let associations = tables.iter().flat_map(RouteTable::associations);
        let associations = associations.filter_map(|held| {
            let association = Association {
                id: tag::text(held.route_table_association_id()),
                table: tag::text(held.route_table_id()),
            };
            Some((held.subnet_id()?.to_owned(), association))
        });
        Ok(Self {
            associations: associations.collect(),
            tables,
        })
    }

    fn association(&self, subnet: &str) -> Option<&Association> {
        self.associations.get(subnet)
    }
}

async fn associate(table: &str, subnet: &str, ec2: &Ec2, context: &Context) -> StepResult<String> {
    let answer = ec2
        .associate_route_table()
        .route_table_id(table)
        .subnet_id(subnet)
        .send()
        .await
        .explain("ec2:AssociateRouteTable", context)?;
    Ok(tag::text(answer.association_id()))
}

async fn replace(held: &str, table: &str, ec2: &Ec2, context: &Context) -> StepResult<String> {
    let answer = ec2
        .replace_route_table_association()
        .association_id(held)
        .route_table_id(table)
        .send()
        .await
        .explain("ec2:ReplaceRouteTableAssociation", context)?;
    Ok(tag::text(answer.new_association_id()))
}

async fn disassociate(held: &str, ec2: &Ec2, context: &Context) -> StepResult<()> {
    ec2.disassociate_route_table()
        .association_id(held)
        .send()
        .await
        .explain("ec2:DisassociateRouteTable", context)
        .or_absent()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::delete_route_table::DeleteRouteTableOutput;
    use aws_sdk_ec2::operation::describe_route_tables::DescribeRouteTablesOutput;
    use aws_sdk_ec2::operation::disassociate_route_table::DisassociateRouteTableOutput;
    use aws_sdk_ec2::operation::replace_route_table_association::ReplaceRouteTableAssociationOutput;
    use aws_sdk_ec2::types::{RouteTableAssociation, Tag};
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn ensure() -> Ensure {
        serde_json::from_value(serde_json::json!({
            "name": "private-a", "vpc": "vpc-1", "subnets": ["subnet-1", "subnet-2"],
        }))
        .unwrap()
    }

    fn table(id: &str, name: &str, token: &str, subnets: &[&str]) -> RouteTable {
        let tags = [
            ("Name", name),
            ("runbook:token", token),
            ("Project", "shop"),
            ("Environment", "test"),
        ];
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let associations = subnets.iter().map(|subnet| {
            RouteTableAssociation::builder()
                .route_table_association_id(format!("assoc-{subnet}"))
                .route_table_id(id)
                .subnet_id(*subnet)
                .build()
        });
        RouteTable::builder()
            .route_table_id(id)
            .set_tags(Some(tags.to_vec()))
            .set_associations(Some(associations.collect()))
            .build()
    }

    fn tables(found: &[RouteTable]) -> Rule {
        let found = found.to_vec();
        mock!(Client::describe_route_tables).then_output(move || {
            DescribeRouteTablesOutput::builder()
                .set_route_tables(Some(found.clone()))
                .build()
        })
    }

    #[tokio::test]
    async fn a_table_that_all_subnets_use_is_left_alone() {
        let found = [table("rtb-1", "private-a", "x", &["subnet-1", "subnet-2"])];
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&tables(&found)]));
        let observed = ensure().observe(&ec2, &context()).await.unwrap();
        assert_eq!(
            observed,
            Observed::Same(Ensured {
                route_table_id: "rtb-1".to_owned(),
                association_ids: vec!["assoc-subnet-1".to_owned(), "assoc-subnet-2".to_owned()],
            })
        );
    }

    #[tokio::test]
    async fn a_subnet_of_another_table_moves_and_undo_moves_it_back() {
        let found = [
            table("rtb-1", "private-a", TOKEN, &["subnet-1"]),
            table("rtb-9", "other", "x", &["subnet-2"]),
        ];
        let replaced = mock!(Client::replace_route_table_association).then_output(|| {
            ReplaceRouteTableAssociationOutput::builder()
                .new_association_id("assoc-new")
                .build()
        });
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&tables(&found), &replaced]));
        let Observed::Differs(seen) = ensure().observe(&ec2, &context()).await.unwrap() else {
            panic!("subnet-2 uses another table");
        };
        assert_eq!(seen.subnets["subnet-2"].as_deref(), Some("rtb-9"));
        let done = ensure().apply(&seen, &ec2, &context()).await.unwrap();
        let Progress::Done(output) = done else {
            panic!("nothing to wait for")
        };
        assert_eq!(output.association_ids, ["assoc-subnet-1", "assoc-new"]);
    }

    #[tokio::test]
    async fn undo_gives_subnets_back_and_deletes_what_it_made() {
        let found = [table(
            "rtb-1",
            "private-a",
            TOKEN,
            &["subnet-1", "subnet-2"],
        )];
        let replaced = mock!(Client::replace_route_table_association)
            .match_requests(|request| request.route_table_id() == Some("rtb-9"))
            .then_output(|| ReplaceRouteTableAssociationOutput::builder().build());
        let left = mock!(Client::disassociate_route_table)
            .match_requests(|request| request.association_id() == Some("assoc-subnet-1"))
            .then_output(|| DisassociateRouteTableOutput::builder().build());
        let deleted = mock!(Client::delete_route_table)
            .then_output(|| DeleteRouteTableOutput::builder().build());
        let rules = [&tables(&found), &replaced, &left, &deleted];
        let ec2 = Ec2(answering!(aws_sdk_ec2, rules));
        let subnets = [("subnet-1", None), ("subnet-2", Some("rtb-9"))];
        let before = Before {
            subnets: subnets
                .map(|(id, table)| (id.to_owned(), table.map(str::to_owned)))
                .into(),
        };
        ensure()
            .undo(&before, None, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(
            (replaced.num_calls(), left.num_calls(), deleted.num_calls()),
            (1, 1, 1)
        );
    }
}
