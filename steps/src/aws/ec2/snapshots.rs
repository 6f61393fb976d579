//! Snapshots as several steps see them.

use std::time::Duration;

use aws_sdk_ec2::types::{Filter, Snapshot, SnapshotState};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use runbook_step::{Context, Fault, FaultKind, Progress, StepResult};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::Explain;

/// The tag of a copy that says when its source was taken: the copy's own time is that of the copy.
pub(super) const SOURCE_START: &str = "runbook:source-start";

/// How long to wait between two looks at a snapshot that is being taken.
const POLL: Duration = Duration::from_secs(5);

/// Every snapshot of this account that the filters fit, oldest first.
pub(super) async fn search(
    filters: Vec<Filter>,
    ec2: &Ec2,
    context: &Context,
) -> StepResult<Vec<Snapshot>> {
    let mut found = Vec::new();
    let call = ec2
        .describe_snapshots()
        .owner_ids("self")
        .set_filters(Some(filters));
    let mut pages = call.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.explain("ec2:DescribeSnapshots", context)?;
        found.extend(page.snapshots.unwrap_or_default());
    }
    found.sort_by_key(|snapshot| (point(snapshot), id(snapshot)));
    Ok(found)
}

/// The id of a snapshot.
pub(super) fn id(snapshot: &Snapshot) -> String {
    tag::text(snapshot.snapshot_id())
}

/// The time whose data a snapshot holds.
pub(super) fn point(snapshot: &Snapshot) -> Timestamp {
    tag::value(snapshot.tags(), SOURCE_START)
        .and_then(|at| at.parse().ok())
        .or_else(|| snapshot.start_time().and_then(time))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn time(at: &DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(at.subsec_nanos()).ok()?;
    Timestamp::new(at.secs(), nanos).ok()
}

/// How old the data of a snapshot is.
pub(super) fn age(snapshot: &Snapshot) -> Duration {
    let since = Timestamp::now().duration_since(point(snapshot));
    Duration::try_from(since).unwrap_or_default()
}

/// Whether a snapshot can be restored.
pub(super) fn is_completed(snapshot: &Snapshot) -> bool {
    snapshot.state() == Some(&SnapshotState::Completed)
}

/// Done when all of `taken` are completed; a failed one is a fault.
pub(super) fn progress<T>(
    taken: &[Snapshot],
    output: impl FnOnce() -> T,
) -> StepResult<Progress<T>> {
    if let Some(failed) = taken
        .iter()
        .find(|one| one.state() == Some(&SnapshotState::Error))
    {
        let why = failed.state_message().unwrap_or("no reason given");
        let message = format!("{} failed: {why}", id(failed));
        return Err(Fault::new(FaultKind::Unmet, message));
    }
    let pending: Vec<&Snapshot> = taken.iter().filter(|one| !is_completed(one)).collect();
    let Some(first) = pending.first() else {
        return Ok(Progress::Done(output()));
    };
    let percent = first
        .progress()
        .filter(|text| !text.is_empty())
        .unwrap_or("0%");
    Ok(Progress::Again {
        after: POLL,
        note: format!("snapshot pending {percent}"),
    })
}

/// Deletes snapshots that are still there.
pub(super) async fn delete(made: &[Snapshot], ec2: &Ec2, context: &Context) -> StepResult<()> {
    use crate::aws::fault::Expect;

    for snapshot in made {
        let deleted = ec2.delete_snapshot().snapshot_id(id(snapshot)).send().await;
        deleted.explain("ec2:DeleteSnapshot", context).or_absent()?;
    }
    Ok(())
}
