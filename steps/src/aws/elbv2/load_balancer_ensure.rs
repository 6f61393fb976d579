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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
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

    async fn observe(&self, elb: &Elb, context: &Context) -> StepResult<Observed<Before, Balancer>> {
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
            (PROTECTION, self.deletion_protection.map(|on| on.to_string())),
            (IDLE, self.idle_timeout.map(|span| span.as_seconds().to_string())),
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
                .explain("elasticloadbalancing:DescribeLoadBalancerAttributes", context)?;
            let all = answer.attributes().iter().map(|one| (one.key(), one.value()));
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

    async fn delete(
        &self,
        elb: &Elb,
        context: &Context,
        arn: &str,
    ) -> StepResult<Progress<()>> {
        if self.deletion_protection == Some(true) {
            let off = LoadBalancerAttribute::builder().key(PROTECTION).value("false").build();
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
            let reason = state.and_then(|state| state.reason()).unwrap_or("no reason given");
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
            .map(|(key, value)| LoadBalancerAttribute::builder().key(key).value(value).build())
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
