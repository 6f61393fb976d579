//! `aws.ec2.tags.set`

use std::collections::BTreeMap;

use aws_sdk_ec2::types::Tag;
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain};

/// Sets tags on EC2 resources; their other tags stay.
///
/// Undo gives every tag its earlier value back and takes new ones away.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    /// Ids of the resources, of any kind that EC2 knows.
    resources: Vec<String>,
    /// The tags.
    tags: BTreeMap<String, String>,
}

/// What was there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Tagged {
    /// Earlier values of these tags, by resource and key; keys that a resource did not have are
    /// absent.
    previous: BTreeMap<String, BTreeMap<String, String>>,
}

impl Args for Set {
    const KIND: &'static str = "aws.ec2.tags.set";
    const IAM: &'static [&'static str] = &["ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeTags"];
    type Client = Ec2;
    type Output = Tagged;
}

impl Change for Set {
    type Before = Tagged;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Tagged, Tagged>> {
        let mut previous: BTreeMap<String, BTreeMap<String, String>> = self
            .resources
            .iter()
            .map(|id| (id.clone(), BTreeMap::new()))
            .collect();
        let mut pages = ec2
            .describe_tags()
            .filters(tag::any("resource-id", &self.resources))
            .filters(tag::any("key", self.tags.keys()))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.explain("ec2:DescribeTags", context)?;
            for found in page.tags() {
                let of = previous.entry(tag::text(found.resource_id())).or_default();
                of.insert(tag::text(found.key()), tag::text(found.value()));
            }
        }
        let same = previous.values().all(|tags| *tags == self.tags);
        let previous = Tagged { previous };
        Ok(if same {
            Observed::Same(previous)
        } else {
            Observed::Differs(previous)
        })
    }

    async fn apply(
        &self,
        before: &Tagged,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Tagged>> {
        ec2.create_tags()
            .set_resources(Some(self.resources.clone()))
            .set_tags(Some(tag::list(self.tags.clone())))
            .send()
            .await
            .explain("ec2:CreateTags", context)?;
        Ok(Progress::Done(before.clone()))
    }

    async fn undo(
        &self,
        before: &Tagged,
        _: Option<&Tagged>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        for (id, earlier) in &before.previous {
            let new: Vec<Tag> = self
                .tags
                .iter()
                .filter(|(key, _)| !earlier.contains_key(*key))
                // With its value: a tag that was changed since is not ours to take away.
                .map(|(key, value)| Tag::builder().key(key).value(value).build())
                .collect();
            if !new.is_empty() {
                let call = ec2.delete_tags().resources(id).set_tags(Some(new));
                call.send()
                    .await
                    .explain("ec2:DeleteTags", context)
                    .or_absent()?;
            }
            if !earlier.is_empty() {
                let call = ec2.create_tags().resources(id);
                let call = call.set_tags(Some(tag::list(earlier.clone())));
                call.send()
                    .await
                    .explain("ec2:CreateTags", context)
                    .or_absent()?;
            }
        }
        Ok(Progress::Done(()))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::create_tags::CreateTagsOutput;
    use aws_sdk_ec2::operation::delete_tags::DeleteTagsOutput;
    use aws_sdk_ec2::operation::describe_tags::DescribeTagsOutput;
    use aws_sdk_ec2::types::TagDescription;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{answering, context};

    fn set() -> Set {
        let tags = [("Tier", "web"), ("Owner", "sre")];
        Set {
            resources: vec!["vol-1".to_owned()],
            tags: tags
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        }
    }

    fn tagged(tags: &'static [(&'static str, &'static str)]) -> Rule {
        mock!(Client::describe_tags).then_output(move || {
            let tags = tags.iter().map(|(key, value)| {
                TagDescription::builder()
                    .resource_id("vol-1")
                    .key(*key)
                    .value(*value)
                    .build()
            });
            DescribeTagsOutput::builder()
                .set_tags(Some(tags.collect()))
                .build()
        })
    }

    #[tokio::test]
    async fn undo_restores_what_was_replaced_and_takes_away_what_was_new() {
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&tagged(&[("Tier", "db")])]));
        let Observed::Differs(before) = set().observe(&ec2, &context()).await.unwrap() else {
            panic!("one tag differs and one is missing");
        };
        let deleted = mock!(Client::delete_tags)
            .match_requests(|request| {
                let tags = request.tags();
                tags.len() == 1 && tag::value(tags, "Owner") == Some("sre")
            })
            .then_output(|| DeleteTagsOutput::builder().build());
        let restored = mock!(Client::create_tags)
            .match_requests(|request| {
                let tags = request.tags();
                tags.len() == 1 && tag::value(tags, "Tier") == Some("db")
            })
            .then_output(|| CreateTagsOutput::builder().build());
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&deleted, &restored]));
        set().undo(&before, None, &ec2, &context()).await.unwrap();
        assert_eq!((deleted.num_calls(), restored.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn equal_tags_are_the_same() {
        let ec2 = Ec2(answering!(
            aws_sdk_ec2,
            [&tagged(&[("Tier", "web"), ("Owner", "sre")])]
        ));
        assert!(matches!(
            set().observe(&ec2, &context()).await.unwrap(),
            Observed::Same(_)
        ));
    }
}
