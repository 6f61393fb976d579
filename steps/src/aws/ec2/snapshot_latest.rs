//! `aws.ec2.snapshot.latest`

use std::collections::BTreeMap;

use runbook_core::format_millis;
use runbook_step::{Args, Context, Fault, FaultKind, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{snapshots, tag};
use crate::aws::client::Ec2;
use crate::aws::fault::not_found;
use crate::control::span::Span;

/// Finds the completed snapshot with the newest data, and fails when that is too old.
///
/// The data of a copy is as old as its source. Only snapshots with the environment's Project and
/// Environment tags are found, unless `tags` names other values for them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latest {
    /// Name tag; `*` stands for any letters.
    #[serde(default)]
    name: Option<String>,
    /// Tags that it must have.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Age that its data must not exceed.
    #[serde(default)]
    max_age: Option<Span>,
}

/// The snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Newest {
    /// Id of the snapshot.
    snapshot_id: String,
    /// Id of the volume that it was taken of.
    volume_id: String,
    /// The time whose data it holds, in RFC 3339.
    at: String,
    /// How old the data is, such as `4m30s`.
    age: String,
}

impl Args for Latest {
    const KIND: &'static str = "aws.ec2.snapshot.latest";
    const IAM: &'static [&'static str] = &["ec2:DescribeSnapshots"];
    type Client = Ec2;
    type Output = Newest;
}

impl Query for Latest {
    async fn read(&self, ec2: &Ec2, context: &Context) -> StepResult<Newest> {
        let what = self.name.as_deref().unwrap_or("with these tags");
        if self.name.is_none() && self.tags.is_empty() {
            return Err(Fault::new(FaultKind::Invalid, "`name` or `tags` is needed"));
        }
        let mut filters = tag::matching(self.name.as_deref(), &self.tags, context);
        filters.push(tag::filter("status", "completed"));
        let found = snapshots::search(filters, ec2, context).await?;
        let newest = found
            .last()
            .ok_or_else(|| not_found(format!("a completed snapshot `{what}`")))?;
        let age = snapshots::age(newest);
        let shown = |age: std::time::Duration| format_millis(age.as_secs() * 1_000);
        if let Some(limit) = self.max_age.filter(|limit| age > limit.0) {
            let message = format!(
                "the newest snapshot `{what}`, {}, holds data that is {} old, more than {}",
                snapshots::id(newest),
                shown(age),
                shown(limit.0),
            );
            return Err(Fault::new(FaultKind::Unmet, message));
        }
        Ok(Newest {
            snapshot_id: snapshots::id(newest),
            volume_id: tag::text(newest.volume_id()),
            at: snapshots::point(newest).to_string(),
            age: shown(age),
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::describe_snapshots::DescribeSnapshotsOutput;
    use aws_sdk_ec2::types::{Snapshot, Tag};
    use aws_smithy_mocks::mock;
    use aws_smithy_types::DateTime;
    use jiff::Timestamp;

    use super::*;
    use crate::aws::testing::{answering, context};

    fn ago(minutes: i64) -> i64 {
        Timestamp::now().as_second() - minutes * 60
    }

    /// A snapshot taken so many minutes ago, of data that is older where it is a copy.
    fn snapshot(id: &str, minutes: i64, source: Option<i64>) -> Snapshot {
        let source = source.map(|minutes| {
            let at = Timestamp::from_second(ago(minutes)).unwrap().to_string();
            vec![
                Tag::builder()
                    .key(snapshots::SOURCE_START)
                    .value(at)
                    .build(),
            ]
        });
        Snapshot::builder()
            .snapshot_id(id)
            .start_time(DateTime::from_secs(ago(minutes)))
            .set_tags(source)
            .build()
    }

    async fn latest(max_age: &str) -> StepResult<Newest> {
        let all = vec![
            snapshot("snap-1", 1, Some(90)),
            snapshot("snap-2", 30, None),
        ];
        let found = mock!(Client::describe_snapshots).then_output(move || {
            DescribeSnapshotsOutput::builder()
                .set_snapshots(Some(all.clone()))
                .build()
        });
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found]));
        let step: Latest =
            serde_json::from_value(serde_json::json!({ "name": "data", "max_age": max_age }))
                .unwrap();
        step.read(&ec2, &context()).await
    }

    #[tokio::test]
    async fn the_newest_data_wins_over_the_newest_copy() {
        let newest = latest("1h").await.unwrap();
        assert_eq!(
            (newest.snapshot_id.as_str(), newest.age.as_str()),
            ("snap-2", "30m")
        );
    }

    #[tokio::test]
    async fn data_that_is_too_old_is_a_fault_that_says_how_old() {
        let fault = latest("15m").await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unmet);
        assert_eq!(
            fault.message,
            "the newest snapshot `data`, snap-2, holds data that is 30m old, more than 15m"
        );
    }
}
