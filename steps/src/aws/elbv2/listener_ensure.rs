//! `aws.elbv2.listener.ensure`

use aws_sdk_elasticloadbalancingv2::types::{Certificate, Listener, ProtocolEnum, Tag};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::Does;
use super::find::{self, changed_since, made_by, may_restore};
use super::target_group_ensure::Protocol;
use crate::aws::client::Elb;
use crate::aws::fault::{Expect, Explain, incomplete};
use crate::aws::tags;

/// Makes sure that a load balancer listens on a port and forwards to a target group.
///
/// The listener is found by load balancer and port. Protocol, certificate, policy and default action
/// are changed where they differ. Undo deletes a listener that this step made and restores one that
/// it changed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name or ARN of the load balancer.
    load_balancer: String,
    /// The port that it listens on.
    port: u16,
    /// How clients speak to it.
    #[serde(default)]
    protocol: Protocol,
    /// ARN of the certificate; needed for HTTPS.
    #[serde(default)]
    certificate: Option<String>,
    /// Name of the security policy of HTTPS; left alone when absent.
    #[serde(default)]
    ssl_policy: Option<String>,
    /// Name or ARN of the target group that gets the traffic.
    target_group: String,
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Listens {
    /// Its ARN.
    listener_arn: String,
}

/// What can be changed, and what undo restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    protocol: String,
    certificate: Option<String>,
    ssl_policy: Option<String>,
    actions: Vec<Does>,
}

/// The settings before; none when this step makes the listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    existing: Option<Settings>,
}

impl Args for Ensure {
    const KIND: &'static str = "aws.elbv2.listener.ensure";
    const IAM: &'static [&'static str] = &[
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:ModifyListener",
    ];
    type Client = Elb;
    type Output = Listens;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Name;

    async fn observe(&self, elb: &Elb, context: &Context) -> StepResult<Observed<Before, Listens>> {
        let balancer = find::load_balancer_arn(elb, context, &self.load_balancer).await?;
        let wish = self.wish(elb, context).await?;
        let Some(listener) = self.find(elb, context, &balancer).await? else {
            return Ok(Observed::Differs(Before { existing: None }));
        };
        let own = made_by(elb, context, arn(&listener)).await?;
        let settings = self.settings(&listener)?;
        Ok(match (settings == wish, own) {
            (true, true) => Observed::Adopted(output(&listener)),
            (true, false) => Observed::Same(output(&listener)),
            (false, true) => Observed::Differs(Before { existing: None }),
            (false, false) => Observed::Differs(Before {
                existing: Some(settings),
            }),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<Listens>> {
        let balancer = find::load_balancer_arn(elb, context, &self.load_balancer).await?;
        let wish = self.wish(elb, context).await?;
        let listener = match self.find(elb, context, &balancer).await? {
            Some(listener) => listener,
            None => self.create(elb, context, &balancer, &wish).await?,
        };
        if self.settings(&listener)? != wish {
            write(elb, context, arn(&listener), &wish).await?;
        }
        Ok(Progress::Done(output(&listener)))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Listens>,
        elb: &Elb,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(balancer) = find::load_balancer_arn(elb, context, &self.load_balancer)
            .await
            .or_absent()?
        else {
            return Ok(Progress::Done(()));
        };
        let found = self
            .find(elb, context, &balancer)
            .await
            .or_absent()?
            .flatten();
        let Some(listener) = found else {
            return Ok(Progress::Done(()));
        };
        match &before.existing {
            None if made_by(elb, context, arn(&listener)).await? => {
                elb.delete_listener()
                    .listener_arn(arn(&listener))
                    .send()
                    .await
                    .explain("elasticloadbalancing:DeleteListener", context)
                    .or_absent()?;
            }
            // What listens on this port now is not what this step made.
            None => {}
            Some(before) => {
                let now = self.settings(&listener)?;
                if now != *before {
                    if !may_restore(&now, before, &self.wish(elb, context).await?) {
                        let named = format!("{}:{}", self.load_balancer, self.port);
                        return Err(changed_since("listener", &named));
                    }
                    write(elb, context, arn(&listener), before).await?;
                }
            }
        }
        Ok(Progress::Done(()))
    }
}

fn arn(listener: &Listener) -> &str {
    listener.listener_arn().unwrap_or_default()
}

fn output(listener: &Listener) -> Listens {
    Listens {
        listener_arn: arn(listener).to_owned(),
    }
}

fn certificates(settings: &Settings) -> Option<Vec<Certificate>> {
    let arn = settings.certificate.as_ref()?;
    Some(vec![Certificate::builder().certificate_arn(arn).build()])
}

impl Ensure {
    async fn wish(&self, elb: &Elb, context: &Context) -> StepResult<Settings> {
        if self.protocol == Protocol::Https && self.certificate.is_none() {
            return Err(Fault::new(
                FaultKind::Invalid,
                "an HTTPS listener needs a `certificate`",
            ));
        }
        let group = find::target_group_arn(elb, context, &self.target_group).await?;
        Ok(Settings {
            protocol: ProtocolEnum::from(self.protocol).as_str().to_owned(),
            certificate: self.certificate.clone(),
            ssl_policy: self.ssl_policy.clone(),
            actions: vec![Does::forward(&group)],
        })
    }

    /// What the listener has of what this step may change.
    fn settings(&self, listener: &Listener) -> StepResult<Settings> {
        Ok(Settings {
            protocol: listener
                .protocol()
                .map_or("", ProtocolEnum::as_str)
                .to_owned(),
            certificate: listener
                .certificates()
                .first()
                .and_then(|certificate| certificate.certificate_arn())
                .map(str::to_owned),
            ssl_policy: self
                .ssl_policy
                .as_ref()
                .and_then(|_| listener.ssl_policy().map(str::to_owned)),
            actions: listener
                .default_actions()
                .iter()
                .map(Does::read)
                .collect::<StepResult<_>>()?,
        })
    }

    async fn find(
        &self,
        elb: &Elb,
        context: &Context,
        balancer: &str,
    ) -> StepResult<Option<Listener>> {
        let mut pages = elb
            .describe_listeners()
            .load_balancer_arn(balancer)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.explain("elasticloadbalancing:DescribeListeners", context)?;
            let on_port = |listener: &Listener| listener.port() == Some(i32::from(self.port));
            if let Some(listener) = page.listeners.unwrap_or_default().into_iter().find(on_port) {
                return Ok(Some(listener));
            }
        }
        Ok(None)
    }

    async fn create(
        &self,
        elb: &Elb,
        context: &Context,
        balancer: &str,
        wish: &Settings,
    ) -> StepResult<Listener> {
        let tags = tags::creation(context, None).into_iter();
        let answer = elb
            .create_listener()
            .load_balancer_arn(balancer)
            .port(i32::from(self.port))
            .protocol(self.protocol.into())
            .set_certificates(certificates(wish))
            .set_ssl_policy(wish.ssl_policy.clone())
            .set_default_actions(Some(wish.actions.iter().map(Does::write).collect()))
            .set_tags(Some(
                tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
                    .collect(),
            ))
            .send()
            .await
            .explain("elasticloadbalancing:CreateListener", context)?;
        answer
            .listeners
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(|| incomplete("CreateListener", "a listener"))
    }
}

async fn write(elb: &Elb, context: &Context, arn: &str, wished: &Settings) -> StepResult<()> {
    elb.modify_listener()
        .listener_arn(arn)
        .protocol(wished.protocol.as_str().into())
        .set_certificates(certificates(wished))
        .set_ssl_policy(wished.ssl_policy.clone())
        .set_default_actions(Some(wished.actions.iter().map(Does::write).collect()))
        .send()
        .await
        .explain("elasticloadbalancing:ModifyListener", context)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::Client;
    use aws_sdk_elasticloadbalancingv2::operation::create_listener::CreateListenerOutput;
    use aws_sdk_elasticloadbalancingv2::operation::describe_listeners::DescribeListenersOutput;
    use aws_sdk_elasticloadbalancingv2::operation::describe_tags::DescribeTagsOutput;
    use aws_sdk_elasticloadbalancingv2::operation::modify_listener::ModifyListenerOutput;
    use aws_sdk_elasticloadbalancingv2::types::TagDescription;
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::{from_value, json};

    use super::super::testing::client;
    use super::*;
    use crate::aws::testing::{TOKEN, context};

    fn step() -> Ensure {
        from_value(json!({ "load_balancer": "arn:lb", "port": 80, "target_group": "arn:blue" }))
            .unwrap()
    }

    fn listener(group: &str) -> Listener {
        Listener::builder()
            .listener_arn("arn:li")
            .port(80)
            .protocol(ProtocolEnum::Http)
            .default_actions(Does::forward(group).write())
            .build()
    }

    fn there(group: &'static str) -> Rule {
        mock!(Client::describe_listeners).then_output(move || {
            DescribeListenersOutput::builder()
                .listeners(listener(group))
                .build()
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

    #[tokio::test]
    async fn a_new_one_carries_the_token_and_is_adopted_after_a_lost_answer() {
        let none = mock!(Client::describe_listeners)
            .then_output(|| DescribeListenersOutput::builder().build());
        let created = mock!(Client::create_listener)
            .match_requests(|request| request.tags().iter().any(|tag| tag.value() == Some(TOKEN)))
            .then_output(|| {
                CreateListenerOutput::builder()
                    .listeners(listener("arn:blue"))
                    .build()
            });
        let elb = client(&[&none, &created]);
        let before = Before { existing: None };
        assert_eq!(
            step().observe(&elb, &context()).await,
            Ok(Observed::Differs(before.clone()))
        );
        step().apply(&before, &elb, &context()).await.unwrap();
        assert_eq!(created.num_calls(), 1);

        let elb = client(&[&there("arn:blue"), &made_by(TOKEN)]);
        let adopted = Observed::Adopted(output(&listener("arn:blue")));
        assert_eq!(step().observe(&elb, &context()).await, Ok(adopted));
    }

    #[tokio::test]
    async fn traffic_of_one_that_was_there_is_moved_and_moved_back() {
        let moves = |group: &'static str| {
            mock!(Client::modify_listener)
                .match_requests(move |request| {
                    request.default_actions()[0].target_group_arn() == Some(group)
                })
                .then_output(|| ModifyListenerOutput::builder().build())
        };
        let forward = moves("arn:blue");
        let elb = client(&[&there("arn:green"), &made_by("other"), &forward]);
        let Ok(Observed::Differs(before)) = step().observe(&elb, &context()).await else {
            panic!("it differs");
        };
        step().apply(&before, &elb, &context()).await.unwrap();
        let back = moves("arn:green");
        let elb = client(&[&there("arn:blue"), &back]);
        step().undo(&before, None, &elb, &context()).await.unwrap();
        assert_eq!((forward.num_calls(), back.num_calls()), (1, 1));

        let elb = client(&[&there("arn:foreign")]);
        let fault = step()
            .undo(&before, None, &elb, &context())
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Conflict);
    }

    #[tokio::test]
    async fn https_needs_a_certificate() {
        let mut step = step();
        step.protocol = Protocol::Https;
        let fault = step.observe(&client(&[]), &context()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
    }
}
