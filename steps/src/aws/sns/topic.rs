//! Look-up of topics by name.

use runbook_step::{Context, StepResult};

use crate::aws::client::Sns;
use crate::aws::fault::{Explain, not_found};

/// The ARN of the topic with this name.
pub(super) async fn find(sns: &Sns, context: &Context, name: &str) -> StepResult<Option<String>> {
    let mut pages = sns.list_topics().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.explain("sns:ListTopics", context)?;
        let arns = page
            .topics
            .unwrap_or_default()
            .into_iter()
            .filter_map(|topic| topic.topic_arn);
        if let Some(arn) = arns
            .into_iter()
            .find(|arn| arn.rsplit(':').next() == Some(name))
        {
            return Ok(Some(arn));
        }
    }
    Ok(None)
}

/// The ARN of a topic that is given by name or ARN.
pub(super) async fn arn(sns: &Sns, context: &Context, topic: &str) -> StepResult<String> {
    if topic.starts_with("arn:") {
        return Ok(topic.to_owned());
    }
    find(sns, context, topic)
        .await?
        .ok_or_else(|| not_found(format_args!("topic `{topic}`")))
}
