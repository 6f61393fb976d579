//! Where a plugin comes from.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::digest::Digest;
use crate::oci::{self, Credentials, PullError};
use crate::sign;

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `path:plugins/chat-notify`, a folder that is built to `dist/NAME.wasm`, or a file `….wasm`.
    Path(PathBuf),
    /// `oci://registry.example.com/sre/chat-notify:0.3`.
    Oci(String),
}

/// Why a text is no source.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is no source: {why}")]
pub struct SourceTextError {
    /// What was given.
    pub text: String,
    /// What is wrong, and what to write.
    pub why: &'static str,
}

/// A component as it was found, before anybody looked at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The text of its signature, if it has one.
    pub signature: Option<String>,
    /// The manifest that a registry had for it.
    pub manifest: Option<Digest>,
    /// Its file, when it is one.
    pub path: Option<PathBuf>,
}

/// Why a plugin cannot be had.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The folder has not been built.
    #[error("{} is not there; build it with `runbook plugin build {}`", file.display(), folder.display())]
    NotBuilt {
        /// The file that the build gives.
        file: PathBuf,
        /// The plugin's folder.
        folder: PathBuf,
    },
    /// There is no such file or folder.
    #[error("{} is not there; correct `source` of plugin {plugin}", path.display())]
    NoPath {
        /// What is not there.
        path: PathBuf,
        /// The plugin.
        plugin: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The registry does not give it.
    #[error(transparent)]
    Registry(#[from] PullError),
}

impl Source {
    /// Reads the component of the plugin `name`; paths are of the project's folder.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn resolve(
        &self,
        project: &Path,
        name: &str,
        credentials: &Credentials,
    ) -> Result<Found, ResolveError> {
        match self {
            Self::Path(path) => from_path(&project.join(path), name),
            Self::Oci(reference) => {
                let pulled = oci::pull(reference, credentials).await?;
                Ok(Found {
                    bytes: pulled.bytes,
                    signature: pulled.signature,
                    manifest: Some(pulled.manifest),
                    path: None,
                })
            }
        }
    }
}

fn from_path(path: &Path, name: &str) -> Result<Found, ResolveError> {
    let is_folder = path.is_dir();
    let file = match is_folder {
        true => path.join("dist").join(format!("{name}.wasm")),
        false => path.to_owned(),
    };
    let bytes = std::fs::read(&file).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound if is_folder => ResolveError::NotBuilt {
            file: file.clone(),
            folder: path.to_owned(),
        },
        io::ErrorKind::NotFound => ResolveError::NoPath {
            path: file.clone(),
            plugin: name.to_owned(),
        },
        _ => ResolveError::Read {
            path: file.clone(),
            source,
        },
    })?;
    let signature = sign::beside(&file).map_err(|source| ResolveError::Read {
        path: sign::file_of(&file),
        source,
    })?;
    Ok(Found {
        bytes,
        signature,
        manifest: None,
        path: Some(file),
    })
}

impl FromStr for Source {
    type Err = SourceTextError;

    fn from_str(text: &str) -> Result<Self, SourceTextError> {
        let wrong = |why| SourceTextError {
            text: text.to_owned(),
            why,
        };
        if let Some(path) = text.strip_prefix("path:") {
            if path.trim().is_empty() {
                return Err(wrong("the path is missing"));
            }
            return Ok(Self::Path(PathBuf::from(path.trim())));
        }
        let Some(reference) = text.strip_prefix("oci://") else {
            return Err(wrong(
                "write `path:plugins/NAME`, `path:FILE.wasm` or `oci://registry/repository:tag`",
            ));
        };
        if !reference.contains('/') {
            return Err(wrong("write `oci://registry/repository:tag`"));
        }
        let last = reference.rsplit('/').next().unwrap_or_default();
        if !last.contains(':') {
            return Err(wrong(
                "name a tag or a digest; `latest` is never meant by itself",
            ));
        }
        if reference.parse::<oci_client::Reference>().is_err() {
            return Err(wrong(
                "write `oci://registry/repository:tag`, in lower case",
            ));
        }
        Ok(Self::Oci(reference.to_owned()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "path:{}", path.display()),
            Self::Oci(reference) => write!(f, "oci://{reference}"),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{ResolveError, Source, from_path};

    #[test]
    fn a_folder_means_what_was_built_in_it() {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join("plugins/chat");
        let missing = from_path(&folder, "chat").unwrap_err();
        assert!(matches!(missing, ResolveError::NoPath { .. }));
        std::fs::create_dir_all(folder.join("dist")).unwrap();
        let unbuilt = from_path(&folder, "chat").unwrap_err().to_string();
        assert!(
            unbuilt.contains("build it with `runbook plugin build "),
            "{unbuilt}"
        );
        let file = folder.join("dist/chat.wasm");
        std::fs::write(&file, b"bytes").unwrap();
        let found = from_path(&folder, "chat").unwrap();
        assert_eq!(
            (found.bytes.as_slice(), found.signature),
            (b"bytes".as_slice(), None)
        );
        std::fs::write(folder.join("dist/chat.wasm.minisig"), "signature").unwrap();
        let found = from_path(&file, "chat").unwrap();
        assert_eq!(found.signature.as_deref(), Some("signature"));
        assert_eq!(found.path, Some(file));
    }

    #[test]
    fn a_source_is_a_path_or_a_reference_with_a_tag() {
        for text in [
            "path:plugins/chat",
            "path:a.wasm",
            "oci://registry.example.com/sre/chat:0.3",
            "oci://localhost:5000/chat:0.3",
            "oci://r.example.com/c@sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        let wrong = |text: &str| text.parse::<Source>().unwrap_err().why;
        assert!(wrong("plugins/chat").contains("path:plugins/NAME"));
        assert!(wrong("path:").contains("missing"));
        assert!(wrong("oci://chat:1").contains("registry/repository:tag"));
        assert!(wrong("oci://localhost:5000/chat").contains("tag or a digest"));
        assert!(wrong("oci://r.example.com/Chat:1").contains("lower case"));
    }
}
