//! The forms of AWS names.

use std::net::IpAddr;

use runbook_core::ParamType;

pub(super) fn fits(kind: ParamType, text: &str) -> bool {
    match kind {
        ParamType::AwsRegion => is_region(text),
        ParamType::AwsZone => is_zone(text),
        ParamType::AwsVpcId => is_id(text, "vpc-"),
        ParamType::AwsSubnetId => is_id(text, "subnet-"),
        ParamType::AwsInstanceId => is_id(text, "i-"),
        ParamType::AwsVolumeId => is_id(text, "vol-"),
        ParamType::AwsSnapshotId => is_id(text, "snap-"),
        ParamType::AwsImageId => is_id(text, "ami-"),
        ParamType::AwsArn => is_arn(text),
        ParamType::Cidr => is_network(text),
        ParamType::String
        | ParamType::Integer
        | ParamType::Number
        | ParamType::Boolean
        | ParamType::Duration
        | ParamType::List
        | ParamType::Map => false,
    }
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    match parts.as_slice() {
        [head @ .., last] => {
            head.len() >= 2
                && head.iter().all(letters)
                && !last.is_empty()
                && last.chars().all(|c| c.is_ascii_digit())
        }
        [] => false,
    }
}

/// `us-east-1a`, and local zones such as `us-west-2-lax-1a`.
fn is_zone(text: &str) -> bool {
    let Some(rest) = text.strip_suffix(|c: char| c.is_ascii_lowercase()) else {
        return false;
    };
    if is_region(rest) {
        return true;
    }
    let parts: Vec<&str> = rest.splitn(4, '-').collect();
    matches!(parts.as_slice(), [one, two, three, local]
        if is_region(&format!("{one}-{two}-{three}")) && local.ends_with(|c: char| c.is_ascii_digit()))
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| {
        (8..=17).contains(&id.len())
            && id
                .chars()
                .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    })
}

fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", partition, service, _, _, resource]
        if partition.starts_with("aws") && !service.is_empty() && !resource.is_empty())
}

pub(crate) fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let Ok(length) = length.parse::<u8>() else {
        return false;
    };
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => length <= 32,
        Ok(IpAddr::V6(_)) => length <= 128,
        Err(_) => false,
    }
}
