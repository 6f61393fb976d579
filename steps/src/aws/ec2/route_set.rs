//! `aws.ec2.route.set`

use aws_sdk_ec2::types::{Route, RouteState};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, not_found};

/// Points a route of a route table at a target.
///
/// Exactly one of `gateway`, `nat_gateway` and `instance` is given. Undo points the route at its
/// earlier target, or deletes it when there was none; it refuses when the route points elsewhere by
/// then.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    /// Id of the route table.
    route_table: String,
    /// IPv4 or IPv6 range that the route is for, such as `0.0.0.0/0`.
    destination: String,
    /// Id of an internet gateway.
    #[serde(default)]
    gateway: Option<String>,
    /// Id of a NAT gateway.
    #[serde(default)]
    nat_gateway: Option<String>,
    /// Id of an instance that forwards traffic.
    #[serde(default)]
    instance: Option<String>,
}

/// The route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Routed {
    /// Id of the route table.
    route_table: String,
    /// Range that the route is for.
    destination: String,
    /// Id of its target.
    target: String,
    /// Id of its earlier target; absent when there was no such route or it did not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_target: Option<String>,
}

/// The earlier target of the route; none when there was no such route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    target: Option<Target>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    Gateway(String),
    NatGateway(String),
    NetworkInterface(String),
    Instance(String),
    TransitGateway(String),
    Peering(String),
}

impl Args for Set {
    const KIND: &'static str = "aws.ec2.route.set";
    const IAM: &'static [&'static str] = &[
        "ec2:CreateRoute",
        "ec2:DeleteRoute",
        "ec2:DescribeRouteTables",
        "ec2:ReplaceRoute",
    ];
    type Client = Ec2;
    type Output = Routed;
}

impl Change for Set {
    type Before = Before;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Routed>> {
        let wished = self.target()?;
        let target = self.current(ec2, context).await?;
        Ok(if target.as_ref() == Some(&wished) {
            Observed::Same(self.output(&wished, None))
        } else {
            Observed::Differs(Before { target })
        })
    }

    async fn apply(
        &self,
        before: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Routed>> {
        let wished = self.target()?;
        self.write(&wished, before.target.is_some(), ec2, context)
            .await?;
        Ok(Progress::Done(self.output(&wished, before.target.as_ref())))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Routed>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let current = match self.current(ec2, context).await.or_absent()? {
            None => return Ok(Progress::Done(())),
            Some(current) => current,
        };
        if current == before.target {
            return Ok(Progress::Done(()));
        }
        let wished = self.target()?;
        if let Some(current) = current.filter(|current| *current != wished) {
            let message = format!(
                "the route to {} in {} points at {} by now, not at {}",
                self.destination,
                self.route_table,
                current.id(),
                wished.id(),
            );
            return Err(Fault::new(FaultKind::Conflict, message));
        }
        match &before.target {
            Some(target) => self.write(target, true, ec2, context).await?,
            None => self.delete(ec2, context).await?,
        }
        Ok(Progress::Done(()))
    }
}

impl Set {
    fn target(&self) -> StepResult<Target> {
        match (&self.gateway, &self.nat_gateway, &self.instance) {
            (Some(id), None, None) => Ok(Target::Gateway(id.clone())),
            (None, Some(id), None) => Ok(Target::NatGateway(id.clone())),
            (None, None, Some(id)) => Ok(Target::Instance(id.clone())),
            _ => Err(Fault::new(
                FaultKind::Invalid,
                "a route needs exactly one of `gateway`, `nat_gateway` and `instance`",
            )),
        }
    }

    fn output(&self, target: &Target, previous: Option<&Target>) -> Routed {
        Routed {
            route_table: self.route_table.clone(),
            destination: self.destination.clone(),
            target: target.id().to_owned(),
            previous_target: previous.map(|target| target.id().to_owned()),
        }
    }

    fn v4(&self) -> Option<String> {
        (!self.destination.contains(':')).then(|| self.destination.clone())
    }

    fn v6(&self) -> Option<String> {
        self.destination
            .contains(':')
            .then(|| self.destination.clone())
    }

    async fn current(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<Target>> {
        let answer = ec2
            .describe_route_tables()
            .route_table_ids(&self.route_table)
            .send()
            .await
            .explain("ec2:DescribeRouteTables", context)?;
        let table = answer
            .route_tables()
            .first()
            .ok_or_else(|| not_found(&self.route_table))?;
        let destination = Some(self.destination.as_str());
        let route = table.routes().iter().find(|route| {
            route.destination_cidr_block() == destination
                || route.destination_ipv6_cidr_block() == destination
        });
        if route.is_some_and(|route| route.state() == Some(&RouteState::Blackhole)) {
            context.log.line(format!(
                "the target of {} is gone: a black hole",
                self.destination
            ));
        }
        Ok(route.and_then(Target::of))
    }

    async fn write(
        &self,
        target: &Target,
        exists: bool,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<()> {
        // Whichever was right a moment ago: the other one is right now.
        let written = if exists {
            self.replace(target, ec2, context).await.or_absent()?
        } else {
            self.create(target, ec2, context)
                .await
                .or_code(&["RouteAlreadyExists"])?
        };
        match written {
            Some(()) => Ok(()),
            None if exists => self.create(target, ec2, context).await,
            None => self.replace(target, ec2, context).await,
        }
    }

    async fn create(&self, target: &Target, ec2: &Ec2, context: &Context) -> StepResult<()> {
        ec2.create_route()
            .route_table_id(&self.route_table)
            .set_destination_cidr_block(self.v4())
            .set_destination_ipv6_cidr_block(self.v6())
            .set_gateway_id(target.gateway())
            .set_nat_gateway_id(target.nat_gateway())
            .set_network_interface_id(target.network_interface())
            .set_instance_id(target.instance())
            .set_transit_gateway_id(target.transit_gateway())
            .set_vpc_peering_connection_id(target.peering())
            .send()
            .await
            .explain("ec2:CreateRoute", context)?;
        Ok(())
    }

    async fn replace(&self, target: &Target, ec2: &Ec2, context: &Context) -> StepResult<()> {
        ec2.replace_route()
            .route_table_id(&self.route_table)
            .set_destination_cidr_block(self.v4())
            .set_destination_ipv6_cidr_block(self.v6())
            .set_gateway_id(target.gateway())
            .set_nat_gateway_id(target.nat_gateway())
            .set_network_interface_id(target.network_interface())
            .set_instance_id(target.instance())
            .set_transit_gateway_id(target.transit_gateway())
            .set_vpc_peering_connection_id(target.peering())
            .send()
            .await
            .explain("ec2:ReplaceRoute", context)?;
        Ok(())
    }

    async fn delete(&self, ec2: &Ec2, context: &Context) -> StepResult<()> {
        ec2.delete_route()
            .route_table_id(&self.route_table)
            .set_destination_cidr_block(self.v4())
            .set_destination_ipv6_cidr_block(self.v6())
            .send()
            .await
            .explain("ec2:DeleteRoute", context)
            .or_absent()?;
        Ok(())
    }
}

impl Target {
    fn of(route: &Route) -> Option<Self> {
        let own = |id: Option<&str>, make: fn(String) -> Self| id.map(|id| make(id.to_owned()));
        own(route.nat_gateway_id(), Self::NatGateway)
            .or_else(|| own(route.instance_id(), Self::Instance))
            .or_else(|| own(route.network_interface_id(), Self::NetworkInterface))
            .or_else(|| own(route.transit_gateway_id(), Self::TransitGateway))
            .or_else(|| own(route.vpc_peering_connection_id(), Self::Peering))
            .or_else(|| own(route.gateway_id(), Self::Gateway))
    }

    fn id(&self) -> &str {
        match self {
            Self::Gateway(id)
            | Self::NatGateway(id)
            | Self::NetworkInterface(id)
            | Self::Instance(id)
            | Self::TransitGateway(id)
            | Self::Peering(id) => id,
        }
    }

    fn gateway(&self) -> Option<String> {
        matches!(self, Self::Gateway(_)).then(|| self.id().to_owned())
    }

    fn nat_gateway(&self) -> Option<String> {
        matches!(self, Self::NatGateway(_)).then(|| self.id().to_owned())
    }

    fn network_interface(&self) -> Option<String> {
        matches!(self, Self::NetworkInterface(_)).then(|| self.id().to_owned())
    }

    fn instance(&self) -> Option<String> {
        matches!(self, Self::Instance(_)).then(|| self.id().to_owned())
    }

    fn transit_gateway(&self) -> Option<String> {
        matches!(self, Self::TransitGateway(_)).then(|| self.id().to_owned())
    }

    fn peering(&self) -> Option<String> {
        matches!(self, Self::Peering(_)).then(|| self.id().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::error::ErrorMetadata;
    use aws_sdk_ec2::operation::create_route::{CreateRouteError, CreateRouteOutput};
    use aws_sdk_ec2::operation::delete_route::DeleteRouteOutput;
    use aws_sdk_ec2::operation::describe_route_tables::DescribeRouteTablesOutput;
    use aws_sdk_ec2::operation::replace_route::ReplaceRouteOutput;
    use aws_sdk_ec2::types::RouteTable;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{answering, context};

    fn set() -> Set {
        serde_json::from_value(serde_json::json!({
            "route_table": "rtb-1", "destination": "0.0.0.0/0", "nat_gateway": "nat-b",
        }))
        .unwrap()
    }

    /// The table, its default route at NAT gateway `nat`.
    fn table(nat: Option<&str>) -> Rule {
        let route = |nat: &str| {
            Route::builder()
                .destination_cidr_block("0.0.0.0/0")
                .nat_gateway_id(nat)
                .build()
        };
        let table = RouteTable::builder()
            .set_routes(nat.map(|nat| vec![route(nat)]))
            .build();
        mock!(Client::describe_route_tables).then_output(move || {
            DescribeRouteTablesOutput::builder()
                .route_tables(table.clone())
                .build()
        })
    }

    fn nat(id: &str) -> Before {
        Before {
            target: Some(Target::NatGateway(id.to_owned())),
        }
    }

    fn replaced(nat: &'static str) -> Rule {
        mock!(Client::replace_route)
            .match_requests(move |request| request.nat_gateway_id() == Some(nat))
            .then_output(|| ReplaceRouteOutput::builder().build())
    }

    #[tokio::test]
    async fn observe_keeps_the_earlier_target() {
        let look = async |found: Option<&str>| {
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&table(found)]));
            set().observe(&ec2, &context()).await.unwrap()
        };
        assert_eq!(look(None).await, Observed::Differs(Before { target: None }));
        assert_eq!(look(Some("nat-a")).await, Observed::Differs(nat("nat-a")));
        assert!(matches!(look(Some("nat-b")).await, Observed::Same(_)));
    }

    #[tokio::test]
    async fn a_route_that_appeared_meanwhile_is_replaced() {
        let created = mock!(Client::create_route).then_error(|| {
            let code = ErrorMetadata::builder().code("RouteAlreadyExists").build();
            CreateRouteError::generic(code)
        });
        let replace = replaced("nat-b");
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&created, &replace]));
        set()
            .apply(&Before { target: None }, &ec2, &context())
            .await
            .unwrap();
        assert_eq!((created.num_calls(), replace.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn a_new_route_is_created_and_undo_deletes_it() {
        let created =
            mock!(Client::create_route).then_output(|| CreateRouteOutput::builder().build());
        let deleted =
            mock!(Client::delete_route).then_output(|| DeleteRouteOutput::builder().build());
        let ec2 = Ec2(answering!(
            aws_sdk_ec2,
            [&created, &deleted, &table(Some("nat-b"))]
        ));
        let before = Before { target: None };
        let Progress::Done(output) = set().apply(&before, &ec2, &context()).await.unwrap() else {
            panic!("nothing to wait for");
        };
        assert_eq!(
            (output.target.as_str(), &output.previous_target),
            ("nat-b", &None)
        );
        set()
            .undo(&before, Some(&output), &ec2, &context())
            .await
            .unwrap();
        assert_eq!((created.num_calls(), deleted.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn undo_points_back_once_and_refuses_a_changed_world() {
        let undo = async |found: Option<&str>| {
            let back = replaced("nat-a");
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&table(found), &back]));
            let undone = set().undo(&nat("nat-a"), None, &ec2, &context()).await;
            (undone.map_err(|fault| fault.kind), back.num_calls())
        };
        assert_eq!(undo(Some("nat-b")).await, (Ok(Progress::Done(())), 1));
        assert_eq!(undo(Some("nat-a")).await, (Ok(Progress::Done(())), 0));
        assert_eq!(undo(Some("nat-z")).await, (Err(FaultKind::Conflict), 0));
    }

    #[tokio::test]
    async fn one_target_is_needed() {
        let two = Set {
            gateway: Some("igw-1".to_owned()),
            ..set()
        };
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&table(None)]));
        assert_eq!(
            two.observe(&ec2, &context()).await.unwrap_err().kind,
            FaultKind::Invalid
        );
    }
}
