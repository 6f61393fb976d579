//! Where plugins are kept on this machine, and the engine that runs them.

use std::path::PathBuf;

use runbook_wasm::host::{Cache, Runtime};

use crate::exit;
use crate::failure::Failure;
use crate::project::Project;

/// Folder of compiled plugins. It belongs to the user and not to a project: what was compiled once is
/// compiled for every project.
pub(crate) fn cache() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(root) = set("RUNBOOK_CACHE") {
        return PathBuf::from(root).join("plugins");
    }
    let root = match (set("XDG_CACHE_HOME").map(PathBuf::from), set("HOME")) {
        (Some(root), _) if root.is_absolute() => root,
        (_, Some(home)) if cfg!(target_os = "macos") => PathBuf::from(home).join("Library/Caches"),
        (_, Some(home)) => PathBuf::from(home).join(".cache"),
        (_, None) => std::env::temp_dir(),
    };
    root.join("runbook").join("plugins")
}

/// Folder of the components by their digest, beside the state file whose runs use them.
pub(crate) fn components(project: &Project) -> PathBuf {
    project.state().with_file_name("plugins")
}

/// The engine that runs plugins, with the cache of compiled ones.
pub(crate) fn open() -> Result<Runtime, Failure> {
    Runtime::new(Cache::new(Some(cache()))).map_err(|wrong| {
        Failure::new(
            exit::FAILED,
            format!("this machine cannot run plugins: {wrong}"),
        )
    })
}
