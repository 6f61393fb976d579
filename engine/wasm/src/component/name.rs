//! Names of imports and exports: `runbook:plugin/steps@0.1.0`.

use std::fmt;

use semver::Version;

/// What WASI 0.2 has, and is linked for every plugin.
const WASI: [&str; 7] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:http",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// The name of an import or export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// `runbook:plugin`; empty for a plain name.
    pub package: String,
    /// `steps`.
    pub interface: String,
    /// `0.1.0`.
    pub version: Option<Version>,
}

impl Name {
    pub(super) fn parse(text: &str) -> Self {
        let (path, version) = match text.rsplit_once('@') {
            Some((path, version)) => match Version::parse(version) {
                Ok(version) => (path, Some(version)),
                Err(_) => (text, None),
            },
            None => (text, None),
        };
        let (package, interface) = path.split_once('/').unwrap_or(("", path));
        Self {
            package: package.to_owned(),
            interface: interface.to_owned(),
            version,
        }
    }

    /// Whether it is of `runbook:plugin`.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.package == "runbook:plugin"
    }

    /// Whether an engine offers it, in some version: `runbook:plugin`, or WASI 0.2.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        let second = |version: &Version| (version.major, version.minor) == (0, 2);
        let wasi = WASI.contains(&self.package.as_str());
        self.is_ours() || (wasi && self.version.as_ref().is_some_and(second))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.package.is_empty() {
            write!(f, "{}/", self.package)?;
        }
        f.write_str(&self.interface)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}
