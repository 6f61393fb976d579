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
use crate::aws::fault::Expect;
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
            let change = sent::forget(context);
            return Ok(Progress::Done(self.output(change, before.previous.clone())));
        }
        Ok(match arrived(route53, context).await? {
            Progress::Done(change) => Progress::Done(self.output(change, before.previous.clone())),
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
        let Some(zone) = find::zone_id(route53, context, &self.zone)
            .await
            .or_absent()?
        else {
            return Ok(Progress::Done(()));
        };
        let Some(now) = self.find(route53, context, &zone).await.or_absent()? else {
            return Ok(Progress::Done(()));
        };
        if now != before.previous {
            let wish = self.wish(before.previous.as_ref())?;
            let change = match (&now, &before.previous) {
                (Some(now), previous) if *now == wish => match previous {
                    Some(previous) => (ChangeAction::Upsert, previous),
                    None => (ChangeAction::Delete, now),
                },
                (Some(_) | None, _) => {
                    let message = format!(
                        "record `{}` was changed since; it is left as it is",
                        self.name
                    );
                    return Err(Fault::new(FaultKind::Conflict, message));
                }
            };
            record::send(route53, context, &zone, &[change]).await?;
        }
        if !self.wait {
            sent::forget(context);
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
                let message = format!(
                    "record `{}` does not exist: give `values` or `alias`",
                    self.name
                );
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

#[cfg(test)]
mod tests {
    use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsOutput;
    use aws_sdk_route53::operation::get_change::GetChangeOutput;
    use aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput;
    use aws_sdk_route53::types::{
        ChangeInfo, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
    };
    use aws_sdk_route53::{Client, primitives::DateTime};
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::{Value, from_value, json};

    use super::*;
    use crate::aws::testing::answering;

    fn context(token: &str) -> Context {
        Context {
            token: token.to_owned(),
            ..crate::aws::testing::context()
        }
    }

    fn upsert(more: Value) -> Upsert {
        let mut with = json!({ "zone": "Z0123456", "name": "App.example.com", "type": "A" });
        let fields = with.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        from_value(with).unwrap()
    }

    fn record(value: &str) -> ResourceRecordSet {
        ResourceRecordSet::builder()
            .name("app.example.com.")
            .r#type(RrType::A)
            .ttl(60)
            .resource_records(ResourceRecord::builder().value(value).build().unwrap())
            .build()
            .unwrap()
    }

    /// Lists these records, and one that stands behind them in the zone.
    fn listed(records: Vec<ResourceRecordSet>) -> Rule {
        let behind = ResourceRecordSet::builder()
            .name("www.example.com.")
            .r#type(RrType::A);
        let mut all = records;
        all.push(behind.build().unwrap());
        mock!(Client::list_resource_record_sets).then_output(move || {
            ListResourceRecordSetsOutput::builder()
                .set_resource_record_sets(Some(all.clone()))
                .is_truncated(false)
                .max_items(300)
                .build()
                .unwrap()
        })
    }

    fn info(status: ChangeStatus) -> ChangeInfo {
        ChangeInfo::builder()
            .id("/change/C1")
            .status(status)
            .submitted_at(DateTime::from_secs(0))
            .build()
            .unwrap()
    }

    /// Takes one change with this action and value.
    fn takes(action: ChangeAction, value: &'static str) -> Rule {
        mock!(Client::change_resource_record_sets)
            .match_requests(move |request| {
                let changes = request.change_batch().unwrap().changes();
                let set = changes[0].resource_record_set().unwrap();
                changes.len() == 1
                    && *changes[0].action() == action
                    && set.name() == "app.example.com."
                    && set.resource_records()[0].value() == value
            })
            .then_output(|| {
                ChangeResourceRecordSetsOutput::builder()
                    .change_info(info(ChangeStatus::Pending))
                    .build()
            })
    }

    fn change_is(status: ChangeStatus) -> Rule {
        mock!(Client::get_change).then_output(move || {
            GetChangeOutput::builder()
                .change_info(info(status.clone()))
                .build()
        })
    }

    fn client(rules: &[&Rule]) -> Route53 {
        Route53(answering!(aws_sdk_route53, rules))
    }

    #[tokio::test]
    async fn a_record_that_is_as_wished_is_left_alone() {
        let route53 = client(&[&listed(vec![record("10.0.0.1")])]);
        let step = upsert(json!({ "values": ["10.0.0.1"] }));
        let observed = step.observe(&route53, &context("same")).await.unwrap();
        assert!(matches!(
            observed,
            Observed::Same(Upserted {
                previous: Some(_),
                ..
            })
        ));
    }

    #[tokio::test]
    async fn it_waits_for_its_change_and_does_not_send_a_second_one() {
        let context = context("waits");
        let step = upsert(json!({ "values": ["10.0.0.2"] }));
        let (old, sent) = (
            listed(vec![record("10.0.0.1")]),
            takes(ChangeAction::Upsert, "10.0.0.2"),
        );
        let route53 = client(&[&old, &sent, &change_is(ChangeStatus::Pending)]);
        let Observed::Differs(before) = step.observe(&route53, &context).await.unwrap() else {
            panic!("it differs");
        };
        let again = step.apply(&before, &route53, &context).await.unwrap();
        assert!(matches!(again, Progress::Again { .. }));

        let new = listed(vec![record("10.0.0.2")]);
        let route53 = client(&[&new, &sent, &change_is(ChangeStatus::Insync)]);
        let Progress::Done(output) = step.apply(&before, &route53, &context).await.unwrap() else {
            panic!("it is done");
        };
        assert_eq!(output.change_id.as_deref(), Some("C1"));
        assert_eq!(output.previous.unwrap().values, ["10.0.0.1"]);
        assert_eq!(sent.num_calls(), 1);

        // After a restart the change is not known any more: the record itself must do.
        let route53 = client(&[&new]);
        assert!(matches!(
            step.apply(&before, &route53, &context).await,
            Ok(Progress::Done(_))
        ));
    }

    #[tokio::test]
    async fn undo_puts_the_previous_record_back_or_deletes_a_new_one() {
        let step = upsert(json!({ "values": ["10.0.0.2"] }));
        let previous = Some(Record::read(&record("10.0.0.1")).unwrap());
        for (token, previous, sent) in [
            ("back", previous, takes(ChangeAction::Upsert, "10.0.0.1")),
            ("gone", None, takes(ChangeAction::Delete, "10.0.0.2")),
        ] {
            let now = listed(vec![record("10.0.0.2")]);
            let route53 = client(&[&now, &sent, &change_is(ChangeStatus::Insync)]);
            let before = Before { previous };
            let done = step
                .undo(&before, None, &route53, &context(token))
                .await
                .unwrap();
            assert_eq!((done, sent.num_calls()), (Progress::Done(()), 1), "{token}");
        }
    }

    #[tokio::test]
    async fn undo_leaves_what_somebody_else_changed() {
        let step = upsert(json!({ "values": ["10.0.0.2"] }));
        let route53 = client(&[&listed(vec![record("10.9.9.9")])]);
        let before = Before { previous: None };
        let fault = step
            .undo(&before, None, &route53, &context("foreign"))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Conflict);
    }

    #[test]
    fn what_is_not_given_keeps_its_value() {
        let there = Record {
            set_identifier: Some("a".to_owned()),
            failover: Some("PRIMARY".to_owned()),
            health_check: Some("h-1".to_owned()),
            ..Record::read(&record("10.0.0.1")).unwrap()
        };
        let step = upsert(json!({ "set_identifier": "a", "failover": "SECONDARY" }));
        let wish = step.wish(Some(&there)).unwrap();
        assert_eq!(wish.failover.as_deref(), Some("SECONDARY"));
        assert_eq!(
            (wish.values, wish.health_check),
            (there.values.clone(), there.health_check.clone())
        );

        let alias = json!({ "dns_name": "LB.example.net.", "zone_id": "Z1" });
        let step = upsert(json!({ "set_identifier": "a", "weight": 0, "alias": alias }));
        let wish = step.wish(Some(&there)).unwrap();
        assert_eq!(
            (wish.ttl, wish.failover, wish.weight),
            (None, None, Some(0))
        );
        let alias = wish.alias.unwrap();
        assert_eq!(
            (alias.dns_name.as_str(), alias.evaluate_target_health),
            ("lb.example.net", true)
        );
    }

    #[test]
    fn what_route_53_would_refuse_is_refused_before() {
        let alias = json!({ "dns_name": "lb.example.net", "zone_id": "Z1" });
        for (with, part) in [
            (json!({}), "does not exist"),
            (
                json!({ "values": ["10.0.0.1"], "alias": alias }),
                "not both",
            ),
            (json!({ "alias": alias, "ttl": 60 }), "no `ttl`"),
            (
                json!({ "values": ["10.0.0.1"], "weight": 1 }),
                "need a `set_identifier`",
            ),
            (
                json!({ "values": ["10.0.0.1"], "set_identifier": "a" }),
                "needs `failover`",
            ),
        ] {
            let fault = upsert(with).wish(None).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Invalid);
            assert!(fault.message.contains(part), "{fault}");
        }
    }

    #[test]
    fn a_ttl_is_seconds_or_a_duration_and_text_gets_its_quotes() {
        for ttl in [json!(300), json!("5m")] {
            let with = json!({ "type": "TXT", "values": ["v=1"], "ttl": ttl });
            let wish = upsert(with).wish(None).unwrap();
            assert_eq!(
                (wish.ttl, wish.values),
                (Some(300), vec!["\"v=1\"".to_owned()])
            );
        }
    }
}
