//! `plugins/plugins.yaml`: which plugins a project uses, where they come from, and what they are granted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::descriptor::is_kebab;
use crate::grant::{AwsPattern, Grant, HttpPattern, Use};
use crate::limits::LimitsGiven;
use crate::nearest::nearest;
use crate::sign::Signer;
use crate::source::Source;
use crate::unique;

/// Where the file stands in a project.
pub const PROJECT_FILE: &str = "plugins/plugins.yaml";

/// The plugins of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// The file, as messages name it.
    pub file: String,
    /// The plugins, by name.
    pub plugins: BTreeMap<String, Plugin>,
    /// Who may sign, by name.
    pub signers: BTreeMap<String, Signer>,
}

/// One plugin of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its name in this project, as `uses: plugin:NAME/TYPE` has it.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Who may have signed it; empty when it needs no signature.
    pub signed_by: Vec<String>,
    /// What it may do.
    pub grant: Grant,
    /// Limits other than the usual ones.
    pub limits: LimitsGiven,
}

/// Why the file of plugins cannot be used.
#[derive(Debug, Error)]
pub enum ProjectError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error(transparent)]
    Wrong(Mistake),
}

/// A mistake in the file, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when it is of the whole file.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub why: String,
    /// What to write.
    pub help: Option<String>,
    /// The line itself.
    pub text: String,
}

impl std::error::Error for Mistake {}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            why,
            ..
        } = self;
        match line {
            0 => write!(f, "{file}: {why}")?,
            _ => write!(f, "{file}:{line}:{column}: {why}")?,
        }
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        if self.text.trim().is_empty() {
            return Ok(());
        }
        write!(f, "\n{line:>5} | {}", self.text)?;
        write!(f, "\n      | {}^", " ".repeat(column.saturating_sub(1)))
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct RawProject {
    #[serde(deserialize_with = "unique::map")]
    plugins: BTreeMap<String, RawPlugin>,
    #[serde(deserialize_with = "unique::map")]
    signers: BTreeMap<String, Signer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlugin {
    source: Source,
    #[serde(default)]
    signed_by: Vec<String>,
    #[serde(default)]
    grant: RawGrant,
    #[serde(default)]
    limits: LimitsGiven,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct RawGrant {
    http: Vec<HttpPattern>,
    #[serde(deserialize_with = "unique::map")]
    secrets: BTreeMap<String, Use>,
    aws: Vec<AwsPattern>,
    state: bool,
    once: BTreeSet<String>,
}

impl Project {
    /// Reads the file of the project in a folder. A project without the file has no plugins.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn load(folder: &Path) -> Result<Self, ProjectError> {
        let path = folder.join(PROJECT_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(PROJECT_FILE, &text).map_err(ProjectError::Wrong),
            Err(wrong) if wrong.kind() == std::io::ErrorKind::NotFound => Ok(Self {
                file: PROJECT_FILE.to_owned(),
                ..Self::default()
            }),
            Err(source) => Err(ProjectError::Read { path, source }),
        }
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// The first mistake, and where it is.
    pub fn parse(file: &str, text: &str) -> Result<Self, Mistake> {
        let place = Place { file, text };
        let raw: Option<RawProject> =
            serde_yaml::from_str(text).map_err(|wrong| place.of_yaml(&wrong))?;
        let raw = raw.unwrap_or_default();
        let mut plugins = BTreeMap::new();
        for (name, plugin) in raw.plugins {
            if !is_kebab(&name) {
                let why = format!("`{name}` is no name for a plugin: write it in kebab-case");
                return Err(place.of_text(&format!("{name}:"), why, None));
            }
            for signer in &plugin.signed_by {
                if !raw.signers.contains_key(signer) {
                    let why = format!("there is no signer `{signer}`");
                    let help = nearest(signer, raw.signers.keys().map(String::as_str))
                        .map(|meant| format!("did you mean `{meant}`?"))
                        .or_else(|| Some("add the key under `signers`".to_owned()));
                    return Err(place.of_text(signer, why, help));
                }
            }
            plugins.insert(name.clone(), plugin.named(file, name));
        }
        Ok(Self {
            file: file.to_owned(),
            plugins,
            signers: raw.signers,
        })
    }
}

impl RawPlugin {
    fn named(self, file: &str, name: String) -> Plugin {
        let RawGrant {
            http,
            secrets,
            aws,
            state,
            once,
        } = self.grant;
        let file = file.to_owned();
        Plugin {
            name,
            source: self.source,
            signed_by: self.signed_by,
            grant: Grant {
                file,
                http,
                secrets,
                aws,
                state,
                once,
            },
            limits: self.limits,
        }
    }
}

struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn of_yaml(&self, wrong: &serde_yaml::Error) -> Mistake {
        let (line, column) = wrong
            .location()
            .map_or((0, 0), |at| (at.line(), at.column()));
        let said = wrong.to_string();
        // The place is said already.
        let said = said.split(" at line ").next().unwrap_or_default();
        let (why, help) = match unknown_key(said) {
            Some((why, help)) => (why, help),
            None => (said.to_owned(), None),
        };
        self.mistake(line, column, (why, help))
    }

    /// A mistake that was found after the text was read: at the first line that has these words.
    fn of_text(&self, words: &str, why: String, help: Option<String>) -> Mistake {
        let found = self
            .text
            .lines()
            .enumerate()
            .find_map(|(index, line)| Some((index + 1, line.find(words)? + 1)));
        let (line, column) = found.unwrap_or_default();
        self.mistake(line, column, (why, help))
    }

    fn mistake(
        &self,
        line: usize,
        column: usize,
        (why, help): (String, Option<String>),
    ) -> Mistake {
        let text = line
            .checked_sub(1)
            .and_then(|index| self.text.lines().nth(index));
        Mistake {
            file: self.file.to_owned(),
            line,
            column,
            why,
            help,
            text: text.unwrap_or_default().to_owned(),
        }
    }
}

/// ``plugins.chat: unknown field `soruce`, expected one of `source`, `grant` `` in our words.
fn unknown_key(said: &str) -> Option<(String, Option<String>)> {
    let (path, rest) = said.split_once("unknown field `")?;
    let (key, expected) = rest.split_once('`')?;
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let help = match nearest(key, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there is {}", known.join(", ")),
    };
    let path = path.trim_end().trim_end_matches(':');
    let of = match path.is_empty() {
        true => String::new(),
        false => format!(" in `{path}`"),
    };
    Some((format!("unknown key `{key}`{of}"), Some(help)))
}

#[cfg(test)]
mod tests;
