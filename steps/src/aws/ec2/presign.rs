//! Signed addresses: a request to one region that another region sends in our name.
//!
//! EC2 wants one to copy an encrypted snapshot, and the SDK does not make it.

use std::error::Error;
use std::iter;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use runbook_step::{Fault, FaultKind, StepResult};

use crate::aws::sign::percent;

const VALID: Duration = Duration::from_secs(3_600);

/// A signed address for the request `query` to EC2 in `region`.
pub(super) fn url(
    region: &str,
    endpoint: Option<String>,
    query: &[(&str, &str)],
    credentials: Credentials,
) -> StepResult<String> {
    let endpoint = endpoint.unwrap_or_else(|| {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://ec2.{region}.amazonaws.com{suffix}")
    });
    let unsigned = format!("{}/?{}", endpoint.trim_end_matches('/'), encoded(query));
    let added = signature(region, &unsigned, credentials).map_err(|error| {
        Fault::new(
            FaultKind::Internal,
            format!("cannot sign a request to {region}: {error}"),
        )
    })?;
    let added: Vec<(&str, &str)> = added
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Ok(format!("{unsigned}&{}", encoded(&added)))
}

fn signature(
    region: &str,
    unsigned: &str,
    credentials: Credentials,
) -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let identity = Identity::from(credentials);
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(VALID);
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("ec2")
        .time(SystemTime::now())
        .settings(settings)
        .build()?
        .into();
    let request = SignableRequest::new("GET", unsigned, iter::empty(), SignableBody::Bytes(&[]))?;
    let (_, added) = sign(request, &params)?.into_parts().0.into_parts();
    Ok(added
        .into_iter()
        .map(|(name, value)| (name, value.into_owned()))
        .collect())
}

fn encoded(query: &[(&str, &str)]) -> String {
    let pairs = query
        .iter()
        .map(|(name, value)| format!("{}={}", percent(name), percent(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::keys;

    #[test]
    fn an_address_goes_to_the_source_and_is_signed_for_it() {
        let query = [("Action", "CopySnapshot"), ("SourceSnapshotId", "snap-1")];
        let url = url("eu-west-1", None, &query, keys()).unwrap();
        let start = "https://ec2.eu-west-1.amazonaws.com/?Action=CopySnapshot&SourceSnapshotId=snap-1&X-Amz-";
        assert!(url.starts_with(start), "{url}");
        assert!(url.contains("%2Feu-west-1%2Fec2%2Faws4_request"), "{url}");
        assert!(url.contains("X-Amz-Expires=3600"), "{url}");
        assert!(url.contains("X-Amz-Signature="), "{url}");
    }

    #[test]
    fn an_endpoint_of_its_own_is_kept() {
        let url = url(
            "eu-west-1",
            Some("http://127.0.0.1:9/".to_owned()),
            &[],
            keys(),
        )
        .unwrap();
        assert!(url.starts_with("http://127.0.0.1:9/?"), "{url}");
    }
}
