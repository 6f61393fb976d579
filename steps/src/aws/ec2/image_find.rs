//! `aws.ec2.image.find`

use runbook_step::{Args, Context, Fault, FaultKind, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag;
use crate::aws::client::Ec2;
use crate::aws::fault::{Explain, not_found};

/// Finds the machine image to start instances from.
///
/// Exactly one of `image`, `ssm_parameter` and `name` is given. Of several images with the name the
/// newest is taken.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Find {
    /// Id of the image, which is passed on as it is.
    #[serde(default)]
    image: Option<String>,
    /// Public parameter that names the image, such as
    /// `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64`. It is not read here:
    /// EC2 resolves it at each launch.
    #[serde(default)]
    ssm_parameter: Option<String>,
    /// Name of the image; `*` stands for any letters.
    #[serde(default)]
    name: Option<String>,
    /// Account id or alias of the owner, such as `amazon`.
    #[serde(default = "own")]
    owner: String,
}

/// The image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Image {
    /// Id of the image, or `resolve:ssm:PARAMETER` for a parameter; launch templates take both.
    image_id: String,
}

fn own() -> String {
    "self".to_owned()
}

impl Args for Find {
    const KIND: &'static str = "aws.ec2.image.find";
    const IAM: &'static [&'static str] = &["ec2:DescribeImages"];
    type Client = Ec2;
    type Output = Image;
}

impl Query for Find {
    async fn read(&self, ec2: &Ec2, context: &Context) -> StepResult<Image> {
        match (&self.image, &self.ssm_parameter, &self.name) {
            (Some(image), None, None) => Ok(Image {
                image_id: image.clone(),
            }),
            (None, Some(parameter), None) => Ok(Image {
                image_id: format!("resolve:ssm:{parameter}"),
            }),
            (None, None, Some(name)) => self.newest(name, ec2, context).await,
            _ => Err(Fault::new(
                FaultKind::Invalid,
                "exactly one of `image`, `ssm_parameter` and `name` is needed",
            )),
        }
    }
}

impl Find {
    async fn newest(&self, name: &str, ec2: &Ec2, context: &Context) -> StepResult<Image> {
        let mut newest = None;
        let mut pages = ec2
            .describe_images()
            .owners(&self.owner)
            .filters(tag::filter("name", name))
            .filters(tag::filter("state", "available"))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.explain("ec2:DescribeImages", context)?;
            for image in page.images() {
                let made = (
                    tag::text(image.creation_date()),
                    tag::text(image.image_id()),
                );
                newest = newest.max(Some(made));
            }
        }
        let (_, image_id) =
            newest.ok_or_else(|| not_found(format!("an image `{name}` of {}", self.owner)))?;
        Ok(Image { image_id })
    }
}
