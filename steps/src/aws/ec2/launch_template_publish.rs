//! `aws.ec2.launch_template.publish`

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{LaunchTemplateVersion, ResourceType};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::launch_template_data::Data;
use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain, incomplete};

/// Makes sure that the default version of a launch template is this one.
///
/// A template that does not exist is created; one whose default version differs gets a new version,
/// which becomes the default. Instances that it starts must use version 2 of the metadata service.
/// Undo makes the earlier version the default again and deletes the new one, or the template when
/// this step created it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Publish {
    /// Name of the template.
    name: String,
    /// Image id, or `resolve:ssm:PARAMETER`.
    image: String,
    /// Instance type, such as `t3.micro`.
    instance_type: String,
    /// Ids of the security groups.
    security_groups: BTreeSet<String>,
    /// The root volume.
    volume: Volume,
    /// Script that runs at the first start, as plain text.
    #[serde(default)]
    user_data: Option<String>,
    /// Metrics every minute instead of every five.
    detailed_monitoring: bool,
    /// Name of the key pair.
    #[serde(default)]
    key_name: Option<String>,
    /// Name of the instance profile.
    #[serde(default)]
    instance_profile: Option<String>,
}

/// A root volume.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Volume {
    /// Size in GiB.
    pub(super) size_gib: i32,
    /// Volume type.
    #[serde(rename = "type", default = "gp3")]
    pub(super) kind: String,
    /// Whether it is encrypted.
    #[serde(default = "yes")]
    pub(super) encrypted: bool,
    /// Operations per second that are paid for.
    #[serde(default)]
    pub(super) iops: Option<i32>,
    /// Throughput in MiB/s that is paid for.
    #[serde(default)]
    pub(super) throughput: Option<i32>,
    /// Name of the image's root device.
    #[serde(default = "root")]
    pub(super) device: String,
}

/// The published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Published {
    /// Id of the launch template.
    launch_template_id: String,
    /// Number of its default version.
    version: i64,
}

/// The default version of a template that existed; none when it did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    default: Option<i64>,
}

fn yes() -> bool {
    true
}

fn gp3() -> String {
    "gp3".to_owned()
}

fn root() -> String {
    "/dev/xvda".to_owned()
}

impl Args for Publish {
    const KIND: &'static str = "aws.ec2.launch_template.publish";
    const IAM: &'static [&'static str] = &[
        "ec2:CreateLaunchTemplate",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:CreateTags",
        "ec2:DeleteLaunchTemplate",
        "ec2:DeleteLaunchTemplateVersions",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:ModifyLaunchTemplate",
    ];
    type Client = Ec2;
    type Output = Published;
}

impl Change for Publish {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Token;

    async fn observe(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Observed<Before, Published>> {
        let versions = self.versions(ec2, context).await?;
        let Some(default) = versions.iter().find(|version| is_default(version)) else {
            return Ok(Observed::Differs(Before { default: None }));
        };
        let output = output(default);
        let same = Data::of(default) == Some(self.data());
        Ok(match (same, is_made(default, context)) {
            (true, true) => Observed::Adopted(output),
            (true, false) => Observed::Same(output),
            // This step's own first version is the one that a new template starts with.
            (false, true) if output.version == 1 => Observed::Differs(Before { default: None }),
            (false, _) => Observed::Differs(Before {
                default: Some(output.version),
            }),
        })
    }

    async fn apply(
        &self,
        before: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Published>> {
        let versions = self.versions(ec2, context).await?;
        if let Some(made) = versions.iter().find(|version| is_made(version, context)) {
            let output = output(made);
            if !is_default(made) {
                self.set_default(output.version, ec2, context).await?;
            }
            return Ok(Progress::Done(output));
        }
        let output = match (versions.is_empty(), before.default) {
            (true, None) => self.create(ec2, context).await?,
            (true, Some(_)) => {
                let message = format!("launch template `{}` was deleted meanwhile", self.name);
                return Err(Fault::new(FaultKind::Conflict, message));
            }
            (false, _) => {
                let output = self.create_version(ec2, context).await?;
                let written = self.set_default(output.version, ec2, context).await;
                tag::fresh(written, &output.launch_template_id)?;
                output
            }
        };
        Ok(Progress::Done(output))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Published>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let versions = self.versions(ec2, context).await?;
        let Some(made) = versions.iter().find(|version| is_made(version, context)) else {
            return Ok(Progress::Done(()));
        };
        let number = output(made).version;
        let Some(earlier) = before.default else {
            let deleted = ec2
                .delete_launch_template()
                .launch_template_name(&self.name);
            let deleted = deleted
                .send()
                .await
                .explain("ec2:DeleteLaunchTemplate", context);
            deleted.or_absent()?;
            return Ok(Progress::Done(()));
        };
        if is_default(made) {
            self.set_default(earlier, ec2, context).await?;
        }
        let deleted = ec2
            .delete_launch_template_versions()
            .launch_template_name(&self.name)
            .versions(number.to_string())
            .send()
            .await
            .explain("ec2:DeleteLaunchTemplateVersions", context)
            .or_absent();
        match deleted {
            // The earlier version is the default again; one more version that nobody uses is no harm.
            Err(fault) if fault.kind == FaultKind::Unsupported => {
                context
                    .log
                    .line(format!("version {number} stays: {}", fault.message));
            }
            other => {
                other?;
            }
        }
        Ok(Progress::Done(()))
    }
}

impl Publish {
    fn data(&self) -> Data {
        Data {
            image: self.image.clone(),
            instance_type: self.instance_type.clone(),
            security_groups: self.security_groups.clone(),
            volume: self.volume.clone(),
            user_data: self.user_data.clone(),
            detailed_monitoring: self.detailed_monitoring,
            key_name: self.key_name.clone(),
            instance_profile: self.instance_profile.clone(),
        }
    }

    /// The default and the latest version; none when there is no such template.
    async fn versions(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Vec<LaunchTemplateVersion>> {
        let answer = ec2
            .describe_launch_template_versions()
            .launch_template_name(&self.name)
            .versions("$Default")
            .versions("$Latest")
            .send()
            .await
            .explain("ec2:DescribeLaunchTemplateVersions", context)
            .or_absent()?;
        Ok(answer
            .and_then(|answer| answer.launch_template_versions)
            .unwrap_or_default())
    }

    async fn create(&self, ec2: &Ec2, context: &Context) -> StepResult<Published> {
        let answer = ec2
            .create_launch_template()
            .launch_template_name(&self.name)
            .version_description(mark(context))
            .client_token(&context.token)
            .launch_template_data(self.data().request())
            .tag_specifications(tag::specification(
                ResourceType::LaunchTemplate,
                &self.name,
                context,
            ))
            .send()
            .await
            .explain("ec2:CreateLaunchTemplate", context)?;
        let template = answer
            .launch_template()
            .ok_or_else(|| incomplete("CreateLaunchTemplate", "a template"))?;
        Ok(Published {
            launch_template_id: tag::text(template.launch_template_id()),
            version: template.default_version_number().unwrap_or(1),
        })
    }

    async fn create_version(&self, ec2: &Ec2, context: &Context) -> StepResult<Published> {
        let answer = ec2
            .create_launch_template_version()
            .launch_template_name(&self.name)
            .version_description(mark(context))
            .client_token(&context.token)
            .launch_template_data(self.data().request())
            .send()
            .await
            .explain("ec2:CreateLaunchTemplateVersion", context)?;
        let version = answer
            .launch_template_version()
            .ok_or_else(|| incomplete("CreateLaunchTemplateVersion", "a version"))?;
        Ok(output(version))
    }

    async fn set_default(&self, version: i64, ec2: &Ec2, context: &Context) -> StepResult<()> {
        ec2.modify_launch_template()
            .launch_template_name(&self.name)
            .default_version(version.to_string())
            .send()
            .await
            .explain("ec2:ModifyLaunchTemplate", context)?;
        Ok(())
    }
}

/// What tells a version of this step from others; versions have no tags.
fn mark(context: &Context) -> String {
    format!("runbook {}", context.token)
}

fn is_made(version: &LaunchTemplateVersion, context: &Context) -> bool {
    version.version_description() == Some(mark(context).as_str())
}

fn is_default(version: &LaunchTemplateVersion) -> bool {
    version.default_version().unwrap_or_default()
}

fn output(version: &LaunchTemplateVersion) -> Published {
    Published {
        launch_template_id: tag::text(version.launch_template_id()),
        version: version.version_number().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::error::ErrorMetadata;
    use aws_sdk_ec2::operation::create_launch_template::CreateLaunchTemplateOutput;
    use aws_sdk_ec2::operation::create_launch_template_version::CreateLaunchTemplateVersionOutput;
    use aws_sdk_ec2::operation::delete_launch_template::DeleteLaunchTemplateOutput;
    use aws_sdk_ec2::operation::delete_launch_template_versions::DeleteLaunchTemplateVersionsOutput;
    use aws_sdk_ec2::operation::describe_launch_template_versions::{
        DescribeLaunchTemplateVersionsError, DescribeLaunchTemplateVersionsOutput,
    };
    use aws_sdk_ec2::operation::modify_launch_template::ModifyLaunchTemplateOutput;
    use aws_sdk_ec2::types::LaunchTemplate;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::ec2::launch_template_data::tests::response;
    use crate::aws::testing::{TOKEN, answering, context};

    fn publish(image: &str) -> Publish {
        serde_json::from_value(serde_json::json!({
            "name": "web", "image": image, "instance_type": "t3.micro",
            "security_groups": ["sg-1"], "volume": { "size_gib": 20 },
            "detailed_monitoring": true, "user_data": "#!/bin/sh\n",
        }))
        .unwrap()
    }

    fn version(number: i64, default: bool, image: &str, token: &str) -> LaunchTemplateVersion {
        LaunchTemplateVersion::builder()
            .launch_template_id("lt-1")
            .version_number(number)
            .default_version(default)
            .version_description(format!("runbook {token}"))
            .launch_template_data(response(&publish(image).data()))
            .build()
    }

    fn versions(found: &[LaunchTemplateVersion]) -> Rule {
        let found = found.to_vec();
        mock!(Client::describe_launch_template_versions).then_output(move || {
            DescribeLaunchTemplateVersionsOutput::builder()
                .set_launch_template_versions(Some(found.clone()))
                .build()
        })
    }

    fn defaulted(to: &'static str) -> Rule {
        mock!(Client::modify_launch_template)
            .match_requests(move |request| request.default_version() == Some(to))
            .then_output(|| ModifyLaunchTemplateOutput::builder().build())
    }

    fn published(version: i64) -> Published {
        Published {
            launch_template_id: "lt-1".to_owned(),
            version,
        }
    }

    #[tokio::test]
    async fn observe_compares_with_the_default_version() {
        let look = async |found: &[LaunchTemplateVersion]| {
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&versions(found)]));
            publish("ami-1").observe(&ec2, &context()).await.unwrap()
        };
        assert_eq!(
            look(&[version(3, true, "ami-1", "x")]).await,
            Observed::Same(published(3))
        );
        let adopted = Observed::Adopted(published(3));
        assert_eq!(look(&[version(3, true, "ami-1", TOKEN)]).await, adopted);
        let differs = Observed::Differs(Before { default: Some(3) });
        assert_eq!(look(&[version(3, true, "ami-0", "x")]).await, differs);
        let made = [
            version(3, true, "ami-0", "x"),
            version(4, false, "ami-1", TOKEN),
        ];
        assert_eq!(look(&made).await, differs);
    }

    #[tokio::test]
    async fn a_template_that_does_not_exist_is_created() {
        let missing = mock!(Client::describe_launch_template_versions).then_error(|| {
            let code = "InvalidLaunchTemplateName.NotFoundException";
            DescribeLaunchTemplateVersionsError::generic(
                ErrorMetadata::builder().code(code).build(),
            )
        });
        let created = mock!(Client::create_launch_template)
            .match_requests(|request| request.client_token() == Some(TOKEN))
            .then_output(|| {
                let made = LaunchTemplate::builder().launch_template_id("lt-1");
                let made = made.default_version_number(1).build();
                CreateLaunchTemplateOutput::builder()
                    .launch_template(made)
                    .build()
            });
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&missing, &created]));
        let before = Before { default: None };
        let done = publish("ami-1")
            .apply(&before, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(done, Progress::Done(published(1)));
    }

    #[tokio::test]
    async fn a_version_whose_answer_was_lost_becomes_the_default_without_a_second_one() {
        let made = [
            version(3, true, "ami-0", "x"),
            version(4, false, "ami-1", TOKEN),
        ];
        let default = defaulted("4");
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&versions(&made), &default]));
        let before = Before { default: Some(3) };
        let done = publish("ami-1")
            .apply(&before, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(done, Progress::Done(published(4)));
        assert_eq!(default.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_new_version_becomes_the_default() {
        let created = mock!(Client::create_launch_template_version).then_output(|| {
            let made = version(4, false, "ami-1", TOKEN);
            CreateLaunchTemplateVersionOutput::builder()
                .launch_template_version(made)
                .build()
        });
        let default = defaulted("4");
        let found = versions(&[version(3, true, "ami-0", "x")]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found, &created, &default]));
        let before = Before { default: Some(3) };
        publish("ami-1")
            .apply(&before, &ec2, &context())
            .await
            .unwrap();
        assert_eq!((created.num_calls(), default.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn undo_goes_back_to_the_earlier_version_or_deletes_the_template() {
        let default = defaulted("3");
        let deleted = mock!(Client::delete_launch_template_versions)
            .match_requests(|request| request.versions() == ["4"])
            .then_output(|| DeleteLaunchTemplateVersionsOutput::builder().build());
        let all = mock!(Client::delete_launch_template)
            .then_output(|| DeleteLaunchTemplateOutput::builder().build());
        let made = versions(&[version(4, true, "ami-1", TOKEN)]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&made, &default, &deleted, &all]));
        let step = publish("ami-1");
        step.undo(&Before { default: Some(3) }, None, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(
            (default.num_calls(), deleted.num_calls(), all.num_calls()),
            (1, 1, 0)
        );
        step.undo(&Before { default: None }, None, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(all.num_calls(), 1);
    }
}
