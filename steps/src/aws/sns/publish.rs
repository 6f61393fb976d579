//! `aws.sns.publish`

use std::collections::BTreeMap;

use aws_sdk_sns::types::MessageAttributeValue;
use runbook_step::{
    Action, Args, Context, Fault, FaultKind, Progress, Repeat, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topic;
use crate::aws::client::Sns;
use crate::aws::fault::Explain;

/// SNS takes no longer subject.
const SUBJECT_LIMIT: usize = 100;

/// Sends a message to a topic.
///
/// A message may arrive twice after a crash. It carries the attributes `runbook-run`, `runbook-step`
/// and `runbook-token`; a receiver drops a message whose token it has seen.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Publish {
    /// Name or ARN of the topic.
    topic: String,
    /// Subject of a mail. It is cut at 100 characters; what is not ASCII is replaced.
    #[serde(default)]
    subject: Option<String>,
    /// The message.
    message: String,
    /// More attributes of the message, by name.
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// The message that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Published {
    /// Its id.
    message_id: String,
}

impl Args for Publish {
    const KIND: &'static str = "aws.sns.publish";
    const IAM: &'static [&'static str] = &["sns:ListTopics", "sns:Publish"];
    type Client = Sns;
    type Output = Published;
}

impl Action for Publish {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        Repeat::Harmless
    }

    async fn act(&self, sns: &Sns, context: &Context) -> StepResult<Progress<Published>> {
        let topic = topic::arn(sns, context, &self.topic).await?;
        let mut request = sns.publish().topic_arn(topic).message(&self.message);
        for (name, value) in self.attributes(context) {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
            request = request.message_attributes(name, value);
        }
        let answer = request
            .set_subject(self.subject.as_deref().and_then(subject))
            .send()
            .await
            .explain("sns:Publish", context)?;
        Ok(Progress::Done(Published {
            message_id: answer.message_id.unwrap_or_default(),
        }))
    }
}

impl Publish {
    fn attributes(&self, context: &Context) -> BTreeMap<String, String> {
        let mut attributes = self.attributes.clone();
        for (name, value) in [
            ("runbook-run", &context.run),
            ("runbook-step", &context.step),
            ("runbook-token", &context.token),
        ] {
            attributes.insert(name.to_owned(), value.clone());
        }
        // SNS refuses an empty value.
        attributes.retain(|_, value| !value.is_empty());
        attributes
    }
}

/// The subject in the letters that SNS takes: ASCII without line breaks.
fn subject(text: &str) -> Option<String> {
    let plain = |c: char| match c {
        c if c.is_whitespace() => ' ',
        '\u{2010}'..='\u{2015}' => '-',
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        c if c.is_ascii_graphic() => c,
        _ => '?',
    };
    let text: String = text.trim().chars().map(plain).take(SUBJECT_LIMIT).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::operation::publish::PublishOutput;
    use aws_smithy_mocks::mock;
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    #[test]
    fn a_subject_is_short_ascii_on_one_line() {
        assert_eq!(subject(" a — b\nc … ü ").as_deref(), Some("a - b c ? ?"));
        assert_eq!(subject(&"x".repeat(200)).unwrap().len(), 100);
        assert_eq!(subject(" \n"), None);
    }

    #[tokio::test]
    async fn a_message_carries_what_a_receiver_needs_to_drop_repeats() {
        let rule = mock!(aws_sdk_sns::Client::publish)
            .match_requests(|request| {
                let attribute = |name: &str| {
                    let attributes = request.message_attributes()?;
                    attributes.get(name)?.string_value()
                };
                attribute("runbook-run") == Some("7f3k")
                    && attribute("runbook-step") == Some("make")
                    && attribute("runbook-token") == Some(TOKEN)
                    && attribute("kind") == Some("drill")
                    && request.subject() == Some("hello")
            })
            .then_output(|| PublishOutput::builder().message_id("m-1").build());
        let sns = Sns(answering!(aws_sdk_sns, [&rule]));
        let publish: Publish = from_value(json!({
            "topic": "arn:aws:sns:us-east-1:1:ops", "subject": "hello", "message": "hi",
            "attributes": { "kind": "drill" },
        }))
        .unwrap();
        let done = publish.act(&sns, &context()).await.unwrap();
        assert_eq!(
            done,
            Progress::Done(Published {
                message_id: "m-1".to_owned()
            })
        );
        assert_eq!(publish.repeat(), Repeat::Harmless);
    }
}
