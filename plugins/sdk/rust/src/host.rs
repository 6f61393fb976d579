//! What else the host offers: log, progress, checkpoints, secrets, state.

/// Lines for people, kept with the run.
pub mod log {
    use crate::bindings::host::log_types::Level;
    use crate::bindings::host::write as raw;

    /// For the author.
    pub fn debug(message: impl AsRef<str>, fields: &[(&str, &str)]) {
        write(Level::Debug, message.as_ref(), fields);
    }

    /// For the operator.
    pub fn info(message: impl AsRef<str>, fields: &[(&str, &str)]) {
        write(Level::Info, message.as_ref(), fields);
    }

    /// Something is odd.
    pub fn warn(message: impl AsRef<str>, fields: &[(&str, &str)]) {
        write(Level::Warn, message.as_ref(), fields);
    }

    /// Something is wrong.
    pub fn error(message: impl AsRef<str>, fields: &[(&str, &str)]) {
        write(Level::Error, message.as_ref(), fields);
    }

    fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        raw(level, message, &fields);
    }
}

/// Signs of life.
pub mod progress {
    use crate::bindings::host::progress as raw;

    /// Shown live.
    pub fn report(message: impl AsRef<str>, percent: Option<u8>) {
        raw::report(message.as_ref(), percent);
    }

    /// Still there.
    pub fn heartbeat() {
        raw::heartbeat();
    }
}

/// Write-ahead notes.
pub mod checkpoint {
    use serde::Serialize;

    use crate::bindings::host::save as raw;
    use crate::error::{StepError, StepResult};

    /// Returns after the note is on disk. Called right before an effect, it
    /// tells `reconcile` and the next attempt what was about to happen.
    pub fn save(state: &impl Serialize) -> StepResult<()> {
        // Nothing has happened yet for which the note was meant.
        raw(&serde_json::to_string(state)?)
            .map_err(|reason| StepError::retryable("checkpoint", reason))
    }
}

/// Named secrets. Prefer to let the host attach them ([`crate::http`]).
pub mod secrets {
    use crate::bindings::host::secrets as raw;
    use crate::error::{StepError, StepResult};

    /// The value of a granted secret.
    pub fn get(name: &str) -> StepResult<String> {
        raw::get(name).map_err(|reason| StepError::permanent("secret-denied", reason))
    }
}

/// Small values that survive the run, as JSON.
pub mod state {
    use serde::{Serialize, de::DeserializeOwned};

    use crate::bindings::host::state as raw;
    use crate::bindings::host::state_types::StateError;
    use crate::error::{StepError, StepResult};

    /// The value of a key.
    pub fn get<T: DeserializeOwned>(key: &str) -> StepResult<Option<T>> {
        match raw::get(key).map_err(explain)? {
            Some(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            None => Ok(None),
        }
    }

    /// Sets a key.
    pub fn put(key: &str, value: &impl Serialize) -> StepResult<()> {
        raw::put(key, &serde_json::to_vec(value)?).map_err(explain)
    }

    /// Sets a key if it still holds `expected`; `None` means absent.
    /// False: somebody else was faster.
    pub fn replace<T: Serialize>(key: &str, expected: Option<&T>, value: &T) -> StepResult<bool> {
        let expected = expected.map(serde_json::to_vec).transpose()?;
        match raw::replace(key, expected.as_deref(), &serde_json::to_vec(value)?) {
            Ok(()) => Ok(true),
            Err(StateError::Conflict) => Ok(false),
            Err(error) => Err(explain(error)),
        }
    }

    /// Removes a key.
    pub fn delete(key: &str) -> StepResult<()> {
        raw::delete(key).map_err(explain)
    }

    fn explain(error: StateError) -> StepError {
        match error {
            StateError::Denied(reason) => StepError::permanent("state-denied", reason),
            StateError::TooLarge(limit) => StepError::permanent(
                "state-too-large",
                format!("a value in the plugin's state may have {limit} bytes"),
            ),
            StateError::Conflict => StepError::retryable("state-conflict", "the value changed"),
            StateError::Unavailable(reason) => StepError::retryable("state-unavailable", reason),
        }
    }
}
