//! Plugins as runs call them: the components that they have pinned.

use std::sync::{Arc, OnceLock};

use runbook_runtime::Definition;
use runbook_step::{Context, Fault, FaultKind, StepKind, StepResult};
use runbook_wasm::component::Component;
use runbook_wasm::descriptor::Descriptor;
use runbook_wasm::digest::Digest;
use runbook_wasm::entry::{self, Fetching};
use runbook_wasm::host::transport::{Answering, AwsCall};
use runbook_wasm::host::{Live, Plugin, Runtime, Signed, Signer};
use runbook_wasm::store::Store;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::pin::setup;
use super::{chain, store};
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;

pub(super) fn transport() -> Arc<Live> {
    static LIVE: OnceLock<Arc<Live>> = OnceLock::new();
    LIVE.get_or_init(|| Arc::new(Live::new(Some(Arc::new(Steps)))))
        .clone()
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

pub(super) fn step_types(
    descriptor: &Descriptor,
    source: &Arc<dyn entry::Source>,
    name: &str,
    pinned: &Value,
) -> Result<Vec<StepKind>, Failure> {
    let setup = setup(descriptor, name, pinned)?;
    Ok(entry::entries(descriptor, source, &setup))
}

/// Where only a check is wanted, nothing is called.
pub(super) struct NotHere(pub(super) String);

impl entry::Source for NotHere {
    fn plugin(&self) -> Fetching<'_> {
        let why = format!(
            "plugin {} was loaded to be checked, and not to be called",
            self.0
        );
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
            Fault::new(
                FaultKind::Unsupported,
                format!("plugin {}: {why}", self.name),
            )
        };
        let stored = self
            .store
            .get(&self.digest)
            .map_err(|wrong| refuse(chain(&wrong)))?;
        let runtime = runtime().map_err(|wrong| refuse(wrong.message))?;
        Plugin::load(&runtime, stored.bytes.into())
            .await
            .map_err(|wrong| refuse(chain(&wrong)))
    }
}

/// The engine of this process.
pub(super) fn runtime() -> Result<Runtime, Failure> {
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
        let descriptor = component
            .descriptor()
            .map_err(|wrong| gone(chain(&wrong)))?;
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
