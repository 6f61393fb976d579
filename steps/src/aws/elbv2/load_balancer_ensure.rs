//! `aws.elbv2.load_balancer.ensure`

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerStateEnum,
    LoadBalancerTypeEnum, Tag,
};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::{self, Attributes, changed_since, made_by, may_restore, named_by};
use super::load_balancer_find::Balancer;
use crate::aws::client::Elb;
use crate::aws::fault::{Expect, Explain, incomplete};
use crate::aws::tags;
use crate::control::span::Span;

const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
const PROTECTION: &str = "deletion_protection.enabled";
const IDLE: &str = "idle_timeout.timeout_seconds";

/// Makes sure that an application load balancer exists and is as wished.
///
/// It is found by its name. Subnets, security groups and the attributes that are given are changed
/// where they differ; the scheme cannot be changed. It is done when the load balancer is active.
/// Undo deletes a load balancer that this step made and restores one that it changed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name, unique in the region.
    name: String,
    /// Subnets, one in each availability zone that it serves; at least two.
    subnets: BTreeSet<String>,
    /// Security groups.
    security_groups: BTreeSet<String>,
    /// Whether clients come from the internet.
    #[serde(default)]
    scheme: Scheme,
    /// Whether traffic goes to the targets of all zones; left alone when absent.
    #[serde(default)]
    cross_zone: Option<bool>,
    /// Whether it is protected from deletion; left alone when absent.
    #[serde(default)]
    deletion_protection: Option<bool>,
    /// How long an idle connection stays open; left alone when absent.
    #[serde(default)]
    idle_timeout: Option<Span>,
}

/// Where clients come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
enum Scheme {
    /// From anywhere.
    #[default]
    InternetFacing,
    /// From inside the network.
    Internal,
}

impl From<Scheme> for LoadBalancerSchemeEnum {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::InternetFacing => Self::InternetFacing,
            Scheme::Internal => Self::Internal,
        }
    }
}

/// What can be changed, and what undo restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    subnets: BTreeSet<String>,
    security_groups: BTreeSet<String>,
    attributes: Attributes,
}

/// The settings before; none when this step makes the load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    existing: Option<Settings>,
}

impl Args for Ensure {
    const KIND: &'static str = "aws.elbv2.load_balancer.ensure";
    const TIMEOUT: Duration = Duration::from_secs(900);
    const IAM: &'static [&'static str] = &[
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
    ];
    type Client = Elb;
    type Output = Balancer;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Name;

    async fn observe(
        &self,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Observed<Before, Balancer>> {
        let Some(balancer) = find::load_balancer(elb, context, &self.name).await? else {
            return Ok(Observed::Differs(Before { existing: None }));
        };
        self.check_fixed(&balancer)?;
        let arn = balancer.load_balancer_arn().unwrap_or_default();
        let own = made_by(elb, context, arn).await?;
        let settings = self.settings(elb, context, &balancer).await?;
        let done = settings == self.wish() && is_ready(&balancer)?;
        Ok(match (done, own) {
            (true, true) => Observed::Adopted(balancer.into()),
            (true, false) => Observed::Same(balancer.into()),
            (false, true) => Observed::Differs(Before { existing: None }),
            (false, false) => Observed::Differs(Before {
                existing: Some(settings),
            }),
        })
    }

    async fn apply(
        &self,
        before: &Before,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<Balancer>> {
        let balancer = match find::load_balancer(elb, context, &self.name).await? {
            Some(balancer) => balancer,
            None if before.existing.is_some() => {
                return Err(find::missing("load balancer", &self.name));
            }
            None => self.create(elb, context).await?,
        };
        self.check_fixed(&balancer)?;
        let settings = self.settings(elb, context, &balancer).await?;
        let arn = balancer.load_balancer_arn().unwrap_or_default();
        write((elb, context), arn, &settings, &self.wish()).await?;
        if is_ready(&balancer)? {
            return Ok(Progress::Done(balancer.into()));
        }
        Ok(Progress::Again {
            after: Duration::from_secs(5),
            note: format!("load balancer {} is being provisioned", self.name),
        })
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Balancer>,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(balancer) = find::load_balancer(elb, context, &self.name).await? else {
            return Ok(Progress::Done(()));
        };
        let arn = balancer.load_balancer_arn().unwrap_or_default();
        match &before.existing {
            None if made_by(elb, context, arn).await? => self.delete(elb, context, arn).await,
            // What has this name now is not what this step made.
            None => Ok(Progress::Done(())),
            Some(before) => {
                let (now, wish) = (self.settings(elb, context, &balancer).await?, self.wish());
                let untouched = may_restore(&now.subnets, &before.subnets, &wish.subnets)
                    && may_restore(
                        &now.security_groups,
                        &before.security_groups,
                        &wish.security_groups,
                    )
                    && may_restore(&now.attributes, &before.attributes, &wish.attributes);
                if !untouched {
                    return Err(changed_since("load balancer", &self.name));
                }
                write((elb, context), arn, &now, before).await?;
                Ok(Progress::Done(()))
            }
        }
    }
}

impl Ensure {
    fn wish(&self) -> Settings {
        let attributes = [
            (CROSS_ZONE, self.cross_zone.map(|on| on.to_string())),
            (
                PROTECTION,
                self.deletion_protection.map(|on| on.to_string()),
            ),
            (
                IDLE,
                self.idle_timeout.map(|span| span.as_seconds().to_string()),
            ),
        ];
        Settings {
            subnets: self.subnets.clone(),
            security_groups: self.security_groups.clone(),
            attributes: attributes
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect(),
        }
    }

    fn check_fixed(&self, balancer: &LoadBalancer) -> StepResult<()> {
        let wished = LoadBalancerSchemeEnum::from(self.scheme);
        match balancer.scheme() {
            Some(scheme) if *scheme != wished => {
                let message = format!(
                    "load balancer `{}` exists with scheme {}, not {}",
                    self.name,
                    scheme.as_str(),
                    wished.as_str()
                );
                Err(Fault::new(FaultKind::Invalid, message)
                    .help("a scheme cannot be changed: choose another name"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What the load balancer has of what this step may change.
    async fn settings(
        &self,
        elb: &Elb,
        context: &Context,
        balancer: &LoadBalancer,
    ) -> StepResult<Settings> {
        let wished = self.wish().attributes;
        let attributes = if wished.is_empty() {
            Attributes::new()
        } else {
            let answer = elb
                .describe_load_balancer_attributes()
                .load_balancer_arn(balancer.load_balancer_arn().unwrap_or_default())
                .send()
                .await
                .explain(
                    "elasticloadbalancing:DescribeLoadBalancerAttributes",
                    context,
                )?;
            let all = answer
                .attributes()
                .iter()
                .map(|one| (one.key(), one.value()));
            named_by(&wished, all)
        };
        Ok(Settings {
            subnets: balancer
                .availability_zones()
                .iter()
                .filter_map(|zone| zone.subnet_id().map(str::to_owned))
                .collect(),
            security_groups: balancer.security_groups().iter().cloned().collect(),
            attributes,
        })
    }

    async fn create(&self, elb: &Elb, context: &Context) -> StepResult<LoadBalancer> {
        let tags = tags::creation(context, None).into_iter();
        let answer = elb
            .create_load_balancer()
            .name(&self.name)
            .r#type(LoadBalancerTypeEnum::Application)
            .scheme(self.scheme.into())
            .set_subnets(Some(self.subnets.iter().cloned().collect()))
            .set_security_groups(Some(self.security_groups.iter().cloned().collect()))
            .set_tags(Some(
                tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
                    .collect(),
            ))
            .send()
            .await
            .explain("elasticloadbalancing:CreateLoadBalancer", context)?;
        answer
            .load_balancers
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| incomplete("CreateLoadBalancer", "a load balancer"))
    }

    async fn delete(&self, elb: &Elb, context: &Context, arn: &str) -> StepResult<Progress<()>> {
        if self.deletion_protection == Some(true) {
            let off = LoadBalancerAttribute::builder()
                .key(PROTECTION)
                .value("false")
                .build();
            elb.modify_load_balancer_attributes()
                .load_balancer_arn(arn)
                .attributes(off)
                .send()
                .await
                .explain("elasticloadbalancing:ModifyLoadBalancerAttributes", context)
                .or_absent()?;
        }
        elb.delete_load_balancer()
            .load_balancer_arn(arn)
            .send()
            .await
            .explain("elasticloadbalancing:DeleteLoadBalancer", context)
            .or_absent()?;
        Ok(Progress::Again {
            after: Duration::from_secs(2),
            note: format!("load balancer {} is being deleted", self.name),
        })
    }
}

fn is_ready(balancer: &LoadBalancer) -> StepResult<bool> {
    let state = balancer.state();
    match state.and_then(|state| state.code()) {
        Some(LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired) => Ok(true),
        Some(LoadBalancerStateEnum::Failed) => {
            let reason = state
                .and_then(|state| state.reason())
                .unwrap_or("no reason given");
            let name = balancer.load_balancer_name().unwrap_or_default();
            let message = format!("load balancer `{name}` failed: {reason}");
            Err(Fault::new(FaultKind::Invalid, message))
        }
        _ => Ok(false),
    }
}

/// Changes what differs.
async fn write(
    (elb, context): (&Elb, &Context),
    arn: &str,
    now: &Settings,
    wished: &Settings,
) -> StepResult<()> {
    if now.subnets != wished.subnets {
        elb.set_subnets()
            .load_balancer_arn(arn)
            .set_subnets(Some(wished.subnets.iter().cloned().collect()))
            .send()
            .await
            .explain("elasticloadbalancing:SetSubnets", context)?;
    }
    if now.security_groups != wished.security_groups {
        elb.set_security_groups()
            .load_balancer_arn(arn)
            .set_security_groups(Some(wished.security_groups.iter().cloned().collect()))
            .send()
            .await
            .explain("elasticloadbalancing:SetSecurityGroups", context)?;
    }
    if now.attributes != wished.attributes {
        let attributes = wished
            .attributes
            .iter()
            .map(|(key, value)| {
                LoadBalancerAttribute::builder()
                    .key(key)
                    .value(value)
                    .build()
            })
            .collect();
        elb.modify_load_balancer_attributes()
            .load_balancer_arn(arn)
            .set_attributes(Some(attributes))
            .send()
            .await
            .explain("elasticloadbalancing:ModifyLoadBalancerAttributes", context)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::Client;
    use aws_sdk_elasticloadbalancingv2::operation::create_load_balancer::CreateLoadBalancerOutput;
    use aws_sdk_elasticloadbalancingv2::operation::delete_load_balancer::DeleteLoadBalancerOutput;
    use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancer_attributes::DescribeLoadBalancerAttributesOutput;
    use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancers::{
        DescribeLoadBalancersError, DescribeLoadBalancersOutput,
    };
    use aws_sdk_elasticloadbalancingv2::operation::describe_tags::DescribeTagsOutput;
    use aws_sdk_elasticloadbalancingv2::operation::modify_load_balancer_attributes::ModifyLoadBalancerAttributesOutput;
    use aws_sdk_elasticloadbalancingv2::operation::set_subnets::SetSubnetsOutput;
    use aws_sdk_elasticloadbalancingv2::types::error::LoadBalancerNotFoundException;
    use aws_sdk_elasticloadbalancingv2::types::{
        AvailabilityZone, LoadBalancerState, TagDescription,
    };
    use aws_smithy_mocks::{Rule, mock};
    use aws_smithy_types::error::ErrorMetadata;
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn step() -> Ensure {
        from_value(json!({
            "name": "web", "subnets": ["subnet-a", "subnet-b"], "security_groups": ["sg-1"],
            "deletion_protection": true,
        }))
        .unwrap()
    }

    fn balancer(subnets: &[&str], state: LoadBalancerStateEnum) -> LoadBalancer {
        let zones = subnets
            .iter()
            .map(|subnet| AvailabilityZone::builder().subnet_id(*subnet).build())
            .collect();
        LoadBalancer::builder()
            .load_balancer_arn("arn:lb")
            .load_balancer_name("web")
            .dns_name("web.elb.example.net")
            .canonical_hosted_zone_id("Z35SXDOTRQ7X7K")
            .scheme(LoadBalancerSchemeEnum::InternetFacing)
            .security_groups("sg-1")
            .set_availability_zones(Some(zones))
            .state(LoadBalancerState::builder().code(state).build())
            .build()
    }

    fn there(subnets: &'static [&'static str], state: LoadBalancerStateEnum) -> Rule {
        mock!(Client::describe_load_balancers).then_output(move || {
            let balancer = balancer(subnets, state.clone());
            DescribeLoadBalancersOutput::builder()
                .load_balancers(balancer)
                .build()
        })
    }

    fn absent() -> Rule {
        mock!(Client::describe_load_balancers).then_error(|| {
            let meta = ErrorMetadata::builder()
                .code("LoadBalancerNotFound")
                .build();
            let error = LoadBalancerNotFoundException::builder().meta(meta).build();
            DescribeLoadBalancersError::LoadBalancerNotFoundException(error)
        })
    }

    fn made_by(token: &'static str) -> Rule {
        mock!(Client::describe_tags).then_output(move || {
            let tag = Tag::builder().key("runbook:token").value(token).build();
            let described = TagDescription::builder().tags(tag).build();
            DescribeTagsOutput::builder()
                .tag_descriptions(described)
                .build()
        })
    }

    fn protected(on: &'static str) -> Rule {
        mock!(Client::describe_load_balancer_attributes).then_output(move || {
            let attribute = LoadBalancerAttribute::builder()
                .key(PROTECTION)
                .value(on)
                .build();
            DescribeLoadBalancerAttributesOutput::builder()
                .attributes(attribute)
                .build()
        })
    }

    fn sets_protection(on: &'static str) -> Rule {
        mock!(Client::modify_load_balancer_attributes)
            .match_requests(move |request| request.attributes()[0].value() == Some(on))
            .then_output(|| ModifyLoadBalancerAttributesOutput::builder().build())
    }

    fn client(rules: &[&Rule]) -> Elb {
        Elb(answering!(aws_sdk_elasticloadbalancingv2, rules))
    }

    const BOTH: &[&str] = &["subnet-b", "subnet-a"];

    #[tokio::test]
    async fn a_new_one_is_made_protected_and_waited_for() {
        let created = mock!(Client::create_load_balancer)
            .match_requests(|request| {
                request.tags().iter().any(|tag| tag.value() == Some(TOKEN))
                    && request.r#type() == Some(&LoadBalancerTypeEnum::Application)
            })
            .then_output(|| {
                let balancer = balancer(BOTH, LoadBalancerStateEnum::Provisioning);
                CreateLoadBalancerOutput::builder()
                    .load_balancers(balancer)
                    .build()
            });
        let on = sets_protection("true");
        let elb = client(&[&absent(), &created, &protected("false"), &on]);
        let before = Before { existing: None };
        assert_eq!(
            step().observe(&elb, &context()).await,
            Ok(Observed::Differs(before.clone()))
        );
        let again = step().apply(&before, &elb, &context()).await.unwrap();
        assert!(matches!(again, Progress::Again { .. }));
        assert_eq!((created.num_calls(), on.num_calls()), (1, 1));

        let active = there(BOTH, LoadBalancerStateEnum::Active);
        let elb = client(&[&active, &protected("true"), &made_by(TOKEN)]);
        let output = Balancer::from(balancer(BOTH, LoadBalancerStateEnum::Active));
        let done = step().apply(&before, &elb, &context()).await.unwrap();
        assert_eq!(done, Progress::Done(output.clone()));
        assert_eq!(
            step().observe(&elb, &context()).await,
            Ok(Observed::Adopted(output))
        );
    }

    #[tokio::test]
    async fn one_that_was_there_is_changed_and_restored() {
        let sets = |subnets: &'static [&'static str]| {
            mock!(Client::set_subnets)
                .match_requests(move |request| request.subnets() == subnets)
                .then_output(|| SetSubnetsOutput::builder().build())
        };
        let forward = sets(&["subnet-a", "subnet-b"]);
        let one = there(&["subnet-a"], LoadBalancerStateEnum::Active);
        let elb = client(&[&one, &made_by("other"), &protected("true"), &forward]);
        let Ok(Observed::Differs(before)) = step().observe(&elb, &context()).await else {
            panic!("it differs");
        };
        step().apply(&before, &elb, &context()).await.unwrap();

        let back = sets(&["subnet-a"]);
        let two = there(BOTH, LoadBalancerStateEnum::Active);
        let elb = client(&[&two, &protected("true"), &back]);
        step().undo(&before, None, &elb, &context()).await.unwrap();
        assert_eq!((forward.num_calls(), back.num_calls()), (1, 1));

        let foreign = there(&["subnet-z"], LoadBalancerStateEnum::Active);
        let elb = client(&[&foreign, &protected("true")]);
        let fault = step()
            .undo(&before, None, &elb, &context())
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Conflict);
    }

    #[tokio::test]
    async fn undo_takes_the_protection_off_before_it_deletes() {
        let off = sets_protection("false");
        let deleted = mock!(Client::delete_load_balancer)
            .then_output(|| DeleteLoadBalancerOutput::builder().build());
        let active = there(BOTH, LoadBalancerStateEnum::Active);
        let elb = client(&[&active, &made_by(TOKEN), &off, &deleted]);
        let before = Before { existing: None };
        let again = step().undo(&before, None, &elb, &context()).await.unwrap();
        assert!(matches!(again, Progress::Again { .. }));
        assert_eq!((off.num_calls(), deleted.num_calls()), (1, 1));
        let elb = client(&[&absent()]);
        assert_eq!(
            step().undo(&before, None, &elb, &context()).await,
            Ok(Progress::Done(()))
        );
    }

    #[tokio::test]
    async fn one_that_failed_says_why() {
        let failed = there(BOTH, LoadBalancerStateEnum::Failed);
        let elb = client(&[&failed, &made_by(TOKEN), &protected("true")]);
        let fault = step().observe(&elb, &context()).await.unwrap_err();
        assert_eq!(fault.message, "load balancer `web` failed: no reason given");
    }
}
