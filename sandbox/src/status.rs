//! What a sandbox says about itself.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lifecycles::Lifecycles;

/// What a sandbox says about itself. Also the content of `sandbox.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its address, such as `http://127.0.0.1:4566`.
    pub url: String,
    /// The process that serves it.
    pub pid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// Changes with every start and reset: whoever prepared something in the
    /// sandbox learns by it whether that is still there.
    pub world: String,
    /// Its folder.
    pub dir: PathBuf,
    /// How many calls the ledger holds.
    pub calls: u64,
    /// How many faults are active.
    pub faults: usize,
    /// How long things take in accounts that have no times of their own.
    pub lifecycles: Lifecycles,
}
