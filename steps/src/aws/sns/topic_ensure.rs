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

    async fn apply(
        &self,
        _: &Before,
        sns: &Sns,
        context: &Context,
    ) -> StepResult<Progress<Topic>> {
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
        let topic_arn = answer.topic_arn.ok_or_else(|| incomplete("CreateTopic", "an ARN"))?;
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
    Ok(tags.iter().any(|tag| tag.key() == tags::TOKEN && tag.value() == context.token))
}
