//! Where a plugin comes from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use thiserror::Error;

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
    use super::Source;

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
