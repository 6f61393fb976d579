//! `pause`: the run stops until a person lets it go on. The engine carries it out.

#![expect(
    dead_code,
    reason = "the engine reads the recorded inputs; the types give the schemas"
)]

use schemars::JsonSchema;
use serde::Deserialize;

/// Stops here until a person lets the run go on.
///
/// It does not expire. `runbook approve` goes on, `runbook cancel` does not.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    /// Why it stops, and what to look at before it goes on.
    #[serde(default)]
    message: Option<String>,
}

/// Who let it go on.
#[derive(JsonSchema)]
pub(crate) struct Continued {
    /// Who let the run go on.
    by: String,
    /// When, as an RFC 3339 time.
    at: String,
}
