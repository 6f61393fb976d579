//! Environments: the values that a runbook finds under `env`.

mod plugins;
mod read;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::check::Report;
use crate::diagnostic::Diagnostics;
use crate::nearest::nearest;
use crate::source::Source;
use crate::tree;

pub(crate) use read::is_reference;
pub use schema::{EnvironmentSchema, Variable};

/// The keys of an environment's file.
pub(crate) const KEYS: [&str; 9] = [
    "name",
    "protected",
    "aws",
    "tags",
    "vars",
    "schedules",
    "freeze",
    "plugins",
    "secrets",
];

/// One environment, checked against its schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Whether a run in it needs a confirmation.
    #[serde(default)]
    pub protected: bool,
    /// Where AWS calls go.
    #[serde(default)]
    pub aws: AwsSettings,
    /// Tags for everything that is created.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The variables, defaults filled in.
    #[serde(default)]
    pub vars: Map<String, Value>,
    /// Runs that start by themselves.
    #[serde(default)]
    pub schedules: Vec<Schedule>,
    /// When nothing may run.
    #[serde(default)]
    pub freeze: Vec<Freeze>,
    /// What plugins may do at most.
    #[serde(default)]
    pub plugins: Plugins,
    /// Where secrets come from: `env:NAME` or `file:PATH` by name.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Variables that `--set` gave for this run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<String, Value>,
}

/// `aws` of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsSettings {
    /// Region of calls; absent: as the AWS tools find it.
    pub region: Option<String>,
    /// Region of the standby, for runbooks to name.
    pub standby_region: Option<String>,
    /// Named profile.
    pub profile: Option<String>,
    /// Role to assume.
    pub role_arn: Option<String>,
    /// Endpoint for every service.
    pub endpoint_url: Option<String>,
}

/// A run that starts by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name, unique in the environment.
    pub name: String,
    /// The runbook, by name.
    pub runbook: String,
    /// Five fields of cron.
    pub cron: String,
    /// IANA time zone.
    pub timezone: String,
    /// What happens to slots that were missed.
    pub catch_up: CatchUp,
    /// What happens while the last run still goes on.
    pub overlap: Overlap,
    /// Parameters of the run.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// What happens to slots that were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// The newest one runs.
    #[default]
    Latest,
    /// All of them run, oldest first.
    All,
    /// None of them runs.
    None,
}

/// What happens while the last run still goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The slot is left out.
    #[default]
    Skip,
    /// It waits.
    Queue,
    /// Both run.
    Allow,
}

/// When nothing may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Its name.
    pub name: String,
    /// From this date or time on.
    pub from: String,
    /// Until this date (which is part of it) or time.
    pub to: String,
    /// Runbooks that may run all the same.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// What plugins may do at most; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plugins {
    /// Plugins that may be loaded.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Grants that no plugin can pass, by kind.
    #[serde(default)]
    pub ceiling: Map<String, Value>,
    /// Secrets that plugins may ask for, by name.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Configuration by plugin.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// Whether plugins without a signature may be loaded; absent: yes, unless there are signers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<bool>,
    /// Signers of whom one has to have signed a plugin; empty: anyone whom the project names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
}

impl Environment {
    /// Reads `NAME.yaml` of a folder against its `schema.yaml`, with overrides from a command line.
    ///
    /// # Errors
    /// Every mistake of both files and of the overrides.
    pub fn load(
        folder: &Path,
        name: &str,
        overrides: &[(String, Value)],
    ) -> Result<Self, Diagnostics> {
        let schema = EnvironmentSchema::load(folder)?;
        Self::load_with(folder, name, overrides, &schema)
    }

    /// Like [`Environment::load`], with a schema that was read already.
    ///
    /// # Errors
    /// Every mistake of the file and of the overrides.
    pub fn load_with(
        folder: &Path,
        name: &str,
        overrides: &[(String, Value)],
        schema: &EnvironmentSchema,
    ) -> Result<Self, Diagnostics> {
        let path = folder.join(format!("{name}.yaml"));
        let source = match Source::read(&path) {
            Ok(source) if name != "schema" => source,
            _ => return Err(no_environment(folder, name)),
        };
        Self::parse(&source, name, overrides, schema)
    }

    /// Like [`Environment::load_with`], from the text of the environment `name`.
    ///
    /// # Errors
    /// Every mistake of the text and of the overrides.
    pub fn parse(
        source: &Arc<Source>,
        name: &str,
        overrides: &[(String, Value)],
        schema: &EnvironmentSchema,
    ) -> Result<Self, Diagnostics> {
        let mut report = Report::new(source);
        let root = tree::parse(source, &mut report.list);
        let environment =
            root.and_then(|root| read::environment(&mut report, &root, name, (schema, overrides)));
        let all = Diagnostics::sorted(report.list);
        match environment {
            Some(environment) if !all.has_errors() => Ok(environment),
            _ => Err(all),
        }
    }

    /// What `env` is in templates and expressions: the variables, `name`, `protected`, `aws`, `tags`.
    #[must_use]
    pub fn as_scope(&self) -> Value {
        let mut scope = self.vars.clone();
        scope.insert("name".to_owned(), json!(self.name));
        scope.insert("protected".to_owned(), json!(self.protected));
        scope.insert("aws".to_owned(), json!(self.aws));
        scope.insert("tags".to_owned(), json!(self.tags));
        Value::Object(scope)
    }

    /// What is different, path by path, of everything that the two environments say.
    #[must_use]
    pub fn diff(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let flat = |of: &Self| serde_json::to_value(of).unwrap_or_default();
        compare(&flat(self), &flat(other), &mut Vec::new(), &mut found);
        found
    }
}

/// The names of the environments of a folder, sorted.
#[must_use]
pub fn environments(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.strip_suffix(".yaml").map(str::to_owned)
        })
        .filter(|name| name != "schema")
        .collect();
    names.sort();
    names
}

/// One value that two environments do not share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Where: `vars.dns.zone`.
    pub path: String,
    /// In the first; absent when it has none.
    pub one: Option<Value>,
    /// In the second.
    pub two: Option<Value>,
}

fn compare(one: &Value, two: &Value, path: &mut Vec<String>, found: &mut Vec<Difference>) {
    if one == two {
        return;
    }
    let (Value::Object(one), Value::Object(two)) = (one, two) else {
        found.push(Difference {
            path: path.join("."),
            one: Some(one.clone()),
            two: Some(two.clone()),
        });
        return;
    };
    let keys: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    for key in keys {
        path.push(key.clone());
        match (one.get(key), two.get(key)) {
            (Some(one), Some(two)) => compare(one, two, path, found),
            (one, two) => found.push(Difference {
                path: path.join("."),
                one: one.cloned(),
                two: two.cloned(),
            }),
        }
        path.pop();
    }
}

fn no_environment(folder: &Path, name: &str) -> Diagnostics {
    let path = folder.join(format!("{name}.yaml"));
    let source = Source::new(path.display().to_string(), "");
    let mut report = Report::new(&source);
    let known = environments(folder);
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None if known.is_empty() => Some(format!("there is none in `{}`", folder.display())),
        None => Some(format!("there is {}", known.join(", "))),
    };
    crate::check::environment::file(
        &mut report,
        &(0..0),
        format!("there is no environment `{name}`"),
        "this file does not exist",
        help,
    );
    Diagnostics { list: report.list }
}

#[cfg(test)]
mod tests;
