//! One plugin, ready to be called: its component compiled and linked, its optional interfaces found.

use std::sync::Arc;

use serde_json::Value;
use thiserror::Error;
use wasmtime::Store;
use wasmtime::component::Component;

use super::bindings::PluginPre;
use super::bindings::compensation::WithCompensationPre;
use super::bindings::preview::WithPreviewPre;
use super::bindings::recovery::WithRecoveryPre;
use super::call::Call;
use super::engine::{Runtime, weight};
use super::guest::Guest;
use crate::component::{self, ComponentError, WitError};
use crate::descriptor::{Descriptor, DescriptorError, Idempotency};
use crate::digest::Digest;

/// A plugin that can be called. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) runtime: Runtime,
    pub(crate) pre: PluginPre<Guest>,
    pub(crate) recovery: Option<WithRecoveryPre<Guest>>,
    pub(crate) compensation: Option<WithCompensationPre<Guest>>,
    pub(crate) preview: Option<WithPreviewPre<Guest>>,
    pub(crate) descriptor: Descriptor,
    pub(crate) digest: Digest,
    pub(crate) weight: u32,
}

/// A plugin that cannot be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It is no component, or of another line of the contract.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// It was built for another version of the contract.
    #[error(transparent)]
    Wit(#[from] WitError),
    /// What it says of itself cannot be read.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// It cannot be compiled.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// It imports what this engine does not offer, or in another shape.
    #[error("the component does not fit this engine: {0}; rebuild the plugin or upgrade runbook")]
    Link(String),
    /// It did not say what it is.
    #[error("the plugin does not describe itself: {0}")]
    Describe(String),
    /// Its descriptor promises what its exports do not hold.
    #[error("step type `{step}` is `{class}`, and the plugin exports no `{interface}`")]
    Missing {
        /// The step type.
        step: String,
        /// What it claims.
        class: &'static str,
        /// What it would need.
        interface: &'static str,
    },
}

impl Plugin {
    /// Loads a component: from the cache, or compiled, which takes seconds for a large one.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn load(runtime: &Runtime, bytes: Arc<[u8]>) -> Result<Self, LoadError> {
        let found = component::Component::read(&bytes)?;
        found.check_wit()?;
        let digest = found.digest;
        let compiled = compile(runtime, digest, bytes.clone()).await?;
        let link = |wrong: wasmtime::Error| LoadError::Link(super::failure::chain(&wrong));
        let pre = runtime.linker.instantiate_pre(&compiled).map_err(link)?;
        let weight = weight(bytes.len() as u64);
        let plugin = PluginPre::new(pre.clone()).map_err(link)?;
        let descriptor = match &found.descriptor {
            Some(text) => Descriptor::parse(text)?,
            None => Descriptor::parse(describe(runtime, &plugin, weight).await?)?,
        };
        let inner = Inner {
            runtime: runtime.clone(),
            pre: plugin,
            recovery: WithRecoveryPre::new(pre.clone()).ok(),
            compensation: WithCompensationPre::new(pre.clone()).ok(),
            preview: WithPreviewPre::new(pre).ok(),
            descriptor,
            digest,
            weight,
        };
        inner.keeps_its_word()?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What it says of itself.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        &self.inner.descriptor
    }

    /// Digest of the component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    /// Asks the plugin itself what it is, in an instance that may do nothing.
    ///
    /// # Errors
    /// When it cannot say.
    pub async fn describe(&self) -> Result<Descriptor, LoadError> {
        let inner = &self.inner;
        let text = describe(&inner.runtime, &inner.pre, inner.weight).await?;
        Ok(Descriptor::parse(text)?)
    }
}

impl Inner {
    fn keeps_its_word(&self) -> Result<(), LoadError> {
        for step in &self.descriptor.steps {
            let missing = |class, interface| LoadError::Missing {
                step: step.name.clone(),
                class,
                interface,
            };
            if step.idempotency == Idempotency::Reconcilable && self.recovery.is_none() {
                return Err(missing("reconcilable", "recovery"));
            }
            if step.undo && self.compensation.is_none() {
                return Err(missing("undoable", "compensation"));
            }
            if step.plan && self.preview.is_none() {
                return Err(missing("previewable", "preview"));
            }
        }
        Ok(())
    }
}

/// What a component that was not described by its build says of itself.
///
/// # Errors
/// When it cannot be run, or does not say.
pub async fn describe_component(runtime: &Runtime, bytes: Arc<[u8]>) -> Result<Value, LoadError> {
    let found = component::Component::read(&bytes)?;
    found.check_wit()?;
    let compiled = compile(runtime, found.digest, bytes.clone()).await?;
    let link = |wrong: wasmtime::Error| LoadError::Link(super::failure::chain(&wrong));
    let pre = runtime.linker.instantiate_pre(&compiled).map_err(link)?;
    let plugin = PluginPre::new(pre).map_err(link)?;
    let text = describe(runtime, &plugin, weight(bytes.len() as u64)).await?;
    serde_json::from_str(&text).map_err(|wrong| LoadError::Describe(wrong.to_string()))
}

/// The component with what it says of itself built in. It is compiled for that, and need not be again.
///
/// # Errors
/// When it cannot be run, or what it says is no descriptor.
pub async fn embed_descriptor(runtime: &Runtime, bytes: Arc<[u8]>) -> Result<Vec<u8>, LoadError> {
    let described = describe_component(runtime, bytes.clone()).await?;
    let text = described.to_string();
    Descriptor::parse(&text)?;
    let built = component::with_descriptor(&bytes, text.as_bytes())?;
    // A custom section is no code: both have the same.
    let (from, to) = (Digest::of(&bytes), Digest::of(&built));
    runtime.cache.adopt(&runtime.engine, &from, &to);
    Ok(built)
}

async fn compile(
    runtime: &Runtime,
    digest: Digest,
    bytes: Arc<[u8]>,
) -> Result<Component, LoadError> {
    if let Some(component) = runtime.cache.load(&runtime.engine, &digest) {
        return Ok(component);
    }
    let _one = runtime.compiling.lock().await;
    // Whoever was before may have compiled the same.
    if let Some(component) = runtime.cache.load(&runtime.engine, &digest) {
        return Ok(component);
    }
    let (engine, cache) = (runtime.engine.clone(), runtime.cache.clone());
    let compiled = tokio::task::spawn_blocking(move || {
        let component = Component::new(&engine, &bytes)?;
        cache.store(&engine, &digest, &component);
        Ok::<_, wasmtime::Error>(component)
    });
    compiled
        .await
        .map_err(|lost| LoadError::Compile(lost.to_string()))?
        .map_err(|wrong| LoadError::Compile(super::failure::chain(&wrong)))
}

async fn describe(
    runtime: &Runtime,
    plugin: &PluginPre<Guest>,
    weight: u32,
) -> Result<String, LoadError> {
    let call = Arc::new(Call::bare());
    let answer = super::invoke::guarded(runtime, weight, call, async |store: &mut Store<Guest>| {
        let instance = plugin.instantiate_async(&mut *store).await?;
        instance.runbook_plugin_steps().call_describe(store).await
    });
    answer
        .await
        .map_err(|failure| LoadError::Describe(failure.why))
}
