//! `aws.ec2.snapshot.create`

use std::time::Duration;

use aws_sdk_ec2::types::{InstanceSpecification, ResourceType, Snapshot};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{snapshots, tag};
use crate::aws::client::Ec2;
use crate::aws::fault::Explain;
use crate::aws::tags;
use crate::control::span::Span;

/// The tag that says of which instance a set of snapshots was taken.
const INSTANCE: &str = "runbook:instance";

/// Takes a snapshot of a volume, or one of every volume of an instance at the same moment, and waits
/// until they are completed.
///
/// With `max_age`, completed ones of this name that are young enough are taken instead. Undo deletes
/// snapshots that this step took.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// Name tag.
    name: String,
    /// Id of the volume; this or `instance` is given.
    #[serde(default)]
    volume: Option<String>,
    /// Id of the instance whose volumes are all taken together.
    #[serde(default)]
    instance: Option<String>,
    /// What the snapshot is for.
    #[serde(default)]
    description: Option<String>,
    /// Age up to which a completed snapshot of this name is as good as a new one.
    #[serde(default)]
    max_age: Option<Span>,
}

/// The snapshots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Created {
    /// Ids of all of them.
    snapshot_ids: Vec<String>,
    /// Id of the first.
    snapshot_id: String,
    /// When the oldest of them was started, in RFC 3339: nothing older than this is lost.
    at: String,
}

/// Nothing is needed: a snapshot that existed is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

impl Args for Create {
    const KIND: &'static str = "aws.ec2.snapshot.create";
    const TIMEOUT: Duration = Duration::from_secs(3_600);
    const IAM: &'static [&'static str] = &[
        "ec2:CreateSnapshot",
        "ec2:CreateSnapshots",
        "ec2:CreateTags",
        "ec2:DeleteSnapshot",
        "ec2:DescribeSnapshots",
    ];
    type Client = Ec2;
    type Output = Created;
}

impl Change for Create {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Created>> {
        let found = self.find(ec2, context).await?;
        let made = ours(&found, context);
        if !made.is_empty() {
            return Ok(if made.iter().all(snapshots::is_completed) {
                Observed::Adopted(output(&made))
            } else {
                Observed::Differs(Before {})
            });
        }
        Ok(match self.young(&found) {
            Some(set) => Observed::Same(output(&set)),
            None => Observed::Differs(Before {}),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Created>> {
        let mut made = ours(&self.find(ec2, context).await?, context);
        if made.is_empty() {
            let id = self.create(ec2, context).await?;
            // The service takes no token: what does not show is looked for, never taken again.
            made = ours(&self.find(ec2, context).await?, context);
            if made.is_empty() {
                return Err(tag::unseen(&id));
            }
        }
        snapshots::progress(&made, || output(&made))
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Created>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let made = snapshots::search(vec![tag::made(context)], ec2, context).await?;
        snapshots::delete(&made, ec2, context).await?;
        Ok(Progress::Done(()))
    }
}

impl Create {
    async fn find(&self, ec2: &Ec2, context: &Context) -> StepResult<Vec<Snapshot>> {
        let mut filters = tag::named(&self.name, context);
        filters.push(match (&self.volume, &self.instance) {
            (Some(volume), None) => tag::filter("volume-id", volume),
            (None, Some(instance)) => tag::filter(format!("tag:{INSTANCE}"), instance),
            (None, None) | (Some(_), Some(_)) => {
                let message = "a snapshot needs exactly one of `volume` and `instance`";
                return Err(Fault::new(FaultKind::Invalid, message));
            }
        });
        snapshots::search(filters, ec2, context).await
    }

    /// The newest completed set that is young enough. A set is what one step took.
    fn young(&self, found: &[Snapshot]) -> Option<Vec<Snapshot>> {
        let limit = self.max_age?.0;
        let newest = found
            .iter()
            .rev()
            .find(|one| snapshots::is_completed(one))?;
        let token = tag::value(newest.tags(), tags::TOKEN);
        let set: Vec<Snapshot> = found
            .iter()
            .filter(|one| match token {
                Some(_) => tag::value(one.tags(), tags::TOKEN) == token,
                None => one.snapshot_id() == newest.snapshot_id(),
            })
            .cloned()
            .collect();
        let good = |one: &Snapshot| snapshots::is_completed(one) && snapshots::age(one) <= limit;
        set.iter().all(good).then_some(set)
    }

    /// Takes them; the id of the first.
    async fn create(&self, ec2: &Ec2, context: &Context) -> StepResult<String> {
        let mut creation = tags::creation(context, Some(&self.name));
        if let Some(instance) = &self.instance {
            creation.insert(INSTANCE.to_owned(), instance.clone());
            let answer = ec2
                .create_snapshots()
                .instance_specification(
                    InstanceSpecification::builder()
                        .instance_id(instance)
                        .build(),
                )
                .set_description(self.description.clone())
                .tag_specifications(tag::with(ResourceType::Snapshot, creation))
                .send()
                .await
                .explain("ec2:CreateSnapshots", context)?;
            let first = answer.snapshots().first().and_then(|one| one.snapshot_id());
            return Ok(tag::text(first));
        }
        let answer = ec2
            .create_snapshot()
            .set_volume_id(self.volume.clone())
            .set_description(self.description.clone())
            .tag_specifications(tag::with(ResourceType::Snapshot, creation))
            .send()
            .await
            .explain("ec2:CreateSnapshot", context)?;
        Ok(tag::text(answer.snapshot_id()))
    }
}

fn ours(found: &[Snapshot], context: &Context) -> Vec<Snapshot> {
    found
        .iter()
        .filter(|one| tag::ours(one.tags(), context))
        .cloned()
        .collect()
}

/// The output of a set, which is sorted by age and not empty.
fn output(set: &[Snapshot]) -> Created {
    Created {
        snapshot_ids: set.iter().map(snapshots::id).collect(),
        snapshot_id: set.first().map(snapshots::id).unwrap_or_default(),
        at: set
            .first()
            .map(snapshots::point)
            .unwrap_or_default()
            .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::create_snapshot::CreateSnapshotOutput;
    use aws_sdk_ec2::operation::delete_snapshot::DeleteSnapshotOutput;
    use aws_sdk_ec2::operation::describe_snapshots::DescribeSnapshotsOutput;
    use aws_sdk_ec2::types::{SnapshotState, Tag};
    use aws_smithy_mocks::{Rule, mock};
    use aws_smithy_types::DateTime;
    use jiff::Timestamp;
    use runbook_step::Executed;

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn create(max_age: Option<&str>) -> Create {
        serde_json::from_value(serde_json::json!({
            "name": "data", "volume": "vol-1", "max_age": max_age,
        }))
        .unwrap()
    }

    fn snapshot(id: &str, token: &str, state: SnapshotState, minutes_old: i64) -> Snapshot {
        Snapshot::builder()
            .snapshot_id(id)
            .state(state)
            .progress("42%")
            .start_time(DateTime::from_secs(
                Timestamp::now().as_second() - minutes_old * 60,
            ))
            .tags(Tag::builder().key("runbook:token").value(token).build())
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

    fn taken() -> Rule {
        mock!(Client::create_snapshot)
            .match_requests(|request| {
                request.volume_id() == Some("vol-1")
                    && tag::ours(request.tag_specifications()[0].tags(), &context())
            })
            .then_output(|| {
                CreateSnapshotOutput::builder()
                    .snapshot_id("snap-9")
                    .build()
            })
    }

    #[tokio::test]
    async fn a_young_snapshot_is_as_good_as_a_new_one_only_with_a_max_age() {
        let look = async |max_age: Option<&str>, all: &[Snapshot]| {
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&found(all)]));
            create(max_age).observe(&ec2, &context()).await.unwrap()
        };
        let all = [
            snapshot("snap-1", "x", SnapshotState::Completed, 90),
            snapshot("snap-2", "y", SnapshotState::Completed, 10),
            snapshot("snap-3", "z", SnapshotState::Pending, 1),
        ];
        assert_eq!(look(None, &all).await, Observed::Differs(Before {}));
        assert_eq!(look(Some("5m"), &all).await, Observed::Differs(Before {}));
        let Observed::Same(output) = look(Some("15m"), &all).await else {
            panic!("snap-2 is 10 minutes old");
        };
        assert_eq!(output.snapshot_ids, ["snap-2"]);
    }

    #[tokio::test]
    async fn what_this_step_took_is_adopted_once_it_is_completed() {
        for (state, adopted) in [
            (SnapshotState::Completed, true),
            (SnapshotState::Pending, false),
        ] {
            let all = [snapshot("snap-1", TOKEN, state, 0)];
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&found(&all)]));
            let observed = create(None).observe(&ec2, &context()).await.unwrap();
            assert_eq!(matches!(observed, Observed::Adopted(_)), adopted);
        }
    }

    #[tokio::test]
    async fn a_pending_snapshot_is_waited_for_and_not_taken_again() {
        let taken = taken();
        let pending = found(&[snapshot("snap-1", TOKEN, SnapshotState::Pending, 0)]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&pending, &taken]));
        let progress = create(None)
            .apply(&Before {}, &ec2, &context())
            .await
            .unwrap();
        assert!(matches!(
            progress,
            Progress::Again { note, .. } if note == "snapshot pending 42%"
        ));
        assert_eq!(taken.num_calls(), 0);
    }

    #[tokio::test]
    async fn a_snapshot_that_does_not_show_is_in_doubt_and_not_taken_again() {
        let taken = taken();
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found(&[]), &taken]));
        let fault = create(None)
            .apply(&Before {}, &ec2, &context())
            .await
            .unwrap_err();
        assert_eq!(fault.executed, Executed::Unknown);
        assert_eq!(fault.message, "snap-9 was created and does not show yet");
        assert_eq!(taken.num_calls(), 1);
    }

    #[tokio::test]
    async fn undo_deletes_what_carries_the_token() {
        let deleted = mock!(Client::delete_snapshot)
            .match_requests(|request| request.snapshot_id() == Some("snap-1"))
            .then_output(|| DeleteSnapshotOutput::builder().build());
        let made = found(&[snapshot("snap-1", TOKEN, SnapshotState::Completed, 0)]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&made, &deleted]));
        create(None)
            .undo(&Before {}, None, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(deleted.num_calls(), 1);
    }

    #[tokio::test]
    async fn one_source_is_needed() {
        let none = Create {
            volume: None,
            ..create(None)
        };
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found(&[])]));
        assert_eq!(
            none.observe(&ec2, &context()).await.unwrap_err().kind,
            FaultKind::Invalid
        );
    }
}
