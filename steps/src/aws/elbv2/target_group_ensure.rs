//! `aws.elbv2.target_group.ensure`

use aws_sdk_elasticloadbalancingv2::types::{
    ProtocolEnum, Tag, TargetGroup, TargetGroupAttribute, TargetTypeEnum,
};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::{self, Attributes, changed_since, made_by, may_restore, named_by};
use super::target_group_find::Group;
use crate::aws::client::Elb;
use crate::aws::fault::{Expect, Explain, incomplete};
use crate::aws::tags;
use crate::control::span::Span;

/// Makes sure that a target group for instances exists and is as wished.
///
/// It is found by its name. Its health check and the attributes that are given are changed where they
/// differ; VPC, port and protocol cannot be changed. Undo deletes a target group that this step made
/// and restores one that it changed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name, unique in the region.
    name: String,
    /// The VPC of the targets.
    vpc: String,
    /// The port that targets listen on, unless one is registered with another.
    port: u16,
    /// How targets are spoken to.
    #[serde(default)]
    protocol: Protocol,
    /// How it finds out which targets are healthy.
    health_check: HealthCheck,
    /// Whether a client stays with its target; left alone when absent.
    #[serde(default)]
    stickiness: Option<Stickiness>,
    /// How long a target that leaves may finish its requests; left alone when absent.
    #[serde(default)]
    deregistration_delay: Option<Span>,
}

/// HTTP or HTTPS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(super) enum Protocol {
    /// Plain.
    #[default]
    Http,
    /// Encrypted.
    Https,
}

impl From<Protocol> for ProtocolEnum {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http => Self::Http,
            Protocol::Https => Self::Https,
        }
    }
}

/// How healthy targets are found.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct HealthCheck {
    /// The path that is asked for.
    path: String,
    /// Time between two questions.
    #[serde(default = "half_a_minute")]
    interval: Span,
    /// So many right answers make a target healthy.
    #[serde(default = "two")]
    healthy_threshold: u8,
    /// So many wrong answers make a target unhealthy.
    #[serde(default = "five")]
    unhealthy_threshold: u8,
    /// How long an answer may take; left alone when absent.
    #[serde(default)]
    timeout: Option<Span>,
}

/// Whether a client stays with its target.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct Stickiness {
    /// On or off.
    #[serde(default = "yes")]
    enabled: bool,
    /// How long, by a cookie of the load balancer.
    #[serde(default = "a_day")]
    duration: Span,
}

fn half_a_minute() -> Span {
    Span::seconds(30)
}

fn a_day() -> Span {
    Span::seconds(86_400)
}

fn two() -> u8 {
    2
}

fn five() -> u8 {
    5
}

fn yes() -> bool {
    true
}

/// What can be changed, and what undo restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    path: String,
    interval: i32,
    timeout: Option<i32>,
    healthy: i32,
    unhealthy: i32,
    attributes: Attributes,
}

/// The settings before; none when this step makes the target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    existing: Option<Settings>,
}

impl Args for Ensure {
    const KIND: &'static str = "aws.elbv2.target_group.ensure";
    const IAM: &'static [&'static str] = &[
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateTargetGroup",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
    ];
    type Client = Elb;
    type Output = Group;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Name;

    async fn observe(&self, elb: &Elb, context: &Context) -> StepResult<Observed<Before, Group>> {
        let Some(group) = find::target_group(elb, context, &self.name).await? else {
            return Ok(Observed::Differs(Before { existing: None }));
        };
        self.check_fixed(&group)?;
        let own = made_by(elb, context, arn(&group)).await?;
        let settings = self.settings(elb, context, &group).await?;
        Ok(match (settings == self.wish(), own) {
            (true, true) => Observed::Adopted(output(&group)),
            (true, false) => Observed::Same(output(&group)),
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
    ) -> StepResult<Progress<Group>> {
        let group = match find::target_group(elb, context, &self.name).await? {
            Some(group) => group,
            None if before.existing.is_some() => {
                return Err(find::missing("target group", &self.name));
            }
            None => self.create(elb, context).await?,
        };
        self.check_fixed(&group)?;
        let settings = self.settings(elb, context, &group).await?;
        write((elb, context), arn(&group), &settings, &self.wish()).await?;
        Ok(Progress::Done(output(&group)))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Group>,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(group) = find::target_group(elb, context, &self.name).await? else {
            return Ok(Progress::Done(()));
        };
        match &before.existing {
            None if made_by(elb, context, arn(&group)).await? => {
                elb.delete_target_group()
                    .target_group_arn(arn(&group))
                    .send()
                    .await
                    .explain("elasticloadbalancing:DeleteTargetGroup", context)
                    .or_absent()?;
            }
            // What has this name now is not what this step made.
            None => {}
            Some(before) => {
                let (now, wish) = (self.settings(elb, context, &group).await?, self.wish());
                let check = |of: &Settings| Settings {
                    attributes: Attributes::new(),
                    ..of.clone()
                };
                if !may_restore(&check(&now), &check(before), &check(&wish))
                    || !may_restore(&now.attributes, &before.attributes, &wish.attributes)
                {
                    return Err(changed_since("target group", &self.name));
                }
                write((elb, context), arn(&group), &now, before).await?;
            }
        }
        Ok(Progress::Done(()))
    }
}

fn arn(group: &TargetGroup) -> &str {
    group.target_group_arn().unwrap_or_default()
}

fn output(group: &TargetGroup) -> Group {
    Group {
        target_group_arn: arn(group).to_owned(),
    }
}

impl Ensure {
    fn wish(&self) -> Settings {
        let mut attributes = Attributes::new();
        let mut set = |key: &str, value: String| attributes.insert(key.to_owned(), value);
        if let Some(stickiness) = &self.stickiness {
            set("stickiness.enabled", stickiness.enabled.to_string());
            if stickiness.enabled {
                let seconds = stickiness.duration.as_seconds().to_string();
                set("stickiness.type", "lb_cookie".to_owned());
                set("stickiness.lb_cookie.duration_seconds", seconds);
            }
        }
        if let Some(delay) = self.deregistration_delay {
            set(
                "deregistration_delay.timeout_seconds",
                delay.as_seconds().to_string(),
            );
        }
        Settings {
            path: self.health_check.path.clone(),
            interval: self.health_check.interval.as_seconds(),
            timeout: self.health_check.timeout.map(Span::as_seconds),
            healthy: i32::from(self.health_check.healthy_threshold),
            unhealthy: i32::from(self.health_check.unhealthy_threshold),
            attributes,
        }
    }

    fn check_fixed(&self, group: &TargetGroup) -> StepResult<()> {
        let wished = ProtocolEnum::from(self.protocol);
        let wrong = if group.vpc_id().is_some_and(|vpc| vpc != self.vpc) {
            format!(
                "in {}, not {}",
                group.vpc_id().unwrap_or_default(),
                self.vpc
            )
        } else if group
            .port()
            .is_some_and(|port| port != i32::from(self.port))
        {
            format!(
                "with port {}, not {}",
                group.port().unwrap_or_default(),
                self.port
            )
        } else if group.protocol().is_some_and(|protocol| *protocol != wished) {
            format!("without protocol {}", wished.as_str())
        } else {
            return Ok(());
        };
        let message = format!("target group `{}` exists {wrong}", self.name);
        Err(Fault::new(FaultKind::Invalid, message)
            .help("VPC, port and protocol cannot be changed: choose another name"))
    }

    /// What the target group has of what this step may change.
    async fn settings(
        &self,
        elb: &Elb,
        context: &Context,
        group: &TargetGroup,
    ) -> StepResult<Settings> {
        let wish = self.wish();
        let attributes = if wish.attributes.is_empty() {
            Attributes::new()
        } else {
            let answer = elb
                .describe_target_group_attributes()
                .target_group_arn(arn(group))
                .send()
                .await
                .explain(
                    "elasticloadbalancing:DescribeTargetGroupAttributes",
                    context,
                )?;
            let all = answer
                .attributes()
                .iter()
                .map(|one| (one.key(), one.value()));
            named_by(&wish.attributes, all)
        };
        Ok(Settings {
            path: group.health_check_path().unwrap_or_default().to_owned(),
            interval: group.health_check_interval_seconds().unwrap_or_default(),
            timeout: wish.timeout.and(group.health_check_timeout_seconds()),
            healthy: group.healthy_threshold_count().unwrap_or_default(),
            unhealthy: group.unhealthy_threshold_count().unwrap_or_default(),
            attributes,
        })
    }

    async fn create(&self, elb: &Elb, context: &Context) -> StepResult<TargetGroup> {
        let wish = self.wish();
        let tags = tags::creation(context, None).into_iter();
        let answer = elb
            .create_target_group()
            .name(&self.name)
            .vpc_id(&self.vpc)
            .port(i32::from(self.port))
            .protocol(self.protocol.into())
            .target_type(TargetTypeEnum::Instance)
            .health_check_protocol(self.protocol.into())
            .health_check_path(&wish.path)
            .health_check_interval_seconds(wish.interval)
            .set_health_check_timeout_seconds(wish.timeout)
            .healthy_threshold_count(wish.healthy)
            .unhealthy_threshold_count(wish.unhealthy)
            .set_tags(Some(
                tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
                    .collect(),
            ))
            .send()
            .await
            .explain("elasticloadbalancing:CreateTargetGroup", context)?;
        answer
            .target_groups
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| incomplete("CreateTargetGroup", "a target group"))
    }
}

/// Changes what differs.
async fn write(
    (elb, context): (&Elb, &Context),
    arn: &str,
    now: &Settings,
    wished: &Settings,
) -> StepResult<()> {
    let check = |of: &Settings| {
        (
            of.path.clone(),
            of.interval,
            of.timeout,
            of.healthy,
            of.unhealthy,
        )
    };
    if check(now) != check(wished) {
        elb.modify_target_group()
            .target_group_arn(arn)
            .health_check_path(&wished.path)
            .health_check_interval_seconds(wished.interval)
            .set_health_check_timeout_seconds(wished.timeout)
            .healthy_threshold_count(wished.healthy)
            .unhealthy_threshold_count(wished.unhealthy)
            .send()
            .await
            .explain("elasticloadbalancing:ModifyTargetGroup", context)?;
    }
    if now.attributes != wished.attributes {
        let attributes = wished
            .attributes
            .iter()
            .map(|(key, value)| {
                TargetGroupAttribute::builder()
                    .key(key)
                    .value(value)
                    .build()
            })
            .collect();
        elb.modify_target_group_attributes()
            .target_group_arn(arn)
            .set_attributes(Some(attributes))
            .send()
            .await
            .explain("elasticloadbalancing:ModifyTargetGroupAttributes", context)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::Client;
    use aws_sdk_elasticloadbalancingv2::operation::create_target_group::CreateTargetGroupOutput;
    use aws_sdk_elasticloadbalancingv2::operation::delete_target_group::DeleteTargetGroupOutput;
    use aws_sdk_elasticloadbalancingv2::operation::describe_tags::DescribeTagsOutput;
    use aws_sdk_elasticloadbalancingv2::operation::describe_target_group_attributes::DescribeTargetGroupAttributesOutput;
    use aws_sdk_elasticloadbalancingv2::operation::describe_target_groups::{
        DescribeTargetGroupsError, DescribeTargetGroupsOutput,
    };
    use aws_sdk_elasticloadbalancingv2::operation::modify_target_group::ModifyTargetGroupOutput;
    use aws_sdk_elasticloadbalancingv2::operation::modify_target_group_attributes::ModifyTargetGroupAttributesOutput;
    use aws_sdk_elasticloadbalancingv2::types::TagDescription;
    use aws_sdk_elasticloadbalancingv2::types::error::TargetGroupNotFoundException;
    use aws_smithy_mocks::{Rule, mock};
    use aws_smithy_types::error::ErrorMetadata;
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn step() -> Ensure {
        from_value(json!({
            "name": "web", "vpc": "vpc-1", "port": 80,
            "health_check": { "path": "/up" }, "deregistration_delay": "30s",
        }))
        .unwrap()
    }

    fn group(path: &str) -> TargetGroup {
        TargetGroup::builder()
            .target_group_arn("arn:tg")
            .vpc_id("vpc-1")
            .port(80)
            .protocol(ProtocolEnum::Http)
            .health_check_path(path)
            .health_check_interval_seconds(30)
            .health_check_timeout_seconds(5)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(5)
            .build()
    }

    fn there(path: &'static str) -> Rule {
        mock!(Client::describe_target_groups).then_output(move || {
            DescribeTargetGroupsOutput::builder()
                .target_groups(group(path))
                .build()
        })
    }

    fn absent() -> Rule {
        mock!(Client::describe_target_groups).then_error(|| {
            let meta = ErrorMetadata::builder().code("TargetGroupNotFound").build();
            let error = TargetGroupNotFoundException::builder().meta(meta).build();
            DescribeTargetGroupsError::TargetGroupNotFoundException(error)
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

    fn delay(seconds: &'static str) -> Rule {
        mock!(Client::describe_target_group_attributes).then_output(move || {
            let attribute = |key: &str, value: &str| {
                TargetGroupAttribute::builder()
                    .key(key)
                    .value(value)
                    .build()
            };
            DescribeTargetGroupAttributesOutput::builder()
                .attributes(attribute("stickiness.enabled", "false"))
                .attributes(attribute("deregistration_delay.timeout_seconds", seconds))
                .build()
        })
    }

    fn client(rules: &[&Rule]) -> Elb {
        Elb(answering!(aws_sdk_elasticloadbalancingv2, rules))
    }

    #[tokio::test]
    async fn it_tells_its_own_from_what_was_there_and_from_what_differs() {
        let done = || output(&group("/up"));
        for (path, token, seconds, expected) in [
            ("/up", TOKEN, "30", Some(Observed::Adopted(done()))),
            ("/up", "other", "30", Some(Observed::Same(done()))),
            (
                "/up",
                TOKEN,
                "300",
                Some(Observed::Differs(Before { existing: None })),
            ),
            ("/old", "other", "30", None),
        ] {
            let elb = client(&[&there(path), &made_by(token), &delay(seconds)]);
            let observed = step().observe(&elb, &context()).await.unwrap();
            match expected {
                Some(expected) => assert_eq!(observed, expected),
                None => assert!(matches!(
                    observed,
                    Observed::Differs(Before { existing: Some(settings) }) if settings.path == "/old"
                )),
            }
        }
        let elb = client(&[&absent()]);
        let differs = Observed::Differs(Before { existing: None });
        assert_eq!(step().observe(&elb, &context()).await, Ok(differs));
    }

    #[tokio::test]
    async fn a_new_one_carries_the_token_and_gets_its_attributes() {
        let created = mock!(Client::create_target_group)
            .match_requests(|request| {
                let tag =
                    |tag: &Tag| tag.key() == Some("runbook:token") && tag.value() == Some(TOKEN);
                request.tags().iter().any(tag) && request.health_check_path() == Some("/up")
            })
            .then_output(|| {
                CreateTargetGroupOutput::builder()
                    .target_groups(group("/up"))
                    .build()
            });
        let modified = mock!(Client::modify_target_group_attributes)
            .match_requests(|request| request.attributes()[0].value() == Some("30"))
            .then_output(|| ModifyTargetGroupAttributesOutput::builder().build());
        let elb = client(&[&absent(), &created, &delay("300"), &modified]);
        let done = step()
            .apply(&Before { existing: None }, &elb, &context())
            .await
            .unwrap();
        assert_eq!(done, Progress::Done(output(&group("/up"))));
        assert_eq!((created.num_calls(), modified.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn undo_restores_what_this_step_changed_and_nothing_else() {
        let elb = client(&[&there("/old"), &made_by("other"), &delay("30")]);
        let Ok(Observed::Differs(before)) = step().observe(&elb, &context()).await else {
            panic!("it differs");
        };
        let restored = mock!(Client::modify_target_group)
            .match_requests(|request| request.health_check_path() == Some("/old"))
            .then_output(|| ModifyTargetGroupOutput::builder().build());
        let elb = client(&[&there("/up"), &delay("30"), &restored]);
        step().undo(&before, None, &elb, &context()).await.unwrap();
        assert_eq!(restored.num_calls(), 1);

        let elb = client(&[&there("/foreign"), &delay("30")]);
        let fault = step()
            .undo(&before, None, &elb, &context())
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Conflict);
    }

    #[tokio::test]
    async fn undo_deletes_only_what_this_step_made() {
        let deleted = mock!(Client::delete_target_group)
            .then_output(|| DeleteTargetGroupOutput::builder().build());
        let before = Before { existing: None };
        for (token, calls) in [("other", 0), (TOKEN, 1)] {
            let elb = client(&[&there("/up"), &made_by(token), &deleted]);
            step().undo(&before, None, &elb, &context()).await.unwrap();
            assert_eq!(deleted.num_calls(), calls);
        }
        let elb = client(&[&absent()]);
        assert_eq!(
            step().undo(&before, None, &elb, &context()).await,
            Ok(Progress::Done(()))
        );
    }

    #[tokio::test]
    async fn what_cannot_be_changed_is_refused() {
        let mut other = step();
        other.port = 8080;
        let elb = client(&[&there("/up")]);
        let fault = other.observe(&elb, &context()).await.unwrap_err();
        assert_eq!(
            fault.message,
            "target group `web` exists with port 80, not 8080"
        );
    }
}
