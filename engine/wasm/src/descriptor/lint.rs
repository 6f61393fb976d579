//! What is legal in a plugin and wrong all the same.

use std::fmt;

use super::{Descriptor, Idempotency, WantKind};
use crate::component::Component;

/// The largest component that nobody is warned of, in bytes.
pub const MAX_COMPONENT: u64 = 32 << 20;

/// One thing to put right in a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lint {
    /// The plugin or a step has no summary; the step's name, if it is one.
    NoSummary(Option<String>),
    /// A step does not say what it gives.
    NoOutput(String),
    /// An example does not satisfy the step's own schema.
    Example {
        /// The step.
        step: String,
        /// What is wrong with its example.
        why: String,
    },
    /// A want has no reason.
    NoReason(String),
    /// A step says that the plugin can tell what happened, and there is no `recovery`.
    NoRecovery(String),
    /// A step says that it can be taken back, and there is no `compensation`.
    NoCompensation(String),
    /// A step says that it can be previewed, and there is no `preview`.
    NoPreview(String),
    /// An optional interface is exported, and no step makes use of it.
    Unused(&'static str),
    /// It imports what no host gives it.
    UnknownImport(String),
    /// It imports an interface for which it wants nothing.
    NotWanted(String),
    /// It is large.
    Large(u64),
}

impl Lint {
    /// Whether a plugin with this cannot work, so that it is refused and not only warned of.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::NoRecovery(_)
                | Self::NoCompensation(_)
                | Self::NoPreview(_)
                | Self::UnknownImport(_)
        )
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSummary(None) => f.write_str("the plugin has no summary"),
            Self::NoSummary(Some(step)) => write!(f, "step type {step} has no summary"),
            Self::NoOutput(step) => write!(
                f,
                "step type {step} has no output schema, so nothing can be said of what reads its outputs"
            ),
            Self::Example { step, why } => {
                write!(
                    f,
                    "an example of step type {step} does not fit its input schema: {why}"
                )
            }
            Self::NoReason(want) => {
                write!(f, "`{want}` is wanted without a reason; say it under `why`")
            }
            Self::NoRecovery(step) => write!(
                f,
                "step type {step} is reconcilable, and the component does not export `recovery`"
            ),
            Self::NoCompensation(step) => write!(
                f,
                "step type {step} has `undo`, and the component does not export `compensation`"
            ),
            Self::NoPreview(step) => {
                write!(
                    f,
                    "step type {step} has `plan`, and the component does not export `preview`"
                )
            }
            Self::Unused(interface) => {
                write!(
                    f,
                    "`{interface}` is exported, and no step type makes use of it"
                )
            }
            Self::UnknownImport(name) => write!(
                f,
                "the component imports {name}, which no engine offers: only runbook:plugin and WASI 0.2"
            ),
            Self::NotWanted(interface) => write!(
                f,
                "the component uses `{interface}`, and the descriptor wants nothing of that kind"
            ),
            Self::Large(size) => {
                write!(
                    f,
                    "the component has {} MiB; more than 32 load slowly",
                    size >> 20
                )
            }
        }
    }
}

impl Descriptor {
    /// What is wrong with the descriptor, and with the component that it describes.
    #[must_use]
    pub fn lint(&self, component: Option<&Component>) -> Vec<Lint> {
        let mut found = Vec::new();
        if self.summary.trim().is_empty() {
            found.push(Lint::NoSummary(None));
        }
        let unreasoned = self.wants.iter().filter(|want| want.why.trim().is_empty());
        found.extend(unreasoned.map(|want| Lint::NoReason(want.kind.to_string())));
        for step in &self.steps {
            let name = || step.name.clone();
            if step.summary.trim().is_empty() {
                found.push(Lint::NoSummary(Some(name())));
            }
            if step.output.is_none() {
                found.push(Lint::NoOutput(name()));
            }
            for example in &step.examples {
                let mut with = example.with.clone();
                step.input.defaults(&mut with);
                if let Err(why) = step.input.check(&with) {
                    found.push(Lint::Example { step: name(), why });
                }
            }
        }
        if let Some(component) = component {
            self.lint_component(component, &mut found);
        }
        found
    }

    fn lint_component(&self, component: &Component, found: &mut Vec<Lint>) {
        let reconcilable =
            |step: &&super::StepDescriptor| step.idempotency == Idempotency::Reconcilable;
        for step in &self.steps {
            if reconcilable(&step) && !component.has_recovery() {
                found.push(Lint::NoRecovery(step.name.clone()));
            }
            if step.undo && !component.has_compensation() {
                found.push(Lint::NoCompensation(step.name.clone()));
            }
            if step.plan && !component.has_preview() {
                found.push(Lint::NoPreview(step.name.clone()));
            }
        }
        if component.has_compensation() && !self.steps.iter().any(|step| step.undo) {
            found.push(Lint::Unused("compensation"));
        }
        if component.has_preview() && !self.steps.iter().any(|step| step.plan) {
            found.push(Lint::Unused("preview"));
        }
        let unknown = component.imports.iter().filter(|name| !name.is_offered());
        found.extend(unknown.map(|name| Lint::UnknownImport(name.to_string())));
        let wants = |is: fn(&WantKind) -> bool| self.wants.iter().any(|want| is(&want.kind));
        let used = [
            ("http", wants(|kind| matches!(kind, WantKind::Http(_)))),
            ("aws", wants(|kind| matches!(kind, WantKind::Aws(_)))),
            (
                "secrets",
                wants(|kind| matches!(kind, WantKind::Secret { .. })),
            ),
            ("state", wants(|kind| matches!(kind, WantKind::State))),
        ];
        // Python and JavaScript import the whole world whatever they use; then the list says nothing.
        let whole = used.iter().all(|(name, _)| component.imports_ours(name));
        for (name, wanted) in used {
            if !whole && !wanted && component.imports_ours(name) {
                found.push(Lint::NotWanted(name.to_owned()));
            }
        }
        if component.size > MAX_COMPONENT {
            found.push(Lint::Large(component.size));
        }
    }
}
