//! `aws.route53.records.failover`

use std::time::Duration;

use aws_sdk_route53::types::ChangeAction;
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use super::record::{self, Kind, Record, plain};
use super::sent::arrived;
use crate::aws::client::Route53;
use crate::aws::fault::not_found;

/// Moves traffic to the other side of a failover pair.
///
/// The named record becomes the primary one and its partner the secondary one, in one change that
/// Route 53 makes as a whole or not at all. It is done when all DNS servers of Route 53 have the
/// change. Undo swaps the roles back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failover {
    /// Id or name of the hosted zone.
    zone: String,
    /// Fully qualified name of the records.
    name: String,
    /// Type of the records.
    #[serde(default, rename = "type")]
    kind: Kind,
    /// Set identifier of the record that shall be the primary one.
    primary: String,
}

/// Who answers now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Switched {
    /// Name of the records.
    name: String,
    /// Set identifier of the primary record.
    primary: String,
    /// Set identifier of the record that was the primary one before.
    previous_primary: String,
    /// Route 53's id of the change, when it is known.
    change_id: Option<String>,
}

/// Who was the primary one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    primary: String,
}

/// A failover pair.
struct Pair {
    named: Record,
    other: Record,
}

impl Args for Failover {
    const KIND: &'static str = "aws.route53.records.failover";
    const IAM: &'static [&'static str] = &[
        "route53:ChangeResourceRecordSets",
        "route53:GetChange",
        "route53:ListHostedZonesByName",
        "route53:ListResourceRecordSets",
    ];
    const TIMEOUT: Duration = Duration::from_secs(600);
    type Client = Route53;
    type Output = Switched;
}

impl Change for Failover {
    type Before = Before;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Observed<Before, Switched>> {
        let zone = find::zone_id(route53, context, &self.zone).await?;
        let pair = self.pair(route53, context, &zone).await?;
        Ok(if pair.is_switched() {
            Observed::Same(self.output(self.primary.clone(), None))
        } else {
            let primary = pair.other.set_identifier.unwrap_or_default();
            Observed::Differs(Before { primary })
        })
    }

    async fn apply(
        &self,
        before: &Before,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Progress<Switched>> {
        let zone = find::zone_id(route53, context, &self.zone).await?;
        let pair = self.pair(route53, context, &zone).await?;
        if !pair.is_switched() {
            pair.swap(route53, context, &zone).await?;
        }
        Ok(match arrived(route53, context).await? {
            Progress::Done(change) => Progress::Done(self.output(before.primary.clone(), change)),
            Progress::Again { after, note } => Progress::Again { after, note },
        })
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Switched>,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let zone = find::zone_id(route53, context, &self.zone).await?;
        let pair = self.pair(route53, context, &zone).await?;
        if pair.other.set_identifier.as_ref() != Some(&before.primary) {
            let message = format!("record `{}` has another partner since; it is left as it is", self.primary);
            return Err(Fault::new(FaultKind::Conflict, message));
        }
        if pair.is_switched() {
            pair.swap(route53, context, &zone).await?;
        }
        Ok(match arrived(route53, context).await? {
            Progress::Done(_) => Progress::Done(()),
            Progress::Again { after, note } => Progress::Again { after, note },
        })
    }
}

impl Pair {
    fn is_switched(&self) -> bool {
        self.named.failover.as_deref() == Some("PRIMARY")
    }

    /// Swaps the roles. Route 53 has no two primary records at any time, so both go and both come
    /// back, in one batch.
    async fn swap(&self, route53: &Route53, context: &Context, zone: &str) -> StepResult<()> {
        let named = Record {
            failover: self.other.failover.clone(),
            ..self.named.clone()
        };
        let other = Record {
            failover: self.named.failover.clone(),
            ..self.other.clone()
        };
        let changes = [
            (ChangeAction::Delete, &self.named),
            (ChangeAction::Delete, &self.other),
            (ChangeAction::Create, &named),
            (ChangeAction::Create, &other),
        ];
        record::send(route53, context, zone, &changes).await
    }
}

impl Failover {
    async fn pair(&self, route53: &Route53, context: &Context, zone: &str) -> StepResult<Pair> {
        let key = (zone, self.name.as_str(), self.kind.as_str());
        let mut records = find::records(route53, context, key).await?;
        records.retain(|record| record.failover.is_some());
        let named = |record: &Record| record.set_identifier.as_ref() == Some(&self.primary);
        let Some(position) = records.iter().position(named) else {
            let what = format!("failover record `{}` of `{}`", self.primary, self.name);
            return Err(not_found(what));
        };
        let named = records.swap_remove(position);
        match records.pop() {
            Some(other) if other.failover != named.failover => Ok(Pair { named, other }),
            Some(_) | None => {
                let message = format!("record `{}` of `{}` has no partner to swap roles with", self.primary, self.name);
                Err(Fault::new(FaultKind::Invalid, message))
            }
        }
    }

    fn output(&self, previous_primary: String, change_id: Option<String>) -> Switched {
        Switched {
            name: plain(&self.name),
            primary: self.primary.clone(),
            previous_primary,
            change_id,
        }
    }
}
