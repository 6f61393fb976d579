//! A DNS record as steps see it, journal it and put it back.

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, GeoLocation, ResourceRecord, ResourceRecordSet,
};
use runbook_step::{Context, Fault, FaultKind, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sent;
use crate::aws::client::Route53;
use crate::aws::fault::Explain;

/// A record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Record {
    /// Its name, without the last dot.
    pub(super) name: String,
    /// Its type, such as `A`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Seconds that resolvers keep it; none for an alias.
    pub(super) ttl: Option<i64>,
    /// Its values, sorted; none for an alias.
    pub(super) values: Vec<String>,
    /// What it is an alias of.
    pub(super) alias: Option<Alias>,
    /// What tells records of one name and type apart.
    pub(super) set_identifier: Option<String>,
    /// `PRIMARY` or `SECONDARY`.
    pub(super) failover: Option<String>,
    /// Its share of the answers.
    pub(super) weight: Option<i64>,
    /// The region that it answers for, with latency routing.
    pub(super) region: Option<String>,
    /// Where the clients are that it answers, with geolocation routing.
    pub(super) location: Option<Location>,
    /// Whether it is one of several answers given at once.
    pub(super) multivalue: Option<bool>,
    /// Id of the health check that it depends on.
    pub(super) health_check: Option<String>,
}

/// What an alias record stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(crate) struct Alias {
    /// DNS name of the target, such as the one of a load balancer.
    pub(super) dns_name: String,
    /// Hosted zone of the target, such as the one of a load balancer.
    pub(super) zone_id: String,
    /// Whether the alias counts as unhealthy when its target is.
    #[serde(default = "yes")]
    pub(super) evaluate_target_health: bool,
}

/// Where clients are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Location {
    /// Continent code.
    continent: Option<String>,
    /// Country code; `*` for all others.
    country: Option<String>,
    /// State code.
    subdivision: Option<String>,
}

fn yes() -> bool {
    true
}

/// A DNS name in the form that compares equal: lower case, no last dot, `*` written as such.
pub(super) fn plain(name: &str) -> String {
    name.trim_end_matches('.')
        .to_ascii_lowercase()
        .replace("\\052", "*")
}

impl Record {
    /// Reads a record set; refuses those that could not be written back.
    pub(super) fn read(set: &ResourceRecordSet) -> StepResult<Self> {
        let name = plain(set.name());
        let foreign = if set.cidr_routing_config().is_some() {
            Some("IP-based routing")
        } else if set.geo_proximity_location().is_some() {
            Some("geoproximity routing")
        } else {
            set.traffic_policy_instance_id().map(|_| "a traffic policy")
        };
        if let Some(foreign) = foreign {
            let message = format!("record `{name}` has {foreign}, which this step does not know");
            return Err(Fault::new(FaultKind::Invalid, message));
        }
        let text = |text: &str| text.to_owned();
        let mut values: Vec<_> = set
            .resource_records()
            .iter()
            .map(|record| record.value().to_owned())
            .collect();
        values.sort();
        Ok(Self {
            name,
            kind: set.r#type().as_str().to_owned(),
            ttl: set.ttl(),
            values,
            alias: set.alias_target().map(|alias| Alias {
                dns_name: plain(alias.dns_name()),
                zone_id: sent::bare(alias.hosted_zone_id()).to_owned(),
                evaluate_target_health: alias.evaluate_target_health(),
            }),
            set_identifier: set.set_identifier().map(text),
            failover: set.failover().map(|failover| failover.as_str().to_owned()),
            weight: set.weight(),
            region: set.region().map(|region| region.as_str().to_owned()),
            location: set.geo_location().map(|location| Location {
                continent: location.continent_code().map(text),
                country: location.country_code().map(text),
                subdivision: location.subdivision_code().map(text),
            }),
            multivalue: set.multi_value_answer(),
            health_check: set.health_check_id().map(text),
        })
    }

    fn write(&self) -> Result<ResourceRecordSet, BuildError> {
        let values = self
            .values
            .iter()
            .map(|value| ResourceRecord::builder().value(value).build())
            .collect::<Result<Vec<_>, _>>()?;
        let alias = self.alias.as_ref().map(|alias| {
            AliasTarget::builder()
                .dns_name(format!("{}.", alias.dns_name))
                .hosted_zone_id(&alias.zone_id)
                .evaluate_target_health(alias.evaluate_target_health)
                .build()
        });
        let location = self.location.as_ref().map(|location| {
            GeoLocation::builder()
                .set_continent_code(location.continent.clone())
                .set_country_code(location.country.clone())
                .set_subdivision_code(location.subdivision.clone())
                .build()
        });
        ResourceRecordSet::builder()
            .name(format!("{}.", self.name))
            .r#type(self.kind.as_str().into())
            .set_ttl(self.ttl)
            .set_resource_records((!values.is_empty()).then_some(values))
            .set_alias_target(alias.transpose()?)
            .set_set_identifier(self.set_identifier.clone())
            .set_failover(self.failover.as_deref().map(Into::into))
            .set_weight(self.weight)
            .set_region(self.region.as_deref().map(Into::into))
            .set_geo_location(location)
            .set_multi_value_answer(self.multivalue)
            .set_health_check_id(self.health_check.clone())
            .build()
    }
}

/// Sends `changes` as one batch: all of them or none.
pub(super) async fn send(
    route53: &Route53,
    context: &Context,
    zone: &str,
    changes: &[(ChangeAction, &Record)],
) -> StepResult<()> {
    let batch = batch(changes, context).map_err(|error| {
        Fault::new(
            FaultKind::Internal,
            format!("the change is incomplete: {error}"),
        )
    })?;
    let answer = route53
        .change_resource_record_sets()
        .hosted_zone_id(zone)
        .change_batch(batch)
        .send()
        .await
        .explain("route53:ChangeResourceRecordSets", context)?;
    sent::remember(context, answer.change_info());
    Ok(())
}

fn batch(
    changes: &[(ChangeAction, &Record)],
    context: &Context,
) -> Result<ChangeBatch, BuildError> {
    let changes = changes
        .iter()
        .map(|(action, record)| {
            Change::builder()
                .action(action.clone())
                .resource_record_set(record.write()?)
                .build()
        })
        .collect::<Result<_, _>>()?;
    ChangeBatch::builder()
        .comment(format!("runbook {} {}", context.run, context.step))
        .set_changes(Some(changes))
        .build()
}

/// The type of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(super) enum Kind {
    /// IPv4 addresses.
    #[default]
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Authorities that may issue certificates.
    Caa,
    /// Another name.
    Cname,
    /// Mail servers.
    Mx,
    /// Name servers.
    Ns,
    /// The name of an address.
    Ptr,
    /// Servers of a service.
    Srv,
    /// Text; quotes are added where they are missing.
    Txt,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Caa => "CAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Srv => "SRV",
            Self::Txt => "TXT",
        }
    }
}
