//! Where plugins are kept on this machine, and the engine that runs them.

use std::path::{Path, PathBuf};

use runbook_spec::Environment;
use runbook_wasm::grant::{Ceiling, CeilingSource};
use runbook_wasm::host::{Cache, Runtime};
use runbook_wasm::lock::Lock;
use runbook_wasm::oci::Credentials;
use runbook_wasm::project::{PROJECT_FILE, Plugin, Project as Plugins};
use runbook_wasm::source::{Found, ResolveError, Source};
use runbook_wasm::store::Store;

use crate::exit;
use crate::failure::Failure;
use crate::project::Project;

/// Folder of compiled plugins. It belongs to the user and not to a project: what was compiled once is
/// compiled for every project.
pub(crate) fn cache() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(root) = set("RUNBOOK_CACHE") {
        return PathBuf::from(root).join("plugins");
    }
    let root = match (set("XDG_CACHE_HOME").map(PathBuf::from), set("HOME")) {
        (Some(root), _) if root.is_absolute() => root,
        (_, Some(home)) if cfg!(target_os = "macos") => PathBuf::from(home).join("Library/Caches"),
        (_, Some(home)) => PathBuf::from(home).join(".cache"),
        (_, None) => std::env::temp_dir(),
    };
    root.join("runbook").join("plugins")
}

/// Folder of the components by their digest, beside the state file whose runs use them.
pub(crate) fn components(project: &Project) -> PathBuf {
    project.state().with_file_name("plugins")
}

/// The engine that runs plugins, with the cache of compiled ones.
pub(crate) fn open() -> Result<Runtime, Failure> {
    Runtime::new(Cache::new(Some(cache()))).map_err(|wrong| {
        Failure::new(
            exit::FAILED,
            format!("this machine cannot run plugins: {wrong}"),
        )
    })
}

/// The plugins that the project names.
pub(crate) fn project(project: &Project) -> Result<Plugins, Failure> {
    Plugins::load(project.root()).map_err(|wrong| usage(&wrong))
}

/// What of them was looked at.
pub(crate) fn lock(project: &Project) -> Result<Lock, Failure> {
    Lock::load(project.root()).map_err(|wrong| usage(&wrong))
}

/// The components that runs of the state file use.
pub(crate) fn store(project: &Project) -> Store {
    Store::at(components(project))
}

/// What plugins may do in an environment at most.
pub(crate) fn ceiling(project: &Project, environment: &Environment) -> Result<Ceiling, Failure> {
    let file = project
        .environments()
        .join(format!("{}.yaml", environment.name));
    let plugins = serde_json::to_value(&environment.plugins).unwrap_or_default();
    let aws = &environment.aws;
    let regions: Vec<String> = [&aws.region, &aws.standby_region]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let ceiling = Ceiling::parse(CeilingSource {
        environment: &environment.name,
        file: &Project::shown(&file),
        plugins: &plugins,
        regions: &regions,
    });
    ceiling.map_err(|wrong| usage(&wrong))
}

/// Writes a file of the project in place of what is there: all of it, or nothing.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let beside = path.with_extension("new");
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&beside, text))
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| {
            Failure::new(
                exit::FAILED,
                format!("cannot write {}: {error}", Project::shown(path)),
            )
        })
}

/// The component of a plugin, from where it comes; nobody has looked at it yet.
pub(crate) async fn fetch(
    project: &Project,
    source: &Source,
    name: &str,
) -> Result<Found, Failure> {
    let credentials = Credentials::from_environment();
    let found = source.resolve(project.root(), name, &credentials).await;
    found.map_err(|wrong| match wrong {
        ResolveError::Registry(_) => Failure {
            code: exit::FAILED,
            ..usage(&wrong)
        },
        ResolveError::NotBuilt { .. } | ResolveError::NoPath { .. } | ResolveError::Read { .. } => {
            usage(&wrong)
        }
    })
}

/// An error with everything behind it.
pub(crate) fn usage(wrong: &dyn std::error::Error) -> Failure {
    let mut text = wrong.to_string();
    let mut next = wrong.source();
    while let Some(source) = next {
        text.push_str(&format!(": {source}"));
        next = source.source();
    }
    Failure::usage(text)
}

/// The plugin of a name, or all of them.
pub(crate) fn chosen<'a>(
    known: &'a Plugins,
    name: Option<&str>,
) -> Result<Vec<&'a Plugin>, Failure> {
    let Some(name) = name else {
        return Ok(known.plugins.values().collect());
    };
    let names: Vec<&str> = known.plugins.keys().map(String::as_str).collect();
    match known.plugins.get(name) {
        Some(plugin) => Ok(vec![plugin]),
        None => Err(
            Failure::usage(format!("there is no plugin `{name}` in {PROJECT_FILE}")).help(
                match names.is_empty() {
                    true => "`runbook plugin add SOURCE` takes one in".to_owned(),
                    false => format!("there is {}", names.join(", ")),
                },
            ),
        ),
    }
}
