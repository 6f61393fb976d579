//! Plugins of the project as step types: what a runbook that names them is checked against, what its run
//! pins, and what drives it.

mod drive;
mod pin;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runbook_spec::Environment;
use runbook_step::{Catalog, StepKind};
use runbook_wasm::component::Component;
use runbook_wasm::descriptor::Descriptor;
use runbook_wasm::digest::Digest;
use runbook_wasm::entry;
use runbook_wasm::host::Plugin;
use runbook_wasm::lock::{Lock, LockError};
use runbook_wasm::project::{self, PROJECT_FILE};
use runbook_wasm::sign::{self, Policy};
use runbook_wasm::source::Source;
use runbook_wasm::store::Store;
use serde_json::{Value, json};

use self::drive::{NotHere, runtime, step_types};
use self::pin::{pin, setup};
use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::progress::Progress;

pub(crate) use self::drive::for_driving;

/// Begins the name of a plugin's step type.
const PREFIX: &str = "plugin:";

/// A plugin of the project, read and not run.
struct Found {
    name: String,
    digest: Digest,
    descriptor: Descriptor,
    path: PathBuf,
    bytes: Arc<[u8]>,
    stanza: Value,
}

/// The plugins that a runbook may name, and the step types of the binary.
pub(crate) struct Plugged {
    pub(crate) catalog: Catalog,
    found: Vec<Found>,
    /// Plugins of the project that are not built, or cannot be read, and why.
    absent: BTreeMap<String, String>,
    /// The project's file.
    project: project::Project,
    environment: Option<Environment>,
}

impl Plugged {
    /// The binary's step types alone.
    fn bare() -> Self {
        Self {
            catalog: runbook_steps::catalog(),
            found: Vec::new(),
            absent: BTreeMap::new(),
            project: project::Project::default(),
            environment: None,
        }
    }
}

/// Whether a runbook can have to do with plugins: its own steps, or those of a child.
fn may_name_plugins(text: &str) -> bool {
    text.contains(PREFIX) || text.contains("uses: runbook")
}

/// What the runbook in `path` is checked against.
pub(crate) fn for_file(
    project: &Project,
    path: &Path,
    environment: Option<&Environment>,
) -> Result<Plugged, Failure> {
    // What cannot be read is said by whoever reads it.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if !may_name_plugins(&text) {
        return Ok(Plugged::bare());
    }
    let plugged = match all(project, environment) {
        // What is wrong with plugins does not stop a runbook that names none.
        Err(_) if !text.contains(PREFIX) => return Ok(Plugged::bare()),
        plugged => plugged?,
    };
    let named = |(name, _): &(&String, &String)| text.contains(&format!("{PREFIX}{name}/"));
    match plugged.absent.iter().find(named) {
        None => Ok(plugged),
        Some((name, why)) => Err(Failure::usage(format!(
            "{} uses plugin {name}, {why}; nothing was done",
            Project::shown(path)
        ))
        .help(format!(
            "runbook plugin build {name}, or for one of a registry: runbook plugin verify {name}"
        ))),
    }
}

/// Every plugin of the project that is built.
pub(crate) fn all(
    project: &Project,
    environment: Option<&Environment>,
) -> Result<Plugged, Failure> {
    let file = project.root().join(PROJECT_FILE);
    let Ok(text) = std::fs::read_to_string(&file) else {
        return Ok(Plugged::bare());
    };
    let parsed = project::Project::parse(&Project::shown(&file), &text)
        .map_err(|wrong| Failure::usage(wrong.to_string()))?;
    let raw: Value = serde_yaml::from_str(&text).unwrap_or_default();
    let (mut found, mut absent) = (Vec::new(), BTreeMap::new());
    for (name, plugin) in &parsed.plugins {
        let Some(path) = built(project, name, &plugin.source)? else {
            absent.insert(name.clone(), "which is not built here".to_owned());
            continue;
        };
        match read(name, &path, raw["plugins"][name.as_str()].clone()) {
            Ok(plugin) => found.push(plugin),
            Err(wrong) => {
                let why = format!("which cannot be used: {}", wrong.message);
                absent.insert(name.clone(), why);
            }
        }
    }
    let mut kinds: Vec<StepKind> = runbook_steps::catalog().iter().copied().collect();
    for plugin in &found {
        let pinned = pin(plugin, environment);
        let source: Arc<dyn entry::Source> = Arc::new(NotHere(plugin.name.clone()));
        kinds.extend(step_types(
            &plugin.descriptor,
            &source,
            &plugin.name,
            &pinned,
        )?);
    }
    Ok(Plugged {
        catalog: Catalog::new(kinds),
        found,
        absent,
        project: parsed,
        environment: environment.cloned(),
    })
}

/// The file of a plugin's component, if it is there.
fn built(project: &Project, name: &str, source: &Source) -> Result<Option<PathBuf>, Failure> {
    match source {
        Source::Path(path) => {
            let path = project.root().join(path);
            let file = match path.extension() {
                Some(end) if end == "wasm" => path,
                _ => path.join("dist").join(format!("{name}.wasm")),
            };
            Ok(file.is_file().then_some(file))
        }
        Source::Oci(_) => {
            let lock = lock(project)?;
            let Some(locked) = lock.plugins.get(name) else {
                return Ok(None);
            };
            let path = store(project).path(&locked.component);
            Ok(path.is_file().then_some(path))
        }
    }
}

fn lock(project: &Project) -> Result<Lock, Failure> {
    Lock::load(project.root()).map_err(|wrong| Failure::usage(chain(&wrong)))
}

fn store(project: &Project) -> Store {
    Store::at(plugins::components(project))
}

fn read(name: &str, path: &Path, stanza: Value) -> Result<Found, Failure> {
    let refuse = |wrong: &dyn std::fmt::Display| {
        Failure::usage(format!("plugin {name}: {}: {wrong}", Project::shown(path)))
            .help(format!("`runbook plugin build {name}` makes it anew"))
    };
    let bytes = std::fs::read(path).map_err(|wrong| refuse(&wrong))?;
    let component = Component::read(&bytes).map_err(|wrong| refuse(&chain(&wrong)))?;
    component.check_wit().map_err(|wrong| refuse(&wrong))?;
    let descriptor = component
        .descriptor()
        .map_err(|wrong| refuse(&chain(&wrong)))?;
    let Some(descriptor) = descriptor else {
        return Err(refuse(&"it does not say what it is"));
    };
    Ok(Found {
        name: name.to_owned(),
        digest: component.digest,
        descriptor,
        path: path.to_owned(),
        bytes: bytes.into(),
        stanza,
    })
}

/// How strictly a run's plugins are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Nothing real is at stake.
    Sandbox,
    /// A plugin that nobody has locked is named.
    Usual,
    /// A plugin that nobody has locked is refused.
    Protected,
}

impl Plugged {
    /// The plugins that are used by steps with these types, checked: what each wants has to be granted.
    /// What a run pins of them.
    pub(crate) fn used(
        &self,
        project: &Project,
        uses: &BTreeSet<String>,
        strictness: Strictness,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        let mut pinned = BTreeMap::new();
        let mut refused = Vec::new();
        for plugin in &self.found {
            let types: Vec<&str> = uses
                .iter()
                .filter_map(|one| {
                    one.strip_prefix(PREFIX)?
                        .strip_prefix(&plugin.name)?
                        .strip_prefix('/')
                })
                .collect();
            if types.is_empty() {
                continue;
            }
            let value = pin(plugin, self.environment.as_ref());
            let permissions = setup(&plugin.descriptor, &plugin.name, &value)?.permissions;
            refused.extend(permissions.missing().iter().map(ToString::to_string));
            let steps = types.iter().filter_map(|name| plugin.descriptor.step(name));
            refused.extend(steps.filter_map(|step| entry::needs_once(step, &permissions)));
            locked(project, plugin, strictness)?;
            if strictness != Strictness::Sandbox {
                self.signed(project, plugin, &value)?;
            }
            pinned.insert(plugin.name.clone(), value);
        }
        if refused.is_empty() {
            for used in self
                .found
                .iter()
                .filter(|one| pinned.contains_key(&one.name))
            {
                self.config_fits(used)?;
            }
            return Ok(pinned);
        }
        let mut report = String::new();
        for one in &refused {
            report.push_str(&format!("  {}\n", one.replace('\n', "\n  ")));
        }
        Err(Failure {
            report: Some(report),
            details: json!(refused),
            ..Failure::usage("a plugin wants what it is not granted; nothing was done")
        })
    }

    /// Whether somebody has signed it whom the project and the environment trust.
    fn signed(&self, project: &Project, plugin: &Found, pinned: &Value) -> Result<(), Failure> {
        let Some(own) = self.project.plugins.get(&plugin.name) else {
            return Ok(());
        };
        let ceiling = pin::ceiling(pinned)?;
        let policy = Policy {
            plugin: &plugin.name,
            signers: &self.project.signers,
            signed_by: &own.signed_by,
            environment: Some(&ceiling),
        };
        let refuse = |wrong: &dyn std::error::Error| Failure::new(exit::REFUSED, chain(wrong));
        if let Source::Oci(_) = own.source {
            // Its signature was looked at when it was locked.
            let signer = lock(project)?
                .plugins
                .get(&plugin.name)
                .and_then(|one| one.signer.clone());
            return policy
                .trusts(signer.as_deref())
                .map_err(|wrong| refuse(&wrong));
        }
        let signature = sign::beside(&plugin.path).map_err(|wrong| {
            Failure::usage(format!("{}: {wrong}", Project::shown(&plugin.path)))
        })?;
        sign::check(&plugin.bytes, signature.as_deref(), &policy)
            .map(|_| ())
            .map_err(|wrong| refuse(&wrong))
    }

    fn config_fits(&self, plugin: &Found) -> Result<(), Failure> {
        let Some(schema) = &plugin.descriptor.config else {
            return Ok(());
        };
        let Some(environment) = &self.environment else {
            return Ok(());
        };
        let config = environment.plugins.config.get(&plugin.name).cloned();
        let config = config.unwrap_or_else(|| json!({}));
        schema.check(&config).map_err(|wrong| {
            Failure::usage(format!(
                "the settings of plugin {} do not fit: {wrong}",
                plugin.name
            ))
            .help(format!(
                "they stand in environments/{}.yaml under plugins.config.{}",
                environment.name, plugin.name
            ))
        })
    }

    /// Puts the components that a run pins where it finds them again, and compiles what is not compiled: an
    /// incident is no time to wait for a compiler in the middle.
    pub(crate) async fn prepare(
        &self,
        project: &Project,
        pinned: &BTreeMap<String, Value>,
        progress: &Progress,
    ) -> Result<(), Failure> {
        for plugin in self
            .found
            .iter()
            .filter(|one| pinned.contains_key(&one.name))
        {
            let refuse = |wrong: String| {
                Failure::new(exit::FAILED, format!("plugin {}: {wrong}", plugin.name))
            };
            store(project)
                .put(&plugin.bytes)
                .map_err(|wrong| refuse(chain(&wrong)))?;
            let runtime = runtime()?;
            if runtime.is_compiled(&plugin.digest) {
                continue;
            }
            progress.line(&format!(
                "  compiling plugin {} for this machine; this is done once",
                plugin.name
            ));
            Plugin::load(&runtime, plugin.bytes.clone())
                .await
                .map_err(|wrong| refuse(chain(&wrong)))?;
        }
        Ok(())
    }
}

/// Whether the lock knows this very component.
fn locked(project: &Project, plugin: &Found, strictness: Strictness) -> Result<(), Failure> {
    match lock(project)?.check(&plugin.name, &plugin.digest) {
        Ok(_) => Ok(()),
        Err(LockError::Missing { .. }) if strictness != Strictness::Protected => Ok(()),
        Err(_) if strictness == Strictness::Sandbox => Ok(()),
        Err(wrong) => Err(Failure::new(exit::REFUSED, chain(&wrong))),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
