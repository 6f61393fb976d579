//! The layers that only take away: what an environment allows at most, and what a step lets a plugin do.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::aws::AwsPattern;
use super::pattern::HttpPattern;
use super::secret::Reference;

/// What plugins may do in an environment at most. Nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ceiling {
    /// Name of the environment.
    pub environment: String,
    /// Its file, as messages name it.
    pub file: String,
    /// Plugins that may be loaded.
    pub allow: Vec<String>,
    /// Requests that plugins may send.
    pub http: Vec<HttpPattern>,
    /// Calls of AWS that plugins may make.
    pub aws: Vec<AwsPattern>,
    /// Whether names may lead into private networks.
    pub private_network: bool,
    /// Whether plugins may keep state.
    pub state: bool,
    /// Where secrets come from, by name.
    pub secrets: BTreeMap<String, Reference>,
    /// Configuration by plugin.
    pub config: Map<String, Value>,
    /// Whether a plugin without a signature may be loaded: yes, unless the environment says no or
    /// names signers.
    pub unsigned: bool,
    /// Names of those who may have signed; empty means any of the project's.
    pub signers: Vec<String>,
    /// The environment's own regions, where patterns without `@region` hold.
    pub regions: Vec<String>,
}

/// Where the ceiling of an environment stands.
#[derive(Clone, Copy, Debug)]
pub struct CeilingSource<'a> {
    /// Name of the environment.
    pub environment: &'a str,
    /// Its file, as messages shall name it.
    pub file: &'a str,
    /// What it has under `plugins`.
    pub plugins: &'a Value,
    /// `aws.region` and `aws.standby_region`, as far as there are any.
    pub regions: &'a [String],
}

/// Why `plugins` of an environment is no ceiling.
#[derive(Debug, Error)]
#[error("`plugins` in {file} cannot be read")]
pub struct CeilingError {
    /// The environment's file.
    pub file: String,
    /// What is wrong.
    pub source: serde_json::Error,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    allow: Vec<String>,
    ceiling: Option<RawCeiling>,
    secrets: BTreeMap<String, Reference>,
    config: Map<String, Value>,
    unsigned: Option<bool>,
    signers: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct RawCeiling {
    http: Vec<HttpPattern>,
    aws: Vec<AwsPattern>,
    private_network: bool,
    state: bool,
}

impl Ceiling {
    /// Reads what an environment has under `plugins`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(source: CeilingSource<'_>) -> Result<Self, CeilingError> {
        let raw = match source.plugins {
            Value::Null => Raw::default(),
            given => Raw::deserialize(given).map_err(|wrong| CeilingError {
                file: source.file.to_owned(),
                source: wrong,
            })?,
        };
        let ceiling = raw.ceiling.unwrap_or_default();
        Ok(Self {
            environment: source.environment.to_owned(),
            file: source.file.to_owned(),
            allow: raw.allow,
            http: ceiling.http,
            aws: ceiling.aws,
            private_network: ceiling.private_network,
            state: ceiling.state,
            secrets: raw.secrets,
            config: raw.config,
            unsigned: raw.unsigned.unwrap_or(raw.signers.is_empty()),
            signers: raw.signers,
            regions: source.regions.to_vec(),
        })
    }

    /// Whether a plugin may be loaded at all.
    #[must_use]
    pub fn allows(&self, plugin: &str) -> bool {
        self.allow.iter().any(|one| one == plugin)
    }
}

/// `allow` of a step. What is absent is not narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// Requests.
    pub http: Option<Vec<HttpPattern>>,
    /// Calls of AWS.
    pub aws: Option<Vec<AwsPattern>>,
    /// Names of secrets.
    pub secrets: Option<Vec<String>>,
    /// Whether state may be kept.
    pub state: Option<bool>,
}

impl Allow {
    /// Reads `allow` of a step.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(value: &Value) -> Result<Self, serde_json::Error> {
        let mut allow = Self::deserialize(value)?;
        let anywhere = |list: Vec<AwsPattern>| list.into_iter().map(AwsPattern::anywhere).collect();
        allow.aws = allow.aws.map(anywhere);
        Ok(allow)
    }
}

#[cfg(test)]
mod tests {
    use super::{Allow, Ceiling, CeilingSource};
    use serde_json::{Value, json};

    fn parse(plugins: &Value) -> Result<Ceiling, String> {
        Ceiling::parse(CeilingSource {
            environment: "prod",
            file: "environments/prod.yaml",
            plugins,
            regions: &["us-east-1".to_owned()],
        })
        .map_err(|wrong| wrong.source.to_string())
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let none = parse(&Value::Null).unwrap();
        assert!(none.allow.is_empty() && none.http.is_empty() && none.aws.is_empty());
        assert!(!none.private_network && !none.state && none.unsigned);
        assert_eq!(none, parse(&json!({})).unwrap());
    }

    #[test]
    fn who_names_signers_wants_signatures() {
        assert!(!parse(&json!({ "signers": ["sre"] })).unwrap().unsigned);
        assert!(!parse(&json!({ "unsigned": false })).unwrap().unsigned);
        assert!(
            parse(&json!({ "unsigned": true, "signers": ["sre"] }))
                .unwrap()
                .unsigned
        );
    }

    #[test]
    fn a_mistake_is_named() {
        let wrong = |value: Value| parse(&value).unwrap_err();
        assert!(wrong(json!({ "ceiling": { "htp": [] } })).contains("unknown field `htp`"));
        assert!(wrong(json!({ "ceiling": { "http": ["a.org"] } })).contains("scheme is missing"));
        assert!(wrong(json!({ "secrets": { "a": "hunter2" } })).contains("env:NAME"));
    }

    #[test]
    fn a_step_narrows_what_it_names() {
        let allow = Allow::parse(&json!({ "http": [], "aws": ["rds:*"] })).unwrap();
        assert_eq!((allow.http, allow.secrets), (Some(Vec::new()), None));
        assert_eq!(allow.aws.unwrap()[0].to_string(), "rds:*@*");
        assert!(Allow::parse(&json!({ "https": [] })).is_err());
    }
}
