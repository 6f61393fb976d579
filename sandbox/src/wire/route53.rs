//! Route 53's operations by method and path.
//! <https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations_Amazon_Route_53.html>

use ::http::Method;

const VERSION: &str = "/2013-04-01/";

/// Method, path after the version (`*` is an id), operation.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("POST", "hostedzone", "CreateHostedZone"),
    ("GET", "hostedzone", "ListHostedZones"),
    ("GET", "hostedzonesbyname", "ListHostedZonesByName"),
    ("GET", "hostedzonesbyvpc", "ListHostedZonesByVPC"),
    ("GET", "hostedzonecount", "GetHostedZoneCount"),
    ("GET", "hostedzone/*", "GetHostedZone"),
    ("POST", "hostedzone/*", "UpdateHostedZoneComment"),
    ("DELETE", "hostedzone/*", "DeleteHostedZone"),
    ("POST", "hostedzone/*/rrset", "ChangeResourceRecordSets"),
    ("GET", "hostedzone/*/rrset", "ListResourceRecordSets"),
    (
        "POST",
        "hostedzone/*/associatevpc",
        "AssociateVPCWithHostedZone",
    ),
    (
        "POST",
        "hostedzone/*/disassociatevpc",
        "DisassociateVPCFromHostedZone",
    ),
    ("GET", "hostedzone/*/dnssec", "GetDNSSEC"),
    ("GET", "change/*", "GetChange"),
    ("POST", "healthcheck", "CreateHealthCheck"),
    ("GET", "healthcheck", "ListHealthChecks"),
    ("GET", "healthcheckcount", "GetHealthCheckCount"),
    ("GET", "healthcheck/*", "GetHealthCheck"),
    ("POST", "healthcheck/*", "UpdateHealthCheck"),
    ("DELETE", "healthcheck/*", "DeleteHealthCheck"),
    ("GET", "healthcheck/*/status", "GetHealthCheckStatus"),
    (
        "GET",
        "healthcheck/*/lastfailurereason",
        "GetHealthCheckLastFailureReason",
    ),
    ("POST", "tags/*/*", "ChangeTagsForResource"),
    ("GET", "tags/*/*", "ListTagsForResource"),
    ("POST", "tags/*", "ListTagsForResources"),
    ("GET", "testdnsanswer", "TestDNSAnswer"),
    ("GET", "checkeripranges", "GetCheckerIpRanges"),
    ("POST", "delegationset", "CreateReusableDelegationSet"),
    ("GET", "delegationset", "ListReusableDelegationSets"),
];

/// The operation that a request means; method and path if it is none of the known.
pub(crate) fn operation(method: &Method, path: &str) -> String {
    let rest = path.strip_prefix(VERSION).unwrap_or(path).trim_matches('/');
    let known = OPERATIONS
        .iter()
        .find(|(verb, pattern, _)| *verb == method.as_str() && fits(pattern, rest));
    known.map_or_else(
        || format!("{method} {path}"),
        |(_, _, operation)| (*operation).to_owned(),
    )
}

fn fits(pattern: &str, path: &str) -> bool {
    let (wanted, found): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    wanted.len() == found.len()
        && wanted
            .iter()
            .zip(&found)
            .all(|(wanted, found)| wanted == found || (*wanted == "*" && !found.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_operations() {
        let cases = [
            (Method::POST, "/2013-04-01/hostedzone", "CreateHostedZone"),
            (
                Method::POST,
                "/2013-04-01/hostedzone/Z1/rrset/",
                "ChangeResourceRecordSets",
            ),
            (
                Method::POST,
                "/2013-04-01/hostedzone/Z1/rrset",
                "ChangeResourceRecordSets",
            ),
            (Method::GET, "/2013-04-01/change/C1", "GetChange"),
            (
                Method::GET,
                "/2013-04-01/trafficpolicies",
                "GET /2013-04-01/trafficpolicies",
            ),
        ];
        for (method, path, wanted) in cases {
            assert_eq!(operation(&method, path), wanted);
        }
    }
}
