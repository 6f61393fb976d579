//! The step types of a plugin.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{DescriptorError, Reader, Schema, compile};
use crate::limits::{LimitsGiven, Span};

/// What the engine may do with a step whose attempt was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// It has no effect.
    Pure,
    /// Repeating it does nothing more.
    Idempotent,
    /// Repeating it with the same key does nothing more.
    Keyed,
    /// It must not be repeated, but the plugin can tell whether it happened.
    Reconcilable,
    /// It must not be repeated, and nobody can tell.
    Once,
}

/// The classes by name.
const CLASSES: [(&str, Idempotency); 5] = [
    ("pure", Idempotency::Pure),
    ("idempotent", Idempotency::Idempotent),
    ("keyed", Idempotency::Keyed),
    ("reconcilable", Idempotency::Reconcilable),
    ("once", Idempotency::Once),
];

impl Idempotency {
    /// As a descriptor writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Idempotent => "idempotent",
            Self::Keyed => "keyed",
            Self::Reconcilable => "reconcilable",
            Self::Once => "once",
        }
    }
}

/// One step type of a plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct StepDescriptor {
    /// Its name within the plugin.
    pub name: String,
    /// What it does, in a line.
    pub summary: String,
    /// What it takes; an object.
    pub input: Arc<Schema>,
    /// What it gives; an object. Any, when the plugin does not say.
    pub output: Option<Arc<Schema>>,
    /// What may be done after an interruption.
    pub idempotency: Idempotency,
    /// How long it takes as a rule.
    pub typical: Option<Duration>,
    /// Limits that it asks for.
    pub limits: LimitsGiven,
    /// Deadline of a step that names none.
    pub timeout: Option<Duration>,
    /// Whether it can be taken back, through `compensation`.
    pub undo: bool,
    /// Whether it can say what it would do, through `preview`.
    pub plan: bool,
    /// Why it cannot be taken back, when its author says so.
    pub irreversible: Option<String>,
    /// How it is used.
    pub examples: Vec<Example>,
}

/// One use of a step type.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// What it shows.
    pub summary: Option<String>,
    /// The inputs.
    pub with: Value,
}

pub(super) fn read(reader: &Reader<'_>) -> Result<StepDescriptor, DescriptorError> {
    let name = reader.text("name")?;
    if !is_step_name(name) {
        let why = format!("is `{name}`; write lower case, digits, and `.`, `-` or `_` between");
        return Err(reader.wrong("name", why));
    }
    let class = reader.text("idempotency")?;
    let found = CLASSES.into_iter().find(|(known, _)| *known == class);
    let Some((_, idempotency)) = found else {
        let known: Vec<_> = CLASSES.iter().map(|(name, _)| *name).collect();
        let why = format!("is `{class}`; it has to be one of {}", known.join(", "));
        return Err(reader.wrong("idempotency", why));
    };
    let step = StepDescriptor {
        name: name.to_owned(),
        summary: reader.maybe_text("summary")?.unwrap_or_default().to_owned(),
        input: match schema(reader, "input")? {
            Some(schema) => schema,
            None => compile("input", &json!({ "type": "object" }))?,
        },
        output: schema(reader, "output")?,
        idempotency,
        typical: reader
            .maybe("typical_ms", "a number of milliseconds", Value::as_u64)?
            .map(Duration::from_millis),
        limits: typed(reader, "limits")?.unwrap_or_default(),
        timeout: typed::<Span>(reader, "timeout")?.map(|span| span.0),
        undo: reader.truth("undo")?,
        plan: reader.truth("plan")?,
        irreversible: reader.maybe_text("irreversible")?.map(str::to_owned),
        examples: reader.each("examples", example)?,
    };
    if step.undo && step.irreversible.is_some() {
        return Err(reader.wrong("irreversible", "contradicts `undo: true`"));
    }
    Ok(step)
}

fn example(reader: &Reader<'_>) -> Result<Example, DescriptorError> {
    let map = reader.maybe("with", "an object", Value::as_object)?;
    Ok(Example {
        summary: reader.maybe_text("summary")?.map(str::to_owned),
        with: Value::Object(map.cloned().unwrap_or_default()),
    })
}

/// Inputs and outputs are objects; a schema that says otherwise can never be met.
fn schema(reader: &Reader<'_>, key: &str) -> Result<Option<Arc<Schema>>, DescriptorError> {
    let Some(document) = reader.map.get(key).filter(|one| !one.is_null()) else {
        return Ok(None);
    };
    let kind = document.get("type");
    if kind.is_some_and(|kind| kind != "object") {
        return Err(reader.wrong(key, "has to describe an object: `\"type\": \"object\"`"));
    }
    compile(&reader.at(key), document).map(Some)
}

fn typed<T: for<'de> Deserialize<'de>>(
    reader: &Reader<'_>,
    key: &str,
) -> Result<Option<T>, DescriptorError> {
    match reader.map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match T::deserialize(value) {
            Ok(found) => Ok(Some(found)),
            Err(wrong) => Err(reader.wrong(key, format!("is wrong: {wrong}"))),
        },
    }
}

/// `slack.post`, `set-record`, `wait_writable`.
fn is_step_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit())
    };
    name.len() <= 64
        && name.starts_with(|one: char| one.is_ascii_lowercase())
        && name.split(['.', '-', '_']).all(plain)
}
