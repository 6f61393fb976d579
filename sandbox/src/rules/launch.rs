//! What a launch asks for and moto drops.
//!
//! From a launch template moto does not take monitoring, termination
//! protection, the instance profile and the metadata options; termination
//! protection it does not even take from the request.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html>:
//! "any parameters that you specify in RunInstances override the same
//! parameters in the launch template".

use roxmltree::{Document, Node};

use super::lifecycle::instances;
use super::{Settled, forward, monitoring};
use crate::call::Call;
use crate::http::Reply;
use crate::wire::xml;
use crate::world::{Service, World};

/// Runs instances and makes up for what moto dropped.
pub(super) async fn run(world: &World, call: &Call) -> Settled {
    let mut settled = forward(world, call).await;
    if !settled.reply.status.is_success() {
        return settled;
    }
    let ids = xml::texts(settled.reply.text(), "instanceId");
    instances::turn(world, call, &ids);
    let template = template_of(world, call).await;
    let wishes = Wishes::of(call, template.as_ref().map(Reply::text).unwrap_or_default());
    if let Some(on) = wishes.monitoring {
        monitoring::remember(world, call, &ids, on);
    }
    for id in &ids {
        wishes.fulfil(world, call, id).await;
    }
    settled.reply = monitoring::show(world, call, settled.reply);
    settled
}

/// The version of the launch template that the request names.
async fn template_of(world: &World, call: &Call) -> Option<Reply> {
    let names = [
        ("LaunchTemplate.LaunchTemplateId", "LaunchTemplateId"),
        ("LaunchTemplate.LaunchTemplateName", "LaunchTemplateName"),
    ];
    let (given, name) = names
        .into_iter()
        .find(|(given, _)| !call.param(given).is_empty())?;
    let version = match call.param("LaunchTemplate.Version") {
        "" => "$Default",
        version => version,
    };
    let params = [
        (name, call.param(given)),
        ("LaunchTemplateVersion.1", version),
    ];
    let reply = world
        .ask(
            call,
            Service::Ec2,
            "DescribeLaunchTemplateVersions",
            &params,
        )
        .await;
    reply.status.is_success().then_some(reply)
}

/// What was asked for beyond what moto does.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wishes {
    monitoring: Option<bool>,
    protected: bool,
    profile: Option<(&'static str, String)>,
    metadata: Vec<(&'static str, String)>,
}

/// Metadata options by the template's name and the request's.
const METADATA: [(&str, &str); 4] = [
    ("httpTokens", "HttpTokens"),
    ("httpPutResponseHopLimit", "HttpPutResponseHopLimit"),
    ("httpEndpoint", "HttpEndpoint"),
    ("instanceMetadataTags", "InstanceMetadataTags"),
];

impl Wishes {
    fn of(call: &Call, template: &str) -> Wishes {
        let mut wishes = Document::parse(template)
            .ok()
            .and_then(|document| {
                Some(Wishes::of_template(
                    *xml::all(&document, "launchTemplateData").first()?,
                ))
            })
            .unwrap_or_default();
        let given = |name: &str| {
            call.form
                .get(name)
                .map(|value| value.eq_ignore_ascii_case("true"))
        };
        wishes.monitoring = given("Monitoring.Enabled").or(wishes.monitoring);
        wishes.protected = given("DisableApiTermination").unwrap_or(wishes.protected);
        if call
            .form
            .keys()
            .any(|name| name.starts_with("IamInstanceProfile."))
        {
            wishes.profile = None;
        }
        wishes
            .metadata
            .retain(|(name, _)| !call.form.contains_key(&format!("MetadataOptions.{name}")));
        wishes
    }

    fn of_template(data: Node<'_, '_>) -> Wishes {
        let flag = |path: &[&str]| {
            xml::at(data, path)
                .and_then(|node| node.text())
                .map(|text| text == "true")
        };
        let text = |path: &[&str]| {
            Some(xml::text_at(data, path).to_owned()).filter(|text| !text.is_empty())
        };
        let profile = text(&["iamInstanceProfile", "arn"])
            .map(|arn| ("IamInstanceProfile.Arn", arn))
            .or_else(|| {
                Some((
                    "IamInstanceProfile.Name",
                    text(&["iamInstanceProfile", "name"])?,
                ))
            });
        let option =
            |(name, asked): (&str, &'static str)| Some((asked, text(&["metadataOptions", name])?));
        Wishes {
            monitoring: flag(&["monitoring", "enabled"]),
            protected: flag(&["disableApiTermination"]).unwrap_or_default(),
            profile,
            metadata: METADATA.into_iter().filter_map(option).collect(),
        }
    }

    async fn fulfil(&self, world: &World, call: &Call, id: &str) {
        if self.protected {
            let params = [("InstanceId", id), ("DisableApiTermination.Value", "true")];
            world
                .ask(call, Service::Ec2, "ModifyInstanceAttribute", &params)
                .await;
        }
        if let Some((name, profile)) = &self.profile {
            let params = [("InstanceId", id), (*name, profile.as_str())];
            world
                .ask(call, Service::Ec2, "AssociateIamInstanceProfile", &params)
                .await;
        }
        if !self.metadata.is_empty() {
            let mut params = vec![("InstanceId", id)];
            params.extend(
                self.metadata
                    .iter()
                    .map(|(name, value)| (*name, value.as_str())),
            );
            world
                .ask(call, Service::Ec2, "ModifyInstanceMetadataOptions", &params)
                .await;
        }
    }
}
