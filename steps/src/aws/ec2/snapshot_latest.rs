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
