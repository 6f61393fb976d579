//! Patterns of AWS calls: `service:Action[*][@region]`, and `service METHOD /path[*][@region]` for the
//! services where the action is only a label.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::path::{PathPattern, canonical};
use super::pattern::{PatternError, known_method};

/// Services that are the same from every region, so that a region says nothing.
const GLOBAL: [&str; 8] = [
    "budgets",
    "cloudfront",
    "globalaccelerator",
    "iam",
    "organizations",
    "route53",
    "shield",
    "support",
];

/// Actions that only read, though their names begin as if they changed something, and their services.
const ALSO_READ: [(&str, &str); 19] = [
    ("athena", "BatchGetQueryExecution"),
    ("cloudtrail", "LookupEvents"),
    ("cloudwatch", "BatchGetMetricData"),
    ("codebuild", "BatchGetBuilds"),
    ("dynamodb", "BatchGetItem"),
    ("dynamodb", "Query"),
    ("dynamodb", "Scan"),
    ("dynamodb", "TransactGetItems"),
    ("ecr", "BatchCheckLayerAvailability"),
    ("ecr", "BatchGetImage"),
    ("iam", "SimulatePrincipalPolicy"),
    ("logs", "FilterLogEvents"),
    ("logs", "StartQuery"),
    ("logs", "StopQuery"),
    ("route53", "TestDNSAnswer"),
    ("servicediscovery", "DiscoverInstances"),
    ("sts", "DecodeAuthorizationMessage"),
    ("wafv2", "CheckCapacity"),
    ("xray", "BatchGetTraces"),
];

/// Actions that change something or hand out what nobody rehearses with, though they begin like reads.
const NOT_READ: [(&str, &str); 7] = [
    ("cognito-identity", "GetCredentialsForIdentity"),
    ("cognito-identity", "GetId"),
    ("cognito-identity", "GetOpenIdToken"),
    ("ecr", "GetAuthorizationToken"),
    ("sts", "GetFederationToken"),
    ("sts", "GetSessionToken"),
    ("sts", "GetWebIdentityToken"),
];

/// Whether an action of a service only reads, so that it may be called in a rehearsal.
#[must_use]
pub fn read_only(service: &str, action: &str) -> bool {
    let is = |list: &[(&str, &str)]| list.contains(&(service, action));
    let reads = ["Get", "List", "Describe", "Head"].iter().any(|verb| {
        // `Getaway` is no `Get`.
        action
            .strip_prefix(verb)
            .is_some_and(|rest| rest.starts_with(|one: char| one.is_ascii_uppercase()))
    });
    (reads && !is(&NOT_READ)) || is(&ALSO_READ)
}

/// Whether an AWS call may change something: a rest call by its method, any other by its action.
#[must_use]
pub fn is_changing(call: &AwsCall<'_>) -> bool {
    match (call.rest, call.action) {
        (Some((method, _)), _) => !["GET", "HEAD"].contains(&method.to_ascii_uppercase().as_str()),
        (None, Some(action)) => !read_only(call.service, action),
        (None, None) => true,
    }
}

/// One AWS call, as far as patterns look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwsCall<'a> {
    /// As the endpoint calls it: `rds`.
    pub service: &'a str,
    /// The action that the host builds; of a rest call only a label, which nothing looks at.
    pub action: Option<&'a str>,
    /// Method and path of a rest call.
    pub rest: Option<(&'a str, &'a str)>,
    /// Where it goes.
    pub region: &'a str,
}

/// What calls of AWS may be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AwsPattern {
    service: String,
    what: What,
    region: Region,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Action {
        prefix: String,
        open: bool,
    },
    Rest {
        method: &'static str,
        path: PathPattern,
    },
}

/// Where a pattern holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Region {
    /// No `@`: the regions of the environment.
    Home,
    /// `@*`.
    Any,
    /// `@us-west-2`.
    Named(String),
}

impl AwsPattern {
    /// Whether the pattern speaks for a call, when the environment's own regions are `home`.
    #[must_use]
    pub fn covers(&self, call: &AwsCall<'_>, home: &[String]) -> bool {
        let what = match (&self.what, call.rest, call.action) {
            (What::Action { prefix, open }, None, Some(action)) => match open {
                true => action.starts_with(prefix.as_str()),
                false => action == prefix,
            },
            (What::Rest { method, path }, Some((asked, to)), _) => {
                method.eq_ignore_ascii_case(asked) && canonical(to).is_ok_and(|to| path.covers(&to))
            }
            _ => false,
        };
        let region = GLOBAL.contains(&call.service)
            || match &self.region {
                Region::Any => true,
                Region::Home => home.iter().any(|one| one == call.region),
                Region::Named(name) => name == call.region,
            };
        what && region && self.service == call.service
    }

    /// What both patterns speak for, if anything.
    #[must_use]
    pub fn intersect(&self, other: &Self, home: &[String]) -> Option<Self> {
        let region = match (&self.region, &other.region) {
            (Region::Any, region) | (region, Region::Any) => region.clone(),
            (Region::Home, Region::Home) => Region::Home,
            (Region::Named(one), Region::Named(two)) if one == two => Region::Named(one.clone()),
            (Region::Home, Region::Named(name)) | (Region::Named(name), Region::Home)
                if home.contains(name) =>
            {
                Region::Named(name.clone())
            }
            _ if GLOBAL.contains(&self.service.as_str()) => Region::Any,
            _ => return None,
        };
        (self.service == other.service).then_some(())?;
        Some(Self {
            service: self.service.clone(),
            what: self.what.intersect(&other.what)?,
            region,
        })
    }

    /// The same, in any region when it names none: what a plugin wants knows no environment.
    #[must_use]
    pub fn anywhere(mut self) -> Self {
        if self.region == Region::Home {
            self.region = Region::Any;
        }
        self
    }
}

impl What {
    fn intersect(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (
                Self::Rest { method, path },
                Self::Rest {
                    method: two,
                    path: other,
                },
            ) => {
                (method == two).then_some(())?;
                let path = path.intersect(other)?;
                Some(Self::Rest { method, path })
            }
            (
                Self::Action { prefix: one, open },
                Self::Action {
                    prefix: two,
                    open: too,
                },
            ) => {
                let longer_fits = match one.len().cmp(&two.len()) {
                    std::cmp::Ordering::Less => *open && two.starts_with(one.as_str()),
                    std::cmp::Ordering::Equal => one == two,
                    std::cmp::Ordering::Greater => *too && one.starts_with(two.as_str()),
                };
                longer_fits.then_some(())?;
                Some(match one.len().cmp(&two.len()) {
                    std::cmp::Ordering::Less => other.clone(),
                    std::cmp::Ordering::Greater => self.clone(),
                    std::cmp::Ordering::Equal if *open => other.clone(),
                    std::cmp::Ordering::Equal => self.clone(),
                })
            }
            _ => None,
        }
    }
}

impl FromStr for AwsPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        read(text.trim()).map_err(|why| PatternError {
            text: text.to_owned(),
            why,
        })
    }
}

fn read(text: &str) -> Result<AwsPattern, String> {
    let (rest, region) = match text.rsplit_once('@') {
        None => (text, Region::Home),
        Some((rest, "*")) => (rest, Region::Any),
        Some((rest, name)) if is_region(name) => (rest, Region::Named(name.to_owned())),
        Some((_, other)) => {
            return Err(format!(
                "`{other}` is no region (in a path, write `@` as %40)"
            ));
        }
    };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (service, what) = match words.as_slice() {
        [service, method, path] => {
            let method = known_method(method)?;
            let path = PathPattern::parse(path)?;
            (*service, What::Rest { method, path })
        }
        [one] => {
            let (service, action) = one.split_once(':').ok_or(HOW)?;
            let (prefix, open) = match action.strip_suffix('*') {
                Some(prefix) => (prefix, true),
                None => (action, false),
            };
            if prefix.contains('*') {
                return Err("`*` stands only at the end of an action".to_owned());
            }
            if !prefix.chars().all(|one| one.is_ascii_alphanumeric()) || action.is_empty() {
                return Err(format!(
                    "`{action}` is no action; write `rds:DescribeDBInstances`"
                ));
            }
            let prefix = prefix.to_owned();
            (service, What::Action { prefix, open })
        }
        _ => return Err(HOW.to_owned()),
    };
    let plain =
        |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-' || one == '.';
    if service.is_empty() || !service.chars().all(plain) {
        return Err(format!("`{service}` is no service; write `rds`, `s3`"));
    }
    Ok(AwsPattern {
        service: service.to_owned(),
        what,
        region,
    })
}

const HOW: &str = "write `rds:DescribeDBInstances`, or `s3 GET /bucket/*`";

/// `us-west-2`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters =
        |part: &&str| !part.is_empty() && part.bytes().all(|one| one.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, names)) => {
            names.len() >= 2 && names.iter().all(letters) && number.parse::<u8>().is_ok()
        }
        None => false,
    }
}

impl fmt::Display for AwsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Action { prefix, open } => {
                write!(
                    f,
                    "{}:{prefix}{}",
                    self.service,
                    if *open { "*" } else { "" }
                )?;
            }
            What::Rest { method, path } => write!(f, "{} {method} {path}", self.service)?,
        }
        match &self.region {
            Region::Home => Ok(()),
            Region::Any => f.write_str("@*"),
            Region::Named(name) => write!(f, "@{name}"),
        }
    }
}

impl<'de> Deserialize<'de> for AwsPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{AwsCall, AwsPattern, is_changing, read_only};

    fn home() -> Vec<String> {
        vec!["us-east-1".to_owned(), "us-west-2".to_owned()]
    }

    fn covers(pattern: &str, call: AwsCall<'_>) -> bool {
        pattern
            .parse::<AwsPattern>()
            .unwrap()
            .covers(&call, &home())
    }

    fn action<'a>(service: &'a str, action: &'a str, region: &'a str) -> AwsCall<'a> {
        AwsCall {
            service,
            action: Some(action),
            rest: None,
            region,
        }
    }

    #[test]
    fn an_action_is_granted_where_the_environment_is() {
        let call = action("rds", "PromoteReadReplica", "us-west-2");
        for yes in [
            "rds:PromoteReadReplica",
            "rds:*",
            "rds:Promote*",
            "rds:PromoteReadReplica@us-west-2",
            "rds:*@*",
        ] {
            assert!(covers(yes, call), "{yes}");
        }
        for no in [
            "rds:Promote",
            "rds:promotereadreplica",
            "ec2:*",
            "rds:*@us-east-1",
            "rds POST /*",
        ] {
            assert!(!covers(no, call), "{no}");
        }
        assert!(!covers("rds:*", action("rds", "X", "eu-west-1")));
        assert!(covers("rds:*@*", action("rds", "X", "eu-west-1")));
        assert!(covers("rds:*@eu-west-1", action("rds", "X", "eu-west-1")));
        assert!(covers("route53:*", action("route53", "X", "aws-global")));
    }

    #[test]
    fn a_rest_call_is_granted_by_method_and_path_and_never_by_its_label() {
        let call = |method, path| AwsCall {
            service: "s3",
            action: Some("GetObject"),
            rest: Some((method, path)),
            region: "us-east-1",
        };
        assert!(covers("s3 GET /bucket/*", call("GET", "/bucket/key")));
        assert!(!covers(
            "s3 GET /bucket/*",
            call("GET", "/bucket/../other/key")
        ));
        assert!(!covers("s3 GET /bucket/*", call("PUT", "/bucket/key")));
        assert!(!covers("s3:*", call("GET", "/bucket/key")));
        assert!(covers("s3 GET /b/a%40b", call("GET", "/b/a@b")));
        assert!(!covers(
            "s3 GET /bucket/*@us-west-2",
            call("GET", "/bucket/key")
        ));
    }

    #[test]
    fn what_two_patterns_share_is_a_pattern() {
        let shared = |one: &str, two: &str| {
            let (one, two): (AwsPattern, AwsPattern) = (one.parse().unwrap(), two.parse().unwrap());
            assert_eq!(one.intersect(&two, &home()), two.intersect(&one, &home()));
            one.intersect(&two, &home()).map(|both| both.to_string())
        };
        assert_eq!(
            shared("rds:*", "rds:Describe*@us-west-2").as_deref(),
            Some("rds:Describe*@us-west-2")
        );
        assert_eq!(shared("rds:*", "rds:X@eu-west-1"), None);
        assert_eq!(shared("rds:*@*", "rds:X").as_deref(), Some("rds:X"));
        assert_eq!(shared("rds:A", "rds:A*").as_deref(), Some("rds:A"));
        assert_eq!(shared("rds:A", "rds:AB"), None);
        assert_eq!(
            shared("s3 GET /*", "s3 GET /a/*").as_deref(),
            Some("s3 GET /a/*")
        );
        assert_eq!(shared("s3 GET /*", "s3:GetObject"), None);
        assert_eq!(shared("rds:*", "ec2:*"), None);
    }

    #[test]
    fn a_wrong_pattern_says_what_to_write() {
        let wrong = |text: &str| text.parse::<AwsPattern>().unwrap_err().why;
        assert!(wrong("rds").contains("rds:DescribeDBInstances"));
        assert!(wrong("rds:").contains("no action"));
        assert!(wrong("rds:De*be").contains("end of an action"));
        assert!(wrong("RDS:X").contains("no service"));
        assert!(wrong("*:X").contains("no service"));
        assert!(wrong("rds:X@west").contains("no region"));
        assert!(wrong("s3 TAKE /x").contains("no method"));
        assert!(wrong("s3 GET x").contains("begins with `/`"));
    }

    #[test]
    fn a_rehearsal_only_reads() {
        assert!(read_only("rds", "DescribeDBInstances"));
        assert!(read_only("dynamodb", "Query"));
        assert!(!read_only("rds", "PromoteReadReplica"));
        assert!(!read_only("x", "Getaway"));
        assert!(!read_only("x", "Get"));
        assert!(!read_only("sts", "GetSessionToken"));
        let rest = |method| AwsCall {
            service: "s3",
            action: Some("GetObject"),
            rest: Some((method, "/")),
            region: "us-east-1",
        };
        assert!(!is_changing(&rest("get")));
        assert!(is_changing(&rest("PUT")));
        assert!(!is_changing(&action(
            "rds",
            "DescribeDBInstances",
            "us-east-1"
        )));
        assert!(is_changing(&AwsCall {
            action: None,
            ..action("rds", "", "us-east-1")
        }));
    }
}
