//! Plugins of the project as step types: what a runbook that names them is checked against, what its run
//! pins, and what drives it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use runbook_runtime::Definition;
use runbook_spec::Environment;
use runbook_step::{Catalog, Context, Fault, FaultKind, StepKind, StepResult};
use runbook_wasm::component::Component;
use runbook_wasm::descriptor::Descriptor;
use runbook_wasm::digest::Digest;
use runbook_wasm::entry::{self, Fetching};
use runbook_wasm::grant::{Ceiling, CeilingSource, Layers, Permissions};
use runbook_wasm::host::transport::{Answering, AwsCall};
use runbook_wasm::host::{Live, Plugin, Runtime, Setup, Signed, Signer};
use runbook_wasm::limits::{Limits, LimitsGiven};
use runbook_wasm::lock::{Lock, LockError};
use runbook_wasm::project::{self, PROJECT_FILE};
use runbook_wasm::source::Source;
use runbook_wasm::store::Store;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::progress::Progress;

/// Begins the name of a plugin's step type.
const PREFIX: &str = "plugin:";

/// A plugin of the project, read and not run.
struct Found {
    name: String,
    digest: Digest,
    descriptor: Descriptor,
    bytes: Arc<[u8]>,
    stanza: Value,
}

/// The plugins that a runbook may name, and the step types of the binary.
pub(crate) struct Plugged {
    pub(crate) catalog: Catalog,
    found: Vec<Found>,
    environment: Option<Environment>,
}

impl Plugged {
    /// The binary's step types alone.
    fn bare() -> Self {
        Self {
            catalog: runbook_steps::catalog(),
            found: Vec::new(),
            environment: None,
        }
    }
}

/// Whether a file can have to do with plugins: its own steps, or those of a child.
fn may_name_plugins(path: &Path) -> bool {
    // What cannot be read is said by whoever reads it.
    std::fs::read_to_string(path)
        .is_ok_and(|text| text.contains(PREFIX) || text.contains("uses: runbook"))
}

/// What the runbook in `path` is checked against.
pub(crate) fn for_file(
    project: &Project,
    path: &Path,
    environment: Option<&Environment>,
) -> Result<Plugged, Failure> {
    if !may_name_plugins(path) {
        return Ok(Plugged::bare());
    }
    all(project, environment)
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
    let mut found = Vec::new();
    for (name, plugin) in &parsed.plugins {
        let Some(path) = built(project, name, &plugin.source)? else {
            continue;
        };
        found.push(read(name, &path, raw["plugins"][name.as_str()].clone())?);
    }
    let mut kinds: Vec<StepKind> = runbook_steps::catalog().iter().copied().collect();
    for plugin in &found {
        let pinned = pin(plugin, environment);
        let source: Arc<dyn entry::Source> = Arc::new(NotHere(plugin.name.clone()));
        kinds.extend(step_types(&plugin.descriptor, &source, &plugin.name, &pinned)?);
    }
    Ok(Plugged {
        catalog: Catalog::new(kinds),
        found,
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
    let descriptor = component.descriptor().map_err(|wrong| refuse(&chain(&wrong)))?;
    let Some(descriptor) = descriptor else {
        return Err(refuse(&"it does not say what it is"));
    };
    Ok(Found {
        name: name.to_owned(),
        digest: component.digest,
        descriptor,
        bytes: bytes.into(),
        stanza,
    })
}

/// What a run pins of a plugin: which one, and what it may do.
fn pin(plugin: &Found, environment: Option<&Environment>) -> Value {
    let allowed = environment.map(|one| {
        let plugins = &one.plugins;
        let mut given = serde_json::to_value(plugins).unwrap_or_default();
        given["allow"] = json!(plugins.allow.iter().filter(|name| **name == plugin.name).collect::<Vec<_>>());
        given["config"] = json!(plugins.config.get(&plugin.name).map(|own| json!({ (plugin.name.clone()): own })).unwrap_or_else(|| json!({})));
        json!({
            "name": one.name,
            "plugins": given,
            "regions": [&one.aws.region, &one.aws.standby_region],
        })
    });
    json!({
        "digest": plugin.digest.to_string(),
        "version": plugin.descriptor.version.to_string(),
        "project": plugin.stanza,
        "environment": allowed,
    })
}

/// Permissions, limits and settings from what is pinned.
fn setup(descriptor: &Descriptor, name: &str, pinned: &Value) -> Result<Setup, Failure> {
    let text = json!({ "plugins": { name: pinned["project"] } });
    let parsed = project::Project::parse(PROJECT_FILE, &without_signers(text).to_string())
        .map_err(|wrong| Failure::usage(format!("plugin {name}: {}", wrong.why)))?;
    let own = parsed.plugins.get(name);
    let environment = &pinned["environment"];
    let called = environment["name"].as_str().unwrap_or_default();
    let regions: Vec<String> = environment["regions"]
        .as_array()
        .map(|all| all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    let ceiling = Ceiling::parse(CeilingSource {
        environment: called,
        file: &format!("environments/{called}.yaml"),
        plugins: &environment["plugins"],
        regions: &regions,
    })
    .map_err(|wrong| Failure::usage(chain(&wrong)))?;
    let config = ceiling.config.get(name).cloned().unwrap_or_else(|| json!({}));
    Ok(Setup {
        permissions: Arc::new(Permissions::new(Layers {
            plugin: name.to_owned(),
            wants: descriptor.wants.clone(),
            grant: own.map(|own| own.grant.clone()).unwrap_or_default(),
            environment: ceiling,
            step: None,
        })),
        limits: Limits::effective(
            &own.map(|own| own.limits).unwrap_or_default(),
            &LimitsGiven::default(),
        ),
        config: config.to_string().into(),
        dry_run: false,
        transport: transport(),
    })
}

/// Signatures were looked at when the run began.
fn without_signers(mut text: Value) -> Value {
    if let Some(plugins) = text["plugins"].as_object_mut() {
        for plugin in plugins.values_mut() {
            if let Some(plugin) = plugin.as_object_mut() {
                plugin.remove("signed_by");
            }
        }
    }
    text
}

fn transport() -> Arc<Live> {
    static LIVE: OnceLock<Arc<Live>> = OnceLock::new();
    LIVE.get_or_init(|| Arc::new(Live::new(Some(Arc::new(Steps))))).clone()
}

/// Signs as the step types of the binary do.
struct Steps;

impl Signer for Steps {
    fn sign<'a>(
        &'a self,
        call: &'a AwsCall,
        context: &'a Context,
    ) -> Answering<'a, StepResult<Signed>> {
        Box::pin(async move {
            let unsigned = runbook_steps::sign::Unsigned {
                service: &call.service,
                region: &call.region,
                method: &call.method,
                path: &call.path,
                query: &call.query,
                headers: &call.headers,
                body: &call.body,
            };
            let (url, headers) = runbook_steps::sign::signed(&unsigned, context).await?;
            Ok(Signed { url, headers })
        })
    }
}

fn step_types(
    descriptor: &Descriptor,
    source: &Arc<dyn entry::Source>,
    name: &str,
    pinned: &Value,
) -> Result<Vec<StepKind>, Failure> {
    let setup = setup(descriptor, name, pinned)?;
    Ok(entry::entries(descriptor, source, &setup))
}

/// Where only a check is wanted, nothing is called.
struct NotHere(String);

impl entry::Source for NotHere {
    fn plugin(&self) -> Fetching<'_> {
        let why = format!("plugin {} was loaded to be checked, and not to be called", self.0);
        Box::pin(async move { Err(Fault::new(FaultKind::Internal, why)) })
    }
}

/// A component of the store, loaded when it is first called.
struct Kept {
    name: String,
    store: Store,
    digest: Digest,
    plugin: OnceCell<Plugin>,
}

impl entry::Source for Kept {
    fn plugin(&self) -> Fetching<'_> {
        Box::pin(async move {
            let plugin = self.plugin.get_or_try_init(|| self.load()).await?;
            Ok(plugin.clone())
        })
    }
}

impl Kept {
    async fn load(&self) -> StepResult<Plugin> {
        let refuse = |why: String| {
            Fault::new(FaultKind::Unsupported, format!("plugin {}: {why}", self.name))
        };
        let stored = self.store.get(&self.digest).map_err(|wrong| refuse(chain(&wrong)))?;
        let runtime = runtime().map_err(|wrong| refuse(wrong.message))?;
        Plugin::load(&runtime, stored.bytes.into())
            .await
            .map_err(|wrong| refuse(chain(&wrong)))
    }
}

/// The engine of this process.
fn runtime() -> Result<Runtime, Failure> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.clone());
    }
    let made = plugins::open()?;
    Ok(RUNTIME.get_or_init(|| made).clone())
}

/// The step types of the plugins that a run has pinned.
pub(crate) fn for_driving(
    project: &Project,
    definition: &Definition,
) -> Result<Vec<StepKind>, Failure> {
    let mut kinds = Vec::new();
    for (name, pinned) in &definition.plugins {
        let digest: Digest = pinned["digest"]
            .as_str()
            .unwrap_or_default()
            .parse()
            .map_err(|wrong| Failure::usage(format!("plugin {name}: {wrong}")))?;
        let store = store(project);
        let gone = |why: String| {
            Failure::usage(format!("plugin {name} cannot be loaded: {why}")).help(format!(
                "the run goes on with the component that it began with: put it back into {}",
                Project::shown(&store.path(&digest))
            ))
        };
        let stored = store.get(&digest).map_err(|wrong| gone(chain(&wrong)))?;
        let component = Component::read(&stored.bytes).map_err(|wrong| gone(chain(&wrong)))?;
        let descriptor = component.descriptor().map_err(|wrong| gone(chain(&wrong)))?;
        let descriptor = descriptor.ok_or_else(|| gone("it does not say what it is".to_owned()))?;
        let source: Arc<dyn entry::Source> = Arc::new(Kept {
            name: name.clone(),
            store: store.clone(),
            digest,
            plugin: OnceCell::new(),
        });
        kinds.extend(step_types(&descriptor, &source, name, pinned)?);
    }
    Ok(kinds)
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
                .filter_map(|one| one.strip_prefix(PREFIX)?.strip_prefix(&plugin.name)?.strip_prefix('/'))
                .collect();
            if types.is_empty() {
                continue;
            }
            let value = pin(plugin, self.environment.as_ref());
            let permissions = setup(&plugin.descriptor, &plugin.name, &value)?.permissions;
            refused.extend(permissions.missing().iter().map(ToString::to_string));
            let steps = types.iter().filter_map(|name| plugin.descriptor.step(name));
            refused.extend(steps.filter_map(|step| entry::needs_once(step, &permissions)));
            self.config_fits(plugin)?;
            locked(project, plugin, strictness)?;
            pinned.insert(plugin.name.clone(), value);
        }
        if refused.is_empty() {
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
            Failure::usage(format!("the settings of plugin {} do not fit: {wrong}", plugin.name)).help(
                format!(
                    "they stand in environments/{}.yaml under plugins.config.{}",
                    environment.name, plugin.name
                ),
            )
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
        for plugin in self.found.iter().filter(|one| pinned.contains_key(&one.name)) {
            let refuse = |wrong: String| {
                Failure::new(exit::FAILED, format!("plugin {}: {wrong}", plugin.name))
            };
            store(project).put(&plugin.bytes).map_err(|wrong| refuse(chain(&wrong)))?;
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
