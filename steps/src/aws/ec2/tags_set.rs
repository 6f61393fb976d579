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
