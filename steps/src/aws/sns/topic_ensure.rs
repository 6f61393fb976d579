//! `aws.sns.topic.ensure`

use aws_sdk_sns::types::Tag;
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::topic;
use crate::aws::client::Sns;
use crate::aws::fault::{Expect, Explain, incomplete};
use crate::aws::tags;

/// Makes sure that a topic exists.
///
/// It is found by its name. Undo deletes a topic that this step made, with its subscriptions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name, unique in the region.
    name: String,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Topic {
    /// Its ARN.
    topic_arn: String,
}

/// The topic was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

impl Args for Ensure {
    const KIND: &'static str = "aws.sns.topic.ensure";
    const IAM: &'static [&'static str] = &[
        "sns:CreateTopic",
        "sns:DeleteTopic",
        "sns:ListTagsForResource",
        "sns:ListTopics",
        "sns:TagResource",
    ];
    type Client = Sns;
    type Output = Topic;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Name;

    async fn observe(&self, sns: &Sns, context: &Context) -> StepResult<Observed<Before, Topic>> {
        let Some(topic_arn) = topic::find(sns, context, &self.name).await? else {
            return Ok(Observed::Differs(Before {}));
        };
        Ok(if is_own(sns, context, &topic_arn).await? {
            Observed::Adopted(Topic { topic_arn })
        } else {
            Observed::Same(Topic { topic_arn })
        })
    }

    async fn apply(&self, _: &Before, sns: &Sns, context: &Context) -> StepResult<Progress<Topic>> {
        // SNS refuses to make a topic again with other tags, so look first.
        if let Some(topic_arn) = topic::find(sns, context, &self.name).await? {
            return Ok(Progress::Done(Topic { topic_arn }));
        }
        let tags = tags::creation(context, None)
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect::<Result<_, _>>()
            .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
        let answer = sns
            .create_topic()
            .name(&self.name)
            .set_tags(Some(tags))
            .send()
            .await
            .explain("sns:CreateTopic", context)?;
        let topic_arn = answer
            .topic_arn
            .ok_or_else(|| incomplete("CreateTopic", "an ARN"))?;
        Ok(Progress::Done(Topic { topic_arn }))
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Topic>,
        sns: &Sns,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        if let Some(arn) = topic::find(sns, context, &self.name).await?
            && is_own(sns, context, &arn).await?
        {
            sns.delete_topic()
                .topic_arn(arn)
                .send()
                .await
                .explain("sns:DeleteTopic", context)
                .or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

async fn is_own(sns: &Sns, context: &Context, arn: &str) -> StepResult<bool> {
    let answer = sns
        .list_tags_for_resource()
        .resource_arn(arn)
        .send()
        .await
        .explain("sns:ListTagsForResource", context)
        .or_absent()?;
    let tags = answer.and_then(|answer| answer.tags).unwrap_or_default();
    Ok(tags
        .iter()
        .any(|tag| tag.key() == tags::TOKEN && tag.value() == context.token))
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::Client;
    use aws_sdk_sns::operation::create_topic::CreateTopicOutput;
    use aws_sdk_sns::operation::delete_topic::DeleteTopicOutput;
    use aws_sdk_sns::operation::list_tags_for_resource::ListTagsForResourceOutput;
    use aws_sdk_sns::operation::list_topics::ListTopicsOutput;
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn step() -> Ensure {
        from_value(json!({ "name": "ops" })).unwrap()
    }

    fn topic() -> Topic {
        Topic {
            topic_arn: "arn:aws:sns:us-east-1:1:ops".to_owned(),
        }
    }

    /// Two pages: another topic first.
    fn listed() -> [Rule; 2] {
        let page = |arn: &'static str, next: Option<&'static str>| {
            ListTopicsOutput::builder()
                .topics(aws_sdk_sns::types::Topic::builder().topic_arn(arn).build())
                .set_next_token(next.map(str::to_owned))
                .build()
        };
        let first = mock!(Client::list_topics)
            .match_requests(|request| request.next_token().is_none())
            .then_output(move || page("arn:aws:sns:us-east-1:1:more-ops", Some("2")));
        let second = mock!(Client::list_topics)
            .match_requests(|request| request.next_token() == Some("2"))
            .then_output(move || page("arn:aws:sns:us-east-1:1:ops", None));
        [first, second]
    }

    fn made_by(token: &'static str) -> Rule {
        mock!(Client::list_tags_for_resource).then_output(move || {
            let tag = Tag::builder().key("runbook:token").value(token);
            let tag = tag.build().unwrap();
            ListTagsForResourceOutput::builder().tags(tag).build()
        })
    }

    #[tokio::test]
    async fn it_tells_its_own_from_one_that_was_there_and_deletes_only_its_own() {
        let deleted =
            mock!(Client::delete_topic).then_output(|| DeleteTopicOutput::builder().build());
        let [first, second] = listed();
        for (token, expected, calls) in [
            ("other", Observed::Same(topic()), 0),
            (TOKEN, Observed::Adopted(topic()), 1),
        ] {
            let sns = Sns(answering!(
                aws_sdk_sns,
                [&first, &second, &made_by(token), &deleted]
            ));
            assert_eq!(step().observe(&sns, &context()).await, Ok(expected));
            step()
                .undo(&Before {}, None, &sns, &context())
                .await
                .unwrap();
            assert_eq!(deleted.num_calls(), calls);
        }
    }

    #[tokio::test]
    async fn a_new_one_carries_the_token() {
        let none = mock!(Client::list_topics).then_output(|| ListTopicsOutput::builder().build());
        let created = mock!(Client::create_topic)
            .match_requests(|request| request.tags().iter().any(|tag| tag.value() == TOKEN))
            .then_output(|| {
                CreateTopicOutput::builder()
                    .topic_arn(topic().topic_arn)
                    .build()
            });
        let sns = Sns(answering!(aws_sdk_sns, [&none, &created]));
        let done = step().apply(&Before {}, &sns, &context()).await.unwrap();
        assert_eq!(done, Progress::Done(topic()));
    }
}
