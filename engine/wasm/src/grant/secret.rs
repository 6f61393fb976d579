//! Secrets: how a plugin may use one, and where its value comes from.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

/// How a plugin may use a secret. Reading includes attaching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// The host attaches it to a request; the plugin never sees it.
    #[default]
    Attach,
    /// The plugin gets the value.
    Read,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attach => "attach",
            Self::Read => "read",
        })
    }
}

/// Where a secret's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `env:NAME`.
    Env(String),
    /// `file:PATH`.
    File(PathBuf),
}

impl Reference {
    /// Reads `env:NAME` or `file:PATH`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let rest = rest.trim();
        match kind {
            _ if rest.is_empty() => None,
            "env" => Some(Self::Env(rest.to_owned())),
            "file" => Some(Self::File(PathBuf::from(rest))),
            _ => None,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong =
            || serde::de::Error::custom("a secret is a reference: `env:NAME` or `file:PATH`");
        Self::parse(&text).ok_or_else(wrong)
    }
}
