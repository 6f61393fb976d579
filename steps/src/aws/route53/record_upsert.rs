//! `aws.route53.record.upsert`

use std::time::Duration;

use aws_sdk_route53::types::ChangeAction;
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use super::record::{self, Alias, Kind, Record, plain};
use super::sent::{self, arrived};
use crate::aws::client::Route53;
use crate::control::span::Span;

/// Makes a DNS record or changes one.
///
/// What is not given keeps the value that the record has; a new record needs `values` or `alias`. The
/// record is known by name, type and `set_identifier`. It is done when all DNS servers of Route 53
/// have the change. Undo puts the previous record back, or deletes a record that was not there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upsert {
    /// Id or name of the hosted zone.
    zone: String,
    /// Fully qualified name of the record.
    name: String,
    /// Type of the record.
    #[serde(rename = "type")]
    kind: Kind,
    /// How long resolvers keep it: a duration, or a number of seconds. A new record gets 60 seconds.
    #[serde(default)]
    ttl: Option<Ttl>,
    /// Values, such as addresses; not together with `alias`.
    #[serde(default)]
    values: Option<Vec<String>>,
    /// The AWS resource or record that it stands for; not together with `values`.
    #[serde(default)]
    alias: Option<Alias>,
    /// Which one, of several records of this name and type.
    #[serde(default)]
    set_identifier: Option<String>,
    /// Its role in a failover pair; needs `set_identifier`.
    #[serde(default)]
    failover: Option<Role>,
    /// Its share of the answers, from 0 to 255; needs `set_identifier`.
    #[serde(default)]
    weight: Option<u8>,
    /// Id of the health check that it depends on.
    #[serde(default)]
    health_check: Option<String>,
    /// Whether to wait until all DNS servers have the change.
    #[serde(default = "yes")]
    wait: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum Ttl {
    Seconds(u32),
    Span(Span),
}

impl Ttl {
    fn seconds(self) -> i64 {
        match self {
            Self::Seconds(seconds) => i64::from(seconds),
            Self::Span(span) => i64::from(span.as_seconds()),
        }
    }
}

/// A role in a failover pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
enum Role {
    /// Answers while it is healthy.
    Primary,
    /// Answers while the primary one is not healthy.
    Secondary,
}

fn yes() -> bool {
    true
}

/// The change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Upserted {
    /// Name of the record.
    name: String,
    /// Route 53's id of the change, when it is known.
    change_id: Option<String>,
    /// The record as it was before; null when there was none.
    previous: Option<Record>,
}

/// The record before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    previous: Option<Record>,
}

impl Args for Upsert {
    const KIND: &'static str = "aws.route53.record.upsert";
    const IAM: &'static [&'static str] = &[
        "route53:ChangeResourceRecordSets",
        "route53:GetChange",
        "route53:ListHostedZonesByName",
        "route53:ListResourceRecordSets",
    ];
    const TIMEOUT: Duration = Duration::from_secs(600);
    type Client = Route53;
    type Output = Upserted;
}

impl Change for Upsert {
    type Before = Before;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Observed<Before, Upserted>> {
        let zone = find::zone_id(route53, context, &self.zone).await?;
        let previous = self.find(route53, context, &zone).await?;
        let wish = self.wish(previous.as_ref())?;
        Ok(if previous.as_ref() == Some(&wish) {
            Observed::Same(self.output(None, previous))
        } else {
            Observed::Differs(Before { previous })
        })
    }

    async fn apply(
        &self,
        before: &Before,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Progress<Upserted>> {
        let zone = find::zone_id(route53, context, &self.zone).await?;
        let wish = self.wish(before.previous.as_ref())?;
        // A record that is as wished was written by an earlier call: a second change would only
        // start the wait again.
        if self.find(route53, context, &zone).await?.as_ref() != Some(&wish) {
            record::send(route53, context, &zone, &[(ChangeAction::Upsert, &wish)]).await?;
        }
        if !self.wait {
            let change = sent::last(context).map(|id| sent::bare(&id).to_owned());
            return Ok(Progress::Done(self.output(change, before.previous.clone())));
        }
        Ok(match arrived(route53, context).await? {
            Progress::Done(change) => {
                Progress::Done(self.output(change, before.previous.clone()))
            }
            Progress::Again { after, note } => Progress::Again { after, note },
        })
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Upserted>,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let zone = find::zone_id(route53, context, &self.zone).await?;
        let now = self.find(route53, context, &zone).await?;
        if now != before.previous {
            let wish = self.wish(before.previous.as_ref())?;
            let change = match (&now, &before.previous) {
                (Some(now), previous) if *now == wish => match previous {
                    Some(previous) => (ChangeAction::Upsert, previous),
                    None => (ChangeAction::Delete, now),
                },
                (Some(_) | None, _) => {
                    let message = format!("record `{}` was changed since; it is left as it is", self.name);
                    return Err(Fault::new(FaultKind::Conflict, message));
                }
            };
            record::send(route53, context, &zone, &[change]).await?;
        }
        if !self.wait {
            return Ok(Progress::Done(()));
        }
        Ok(match arrived(route53, context).await? {
            Progress::Done(_) => Progress::Done(()),
            Progress::Again { after, note } => Progress::Again { after, note },
        })
    }
}

impl Upsert {
    async fn find(
        &self,
        route53: &Route53,
        context: &Context,
        zone: &str,
    ) -> StepResult<Option<Record>> {
        let key = (zone, self.name.as_str(), self.kind.as_str());
        let records = find::records(route53, context, key).await?;
        Ok(records
            .into_iter()
            .find(|record| record.set_identifier == self.set_identifier))
    }

    /// The record as it shall be, given the one that is there.
    fn wish(&self, previous: Option<&Record>) -> StepResult<Record> {
        let mut wish = previous.cloned().unwrap_or_else(|| self.blank());
        match (&self.values, &self.alias, previous) {
            (Some(_), Some(_), _) => return Err(wrong("give `values` or `alias`, not both")),
            (None, None, None) => {
                let message = format!("record `{}` does not exist: give `values` or `alias`", self.name);
                return Err(wrong(&message));
            }
            (Some(values), None, _) => {
                wish.values = values.iter().map(|value| self.value(value)).collect();
                wish.values.sort();
                wish.alias = None;
                wish.ttl = Some(wish.ttl.unwrap_or(60));
            }
            (None, Some(alias), _) => {
                wish.alias = Some(Alias {
                    dns_name: plain(&alias.dns_name),
                    ..alias.clone()
                });
                wish.values = Vec::new();
                wish.ttl = None;
            }
            (None, None, Some(_)) => {}
        }
        if let Some(ttl) = self.ttl {
            if wish.alias.is_some() {
                return Err(wrong("an alias has no `ttl`: it has the one of its target"));
            }
            wish.ttl = Some(ttl.seconds());
        }
        if let Some(health_check) = &self.health_check {
            wish.health_check = Some(health_check.clone());
        }
        self.route(&mut wish)?;
        Ok(wish)
    }

    fn route(&self, wish: &mut Record) -> StepResult<()> {
        if self.failover.is_some() && self.weight.is_some() {
            return Err(wrong("give `failover` or `weight`, not both"));
        }
        if self.failover.is_some() || self.weight.is_some() {
            if self.set_identifier.is_none() {
                return Err(wrong("`failover` and `weight` need a `set_identifier`"));
            }
            (wish.region, wish.location, wish.multivalue) = (None, None, None);
            wish.failover = self.failover.map(|role| match role {
                Role::Primary => "PRIMARY".to_owned(),
                Role::Secondary => "SECONDARY".to_owned(),
            });
            wish.weight = self.weight.map(i64::from);
        }
        let routed = wish.failover.is_some()
            || wish.weight.is_some()
            || wish.region.is_some()
            || wish.location.is_some()
            || wish.multivalue.is_some();
        if wish.set_identifier.is_some() && !routed {
            return Err(wrong("a `set_identifier` needs `failover` or `weight`"));
        }
        Ok(())
    }

    fn blank(&self) -> Record {
        Record {
            name: plain(&self.name),
            kind: self.kind.as_str().to_owned(),
            ttl: None,
            values: Vec::new(),
            alias: None,
            set_identifier: self.set_identifier.clone(),
            failover: None,
            weight: None,
            region: None,
            location: None,
            multivalue: None,
            health_check: None,
        }
    }

    fn value(&self, value: &str) -> String {
        if self.kind == Kind::Txt && !value.starts_with('"') {
            format!("\"{}\"", value.replace('"', "\\\""))
        } else {
            value.to_owned()
        }
    }

    fn output(&self, change_id: Option<String>, previous: Option<Record>) -> Upserted {
        Upserted {
            name: plain(&self.name),
            change_id,
            previous,
        }
    }
}

fn wrong(message: &str) -> Fault {
    Fault::new(FaultKind::Invalid, message)
}
