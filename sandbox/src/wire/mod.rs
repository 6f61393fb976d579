//! How AWS services write: protocols, error formats, names.

pub(crate) mod cbor;
pub(crate) mod refusal;
pub(crate) mod route53;
pub(crate) mod xml;

/// How a service's requests and replies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Form in, XML out, with EC2's own error document.
    Ec2,
    /// Form in, XML out.
    Query,
    /// JSON with the operation in a header.
    Json,
    /// Smithy RPC v2 CBOR. Inside the proxy its bodies are JSON.
    Cbor,
    /// XML both ways, with the operation in method and path.
    RestXml,
    /// Anything else.
    Rest,
}

/// The name of a service in IAM actions, from the name in its credential scope.
pub(crate) fn service_name(scope: &str) -> &str {
    match scope {
        "monitoring" => "cloudwatch",
        other => other,
    }
}

/// Whether two names mean one service: people also use the names of SDK crates.
pub(crate) fn same_service(wanted: &str, found: &str) -> bool {
    let canonical = match wanted {
        "elbv2" | "elb" | "elasticloadbalancingv2" => "elasticloadbalancing",
        "monitoring" => "cloudwatch",
        other => other,
    };
    canonical == found
}
