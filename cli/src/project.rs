//! Where things are: the folder that holds `runbooks/` and `environments/`, and the state file.

use std::path::{Path, PathBuf};

/// The project around the current folder.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    root: PathBuf,
    state: PathBuf,
}

impl Project {
    /// Looks upwards from the current folder for one with `runbooks/` or `environments/`.
    pub(crate) fn find(state: Option<PathBuf>) -> Self {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let holds = |folder: &&Path| {
            folder.join("runbooks").is_dir() || folder.join("environments").is_dir()
        };
        let root = here
            .ancestors()
            .find(holds)
            .map_or_else(|| here.clone(), Path::to_path_buf);
        let state = state.unwrap_or_else(|| root.join(".runbook").join("state.db"));
        Self { root, state }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The state file.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// Whether a command without `--state` finds this state file again.
    pub(crate) fn is_found_again(&self) -> bool {
        let usual = std::env::var_os("RUNBOOK_STATE").map_or_else(
            || self.root.join(".runbook").join("state.db"),
            PathBuf::from,
        );
        self.state == usual
    }

    /// Folder of the environments.
    pub(crate) fn environments(&self) -> PathBuf {
        self.root.join("environments")
    }

    /// Folder of the runbooks.
    pub(crate) fn runbooks(&self) -> PathBuf {
        self.root.join("runbooks")
    }

    /// Folder of the project's sandbox.
    pub(crate) fn sandbox(&self) -> PathBuf {
        std::env::var_os("RUNBOOK_SANDBOX_DIR")
            .map_or_else(|| self.root.join(".runbook").join("sandbox"), PathBuf::from)
    }

    /// A path as people want to read it: relative to the current folder where it lies below.
    pub(crate) fn shown(path: &Path) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}
