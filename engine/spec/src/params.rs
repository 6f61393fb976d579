//! Parameters given to a run: checked all at once, before anything happens.

use std::collections::BTreeMap;

use runbook_core::{Param, Runbook};
use runbook_step::scope::Scope;
use runbook_step::{secret, template};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::environment::is_reference;
use crate::nearest::hint;

/// Parameters that fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckedParams {
    /// The object that `params` is; secrets are placeholders.
    pub values: Value,
    /// Where secret parameters come from: `param.NAME` to `env:NAME` or `file:PATH`.
    pub secrets: BTreeMap<String, String>,
}

/// One parameter, or one answer to a form, that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct ParamError {
    /// Its name.
    pub name: String,
    /// A lowercase fragment; never holds the value of a secret.
    pub message: String,
    /// What was meant, or what the parameter is for.
    pub help: Option<String>,
}

impl ParamError {
    /// The code of all of them.
    pub const CODE: &'static str = crate::check::given::GIVEN.code;
}

/// Checks what is given against what the runbook declares. Texts are read as the declared type, so
/// values can come from a command line as they are. `env` is what the environment's scope is.
///
/// # Errors
/// Every unknown, missing and wrong parameter.
pub fn check_params(
    runbook: &Runbook,
    given: &BTreeMap<String, Value>,
    env: &Value,
) -> Result<CheckedParams, Vec<ParamError>> {
    let mut wrong: Vec<ParamError> = given
        .keys()
        .filter(|name| !runbook.params.contains_key(*name))
        .map(|name| ParamError {
            name: name.clone(),
            message: format!("runbook `{}` has no parameter `{name}`", runbook.name),
            help: hint(name, runbook.params.keys().map(String::as_str)),
        })
        .collect();
    let scope = Scope::new().with("env", env.clone());
    let mut values = Map::new();
    let mut secrets = BTreeMap::new();
    for (name, param) in &runbook.params {
        let checked = match given.get(name) {
            Some(value) if param.secret => hide(name, value).map(|(value, from)| {
                secrets.insert(format!("param.{name}"), from);
                value
            }),
            Some(value) => crate::value::read(param, value),
            None => absent(param, &scope),
        };
        match checked {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(why) => wrong.push(error("parameter", name, param, &why)),
        }
    }
    if wrong.is_empty() {
        let values = Value::Object(values);
        Ok(CheckedParams { values, secrets })
    } else {
        Err(wrong)
    }
}

pub(crate) fn error(noun: &str, name: &str, param: &Param, why: &str) -> ParamError {
    let verb = ["has ", "is ", "was "]
        .iter()
        .any(|word| why.starts_with(word));
    ParamError {
        name: name.to_owned(),
        message: match verb {
            true => format!("{noun} `{name}` {why}"),
            false => format!("{noun} `{name}`: {why}"),
        },
        help: param
            .description
            .as_ref()
            .map(|text| format!("`{name}`: {text}")),
    }
}

/// A reference to a secret; what is given instead is never repeated.
fn hide(name: &str, value: &Value) -> Result<(Value, String), String> {
    match value.as_str() {
        Some(text) if is_reference(text) => {
            let placeholder = secret::placeholder(&format!("param.{name}"));
            Ok((Value::String(placeholder), text.to_owned()))
        }
        _ => Err("is secret: give `env:NAME` or `file:PATH`, not the value".to_owned()),
    }
}

fn absent(param: &Param, scope: &Scope) -> Result<Value, String> {
    match &param.default {
        None if param.secret => Err("is missing: give `env:NAME` or `file:PATH`".to_owned()),
        None => Err("is missing".to_owned()),
        Some(default) => {
            let rendered = template::render(default, scope)
                .map_err(|error| format!("has a default that cannot be rendered: {error}"))?;
            crate::value::check(param, &rendered)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn runbook() -> Runbook {
        serde_json::from_value(json!({
            "name": "r", "steps": [],
            "params": {
                "domain": {"type": "string", "pattern": "^[a-z.]+$"},
                "count": {"type": "integer", "default": 2},
                "drain": {"type": "duration", "default": "90s"},
                "region": {"type": "aws.region", "default": "{{ env.aws.region }}"},
                "zones": {"type": "list", "default": "{{ env.zones }}"},
                "token": {"type": "string", "secret": true, "description": "Chat token"},
            }
        }))
        .unwrap()
    }

    fn env() -> Value {
        json!({"aws": {"region": "us-east-1"}, "zones": ["a"]})
    }

    #[test]
    fn defaults_are_rendered_and_secrets_are_hidden() {
        let given = BTreeMap::from([
            ("domain".to_owned(), json!("a.b")),
            ("count".to_owned(), json!("7")),
            ("token".to_owned(), json!("env:TOKEN")),
        ]);
        let checked = check_params(&runbook(), &given, &env()).unwrap();
        assert_eq!(
            checked.values,
            json!({"domain": "a.b", "count": 7, "drain": "1m30s", "region": "us-east-1",
                "zones": ["a"], "token": secret::placeholder("param.token")})
        );
        assert_eq!(checked.secrets["param.token"], "env:TOKEN");
    }

    #[test]
    fn every_mistake_comes_at_once() {
        let given = BTreeMap::from([
            ("domian".to_owned(), json!("a.b")),
            ("count".to_owned(), json!("many")),
            ("token".to_owned(), json!("hunter2")),
        ]);
        let wrong = check_params(&runbook(), &given, &json!({})).unwrap_err();
        let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "runbook `r` has no parameter `domian`",
                "parameter `count` has to be a whole number, not the text `many`",
                "parameter `domain` is missing",
                "parameter `region` has a default that cannot be rendered: unknown name `env.aws`: `env` has no `aws`",
                "parameter `token` is secret: give `env:NAME` or `file:PATH`, not the value",
                "parameter `zones` has a default that cannot be rendered: unknown name `env.zones`: `env` has no `zones`",
            ]
        );
        assert_eq!(wrong[0].help.as_deref(), Some("did you mean `domain`?"));
        assert!(!lines.concat().contains("hunter2"));
    }
}
