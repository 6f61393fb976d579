//! Where a sandbox lives and how it behaves.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::lifecycles::Lifecycles;
use crate::python::REQUIREMENTS;

/// Where a sandbox keeps its files and how it behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of this sandbox: its address, lock, ledger and logs. Two
    /// sandboxes have two folders.
    pub dir: PathBuf,
    /// Folder of the Python environment, shared by all sandboxes of the user.
    pub cache: PathBuf,
    /// The sandbox stops by itself after so long without a request.
    pub idle: Option<Duration>,
    /// Port to listen on; any free one if `None`.
    pub port: Option<u16>,
    /// How long things take at the start; the control endpoint can change it.
    pub lifecycles: Lifecycles,
}

impl Options {
    /// A sandbox whose files lie in `dir`, on any free port, without idle limit.
    ///
    /// The Python environment goes to `RUNBOOK_CACHE` if that is set, else to
    /// the user's cache folder.
    pub fn for_state(dir: impl Into<PathBuf>) -> Options {
        Options {
            dir: absolute(dir.into()),
            cache: absolute(cache_root()).join(format!("sandbox-{}", fingerprint())),
            idle: None,
            port: None,
            lifecycles: Lifecycles::default(),
        }
    }

    pub(crate) fn address_file(&self) -> PathBuf {
        self.dir.join("sandbox.json")
    }

    pub(crate) fn serve_lock(&self) -> PathBuf {
        self.dir.join("sandbox.lock")
    }

    pub(crate) fn ensure_lock(&self) -> PathBuf {
        self.dir.join("ensure.lock")
    }

    pub(crate) fn daemon_log(&self) -> PathBuf {
        self.dir.join("sandbox.log")
    }

    pub(crate) fn moto_log(&self) -> PathBuf {
        self.dir.join("moto.log")
    }

    pub(crate) fn ledger_file(&self) -> PathBuf {
        self.dir.join("ledger.jsonl")
    }
}

/// A path that means the same to the background process and to later callers.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Changes with every pinned package, so that an upgrade builds a new environment.
fn fingerprint() -> String {
    let digest = Sha256::digest(REQUIREMENTS.as_bytes());
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn cache_root() -> PathBuf {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(root) = set("RUNBOOK_CACHE") {
        return root;
    }
    if let Some(root) = set("XDG_CACHE_HOME").filter(|path| path.is_absolute()) {
        return root.join("runbook");
    }
    match set("HOME") {
        Some(home) => under_home(&home).join("runbook"),
        None => env::temp_dir().join("runbook-cache"),
    }
}

fn under_home(home: &Path) -> PathBuf {
    if cfg!(target_os = "macos") {
        home.join("Library/Caches")
    } else {
        home.join(".cache")
    }
}
