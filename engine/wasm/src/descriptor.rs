//! What a plugin says of itself: one JSON document, read without running anything.

mod lint;
mod schema;
mod step;
mod want;

use std::collections::BTreeSet;
use std::sync::Arc;

use semver::Version;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::digest::Digest;
pub use lint::{Lint, MAX_COMPONENT};
pub use schema::{MAX_SCHEMA, Schema, SchemaError};
pub use step::{Example, Idempotency, StepDescriptor};
pub use want::{Want, WantKind};

/// The line of descriptors that is read.
pub const DESCRIPTOR: &str = "runbook.plugin/1";

/// The largest descriptor, in bytes.
pub const MAX_DESCRIPTOR: usize = 4 << 20;

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// Its name, in kebab-case.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What it is for, in a line.
    pub summary: String,
    /// Where more of it stands.
    pub homepage: Option<String>,
    /// What its settings have to look like.
    pub config: Option<Arc<Schema>>,
    /// What it wants to do.
    pub wants: Vec<Want>,
    /// Its step types.
    pub steps: Vec<StepDescriptor>,
    /// The document as it was given, for records of runs.
    pub document: Value,
}

/// Why a document is no descriptor.
#[derive(Debug, Error)]
pub enum DescriptorError {
    /// It is too large.
    #[error("the descriptor has {0} bytes; {MAX_DESCRIPTOR} are allowed")]
    Size(usize),
    /// It is no JSON.
    #[error("the descriptor is no JSON")]
    Json(#[source] serde_json::Error),
    /// It is of a line that is not known.
    #[error("the descriptor is `{0}`; this engine reads `{DESCRIPTOR}`; upgrade runbook")]
    Line(String),
    /// A key is missing, or something else than expected.
    #[error("`{path}` of the descriptor {why}")]
    Field {
        /// Which: `steps[0].name`.
        path: String,
        /// What is wrong, to be read after it.
        why: String,
    },
    /// The plugin wants what this engine has never heard of.
    #[error(
        "`{path}` of the descriptor wants `{kind}`, which this engine does not know; upgrade runbook, \
         or use an older version of the plugin"
    )]
    UnknownWant {
        /// Which: `wants[2]`.
        path: String,
        /// The key of the want.
        kind: String,
    },
    /// A schema is none.
    #[error("`{path}` of the descriptor is no schema that a plugin may have")]
    Schema {
        /// Which: `steps[0].input`.
        path: String,
        /// Why.
        source: SchemaError,
    },
}

impl Descriptor {
    /// Reads a descriptor. Keys that are not known are left alone, wants that are not known are refused.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, DescriptorError> {
        let bytes = bytes.as_ref();
        if bytes.len() > MAX_DESCRIPTOR {
            return Err(DescriptorError::Size(bytes.len()));
        }
        let document: Value = serde_json::from_slice(bytes).map_err(DescriptorError::Json)?;
        let reader = Reader::root(&document)?;
        match reader.text("descriptor")? {
            DESCRIPTOR => {}
            other => return Err(DescriptorError::Line(other.to_owned())),
        }
        let name = reader.text("name")?;
        if !is_kebab(name) {
            return Err(reader.wrong("name", format!("is `{name}`; write it in kebab-case")));
        }
        let version = reader.text("version")?;
        let version = Version::parse(version)
            .map_err(|wrong| reader.wrong("version", format!("is `{version}`: {wrong}")))?;
        let config = match reader.map.get("config") {
            None | Some(Value::Null) => None,
            Some(document) => Some(compile("config", document)?),
        };
        let wants = reader.each("wants", want::read)?;
        let steps = reader.each("steps", step::read)?;
        if steps.is_empty() {
            return Err(reader.wrong("steps", "is empty: there is nothing to run"));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = steps.iter().find(|step| !names.insert(&step.name)) {
            return Err(reader.wrong("steps", format!("has `{}` twice", twice.name)));
        }
        Ok(Self {
            name: name.to_owned(),
            version,
            summary: reader.maybe_text("summary")?.unwrap_or_default().to_owned(),
            homepage: reader.maybe_text("homepage")?.map(str::to_owned),
            config,
            wants,
            steps,
            document,
        })
    }

    /// A step type by name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&StepDescriptor> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The digest of the document, however its keys are ordered and spaced.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(canonical(&self.document).as_bytes())
    }

    /// The digest of what it wants: another one has to be looked at by somebody.
    #[must_use]
    pub fn wants_digest(&self) -> Digest {
        // The reasons are for people; another reason for the same is not another want.
        let wants: BTreeSet<String> = self
            .wants
            .iter()
            .map(|want| want.kind.to_string())
            .collect();
        let lines: Vec<String> = wants.into_iter().collect();
        Digest::of(lines.join("\n").as_bytes())
    }
}

/// JSON with sorted keys and no spaces.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let parts: Vec<String> = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::from(key.as_str()), canonical(&map[key])))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(canonical).collect();
            format!("[{}]", parts.join(","))
        }
        other => other.to_string(),
    }
}

/// `chat-notify`: lower case, digits and single hyphens, beginning with a letter.
#[must_use]
pub fn is_kebab(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit())
    };
    name.len() <= 64
        && name.starts_with(|one: char| one.is_ascii_lowercase())
        && name.split('-').all(plain)
}

fn compile(path: &str, document: &Value) -> Result<Arc<Schema>, DescriptorError> {
    Schema::compile(document).map_err(|source| DescriptorError::Schema {
        path: path.to_owned(),
        source,
    })
}

/// An object of the document, with where it stands.
struct Reader<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    fn root(document: &'a Value) -> Result<Self, DescriptorError> {
        match document {
            Value::Object(map) => Ok(Self {
                path: String::new(),
                map,
            }),
            _ => Err(DescriptorError::Line("no object".to_owned())),
        }
    }

    fn at(&self, key: &str) -> String {
        match self.path.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.path),
        }
    }

    fn wrong(&self, key: &str, why: impl Into<String>) -> DescriptorError {
        DescriptorError::Field {
            path: self.at(key),
            why: why.into(),
        }
    }

    fn maybe<T>(
        &self,
        key: &str,
        what: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, DescriptorError> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(found) => Ok(Some(found)),
                None => Err(self.wrong(key, format!("has to be {what}"))),
            },
        }
    }

    fn maybe_text(&self, key: &str) -> Result<Option<&'a str>, DescriptorError> {
        self.maybe(key, "a text", Value::as_str)
    }

    fn text(&self, key: &str) -> Result<&'a str, DescriptorError> {
        self.maybe_text(key)?
            .ok_or_else(|| self.wrong(key, "is missing"))
    }

    fn truth(&self, key: &str) -> Result<bool, DescriptorError> {
        Ok(self
            .maybe(key, "true or false", Value::as_bool)?
            .unwrap_or_default())
    }

    fn each<T>(
        &self,
        key: &str,
        read: fn(&Reader<'a>) -> Result<T, DescriptorError>,
    ) -> Result<Vec<T>, DescriptorError> {
        let list = self.maybe(key, "a list", Value::as_array)?;
        let mut found = Vec::new();
        for (index, one) in list.into_iter().flatten().enumerate() {
            let path = format!("{}[{index}]", self.at(key));
            let Value::Object(map) = one else {
                let why = "has to be an object".to_owned();
                return Err(DescriptorError::Field { path, why });
            };
            found.push(read(&Reader { path, map })?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
