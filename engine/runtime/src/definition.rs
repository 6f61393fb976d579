//! What a run pins: it never reads a file again.

use std::collections::BTreeMap;

use runbook_core::Runbook;
use runbook_step::Aws;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::token::digest;

/// The resolved runbook with its children and its environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Version of the engine that resolved it.
    pub engine: String,
    /// The file that it came from, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The runbook.
    pub runbook: Runbook,
    /// Child runbooks of all depths, by the `file` that names them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<String, Runbook>,
    /// Name of the environment.
    pub environment: String,
    /// What expressions see as `env`.
    pub env: Value,
    /// Where AWS calls go.
    #[serde(default)]
    pub aws: Aws,
    /// Tags for everything that is created.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Secret name to reference (`env:NAME`, `file:PATH`); never a value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// The plugins that it uses, by name: digests, and what each may do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plugins: BTreeMap<String, Value>,
}

impl Definition {
    /// The runbook of a run: the root, or the child that `entry` names.
    #[must_use]
    pub fn entry(&self, entry: Option<&str>) -> Option<&Runbook> {
        match entry {
            None => Some(&self.runbook),
            Some(file) => self.children.get(file),
        }
    }

    /// The same for one who needs the definition no more, or only its children: the root's runbook is
    /// moved out and not copied, since it is most of what a definition holds.
    #[must_use]
    pub fn take_entry(&mut self, entry: Option<&str>) -> Option<Runbook> {
        let mut book = match entry {
            None => std::mem::take(&mut self.runbook),
            Some(file) => self.children.get(file).cloned()?,
        };
        // Read one by one, its steps have room for up to as many again.
        book.steps.shrink_to_fit();
        Some(book)
    }

    /// Its text and content hash.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn encode(&self) -> Result<(String, String), serde_json::Error> {
        let text = serde_json::to_string(self)?;
        let hash = digest(&text);
        Ok((hash, text))
    }
}
