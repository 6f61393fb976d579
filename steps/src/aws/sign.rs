//! Requests to AWS that somebody else has written, signed with the credentials of a step: a plugin's.

use std::error::Error;
use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use runbook_step::{Context, Fault, FaultKind, StepResult};

use super::client::signer;

/// A request that is not signed yet.
#[derive(Clone, Debug)]
pub struct Unsigned<'a> {
    /// As the endpoint calls it: `rds`.
    pub service: &'a str,
    /// Region.
    pub region: &'a str,
    /// Method.
    pub method: &'a str,
    /// Path, with a leading slash.
    pub path: &'a str,
    /// Query, not encoded.
    pub query: &'a [(String, String)],
    /// Headers.
    pub headers: &'a [(String, String)],
    /// Body.
    pub body: &'a [u8],
}

/// Address and headers of the signed request.
pub type Signed = (String, Vec<(String, String)>);

/// Services with one endpoint for all regions of the partition.
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html#global-endpoints>
const GLOBAL: [&str; 4] = ["iam", "route53", "cloudfront", "organizations"];

/// Signs a request as `context` calls AWS: its region, profile, role and endpoint.
///
/// # Errors
/// When there are no credentials, or the request cannot be signed.
pub async fn signed(request: &Unsigned<'_>, context: &Context) -> StepResult<Signed> {
    let mut context = context.clone();
    context.aws.region = Some(request.region.to_owned());
    let (credentials, endpoint) = signer(&context).await?;
    let endpoint = endpoint.unwrap_or_else(|| endpoint_of(request.service, request.region));
    let mut url = format!("{}{}", endpoint.trim_end_matches('/'), request.path);
    for (at, (name, value)) in request.query.iter().enumerate() {
        url.push(if at == 0 { '?' } else { '&' });
        url.push_str(&format!("{}={}", percent(name), percent(value)));
    }
    let added = signature(request, &url, Identity::from(credentials)).map_err(|error| {
        Fault::new(
            FaultKind::Internal,
            format!(
                "cannot sign a request to {} in {}: {error}",
                request.service, request.region
            ),
        )
    })?;
    let mut headers = request.headers.to_vec();
    headers.extend(added);
    Ok((url, headers))
}

fn endpoint_of(service: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    if GLOBAL.contains(&service) && suffix.is_empty() {
        return format!("https://{service}.amazonaws.com");
    }
    format!("https://{service}.{region}.amazonaws.com{suffix}")
}

fn signature(
    request: &Unsigned<'_>,
    url: &str,
    identity: Identity,
) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut settings = SigningSettings::default();
    if request.service == "s3" {
        // S3 signs the path as it is sent, and wants the body's hash beside it.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let region = if GLOBAL.contains(&request.service) {
        "us-east-1"
    } else {
        request.region
    };
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(request.service)
        .time(SystemTime::now())
        .settings(settings)
        .build()?
        .into();
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(request.body);
    let signable = SignableRequest::new(request.method, url, headers, body)?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    Ok(instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// Escapes everything but what RFC 3986 calls unreserved, as signing wants it.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_step::{Aws, Keys};

    fn context(endpoint: Option<&str>) -> Context {
        Context {
            aws: Aws {
                endpoint_url: endpoint.map(str::to_owned),
                keys: Some(Keys {
                    id: "AKIDEXAMPLE".to_owned(),
                    secret: "secret".to_owned(),
                }),
                ..Aws::default()
            },
            ..Context::default()
        }
    }

    fn request<'a>() -> Unsigned<'a> {
        Unsigned {
            service: "rds",
            region: "us-west-2",
            method: "POST",
            path: "/",
            query: &[],
            headers: &[],
            body: b"Action=DescribeDBInstances",
        }
    }

    #[tokio::test]
    async fn a_request_is_signed_for_its_service_and_region() {
        let (url, headers) = signed(&request(), &context(None)).await.unwrap();
        assert_eq!(url, "https://rds.us-west-2.amazonaws.com/");
        let signature = headers
            .iter()
            .find(|(name, _)| name == "authorization")
            .map(|(_, value)| value.as_str())
            .unwrap();
        assert!(
            signature.contains("/us-west-2/rds/aws4_request"),
            "{signature}"
        );
        assert!(!signature.contains("secret"), "{signature}");
    }

    #[tokio::test]
    async fn an_endpoint_of_its_own_is_used() {
        let query = [("a".to_owned(), "b c".to_owned())];
        let request = Unsigned {
            query: &query,
            ..request()
        };
        let (url, _) = signed(&request, &context(Some("http://127.0.0.1:9/")))
            .await
            .unwrap();
        assert_eq!(url, "http://127.0.0.1:9/?a=b%20c");
    }

    #[test]
    fn what_is_not_plain_is_escaped() {
        assert_eq!(percent("a/b c+ä~"), "a%2Fb%20c%2B%C3%A4~");
    }

    #[test]
    fn some_services_have_one_endpoint() {
        assert_eq!(endpoint_of("iam", "us-west-2"), "https://iam.amazonaws.com");
        assert_eq!(
            endpoint_of("rds", "cn-north-1"),
            "https://rds.cn-north-1.amazonaws.com.cn"
        );
    }
}
