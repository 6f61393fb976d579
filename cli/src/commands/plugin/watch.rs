//! The sources of a plugin, and when they change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::exit;
use crate::failure::Failure;
use crate::project::Project;

/// What builds write: no source, and a change of it is no change.
const WRITTEN: [&str; 8] = [
    "target",
    "dist",
    "node_modules",
    ".venv",
    "__pycache__",
    ".git",
    "Cargo.lock",
    "package-lock.json",
];

/// An editor writes a file in several steps, and a checkout many files.
const QUIET: Duration = Duration::from_millis(200);

/// The sources in a folder, the fixtures among them.
pub(super) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if !is_source(&path, folder) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                Ok(kind) if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn is_source(path: &Path, folder: &Path) -> bool {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let mut parts = below
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    !parts.any(|part| WRITTEN.contains(&&*part) || part.ends_with('~') || part.ends_with(".swp"))
}

/// Tells when a source of a folder changes.
pub(super) struct Watch {
    changes: UnboundedReceiver<PathBuf>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        let (tell, changes) = unbounded_channel();
        let root = folder.to_owned();
        let take = move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            // Reading is no change.
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event
                .paths
                .into_iter()
                .filter(|path| is_source(path, &root))
            {
                // Nobody listens any more when the command ends.
                let _ = tell.send(path);
            }
        };
        let wrong = |error: notify::Error| {
            Failure::new(
                exit::FAILED,
                format!("{} cannot be watched: {error}", Project::shown(folder)),
            )
        };
        let mut watcher = notify::recommended_watcher(take).map_err(wrong)?;
        watcher
            .watch(folder, RecursiveMode::Recursive)
            .map_err(wrong)?;
        Ok(Self {
            changes,
            _watcher: watcher,
        })
    }

    /// Waits for a change, and until no other follows; the file that changed first.
    pub(super) async fn changed(&mut self) -> Option<PathBuf> {
        let first = self.changes.recv().await?;
        while let Ok(Some(_)) = tokio::time::timeout(QUIET, self.changes.recv()).await {}
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::{Watch, sources};

    #[test]
    fn what_builds_write_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        for name in [
            "src/lib.rs",
            "tests/a.yaml",
            "target/x.rs",
            "dist/a.wasm",
            "sdk/node_modules/a.js",
            "a.rs~",
        ] {
            std::fs::create_dir_all(here.join(name).parent().unwrap()).unwrap();
            std::fs::write(here.join(name), "").unwrap();
        }
        let found = sources(here);
        assert_eq!(found, [here.join("src/lib.rs"), here.join("tests/a.yaml")]);
    }

    #[tokio::test]
    async fn a_change_of_a_source_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().canonicalize().unwrap();
        std::fs::create_dir(here.join("dist")).unwrap();
        let mut watch = Watch::new(&here).unwrap();
        std::fs::write(here.join("dist/a.wasm"), "built").unwrap();
        std::fs::write(here.join("plugin.py"), "one").unwrap();
        std::fs::write(here.join("plugin.py"), "two").unwrap();
        assert_eq!(watch.changed().await, Some(here.join("plugin.py")));
    }
}
