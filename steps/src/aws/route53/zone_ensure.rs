//! `aws.route53.zone.ensure`

use std::time::Duration;

use aws_sdk_route53::operation::get_hosted_zone::GetHostedZoneOutput;
use aws_sdk_route53::types::{HostedZoneConfig, TagResourceType, Vpc, VpcRegion};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use super::sent::{self, arrived, bare};
use crate::aws::client::{Route53, region};
use crate::aws::fault::{Expect, Explain};

/// Makes sure that a hosted zone exists.
///
/// A public zone is found by its name, a private one by its name and VPC. Undo deletes a zone that
/// this step made, if it is empty.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Domain name of the zone.
    name: String,
    /// Whether only a VPC sees it.
    #[serde(default)]
    private: bool,
    /// The VPC that sees a private zone.
    #[serde(default)]
    vpc: Option<String>,
    /// The region of the VPC; the step's own when absent.
    #[serde(default)]
    vpc_region: Option<String>,
}

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Zone {
    /// Its id.
    zone_id: String,
    /// The servers that answer for it; none for a private zone.
    name_servers: Vec<String>,
}

/// The zone was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

/// A zone that was found.
struct Known {
    zone: Zone,
    own: bool,
}

impl Args for Ensure {
    const KIND: &'static str = "aws.route53.zone.ensure";
    const IAM: &'static [&'static str] = &[
        "ec2:DescribeVpcs",
        "route53:ChangeTagsForResource",
        "route53:CreateHostedZone",
        "route53:DeleteHostedZone",
        "route53:GetChange",
        "route53:GetHostedZone",
        "route53:ListHostedZonesByName",
        "route53:ListTagsForResource",
    ];
    type Client = Route53;
    type Output = Zone;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Token;

    async fn observe(
        &self,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Observed<Before, Zone>> {
        self.check()?;
        Ok(match self.find(route53, context).await? {
            None => Observed::Differs(Before {}),
            Some(Known { zone, own: false }) => Observed::Same(zone),
            Some(Known { zone, own: true }) => {
                let of = (TagResourceType::Hostedzone, zone.zone_id.as_str());
                if find::has_token_tag(route53, context, of).await? {
                    Observed::Adopted(zone)
                } else {
                    Observed::Differs(Before {})
                }
            }
        })
    }

    async fn apply(
        &self,
        _: &Before,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Progress<Zone>> {
        let known = match self.find(route53, context).await? {
            Some(known) => Some(known),
            None => {
                self.create(route53, context).await?;
                self.find(route53, context).await?
            }
        };
        let Some(Known { zone, own }) = known else {
            return Ok(Progress::Again {
                after: Duration::from_secs(2),
                note: format!("zone {} is made but not visible yet", self.name),
            });
        };
        if own {
            let what = (
                TagResourceType::Hostedzone,
                zone.zone_id.as_str(),
                self.name.as_str(),
            );
            find::tag(route53, context, what).await?;
        }
        Ok(match arrived(route53, context).await? {
            Progress::Done(_) => Progress::Done(zone),
            Progress::Again { after, note } => Progress::Again { after, note },
        })
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Zone>,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        if let Some(Known { zone, own: true }) = self.find(route53, context).await? {
            route53
                .delete_hosted_zone()
                .id(&zone.zone_id)
                .send()
                .await
                .explain("route53:DeleteHostedZone", context)
                .or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Ensure {
    fn check(&self) -> StepResult<()> {
        if self.private == self.vpc.is_some() {
            return Ok(());
        }
        let message = "a private zone needs a `vpc`, and a public one has none";
        Err(Fault::new(FaultKind::Invalid, message))
    }

    async fn find(&self, route53: &Route53, context: &Context) -> StepResult<Option<Known>> {
        let mut zones = find::zones(route53, context, &self.name).await?;
        zones.retain(|zone| find::is_private(zone) == self.private);
        zones.sort_by_key(|zone| zone.caller_reference() != context.token);
        for zone in zones {
            let own = zone.caller_reference() == context.token;
            let answer = route53
                .get_hosted_zone()
                .id(zone.id())
                .send()
                .await
                .explain("route53:GetHostedZone", context)
                .or_absent()?;
            let Some(answer) = answer else {
                continue;
            };
            if own || !self.private || self.is_seen(&answer) {
                let zone = Zone {
                    zone_id: bare(zone.id()).to_owned(),
                    name_servers: answer
                        .delegation_set
                        .map(|set| set.name_servers)
                        .unwrap_or_default(),
                };
                return Ok(Some(Known { zone, own }));
            }
        }
        Ok(None)
    }

    fn is_seen(&self, zone: &GetHostedZoneOutput) -> bool {
        zone.vpcs()
            .iter()
            .any(|vpc| vpc.vpc_id() == self.vpc.as_deref())
    }

    async fn create(&self, route53: &Route53, context: &Context) -> StepResult<()> {
        let config = HostedZoneConfig::builder()
            .comment(format!("made by runbook {} {}", context.run, context.step))
            .private_zone(self.private)
            .build();
        let vpc = self.vpc.as_ref().map(|vpc| {
            let region = self.vpc_region.clone().or_else(|| region(context));
            Vpc::builder()
                .vpc_id(vpc)
                .set_vpc_region(region.map(|region| VpcRegion::from(region.as_str())))
                .build()
        });
        let answer = route53
            .create_hosted_zone()
            .name(&self.name)
            .caller_reference(&context.token)
            .hosted_zone_config(config)
            .set_vpc(vpc)
            .send()
            .await
            .explain("route53:CreateHostedZone", context)
            // An earlier attempt made it, and the list of zones does not show it yet.
            .or_code(&["HostedZoneAlreadyExists"])?;
        if let Some(answer) = answer {
            sent::remember(context, answer.change_info());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::Client;
    use aws_sdk_route53::operation::create_hosted_zone::CreateHostedZoneError;
    use aws_sdk_route53::operation::delete_hosted_zone::DeleteHostedZoneOutput;
    use aws_sdk_route53::operation::list_hosted_zones_by_name::ListHostedZonesByNameOutput;
    use aws_sdk_route53::operation::list_tags_for_resource::ListTagsForResourceOutput;
    use aws_sdk_route53::primitives::DateTime;
    use aws_sdk_route53::types::error::HostedZoneAlreadyExists;
    use aws_sdk_route53::types::{ChangeInfo, ChangeStatus, HostedZone, ResourceTagSet, Tag};
    use aws_smithy_mocks::{Rule, mock};
    use aws_smithy_types::error::ErrorMetadata;
    use serde_json::{Value, from_value, json};

    use super::*;
    use crate::aws::testing::answering;

    const TOKEN: &str = "zone-token";

    fn context() -> Context {
        Context {
            token: TOKEN.to_owned(),
            ..crate::aws::testing::context()
        }
    }

    fn step(more: Value) -> Ensure {
        let mut with = json!({ "name": "example.com" });
        with.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        from_value(with).unwrap()
    }

    fn zone(reference: &str, private: bool) -> HostedZone {
        HostedZone::builder()
            .id("/hostedzone/Z1")
            .name("example.com.")
            .caller_reference(reference)
            .config(HostedZoneConfig::builder().private_zone(private).build())
            .build()
            .unwrap()
    }

    fn listed(zones: Vec<HostedZone>) -> Rule {
        mock!(Client::list_hosted_zones_by_name).then_output(move || {
            ListHostedZonesByNameOutput::builder()
                .set_hosted_zones(Some(zones.clone()))
                .is_truncated(false)
                .max_items(100)
                .build()
                .unwrap()
        })
    }

    fn seen_by(vpc: &'static str) -> Rule {
        mock!(Client::get_hosted_zone).then_output(move || {
            GetHostedZoneOutput::builder()
                .vpcs(Vpc::builder().vpc_id(vpc).build())
                .build()
        })
    }

    fn client(rules: &[&Rule]) -> Route53 {
        Route53(answering!(aws_sdk_route53, rules))
    }

    #[tokio::test]
    async fn a_private_zone_is_known_by_its_vpc_too() {
        let private = step(json!({ "private": true, "vpc": "vpc-1" }));
        let zones = listed(vec![zone("other", true)]);
        let route53 = client(&[&zones, &seen_by("vpc-1")]);
        assert!(matches!(
            private.observe(&route53, &context()).await,
            Ok(Observed::Same(_))
        ));
        let route53 = client(&[&zones, &seen_by("vpc-2")]);
        let differs = Ok(Observed::Differs(Before {}));
        assert_eq!(private.observe(&route53, &context()).await, differs);
        assert_eq!(step(json!({})).observe(&route53, &context()).await, differs);
    }

    #[tokio::test]
    async fn one_that_is_made_but_not_listed_yet_is_waited_for() {
        let exists = mock!(Client::create_hosted_zone)
            .match_requests(|request| request.caller_reference() == Some(TOKEN))
            .then_error(|| {
                let meta = ErrorMetadata::builder()
                    .code("HostedZoneAlreadyExists")
                    .build();
                let error = HostedZoneAlreadyExists::builder().meta(meta).build();
                CreateHostedZoneError::HostedZoneAlreadyExists(error)
            });
        let route53 = client(&[&listed(vec![]), &exists]);
        let again = step(json!({}))
            .apply(&Before {}, &route53, &context())
            .await
            .unwrap();
        assert!(matches!(again, Progress::Again { .. }));
    }

    #[tokio::test]
    async fn one_of_a_lost_attempt_is_adopted_and_only_such_a_one_deleted() {
        let tags = mock!(Client::list_tags_for_resource).then_output(|| {
            let tag = Tag::builder().key("runbook:token").value(TOKEN).build();
            let set = ResourceTagSet::builder().tags(tag).build();
            ListTagsForResourceOutput::builder()
                .resource_tag_set(set)
                .build()
        });
        let deleted = mock!(Client::delete_hosted_zone).then_output(|| {
            let info = ChangeInfo::builder()
                .id("C1")
                .status(ChangeStatus::Pending)
                .submitted_at(DateTime::from_secs(0));
            DeleteHostedZoneOutput::builder()
                .change_info(info.build().unwrap())
                .build()
        });
        for (reference, calls) in [("other", 0), (TOKEN, 1)] {
            let zones = listed(vec![zone(reference, false)]);
            let route53 = client(&[&zones, &seen_by("none"), &tags, &deleted]);
            let observed = step(json!({})).observe(&route53, &context()).await.unwrap();
            assert_eq!(matches!(observed, Observed::Adopted(_)), calls == 1);
            step(json!({}))
                .undo(&Before {}, None, &route53, &context())
                .await
                .unwrap();
            assert_eq!(deleted.num_calls(), calls);
        }
    }

    #[tokio::test]
    async fn private_and_vpc_belong_together() {
        for with in [json!({ "private": true }), json!({ "vpc": "vpc-1" })] {
            let fault = step(with)
                .observe(&client(&[]), &context())
                .await
                .unwrap_err();
            assert_eq!(fault.kind, FaultKind::Invalid);
        }
    }
}
