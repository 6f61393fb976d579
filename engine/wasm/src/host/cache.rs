//! Compiled plugins on disk: made once for each component, engine and processor, and mapped in at load.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::digest::Digest;

/// A folder of compiled plugins that only this user reads and writes.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// The cache in a folder, which is made when it is needed; none keeps nothing.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Where the compiled form of a component lies, or will.
    fn path(&self, engine: &Engine, digest: &Digest) -> Option<PathBuf> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        let name = format!("{}-{:016x}.cwasm", digest.hex(), hasher.finish());
        Some(self.folder.as_ref()?.join(name))
    }

    /// Whether the component need not be compiled.
    #[must_use]
    pub fn holds(&self, engine: &Engine, digest: &Digest) -> bool {
        self.path(engine, digest).is_some_and(|path| path.is_file())
    }

    /// The compiled component, if it is there and fits.
    pub fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let path = self.path(engine, digest)?;
        if !path.is_file() || !is_private(path.parent()?) {
            return None;
        }
        // SAFETY: what is mapped in has to be what this engine wrote, unchanged as long as it is mapped. The
        // folder belongs to this user alone, a file appears under its name only when it is whole, and is
        // never written again; the name holds the digest of the component and what decides on the code.
        #[expect(
            unsafe_code,
            reason = "machine code that this program made and stored itself"
        )]
        let loaded = unsafe { Component::deserialize_file(engine, &path) };
        match loaded {
            Ok(component) => Some(component),
            Err(wrong) => {
                tracing::debug!(%wrong, path = %path.display(), "a compiled plugin does not fit");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Gives the compiled form of one component to another one with the same code, such as the one that it
    /// becomes when its descriptor is built in.
    pub(crate) fn adopt(&self, engine: &Engine, from: &Digest, to: &Digest) {
        let (Some(from), Some(to)) = (self.path(engine, from), self.path(engine, to)) else {
            return;
        };
        // Both names for one file: the next build may begin with either. That it is not there only costs
        // time.
        if !to.exists()
            && let Err(error) = fs::hard_link(&from, &to)
        {
            tracing::debug!(%error, path = %to.display(), "a compiled plugin is not kept");
        }
    }

    /// Stores the compiled form. That it cannot be stored only costs time.
    pub fn store(&self, engine: &Engine, digest: &Digest, component: &Component) {
        let Some(path) = self.path(engine, digest) else {
            return;
        };
        if let Err(error) = write(&path, component) {
            tracing::debug!(%error, path = %path.display(), "a compiled plugin is not kept");
        }
    }
}

fn write(path: &Path, component: &Component) -> std::io::Result<()> {
    let bytes = component.serialize().map_err(std::io::Error::other)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    make_private(folder)?;
    let temporary = folder.join(format!(
        ".{}.{}",
        std::process::id(),
        path.file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("new")
    ));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    if !is_private(folder) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o022 == 0)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    true
}
