//! From what was typed to what a run pins: file, environment, parameters, all checked before anything
//! is done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runbook_core::{ParamType, Undo};
use runbook_runtime::{Definition, NewRun};
use runbook_spec::{Diagnostics, Environment, EnvironmentSchema, find_runbook, load_runbook};
use runbook_step::Aws;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::plugged::{self, Plugged, Strictness};
use crate::project::Project;
use crate::ui::progress::Progress;
use crate::ui::{say, style};

/// What was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) file: String,
    pub(crate) env: Option<String>,
    pub(crate) sets: Vec<String>,
    pub(crate) params: BTreeMap<String, Value>,
    /// Parameters as they were typed: their declared type says how they are read.
    pub(crate) typed: BTreeMap<String, String>,
    /// Nothing real is at stake.
    pub(crate) sandbox: bool,
}

/// A runbook ready to run.
pub(crate) struct Ready {
    pub(crate) path: PathBuf,
    pub(crate) definition: Arc<Definition>,
    pub(crate) protected: bool,
    plugged: Plugged,
    params: Value,
    secrets: BTreeMap<String, String>,
    overrides: Value,
}

impl Ready {
    /// Makes its plugins ready to be called.
    pub(crate) async fn plug(&self, project: &Project, progress: &Progress) -> Result<(), Failure> {
        let pinned = &self.definition.plugins;
        self.plugged.prepare(project, pinned, progress).await
    }

    /// The run that it becomes. Nothing else keeps the definition then: the engine pins it and drives
    /// what it reads back.
    pub(crate) fn new_run(self, actor: String, meta: Value) -> NewRun {
        NewRun {
            id: None,
            definition: self.definition,
            params: self.params,
            secrets: self.secrets,
            overrides: self.overrides,
            actor,
            meta,
            parent: None,
            idempotency_key: None,
        }
    }
}

/// `name=value`; the value is read as YAML, so `3` is a number and `[a, b]` a list.
pub(crate) fn assignment(text: &str) -> Result<(String, Value), Failure> {
    let (name, value) = halves(text)?;
    // What YAML cannot read is text as it stands.
    let value = serde_yaml::from_str(value).unwrap_or_else(|_| json!(value));
    Ok((name.to_owned(), value))
}

/// Diagnostics as a failure.
pub(crate) fn refused(diagnostics: &Diagnostics, what: &str) -> Failure {
    let report = if console::colors_enabled_stderr() {
        diagnostics.render_coloured()
    } else {
        diagnostics.render_plain()
    };
    Failure {
        report: Some(report),
        details: diagnostics.to_json(),
        ..Failure::usage(format!("{what}; nothing was done"))
    }
}

/// The environment of a request. Without one, a runbook may not use `env`.
pub(crate) fn environment(
    project: &Project,
    request: &Request,
) -> Result<Option<Environment>, Failure> {
    let overrides = request
        .sets
        .iter()
        .map(|set| assignment(set))
        .collect::<Result<Vec<_>, _>>()?;
    let Some(name) = &request.env else {
        if overrides.is_empty() {
            return Ok(None);
        }
        return Err(Failure::usage(
            "--set overrides a variable of an environment, and none is named",
        )
        .help(environments(project)));
    };
    Environment::load(&project.environments(), name, &overrides)
        .map(Some)
        .map_err(|wrong| refused(&wrong, &format!("environment `{name}` cannot be used")))
}

/// `--env` with what there is.
pub(crate) fn environments(project: &Project) -> String {
    let names = runbook_spec::environments(&project.environments());
    if names.is_empty() {
        return format!(
            "{} has no environments",
            Project::shown(&project.environments())
        );
    }
    format!("name one with --env {}", names.join(" | "))
}

/// Finds the file of a runbook.
pub(crate) fn find(project: &Project, file: &str) -> Result<PathBuf, Failure> {
    find_runbook(file, project.root()).map_err(|missing| {
        let failure = Failure::usage(missing.to_string());
        match missing.nearest {
            Some(nearest) => failure.help(format!("did you mean `{nearest}`?")),
            None if missing.known.is_empty() => {
                failure.help("give the path of a file, or put it under runbooks/")
            }
            None => failure.help(format!("there is {}", missing.known.join(", "))),
        }
    })
}

/// Reads and checks everything that a run needs.
pub(crate) fn load(project: &Project, request: &Request) -> Result<Ready, Failure> {
    let path = find(project, &request.file)?;
    let environment = environment(project, request)?;
    let plugged = plugged::for_file(project, &path, environment.as_ref())?;
    let schema = match &environment {
        Some(_) => Some(schema(project)?),
        None => None,
    };
    let loaded = load_runbook(&path, &plugged.catalog, schema.as_ref())
        .map_err(|wrong| refused(&wrong, &format!("{} cannot be run", Project::shown(&path))))?;
    if !loaded.warnings.list.is_empty() {
        say(&loaded.warnings.render_plain());
    }
    let books = std::iter::once(&loaded.runbook).chain(loaded.children.values());
    if environment.is_none() && books.into_iter().any(reads_env) {
        return Err(Failure::usage(format!(
            "{} reads `env`, and no environment is named",
            Project::shown(&path)
        ))
        .help(environments(project)));
    }
    let env = environment.as_ref().map_or_else(
        || json!({ "name": LOCAL, "protected": false, "aws": {}, "tags": {} }),
        Environment::as_scope,
    );
    let given = with_typed(&loaded.runbook, request);
    let checked = runbook_spec::check_params(&loaded.runbook, &given, &env)
        .map_err(|wrong| parameters(&loaded.runbook, &wrong))?;
    let strictness = match environment.as_ref().is_some_and(|one| one.protected) {
        _ if request.sandbox => Strictness::Sandbox,
        true => Strictness::Protected,
        false => Strictness::Usual,
    };
    let plugins = plugged.used(project, &uses(&loaded), strictness)?;
    let mut definition = definition(loaded, &path, environment.as_ref(), env);
    definition.plugins = plugins;
    let overrides: serde_json::Map<String, Value> = request
        .sets
        .iter()
        .map(|set| assignment(set))
        .collect::<Result<_, _>>()?;
    Ok(Ready {
        path,
        definition: Arc::new(definition),
        protected: environment.is_some_and(|one| one.protected),
        plugged,
        params: checked.values,
        secrets: checked.secrets,
        overrides: if overrides.is_empty() {
            Value::Null
        } else {
            Value::Object(overrides)
        },
    })
}

/// The step types that a runbook and its children name, those that take a step back included.
pub(crate) fn uses(loaded: &runbook_spec::Loaded) -> BTreeSet<String> {
    std::iter::once(&loaded.runbook)
        .chain(loaded.children.values())
        .flat_map(|book| &book.steps)
        .flat_map(|step| {
            let undo = match &step.undo {
                Undo::With { uses, .. } => Some(uses.clone()),
                Undo::Own | Undo::None => None,
            };
            std::iter::once(step.uses.clone()).chain(undo)
        })
        .collect()
}

fn definition(
    loaded: runbook_spec::Loaded,
    path: &Path,
    environment: Option<&Environment>,
    env: Value,
) -> Definition {
    Definition {
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        file: Some(Project::shown(path)),
        runbook: loaded.runbook,
        children: loaded.children,
        environment: environment.map_or_else(|| LOCAL.to_owned(), |one| one.name.clone()),
        aws: aws(&env),
        env,
        tags: environment.map(|one| one.tags.clone()).unwrap_or_default(),
        secrets: environment
            .map(|one| one.secrets.clone())
            .unwrap_or_default(),
        plugins: BTreeMap::new(),
    }
}

/// The name that stands for no environment.
const LOCAL: &str = "local";

/// Reads and checks an edited runbook for a run that has its parameters already.
pub(crate) async fn edited(
    project: &Project,
    file: &str,
    environment_name: &str,
    progress: &Progress,
) -> Result<Definition, Failure> {
    let path = find(project, file)?;
    let request = Request {
        file: file.to_owned(),
        env: (environment_name != LOCAL).then(|| environment_name.to_owned()),
        ..Request::default()
    };
    let environment = environment(project, &request)?;
    let schema = match &environment {
        Some(_) => Some(schema(project)?),
        None => None,
    };
    let plugged = plugged::for_file(project, &path, environment.as_ref())?;
    let loaded = load_runbook(&path, &plugged.catalog, schema.as_ref())
        .map_err(|wrong| refused(&wrong, &format!("{} cannot be run", Project::shown(&path))))?;
    let plugins = plugged.used(project, &uses(&loaded), Strictness::Usual)?;
    plugged.prepare(project, &plugins, progress).await?;
    let mut definition = definition(loaded, &path, environment.as_ref(), Value::Null);
    definition.plugins = plugins;
    Ok(definition)
}

/// The declared variables of the project's environments.
pub(crate) fn schema(project: &Project) -> Result<EnvironmentSchema, Failure> {
    EnvironmentSchema::load(&project.environments())
        .map_err(|wrong| refused(&wrong, "the environments cannot be used"))
}

fn aws(env: &Value) -> Aws {
    let text = |name: &str| env["aws"][name].as_str().map(str::to_owned);
    Aws {
        region: text("region"),
        profile: text("profile"),
        role_arn: text("role_arn"),
        endpoint_url: text("endpoint_url"),
        keys: None,
    }
}

fn reads_env(book: &runbook_core::Runbook) -> bool {
    let text = serde_json::to_string(book).unwrap_or_default();
    text.contains("{{ env.") || text.contains("{{env.") || uses_env_in_expression(&text)
}

/// `env.` as a name of its own, not the end of another one.
fn uses_env_in_expression(text: &str) -> bool {
    text.match_indices("env.").any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|one| !(one.is_alphanumeric() || one == '_' || one == '.' || one == '-'))
    })
}

fn parameters(book: &runbook_core::Runbook, wrong: &[runbook_spec::ParamError]) -> Failure {
    let failure = Failure {
        report: Some(
            format!(
                "{} {}\n",
                style::bold(&book.name),
                "does not take these parameters:"
            ) + &wrong_lines(wrong),
        ),
        details: json!(wrong),
        ..Failure::usage("wrong parameters; nothing was done")
    };
    match wanted(&book.params) {
        None => failure.help("it takes no parameters"),
        Some(names) => failure.help(format!(
            "give them with --param NAME=VALUE; it takes {names}"
        )),
    }
}

/// A line for each value that does not fit its declaration.
pub(crate) fn wrong_lines(wrong: &[runbook_spec::ParamError]) -> String {
    let line = |one: &runbook_spec::ParamError| match &one.help {
        Some(help) => format!("  {one}; {help}\n"),
        None => format!("  {one}\n"),
    };
    wrong.iter().map(line).collect()
}

/// Names of what is declared, in brackets where a default stands in.
pub(crate) fn wanted(declared: &BTreeMap<String, runbook_core::Param>) -> Option<String> {
    let names: Vec<String> = declared
        .iter()
        .map(|(name, param)| match param.default {
            Some(_) => format!("[{name}]"),
            None => name.clone(),
        })
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// What was typed, read as the declared type says: `1.10` is a version where a string is wanted, and a
/// number where a number is. It wins over what a file gives.
fn with_typed(book: &runbook_core::Runbook, request: &Request) -> BTreeMap<String, Value> {
    let mut all = request.params.clone();
    for (name, text) in &request.typed {
        let kind = book.params.get(name).map(|param| param.kind);
        let plain = !matches!(
            kind,
            None | Some(
                ParamType::Integer
                    | ParamType::Number
                    | ParamType::Boolean
                    | ParamType::List
                    | ParamType::Map
            )
        );
        let value = match plain {
            true => json!(text),
            false => serde_yaml::from_str(text).unwrap_or_else(|_| json!(text)),
        };
        all.insert(name.clone(), value);
    }
    all
}

/// Parameters from a file.
pub(crate) fn params(file: Option<&Path>) -> Result<BTreeMap<String, Value>, Failure> {
    let Some(path) = file else {
        return Ok(BTreeMap::new());
    };
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("{}: {error}", Project::shown(path)))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    serde_yaml::from_str(&text).map_err(|error| wrong(&error))
}

/// Parameters from the command line, as text.
pub(crate) fn typed(given: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    given
        .iter()
        .map(|one| {
            let (name, text) = halves(one)?;
            Ok((name.to_owned(), text.to_owned()))
        })
        .collect()
}

fn halves(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=').ok_or_else(|| {
        Failure::usage(format!("`{text}` is not NAME=VALUE")).help("for example --param drain=30s")
    })
}
