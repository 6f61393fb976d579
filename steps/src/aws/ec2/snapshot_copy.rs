//! `aws.ec2.snapshot.copy`

use std::time::Duration;

use aws_sdk_ec2::types::{ResourceType, Snapshot};
use runbook_step::{
    Args, Change, Connect, Context, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::snapshots::{self, SOURCE_START};
use super::{presign, tag};
use crate::aws::client::{self, Ec2};
use crate::aws::fault::{Explain, not_found};
use crate::aws::tags;
use crate::control::span::Span;

/// The tag that says which snapshot a copy was made from.
const SOURCE: &str = "runbook:source";

/// Copies a snapshot from another region into the step's own, and waits until it is completed.
///
/// A completed copy of the same snapshot is taken instead of a new one; with `max_age` also one of
/// this name whose source is young enough. Undo deletes a copy that this step made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Copy {
    /// Id of the snapshot to copy.
    snapshot: String,
    /// Region that it is in.
    from_region: String,
    /// Name tag of the copy.
    name: String,
    /// Age of the data up to which a completed copy of this name is as good as a new one.
    #[serde(default)]
    max_age: Option<Span>,
    /// Whether the copy is encrypted; that of an encrypted snapshot always is.
    #[serde(default = "yes")]
    encrypted: bool,
    /// Id or ARN of the key in this region that encrypts the copy; the account's own when absent.
    #[serde(default)]
    kms_key: Option<String>,
}

/// The copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Copied {
    /// Id of the copy.
    snapshot_id: String,
    /// When the source was started, in RFC 3339: nothing older than this is lost.
    at: String,
}

/// Nothing is needed: a copy that existed is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

fn yes() -> bool {
    true
}

impl Args for Copy {
    const KIND: &'static str = "aws.ec2.snapshot.copy";
    const TIMEOUT: Duration = Duration::from_secs(3_600);
    const IAM: &'static [&'static str] = &[
        "ec2:CopySnapshot",
        "ec2:CreateTags",
        "ec2:DeleteSnapshot",
        "ec2:DescribeSnapshots",
    ];
    type Client = Ec2;
    type Output = Copied;
}

impl Change for Copy {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Copied>> {
        let found = self.find(ec2, context).await?;
        if let Some(made) = ours(&found, context) {
            return Ok(if snapshots::is_completed(made) {
                Observed::Adopted(output(made))
            } else {
                Observed::Differs(Before {})
            });
        }
        let good = found
            .iter()
            .rev()
            .find(|copy| snapshots::is_completed(copy) && self.serves(copy));
        Ok(match good {
            Some(copy) => Observed::Same(output(copy)),
            None => Observed::Differs(Before {}),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Copied>> {
        let mut found = self.find(ec2, context).await?;
        if ours(&found, context).is_none() {
            let source = self.source(context).await?;
            if !snapshots::is_completed(&source) {
                return snapshots::progress(&[source], || output(&Snapshot::builder().build()));
            }
            let id = self.copy(&source, ec2, context).await?;
            // The service takes no token: what does not show is looked for, never copied again.
            found = self.find(ec2, context).await?;
            if ours(&found, context).is_none() {
                return Err(tag::unseen(&id));
            }
        }
        match ours(&found, context) {
            Some(made) => snapshots::progress(std::slice::from_ref(made), || output(made)),
            None => Err(tag::unseen("the copy")),
        }
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Copied>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let made = snapshots::search(vec![tag::made(context)], ec2, context).await?;
        snapshots::delete(&made, ec2, context).await?;
        Ok(Progress::Done(()))
    }
}

impl Copy {
    async fn find(&self, ec2: &Ec2, context: &Context) -> StepResult<Vec<Snapshot>> {
        snapshots::search(tag::named(&self.name, context), ec2, context).await
    }

    fn serves(&self, copy: &Snapshot) -> bool {
        tag::value(copy.tags(), SOURCE) == Some(self.snapshot.as_str())
            || self.max_age.is_some_and(|limit| {
                tag::value(copy.tags(), SOURCE_START).is_some() && snapshots::age(copy) <= limit.0
            })
    }

    /// The snapshot in the other region.
    async fn source(&self, context: &Context) -> StepResult<Snapshot> {
        let mut there = context.clone();
        there.aws.region = Some(self.from_region.clone());
        let ec2 = Ec2::connect(&there).await?;
        let answer = ec2
            .describe_snapshots()
            .snapshot_ids(&self.snapshot)
            .send()
            .await
            .explain("ec2:DescribeSnapshots", &there)?;
        let found = answer.snapshots.unwrap_or_default().pop();
        found.ok_or_else(|| not_found(format!("{} in {}", self.snapshot, self.from_region)))
    }

    /// What lets the destination read an encrypted snapshot: the source region's own permission.
    async fn leave(&self, source: &Snapshot, context: &Context) -> StepResult<Option<String>> {
        if !source.encrypted().unwrap_or_default() {
            return Ok(None);
        }
        let mut there = context.clone();
        there.aws.region = Some(self.from_region.clone());
        let destination = client::region(context).unwrap_or_default();
        let query = [
            ("Action", "CopySnapshot"),
            ("Version", "2016-11-15"),
            ("SourceRegion", self.from_region.as_str()),
            ("SourceSnapshotId", self.snapshot.as_str()),
            ("DestinationRegion", destination.as_str()),
        ];
        let (credentials, endpoint) = client::signer(&there).await?;
        presign::url(&self.from_region, endpoint, &query, credentials).map(Some)
    }

    async fn copy(&self, source: &Snapshot, ec2: &Ec2, context: &Context) -> StepResult<String> {
        let mut creation = tags::creation(context, Some(&self.name));
        creation.insert(SOURCE.to_owned(), self.snapshot.clone());
        creation.insert(
            SOURCE_START.to_owned(),
            snapshots::point(source).to_string(),
        );
        let answer = ec2
            .copy_snapshot()
            .source_region(&self.from_region)
            .source_snapshot_id(&self.snapshot)
            .description(format!(
                "copy of {} from {}",
                self.snapshot, self.from_region
            ))
            .set_encrypted(self.encrypted.then_some(true))
            .set_kms_key_id(self.kms_key.clone())
            .set_destination_region(client::region(context))
            .set_presigned_url(self.leave(source, context).await?)
            .tag_specifications(tag::with(ResourceType::Snapshot, creation))
            .send()
            .await
            .explain("ec2:CopySnapshot", context)?;
        Ok(tag::text(answer.snapshot_id()))
    }
}

fn ours<'a>(found: &'a [Snapshot], context: &Context) -> Option<&'a Snapshot> {
    found.iter().find(|one| tag::ours(one.tags(), context))
}

fn output(copy: &Snapshot) -> Copied {
    Copied {
        snapshot_id: snapshots::id(copy),
        at: snapshots::point(copy).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::copy_snapshot::CopySnapshotOutput;
    use aws_sdk_ec2::operation::describe_snapshots::DescribeSnapshotsOutput;
    use aws_sdk_ec2::types::{SnapshotState, Tag};
    use aws_smithy_mocks::{Rule, mock};
    use jiff::Timestamp;

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn copy(max_age: Option<&str>) -> Copy {
        serde_json::from_value(serde_json::json!({
            "snapshot": "snap-1", "from_region": "eu-west-1", "name": "data", "max_age": max_age,
        }))
        .unwrap()
    }

    /// A copy of `source`, whose data is ten minutes old.
    fn copied(token: &str, source: &str, state: SnapshotState) -> Snapshot {
        let start = Timestamp::from_second(Timestamp::now().as_second() - 600).unwrap();
        let tags = [
            ("runbook:token", token),
            (SOURCE, source),
            (SOURCE_START, &start.to_string()),
        ]
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
        Snapshot::builder()
            .snapshot_id("snap-9")
            .state(state)
            .set_tags(Some(tags.into()))
            .build()
    }

    fn found(snapshots: &[Snapshot]) -> Rule {
        let all = snapshots.to_vec();
        mock!(Client::describe_snapshots).then_output(move || {
            DescribeSnapshotsOutput::builder()
                .set_snapshots(Some(all.clone()))
                .build()
        })
    }

    async fn look(max_age: Option<&str>, one: Snapshot) -> Observed<Before, Copied> {
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found(&[one])]));
        copy(max_age).observe(&ec2, &context()).await.unwrap()
    }

    #[tokio::test]
    async fn a_copy_of_the_same_or_of_a_young_snapshot_serves() {
        use SnapshotState::{Completed, Pending};
        assert!(matches!(
            look(None, copied("x", "snap-1", Completed)).await,
            Observed::Same(_)
        ));
        let other = || copied("x", "snap-0", Completed);
        assert!(matches!(look(None, other()).await, Observed::Differs(_)));
        assert!(matches!(
            look(Some("5m"), other()).await,
            Observed::Differs(_)
        ));
        assert!(matches!(
            look(Some("15m"), other()).await,
            Observed::Same(_)
        ));
        let own = |state| copied(TOKEN, "snap-1", state);
        assert!(matches!(
            look(None, own(Completed)).await,
            Observed::Adopted(_)
        ));
        assert!(matches!(
            look(None, own(Pending)).await,
            Observed::Differs(_)
        ));
    }

    #[tokio::test]
    async fn the_time_of_a_copy_is_that_of_its_source() {
        let one = copied("x", "snap-1", SnapshotState::Completed);
        let start = tag::value(one.tags(), SOURCE_START).unwrap().to_owned();
        let Observed::Same(output) = look(None, one).await else {
            panic!("it serves")
        };
        assert_eq!(output.at, start);
    }

    #[tokio::test]
    async fn a_copy_that_is_under_way_is_not_made_again() {
        let again =
            mock!(Client::copy_snapshot).then_output(|| CopySnapshotOutput::builder().build());
        let pending = found(&[copied(TOKEN, "snap-1", SnapshotState::Pending)]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&pending, &again]));
        let progress = copy(None)
            .apply(&Before {}, &ec2, &context())
            .await
            .unwrap();
        assert!(matches!(progress, Progress::Again { .. }));
        assert_eq!(again.num_calls(), 0);
    }
}
