//! What a step type may know about the attempt that it runs in.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::notes::{Notes, SharedShelf};
use crate::shape::StepResult;

/// Where AWS calls go; from the environment, overridden by the step.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Aws {
    /// Region; absent: as the AWS tools find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Named profile; absent: as the AWS tools find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Role to assume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Endpoint for every service; absent: as the AWS tools find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// Keys to sign with instead of what the AWS tools find, for endpoints that come with their own.
    /// Given by the process, never part of a definition.
    #[serde(skip)]
    pub keys: Option<Keys>,
}

/// An access key pair.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keys {
    /// Access key id.
    pub id: String,
    /// Secret access key.
    pub secret: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// One attempt, as its step type sees it.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The run's id.
    pub run: String,
    /// The step's id, with `[item]` for an item of a `for_each`.
    pub step: String,
    /// The same on every attempt of this step; goes into client tokens and the `runbook:token` tag.
    pub token: String,
    /// Number of the attempt; 1 is the first.
    pub attempt: u32,
    /// An earlier call of this step may have had its effect.
    pub recovering: bool,
    /// Where AWS calls go.
    pub aws: Aws,
    /// Tags of the environment, for everything that is created.
    pub tags: BTreeMap<String, String>,
    /// Log lines of the step, which ride along with its next event.
    pub log: Log,
    /// Request ids of the calls made, for the effect's record.
    pub requests: Log,
    /// Where its calls and checkpoints are put down.
    pub notes: Notes,
    /// What an earlier attempt of this step put down last, to find it again.
    pub kept: Option<String>,
    /// A call of this step that can change something may have left.
    pub touched: bool,
    /// Name of the environment, for steps of plugins.
    pub environment: String,
    /// When the engine gives up on it.
    pub until: Option<Instant>,
    /// Set when an operator asks the run to end.
    pub cancelled: Arc<AtomicBool>,
    /// What the runbook's author allows a step of a plugin; narrower than what it is granted.
    pub allow: Option<Value>,
    /// Small values that outlive runs.
    pub shelf: Option<SharedShelf>,
}

impl Context {
    /// The environment's tags plus `runbook:run`, `runbook:step` and `runbook:token`.
    #[must_use]
    pub fn creation_tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.tags.clone();
        for (key, value) in [
            ("runbook:run", &self.run),
            ("runbook:step", &self.step),
            ("runbook:token", &self.token),
        ] {
            tags.insert(key.to_owned(), value.clone());
        }
        tags
    }
}

/// Lines that an attempt leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Adds a line.
    pub fn line(&self, line: impl Into<String>) {
        if let Ok(mut lines) = self.0.lock() {
            lines.push(line.into());
        }
    }

    /// Takes the lines written so far.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        self.0
            .lock()
            .map(|mut lines| std::mem::take(&mut *lines))
            .unwrap_or_default()
    }
}

/// A client that a step type calls, made for one attempt's context.
pub trait Connect: Sized + Send + Sync + 'static {
    /// Makes it; cheap, since implementations keep connections.
    fn connect(context: &Context) -> impl Future<Output = StepResult<Self>> + Send;
}

impl Connect for () {
    async fn connect(_: &Context) -> StepResult<Self> {
        Ok(())
    }
}
