//! `aws.sns.subscribe`

use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topic;
use crate::aws::client::Sns;
use crate::aws::fault::{Expect, Explain};

/// Subscribes an endpoint to a topic.
///
/// Some endpoints have to confirm before they get messages: the step does not wait for that. Undo
/// removes a subscription that this step made; SNS itself drops one that was never confirmed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscribe {
    /// Name or ARN of the topic.
    topic: String,
    /// How messages are delivered.
    protocol: Protocol,
    /// Where to: an address, a URL or an ARN, as the protocol asks.
    endpoint: String,
}

/// How messages are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
enum Protocol {
    /// POST to an http URL.
    Http,
    /// POST to an https URL.
    Https,
    /// Mail.
    Email,
    /// Mail with the message as JSON.
    EmailJson,
    /// Text message to a phone.
    Sms,
    /// Queue.
    Sqs,
    /// Function.
    Lambda,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Email => "email",
            Self::EmailJson => "email-json",
            Self::Sms => "sms",
            Self::Sqs => "sqs",
            Self::Lambda => "lambda",
        }
    }
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Subscription {
    /// Its ARN; `PendingConfirmation` where SNS does not tell it yet.
    subscription_arn: String,
}

/// The subscription was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

impl Args for Subscribe {
    const KIND: &'static str = "aws.sns.subscribe";
    const IAM: &'static [&'static str] = &[
        "sns:ListSubscriptionsByTopic",
        "sns:ListTopics",
        "sns:Subscribe",
        "sns:Unsubscribe",
    ];
    type Client = Sns;
    type Output = Subscription;
}

impl Change for Subscribe {
    type Before = Before;
    // A subscription has no tags to be known by; topic, protocol and endpoint are its key, and a
    // repeated call gives the same one.
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::Name;

    async fn observe(
        &self,
        sns: &Sns,
        context: &Context,
    ) -> StepResult<Observed<Before, Subscription>> {
        let topic = topic::arn(sns, context, &self.topic).await?;
        Ok(match self.find(sns, context, &topic).await? {
            Some(subscription_arn) => Observed::Same(Subscription { subscription_arn }),
            None => Observed::Differs(Before {}),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        sns: &Sns,
        context: &Context,
    ) -> StepResult<Progress<Subscription>> {
        let topic = topic::arn(sns, context, &self.topic).await?;
        let answer = sns
            .subscribe()
            .topic_arn(topic)
            .protocol(self.protocol.name())
            .endpoint(&self.endpoint)
            .return_subscription_arn(true)
            .send()
            .await
            .explain("sns:Subscribe", context)?;
        Ok(Progress::Done(Subscription {
            subscription_arn: answer.subscription_arn.unwrap_or_default(),
        }))
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Subscription>,
        sns: &Sns,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(topic) = topic::arn(sns, context, &self.topic).await.or_absent()? else {
            return Ok(Progress::Done(()));
        };
        let found = self.find(sns, context, &topic).await.or_absent()?.flatten();
        match found {
            Some(arn) if arn.starts_with("arn:") => {
                sns.unsubscribe()
                    .subscription_arn(arn)
                    .send()
                    .await
                    .explain("sns:Unsubscribe", context)
                    .or_absent()?;
            }
            Some(_) => context
                .log
                .line("the subscription was never confirmed; SNS drops it by itself"),
            None => {}
        }
        Ok(Progress::Done(()))
    }
}

impl Subscribe {
    async fn find(&self, sns: &Sns, context: &Context, topic: &str) -> StepResult<Option<String>> {
        let mut pages = sns
            .list_subscriptions_by_topic()
            .topic_arn(topic)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.explain("sns:ListSubscriptionsByTopic", context)?;
            let wished = page.subscriptions().iter().find(|one| {
                one.protocol() == Some(self.protocol.name())
                    && one.endpoint() == Some(self.endpoint.as_str())
            });
            if let Some(wished) = wished {
                return Ok(Some(
                    wished.subscription_arn().unwrap_or_default().to_owned(),
                ));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::Client;
    use aws_sdk_sns::operation::list_subscriptions_by_topic::ListSubscriptionsByTopicOutput;
    use aws_sdk_sns::operation::unsubscribe::UnsubscribeOutput;
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::{answering, context};

    fn step() -> Subscribe {
        from_value(json!({
            "topic": "arn:aws:sns:us-east-1:1:ops", "protocol": "email", "endpoint": "a@example.com",
        }))
        .unwrap()
    }

    fn there(arn: &'static str) -> Rule {
        mock!(Client::list_subscriptions_by_topic).then_output(move || {
            let subscription = aws_sdk_sns::types::Subscription::builder()
                .subscription_arn(arn)
                .protocol("email")
                .endpoint("a@example.com")
                .build();
            ListSubscriptionsByTopicOutput::builder()
                .subscriptions(subscription)
                .build()
        })
    }

    #[tokio::test]
    async fn one_that_waits_for_its_confirmation_is_left_alone() {
        let removed =
            mock!(Client::unsubscribe).then_output(|| UnsubscribeOutput::builder().build());
        for (arn, calls) in [
            ("PendingConfirmation", 0),
            ("arn:aws:sns:us-east-1:1:ops:s", 1),
        ] {
            let sns = Sns(answering!(aws_sdk_sns, [&there(arn), &removed]));
            let same = Observed::Same(Subscription {
                subscription_arn: arn.to_owned(),
            });
            assert_eq!(step().observe(&sns, &context()).await, Ok(same));
            step()
                .undo(&Before {}, None, &sns, &context())
                .await
                .unwrap();
            assert_eq!(removed.num_calls(), calls);
        }
    }
}
