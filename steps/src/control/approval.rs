//! `approval`: a person says yes or no. The engine carries it out.

#![expect(
    dead_code,
    reason = "the engine reads the recorded inputs; the types give the schemas"
)]

use schemars::JsonSchema;
use serde::Deserialize;

use super::span::Span;

/// Waits until enough people approve.
///
/// `runbook approve` and `runbook reject` answer it. Nobody answering in time is a rejection, never
/// a yes. One person counts once.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// What is asked, with everything that the person needs to decide.
    message: String,
    /// Who may answer; the runbook's owners when absent.
    #[serde(default)]
    approvers: Vec<String>,
    /// How many different people have to approve.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    count: u32,
    /// How long an answer is waited for; for ever when absent.
    #[serde(default)]
    expires: Option<Span>,
}

fn one() -> u32 {
    1
}

/// The answer that opened the gate.
#[derive(JsonSchema)]
pub(crate) struct Approved {
    /// Who approved last.
    by: String,
    /// When, as an RFC 3339 time.
    at: String,
    /// What they said.
    comment: Option<String>,
}
