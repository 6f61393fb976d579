//! Facts about the current call.

use serde::de::DeserializeOwned;

use crate::bindings::host::context as raw;
use crate::error::{StepError, StepResult};

/// The run.
pub fn run_id() -> String {
    raw::run_id()
}

/// The step.
pub fn step_id() -> String {
    raw::step_id()
}

/// 1 for the first try.
pub fn attempt() -> u32 {
    raw::attempt()
}

/// The same value for every attempt of the same step of the same run.
pub fn idempotency_key() -> String {
    raw::idempotency_key()
}

/// Name of the environment that the run targets.
pub fn environment() -> String {
    raw::environment()
}

/// In a preview or rehearsal: the host refuses what could change something.
pub fn dry_run() -> bool {
    raw::dry_run()
}

/// Time left before the engine gives up on this call.
pub fn remaining_ms() -> u64 {
    raw::remaining_ms()
}

/// An operator asked the run to stop: return soon.
pub fn cancelled() -> bool {
    raw::cancelled()
}

/// The settings of this plugin in this environment.
pub fn config<T: DeserializeOwned>() -> StepResult<T> {
    serde_json::from_str(&raw::config())
        .map_err(|error| StepError::permanent("bad-config", format!("config: {error}")))
}

/// The state of the pause that ended, or what `checkpoint::save` stored last.
pub fn resume<T: DeserializeOwned>() -> StepResult<Option<T>> {
    raw::resume_state()
        .map(|state| serde_json::from_str(&state))
        .transpose()
        .map_err(|error| StepError::permanent("bad-state", format!("stored state: {error}")))
}
