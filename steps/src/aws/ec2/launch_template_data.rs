//! What a launch template holds, in a form that can be compared.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateVersion,
    LaunchTemplatesMonitoringRequest, RequestLaunchTemplateData, ResponseLaunchTemplateData,
    VolumeType,
};
use aws_smithy_types::base64;

use super::launch_template_publish::Volume;
use super::tag;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) image: String,
    pub(super) instance_type: String,
    pub(super) security_groups: BTreeSet<String>,
    pub(super) volume: Volume,
    pub(super) user_data: Option<String>,
    pub(super) detailed_monitoring: bool,
    pub(super) key_name: Option<String>,
    pub(super) instance_profile: Option<String>,
}

impl Data {
    /// What `version` holds; none when it is not of the kind that we publish.
    pub(super) fn of(version: &LaunchTemplateVersion) -> Option<Self> {
        let data = version.launch_template_data()?;
        let user_data = match data.user_data().filter(|text| !text.is_empty()) {
            Some(text) => Some(String::from_utf8(base64::decode(text).ok()?).ok()?),
            None => None,
        };
        Some(Self {
            image: tag::text(data.image_id()),
            instance_type: tag::text(data.instance_type().map(InstanceType::as_str)),
            security_groups: data.security_group_ids().iter().cloned().collect(),
            volume: volume(data)?,
            user_data,
            detailed_monitoring: data
                .monitoring()
                .and_then(|one| one.enabled())
                .unwrap_or_default(),
            key_name: data.key_name().map(str::to_owned),
            instance_profile: data
                .iam_instance_profile()
                .and_then(|profile| profile.name())
                .map(str::to_owned),
        })
    }

    /// What the service is asked to keep.
    pub(super) fn request(&self) -> RequestLaunchTemplateData {
        let disk = LaunchTemplateEbsBlockDeviceRequest::builder()
            .volume_size(self.volume.size_gib)
            .volume_type(VolumeType::from(self.volume.kind.as_str()))
            .encrypted(self.volume.encrypted)
            .delete_on_termination(true)
            .set_iops(self.volume.iops)
            .set_throughput(self.volume.throughput)
            .build();
        let mapping = LaunchTemplateBlockDeviceMappingRequest::builder()
            .device_name(&self.volume.device)
            .ebs(disk)
            .build();
        let profile = self.instance_profile.as_ref().map(|name| {
            LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
                .name(name)
                .build()
        });
        let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
            .http_tokens(LaunchTemplateHttpTokensState::Required)
            .build();
        let monitoring = LaunchTemplatesMonitoringRequest::builder()
            .enabled(self.detailed_monitoring)
            .build();
        RequestLaunchTemplateData::builder()
            .image_id(&self.image)
            .instance_type(InstanceType::from(self.instance_type.as_str()))
            .set_security_group_ids(Some(self.security_groups.iter().cloned().collect()))
            .block_device_mappings(mapping)
            .set_user_data(self.user_data.as_ref().map(base64::encode))
            .monitoring(monitoring)
            .set_key_name(self.key_name.clone())
            .set_iam_instance_profile(profile)
            .metadata_options(metadata)
            .build()
    }
}

fn volume(data: &ResponseLaunchTemplateData) -> Option<Volume> {
    let mapping = data.block_device_mappings().first()?;
    let disk = mapping.ebs()?;
    Some(Volume {
        size_gib: disk.volume_size()?,
        kind: tag::text(disk.volume_type().map(VolumeType::as_str)),
        encrypted: disk.encrypted().unwrap_or_default(),
        iops: disk.iops(),
        throughput: disk.throughput(),
        device: tag::text(mapping.device_name()),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use aws_sdk_ec2::types::{
        LaunchTemplateBlockDeviceMapping, LaunchTemplateEbsBlockDevice,
        LaunchTemplateIamInstanceProfileSpecification, LaunchTemplatesMonitoring,
    };

    use super::*;

    /// What the service answers for what it was asked to keep.
    pub(in crate::aws::ec2) fn response(data: &Data) -> ResponseLaunchTemplateData {
        let request = data.request();
        let asked = &request.block_device_mappings()[0];
        let disk = asked.ebs().unwrap();
        let disk = LaunchTemplateEbsBlockDevice::builder()
            .set_volume_size(disk.volume_size())
            .set_volume_type(disk.volume_type().cloned())
            .set_encrypted(disk.encrypted())
            .set_iops(disk.iops())
            .set_throughput(disk.throughput())
            .build();
        let mapping = LaunchTemplateBlockDeviceMapping::builder()
            .set_device_name(asked.device_name().map(str::to_owned))
            .ebs(disk)
            .build();
        let profile = request.iam_instance_profile().map(|profile| {
            LaunchTemplateIamInstanceProfileSpecification::builder()
                .set_name(profile.name().map(str::to_owned))
                .build()
        });
        let monitoring = request.monitoring().and_then(|one| one.enabled());
        ResponseLaunchTemplateData::builder()
            .set_image_id(request.image_id().map(str::to_owned))
            .set_instance_type(request.instance_type().cloned())
            .set_security_group_ids(Some(request.security_group_ids().to_vec()))
            .block_device_mappings(mapping)
            .set_user_data(request.user_data().map(str::to_owned))
            .monitoring(
                LaunchTemplatesMonitoring::builder()
                    .set_enabled(monitoring)
                    .build(),
            )
            .set_key_name(request.key_name().map(str::to_owned))
            .set_iam_instance_profile(profile)
            .build()
    }

    #[test]
    fn what_was_asked_for_compares_equal_to_what_is_kept() {
        let data = Data {
            image: "ami-1".to_owned(),
            instance_type: "t3.micro".to_owned(),
            security_groups: ["sg-2", "sg-1"].map(str::to_owned).into(),
            volume: serde_json::from_str(r#"{ "size_gib": 20, "iops": 3000 }"#).unwrap(),
            user_data: Some("#!/bin/sh\necho ä\n".to_owned()),
            detailed_monitoring: false,
            key_name: Some("ops".to_owned()),
            instance_profile: Some("web".to_owned()),
        };
        let kept = LaunchTemplateVersion::builder()
            .launch_template_data(response(&data))
            .build();
        assert_eq!(Data::of(&kept), Some(data));
    }

    #[test]
    fn a_template_of_another_kind_is_not_ours() {
        let other = ResponseLaunchTemplateData::builder()
            .image_id("ami-1")
            .build();
        let other = LaunchTemplateVersion::builder()
            .launch_template_data(other)
            .build();
        assert_eq!(Data::of(&other), None);
    }
}
