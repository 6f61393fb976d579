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
use crate::aws::fault::{Expect, not_found};

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
        let Some(zone) = find::zone_id(route53, context, &self.zone)
            .await
            .or_absent()?
        else {
            return Ok(Progress::Done(()));
        };
        let Some(pair) = self.pair(route53, context, &zone).await.or_absent()? else {
            return Ok(Progress::Done(()));
        };
        if pair.other.set_identifier.as_ref() != Some(&before.primary) {
            let message = format!(
                "record `{}` has another partner since; it is left as it is",
                self.primary
            );
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
                let message = format!(
                    "record `{}` of `{}` has no partner to swap roles with",
                    self.primary, self.name
                );
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

#[cfg(test)]
mod tests {
    use aws_sdk_route53::Client;
    use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsOutput;
    use aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput;
    use aws_sdk_route53::types::{
        AliasTarget, ResourceRecordSet, ResourceRecordSetFailover, RrType,
    };
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::answering;

    fn context(token: &str) -> Context {
        Context {
            token: token.to_owned(),
            ..crate::aws::testing::context()
        }
    }

    fn step() -> Failover {
        let with = json!({ "zone": "Z0123456", "name": "app.example.com", "primary": "standby" });
        from_value(with).unwrap()
    }

    fn record((set, role): (&str, &str)) -> ResourceRecordSet {
        let alias = AliasTarget::builder()
            .dns_name(format!("{set}.example.net."))
            .hosted_zone_id("Z35SXDOTRQ7X7K")
            .evaluate_target_health(true);
        ResourceRecordSet::builder()
            .name("app.example.com.")
            .r#type(RrType::A)
            .set_identifier(set)
            .failover(ResourceRecordSetFailover::from(role))
            .alias_target(alias.build().unwrap())
            .build()
            .unwrap()
    }

    fn client(records: &[(&str, &str)], rules: &[&Rule]) -> Route53 {
        let all: Vec<_> = records.iter().copied().map(record).collect();
        let listed = mock!(Client::list_resource_record_sets).then_output(move || {
            ListResourceRecordSetsOutput::builder()
                .set_resource_record_sets(Some(all.clone()))
                .is_truncated(false)
                .max_items(300)
                .build()
                .unwrap()
        });
        Route53(answering!(
            aws_sdk_route53,
            [&listed].into_iter().chain(rules.iter().copied())
        ))
    }

    /// Takes one batch that leaves `primary` as the primary record, at no time two of them.
    fn takes(primary: &'static str) -> Rule {
        mock!(Client::change_resource_record_sets)
            .match_requests(move |request| {
                let mut roles = std::collections::BTreeMap::from([("live", ""), ("standby", "")]);
                for change in request.change_batch().unwrap().changes() {
                    let set = change.resource_record_set().unwrap();
                    let id = if set.set_identifier() == Some("live") {
                        "live"
                    } else {
                        "standby"
                    };
                    let role = match (change.action(), set.failover()) {
                        (ChangeAction::Create, Some(ResourceRecordSetFailover::Primary)) => {
                            "PRIMARY"
                        }
                        (ChangeAction::Create, Some(_)) => "SECONDARY",
                        _ => "",
                    };
                    roles.insert(id, role);
                    if roles["live"] == roles["standby"] && !role.is_empty() {
                        return false;
                    }
                }
                roles[primary] == "PRIMARY"
            })
            .then_output(|| ChangeResourceRecordSetsOutput::builder().build())
    }

    const BEFORE: [(&str, &str); 2] = [("live", "PRIMARY"), ("standby", "SECONDARY")];
    const AFTER: [(&str, &str); 2] = [("live", "SECONDARY"), ("standby", "PRIMARY")];

    #[tokio::test]
    async fn the_roles_are_swapped_in_one_batch_and_swapped_back() {
        let (step, context) = (step(), context("swap"));
        let sent = takes("standby");
        let route53 = client(&BEFORE, &[&sent]);
        let Observed::Differs(before) = step.observe(&route53, &context).await.unwrap() else {
            panic!("it differs");
        };
        assert_eq!(before.primary, "live");
        step.apply(&before, &route53, &context).await.unwrap();
        assert_eq!(sent.num_calls(), 1);

        let back = takes("live");
        let route53 = client(&AFTER, &[&back]);
        let Progress::Done(output) = step.apply(&before, &route53, &context).await.unwrap() else {
            panic!("it is done");
        };
        assert_eq!(
            (output.primary.as_str(), output.previous_primary.as_str()),
            ("standby", "live")
        );
        step.undo(&before, Some(&output), &route53, &context)
            .await
            .unwrap();
        assert_eq!(back.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_pair_with_these_roles_is_left_alone() {
        let route53 = client(&AFTER, &[]);
        let observed = step().observe(&route53, &context("same")).await.unwrap();
        assert!(matches!(observed, Observed::Same(_)));
    }

    #[tokio::test]
    async fn both_records_must_be_there() {
        for (records, kind) in [
            (&[("live", "PRIMARY")][..], FaultKind::NotFound),
            (&[("standby", "SECONDARY")][..], FaultKind::Invalid),
        ] {
            let route53 = client(records, &[]);
            let fault = step().observe(&route53, &context("one")).await.unwrap_err();
            assert_eq!(fault.kind, kind, "{fault}");
        }
    }
}
