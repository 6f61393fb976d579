//! `runbook`: a run of another runbook. The engine carries it out.

#![expect(
    dead_code,
    reason = "the engine reads the recorded inputs; the types give the schemas"
)]

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Runs another runbook as a child of this run and waits for it.
///
/// The child is pinned when the parent starts. Its failure is the step's failure.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runbook {
    /// The runbook's file, as given or under `runbooks/`.
    file: String,
    /// Its parameters.
    #[serde(default)]
    params: Map<String, Value>,
    /// Environment variables that are different for the child.
    #[serde(default)]
    env: Map<String, Value>,
}

/// The outputs of the child, and its run.
#[derive(JsonSchema)]
pub(crate) struct Ended {
    /// The run's id.
    run_id: String,
    /// The outputs that the child runbook declares.
    #[serde(flatten)]
    outputs: Map<String, Value>,
}
