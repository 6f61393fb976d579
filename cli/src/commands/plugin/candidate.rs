//! A component that somebody has to look at before the project uses it.

use std::sync::Arc;

use runbook_wasm::component::{Component, WIT};
use runbook_wasm::descriptor::{Descriptor, Idempotency};
use runbook_wasm::digest::Digest;
use runbook_wasm::grant::Ceiling;
use runbook_wasm::host::{Plugin as Loaded, Runtime};
use runbook_wasm::lock::Locked;
use runbook_wasm::project::{Plugin, Project as Plugins};
use runbook_wasm::sign::{self, Policy};
use runbook_wasm::source::{Found, Source};

use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::prompt;
use crate::ui::busy::Busy;
use crate::ui::size;

/// The component, loaded once: that it can be is part of looking at it.
pub(super) struct Candidate {
    pub(super) component: Component,
    pub(super) loaded: Loaded,
    found: Found,
}

impl Candidate {
    /// Reads and compiles a component.
    pub(super) async fn look(
        runtime: &Runtime,
        name: &str,
        found: Found,
        quiet: bool,
    ) -> Result<Self, Failure> {
        let refused = |wrong: &dyn std::fmt::Display| {
            Failure::usage(format!("plugin {name} cannot be used: {wrong}"))
        };
        let component = Component::read(&found.bytes).map_err(|wrong| refused(&wrong))?;
        component.check_wit().map_err(|wrong| refused(&wrong))?;
        let what = format!("compile {name}: {}", size(component.size));
        let busy = Busy::new(&what, quiet || runtime.is_compiled(&component.digest));
        let bytes: Arc<[u8]> = found.bytes.clone().into();
        let loaded = Loaded::load(runtime, bytes)
            .await
            .map_err(|wrong| refused(&wrong))?;
        drop(busy);
        Ok(Self {
            component,
            loaded,
            found,
        })
    }

    pub(super) fn descriptor(&self) -> &Descriptor {
        self.loaded.descriptor()
    }

    pub(super) fn digest(&self) -> Digest {
        self.component.digest
    }

    /// Who signed it, by the rules of the project and of an environment.
    pub(super) fn signer(
        &self,
        known: &Plugins,
        (name, plugin): (&str, Option<&Plugin>),
        environment: Option<&Ceiling>,
    ) -> Result<Option<String>, Failure> {
        let policy = Policy {
            plugin: name,
            signers: &known.signers,
            signed_by: plugin.map_or(&[], |plugin| &plugin.signed_by),
            environment,
        };
        sign::check(&self.found.bytes, self.found.signature.as_deref(), &policy)
            .map_err(|wrong| Failure::new(exit::REFUSED, wrong.to_string()))
    }

    /// Puts it into the project's store.
    pub(super) fn keep(&self, project: &Project) -> Result<(), Failure> {
        let put = plugins::store(project).put(&self.found.bytes);
        put.map(|_| ()).map_err(|wrong| Failure {
            code: exit::FAILED,
            ..plugins::usage(&wrong)
        })
    }

    /// Its entry in the lock.
    pub(super) fn locked(&self, source: &Source, signer: Option<String>) -> Locked {
        let descriptor = self.descriptor();
        Locked {
            version: descriptor.version.clone(),
            source: source.to_string(),
            manifest: self.found.manifest,
            component: self.digest(),
            descriptor: descriptor.digest(),
            wit: self.component.wit_version().unwrap_or(WIT),
            wants: descriptor.wants_digest(),
            signer,
        }
    }
}

/// Step types that cannot be repeated after a crash: they need a word of the project.
pub(super) fn once(descriptor: &Descriptor) -> Vec<String> {
    let steps = descriptor.steps.iter();
    steps
        .filter(|step| step.idempotency == Idempotency::Once)
        .map(|step| step.name.clone())
        .collect()
}

/// Asks on a terminal; refuses where nobody can be asked, and says what to type.
pub(super) fn confirm(question: &str, json: bool, yes: impl Fn() -> String) -> Result<(), Failure> {
    if !json && prompt::possible() {
        let answer = prompt::line(question).unwrap_or_default();
        if matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
    }
    Err(Failure::new(exit::REFUSED, "nobody agreed; nothing was done").help(yes()))
}
