//! `aws.ec2.volume.attach`

use aws_sdk_ec2::types::{VolumeAttachment, VolumeAttachmentState};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, not_found};

/// Attaches a volume to an instance, and waits until it is attached.
///
/// A volume that hangs on another instance is left there: the step fails. Undo detaches the volume
/// when it was free before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attach {
    /// Id of the volume.
    volume: String,
    /// Id of the instance, in the volume's zone.
    instance: String,
    /// Device name, such as `/dev/sdf`.
    device: String,
}

/// The attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Attached {
    /// Id of the volume.
    volume_id: String,
    /// Id of the instance.
    instance_id: String,
    /// Device name.
    device: String,
}

/// Nothing is needed: a volume that hung there before is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {}

impl Args for Attach {
    const KIND: &'static str = "aws.ec2.volume.attach";
    const IAM: &'static [&'static str] = &[
        "ec2:AttachVolume",
        "ec2:DescribeVolumes",
        "ec2:DetachVolume",
    ];
    type Client = Ec2;
    type Output = Attached;
}

impl Change for Attach {
    type Before = Before;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Observed<Before, Attached>> {
        Ok(match self.held(ec2, context).await? {
            Some(held) if is_attached(&held) => Observed::Same(self.output()),
            _ => Observed::Differs(Before {}),
        })
    }

    async fn apply(
        &self,
        _: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Attached>> {
        match self.held(ec2, context).await? {
            Some(held) if is_attached(&held) => return Ok(Progress::Done(self.output())),
            Some(_) => {}
            None => {
                ec2.attach_volume()
                    .volume_id(&self.volume)
                    .instance_id(&self.instance)
                    .device(&self.device)
                    .send()
                    .await
                    .explain("ec2:AttachVolume", context)?;
            }
        }
        Ok(tag::again(format!("{} is attaching", self.volume)))
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Attached>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(held) = self.held(ec2, context).await.or_absent()?.flatten() else {
            return Ok(Progress::Done(()));
        };
        if held.state() != Some(&VolumeAttachmentState::Detaching) {
            ec2.detach_volume()
                .volume_id(&self.volume)
                .instance_id(&self.instance)
                .send()
                .await
                .explain("ec2:DetachVolume", context)
                .or_absent()?;
        }
        Ok(tag::again(format!("{} is detaching", self.volume)))
    }
}

impl Attach {
    fn output(&self) -> Attached {
        Attached {
            volume_id: self.volume.clone(),
            instance_id: self.instance.clone(),
            device: self.device.clone(),
        }
    }

    /// The attachment to the wished instance; an attachment to another one is a fault.
    async fn held(&self, ec2: &Ec2, context: &Context) -> StepResult<Option<VolumeAttachment>> {
        let answer = ec2
            .describe_volumes()
            .volume_ids(&self.volume)
            .send()
            .await
            .explain("ec2:DescribeVolumes", context)?;
        let volume = answer
            .volumes()
            .first()
            .ok_or_else(|| not_found(&self.volume))?;
        let live =
            |held: &&VolumeAttachment| held.state() != Some(&VolumeAttachmentState::Detached);
        let Some(held) = volume.attachments().iter().find(live) else {
            return Ok(None);
        };
        let here = held.instance_id() == Some(self.instance.as_str());
        if here && held.device() == Some(self.device.as_str()) {
            return Ok(Some(held.clone()));
        }
        let message = format!(
            "{} hangs on {} as {}",
            self.volume,
            held.instance_id().unwrap_or("another instance"),
            held.device().unwrap_or("another device"),
        );
        Err(Fault::new(FaultKind::Conflict, message))
    }
}

fn is_attached(held: &VolumeAttachment) -> bool {
    held.state() == Some(&VolumeAttachmentState::Attached)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::attach_volume::AttachVolumeOutput;
    use aws_sdk_ec2::operation::describe_volumes::DescribeVolumesOutput;
    use aws_sdk_ec2::operation::detach_volume::DetachVolumeOutput;
    use aws_sdk_ec2::types::Volume;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{answering, context};

    fn attach() -> Attach {
        Attach {
            volume: "vol-1".to_owned(),
            instance: "i-1".to_owned(),
            device: "/dev/sdf".to_owned(),
        }
    }

    fn volume(held: Option<(&str, &str)>) -> Rule {
        let held = held.map(|(instance, state)| {
            let held = VolumeAttachment::builder()
                .instance_id(instance)
                .device("/dev/sdf");
            vec![held.state(VolumeAttachmentState::from(state)).build()]
        });
        let volume = Volume::builder().set_attachments(held).build();
        mock!(Client::describe_volumes).then_output(move || {
            DescribeVolumesOutput::builder()
                .volumes(volume.clone())
                .build()
        })
    }

    #[tokio::test]
    async fn a_volume_of_another_instance_is_left_there() {
        let ec2 = Ec2(answering!(
            aws_sdk_ec2,
            [&volume(Some(("i-2", "attached")))]
        ));
        let fault = attach().observe(&ec2, &context()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Conflict);
        assert_eq!(fault.message, "vol-1 hangs on i-2 as /dev/sdf");
    }

    #[tokio::test]
    async fn it_is_attached_once_and_waited_for() {
        for (held, calls, done) in [
            (None, 1, false),
            (Some(("i-1", "attaching")), 0, false),
            (Some(("i-1", "attached")), 0, true),
        ] {
            let call =
                mock!(Client::attach_volume).then_output(|| AttachVolumeOutput::builder().build());
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&volume(held), &call]));
            let progress = attach().apply(&Before {}, &ec2, &context()).await.unwrap();
            let is_done = matches!(progress, Progress::Done(_));
            assert_eq!((call.num_calls(), is_done), (calls, done), "{held:?}");
        }
    }

    #[tokio::test]
    async fn undo_waits_until_it_is_free() {
        for (held, calls, done) in [
            (Some(("i-1", "attached")), 1, false),
            (Some(("i-1", "detaching")), 0, false),
            (None, 0, true),
        ] {
            let call =
                mock!(Client::detach_volume).then_output(|| DetachVolumeOutput::builder().build());
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&volume(held), &call]));
            let undone = attach()
                .undo(&Before {}, None, &ec2, &context())
                .await
                .unwrap();
            assert_eq!(
                (call.num_calls(), undone == Progress::Done(())),
                (calls, done)
            );
        }
    }
}
