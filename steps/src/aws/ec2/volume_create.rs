//! `aws.ec2.volume.create`

use std::time::Duration;

use aws_sdk_ec2::types::{ResourceType, Volume, VolumeState, VolumeType};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain};

/// Makes sure that a zone has a volume of this name, and waits until it can be used.
///
/// It is found by its Name tag in the zone, together with the environment's Project and Environment
/// tags, and by its snapshot where one is given: a volume from another snapshot is another volume.
/// Undo deletes a volume that this step created.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// Name tag.
    name: String,
    /// Availability zone, such as `eu-west-1a`.
    zone: String,
    /// Size in GiB; needed unless a snapshot is given, whose size it then has.
    #[serde(default)]
    size_gib: Option<i32>,
    /// Id of the snapshot to restore.
    #[serde(default)]
    snapshot: Option<String>,
    /// Volume type.
    #[serde(rename = "type", default = "gp3")]
    kind: String,
    /// Whether it is encrypted.
    #[serde(default = "yes")]
    encrypted: bool,
    /// Operations per second that are paid for.
    #[serde(default)]
    iops: Option<i32>,
    /// Throughput in MiB/s that is paid for.
    #[serde(default)]
    throughput: Option<i32>,
}

/// The volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Created {
    /// Id of the volume.
    volume_id: String,
}

/// Nothing is needed: a volume that existed is never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

fn yes() -> bool {
    true
}

fn gp3() -> String {
    "gp3".to_owned()
}

impl Args for Create {
    const KIND: &'static str = "aws.ec2.volume.create";
    const TIMEOUT: Duration = Duration::from_secs(600);
    const IAM: &'static [&'static str] = &[
        "ec2:CreateTags",
        "ec2:CreateVolume",
        "ec2:DeleteVolume",
        "ec2:DescribeVolumes",
    ];
    type Client = Ec2;
    type Output = Created;
}

impl Change for Create {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Token;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Created>> {
        if self.size_gib.is_none() && self.snapshot.is_none() {
            let message = "a volume needs `size_gib` or `snapshot`";
            return Err(Fault::new(FaultKind::Invalid, message));
        }
        Ok(match self.find(ec2, context).await? {
            Some(volume) if volume.state() != Some(&VolumeState::Creating) => {
                tag::settled(volume.tags(), context, output(volume.volume_id()))
            }
            _ => Observed::Differs(Before {}),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Created>> {
        let (output, state) = match self.find(ec2, context).await? {
            Some(volume) => (output(volume.volume_id()), volume.state),
            None => self.create(ec2, context).await?,
        };
        match state {
            Some(VolumeState::Available | VolumeState::InUse) => Ok(Progress::Done(output)),
            Some(VolumeState::Error) => {
                let message = format!("{} could not be created", output.volume_id);
                Err(Fault::new(FaultKind::Unmet, message))
            }
            _ => Ok(tag::again(format!("{} is being created", output.volume_id))),
        }
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Created>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let made = self.find(ec2, context).await?;
        if let Some(volume) = made.filter(|volume| tag::ours(volume.tags(), context)) {
            let deleted = ec2
                .delete_volume()
                .set_volume_id(volume.volume_id)
                .send()
                .await;
            deleted.explain("ec2:DeleteVolume", context).or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Create {
    async fn find(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<Volume>> {
        let mut filters = tag::named(&self.name, context);
        filters.push(tag::filter("availability-zone", &self.zone));
        filters.extend(
            self.snapshot
                .iter()
                .map(|id| tag::filter("snapshot-id", id)),
        );
        let answer = ec2
            .describe_volumes()
            .set_filters(Some(filters))
            .send()
            .await
            .explain("ec2:DescribeVolumes", context)?;
        let mut found = answer.volumes.unwrap_or_default();
        found.retain(|volume| match volume.state() {
            Some(VolumeState::Deleted | VolumeState::Deleting) => false,
            Some(VolumeState::Error) => tag::ours(volume.tags(), context),
            _ => true,
        });
        let what = format!("volume `{}`", self.name);
        let volume = tag::single(found, Volume::tags, &what, context)?;
        if let Some(volume) = &volume {
            let is = volume
                .volume_type()
                .map(VolumeType::as_str)
                .unwrap_or_default();
            if is != self.kind {
                return Err(tag::differs(&what, &format!("type {is}"), &self.kind));
            }
            if let (Some(is), Some(wished)) = (volume.size(), self.size_gib)
                && is != wished
            {
                return Err(tag::differs(
                    &what,
                    &format!("{is} GiB"),
                    &wished.to_string(),
                ));
            }
        }
        Ok(volume)
    }

    async fn create(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<(Created, Option<VolumeState>)> {
        let made = ec2
            .create_volume()
            .availability_zone(&self.zone)
            .set_size(self.size_gib)
            .set_snapshot_id(self.snapshot.clone())
            .volume_type(VolumeType::from(self.kind.as_str()))
            .encrypted(self.encrypted)
            .set_iops(self.iops)
            .set_throughput(self.throughput)
            .client_token(&context.token)
            .tag_specifications(tag::specification(
                ResourceType::Volume,
                &self.name,
                context,
            ))
            .send()
            .await
            .explain("ec2:CreateVolume", context)?;
        Ok((output(made.volume_id()), made.state))
    }
}

fn output(id: Option<&str>) -> Created {
    Created {
        volume_id: tag::text(id),
    }
}
