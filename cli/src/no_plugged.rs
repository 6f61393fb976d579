//! What a binary without plugins says where one is asked for; see `plugged.rs` for the other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use runbook_runtime::Definition;
use runbook_spec::Environment;
use runbook_step::{Catalog, StepKind};
use serde_json::Value;

use crate::failure::Failure;
use crate::project::Project;
use crate::ui::progress::Progress;

/// The step types of the binary.
pub(crate) struct Plugged {
    pub(crate) catalog: Catalog,
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

/// What the runbook in a file is checked against.
pub(crate) fn for_file(
    project: &Project,
    _: &Path,
    environment: Option<&Environment>,
) -> Result<Plugged, Failure> {
    all(project, environment)
}

/// The step types of the binary.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the other build of this function can fail"
)]
pub(crate) fn all(_: &Project, _: Option<&Environment>) -> Result<Plugged, Failure> {
    Ok(Plugged {
        catalog: runbook_steps::catalog(),
    })
}

/// A run that uses plugins is left alone.
pub(crate) fn for_driving(_: &Project, definition: &Definition) -> Result<Vec<StepKind>, Failure> {
    match definition.plugins.keys().next() {
        None => Ok(Vec::new()),
        Some(name) => Err(Failure::usage(format!(
            "the run uses plugin {name}, and this runbook was built without plugins; nothing was done"
        ))
        .help("go on with one that was built with its default features")),
    }
}

impl Plugged {
    /// Nothing is used: a step type of a plugin is not in the catalog.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the other build of this function can fail"
    )]
    pub(crate) fn used(
        &self,
        _: &Project,
        _: &BTreeSet<String>,
        _: Strictness,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        Ok(BTreeMap::new())
    }

    /// There is nothing to prepare.
    #[expect(
        clippy::unused_async,
        reason = "the other build of this function waits"
    )]
    pub(crate) async fn prepare(
        &self,
        _: &Project,
        _: &BTreeMap<String, Value>,
        _: &Progress,
    ) -> Result<(), Failure> {
        Ok(())
    }
}
