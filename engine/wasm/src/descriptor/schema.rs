//! JSON Schemas of plugins: compiled once, checked with words that name the field.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;
use thiserror::Error;

use crate::digest::Digest;

/// The largest schema, in bytes.
pub const MAX_SCHEMA: usize = 64 << 10;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Keys under which data stands, and no schema.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];

/// How deep references are followed where defaults are filled in.
const MAX_REFERENCES: usize = 32;

/// How many mistakes a message names.
const MAX_MISTAKES: usize = 5;

/// A JSON Schema with its compiled form.
pub struct Schema {
    /// The schema as the plugin gave it.
    pub document: Value,
    validator: Validator,
}

/// Why a document is no schema.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SchemaError {
    /// Neither an object nor a boolean.
    #[error("a schema is an object")]
    Shape,
    /// Larger than [`MAX_SCHEMA`].
    #[error("it has {0} bytes; {MAX_SCHEMA} are allowed")]
    Size(usize),
    /// `$schema` names another draft.
    #[error("`$schema` is `{0}`; only `{DRAFT}` is read")]
    Draft(String),
    /// A reference to somewhere else.
    #[error("`{0}` is a remote reference; put the schema under `$defs` and write `#/$defs/NAME`")]
    Remote(String),
    /// It does not compile.
    #[error("it does not compile: {0}")]
    Compile(String),
}

/// Compiled schemas by digest, as long as somebody holds them.
static COMPILED: LazyLock<Mutex<BTreeMap<Digest, Weak<Schema>>>> = LazyLock::new(Mutex::default);

impl Schema {
    /// Compiles a schema, or gives the one that was compiled from the same document.
    ///
    /// # Errors
    /// Why it is no schema that a plugin may have.
    pub fn compile(document: &Value) -> Result<Arc<Self>, SchemaError> {
        let text = document.to_string();
        if text.len() > MAX_SCHEMA {
            return Err(SchemaError::Size(text.len()));
        }
        let digest = Digest::of(text.as_bytes());
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(&digest).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let schema = Arc::new(Self::compile_anew(document)?);
        compiled.retain(|_, one| one.strong_count() > 0);
        compiled.insert(digest, Arc::downgrade(&schema));
        Ok(schema)
    }

    fn compile_anew(document: &Value) -> Result<Self, SchemaError> {
        let Value::Object(root) = document else {
            return Err(SchemaError::Shape);
        };
        if let Some(draft) = root.get("$schema")
            && draft.as_str().map(|one| one.trim_end_matches('#')) != Some(DRAFT)
        {
            let text = draft
                .as_str()
                .map_or_else(|| draft.to_string(), str::to_owned);
            return Err(SchemaError::Draft(text));
        }
        if let Some(reference) = remote_reference(document) {
            return Err(SchemaError::Remote(reference.to_owned()));
        }
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            // A pattern of a plugin must not be able to stop the engine.
            .with_pattern_options(PatternOptions::regex())
            .offline()
            .build(document)
            .map_err(|wrong| SchemaError::Compile(sentence(&wrong)))?;
        Ok(Self {
            document: document.clone(),
            validator,
        })
    }

    /// Whether a value satisfies the schema. Values do not stand in the messages: they may be secret.
    ///
    /// # Errors
    /// What does not fit, each with the path of its field.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let mut wrong: Vec<String> = self
            .validator
            .iter_errors(value)
            .map(|one| sentence(&one))
            .collect();
        if wrong.is_empty() {
            return Ok(());
        }
        if wrong.len() > MAX_MISTAKES {
            let more = wrong.len() - MAX_MISTAKES;
            wrong.truncate(MAX_MISTAKES);
            wrong.push(format!("and {more} more"));
        }
        Err(wrong.join("; "))
    }

    /// Fills in the defaults of the schema where a value says nothing.
    pub fn defaults(&self, value: &mut Value) {
        self.fill(&self.document, value, 0);
    }

    fn fill(&self, schema: &Value, value: &mut Value, references: usize) {
        if references > MAX_REFERENCES {
            return;
        }
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str)
            && let Some(target) = pointer.strip_prefix('#')
            && let Some(target) = self.document.pointer(target)
        {
            self.fill(target, value, references + 1);
        }
        for part in schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.fill(part, value, references + 1);
        }
        match value {
            Value::Object(map) => {
                let properties = schema.get("properties").and_then(Value::as_object);
                for (name, property) in properties.into_iter().flatten() {
                    if let Some(default) = property.get("default") {
                        map.entry(name.as_str()).or_insert_with(|| default.clone());
                    }
                    if let Some(inner) = map.get_mut(name) {
                        self.fill(property, inner, 0);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(items) = schema.get("items") {
                    for one in list {
                        self.fill(items, one, 0);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.document).finish()
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document
    }
}

/// A reference that leads out of the document.
fn remote_reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(map) => map.iter().find_map(|(key, value)| match value {
            Value::String(text) if matches!(key.as_str(), "$ref" | "$dynamicRef") => {
                (!text.starts_with('#')).then_some(text.as_str())
            }
            _ if DATA.contains(&key.as_str()) => None,
            other => remote_reference(other),
        }),
        Value::Array(list) => list.iter().find_map(remote_reference),
        _ => None,
    }
}

fn sentence(wrong: &ValidationError<'_>) -> String {
    let path = dotted(wrong.instance_path().as_str());
    let what = wrong.masked_with("the value").to_string();
    match path.is_empty() {
        true => what,
        false => format!("`{path}`: {what}"),
    }
}

/// `/targets/0/port` as `targets[0].port`.
fn dotted(pointer: &str) -> String {
    let mut out = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !part.is_empty() && part.bytes().all(|one| one.is_ascii_digit()) {
            out.push_str(&format!("[{part}]"));
            continue;
        }
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(&part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Schema, SchemaError};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn schema(document: Value) -> Arc<Schema> {
        Schema::compile(&document).unwrap()
    }

    fn wrong(document: Value) -> SchemaError {
        Schema::compile(&document).unwrap_err()
    }

    #[test]
    fn a_message_names_the_field_and_not_the_value() {
        let schema = schema(json!({
            "type": "object", "required": ["summary"], "additionalProperties": false,
            "properties": {
                "summary": { "type": "string" },
                "targets": { "type": "array", "items": { "properties": { "port": { "type": "integer", "maximum": 65535 } } } },
            },
        }));
        schema
            .check(&json!({ "summary": "x", "targets": [{ "port": 1 }] }))
            .unwrap();
        let said = schema
            .check(&json!({ "targets": [{ "port": 70123 }, { "port": "hunter2" }], "sumary": 1 }))
            .unwrap_err();
        assert!(
            said.contains("`targets[0].port`: the value is greater than"),
            "{said}"
        );
        assert!(
            said.contains("`targets[1].port`: the value is not of type"),
            "{said}"
        );
        assert!(
            said.contains("\"summary\" is a required property"),
            "{said}"
        );
        assert!(said.contains("sumary"), "{said}");
        assert!(
            !said.contains("hunter2") && !said.contains("70123"),
            "{said}"
        );
    }

    #[test]
    fn many_mistakes_are_cut_short() {
        let schema = schema(json!({ "items": { "type": "string" } }));
        let said = schema.check(&json!([1, 2, 3, 4, 5, 6, 7])).unwrap_err();
        assert!(said.ends_with("and 2 more"), "{said}");
    }

    #[test]
    fn defaults_are_filled_in_where_nothing_stands() {
        let schema = schema(json!({
            "$defs": { "retry": { "properties": { "count": { "default": 3 } } } },
            "allOf": [{ "properties": { "quiet": { "default": false } } }],
            "properties": {
                "retry": { "default": {}, "$ref": "#/$defs/retry" },
                "given": { "default": 1 },
                "list": { "items": { "properties": { "port": { "default": 443 } } } },
                "absent": { "properties": { "x": { "default": 1 } } },
            },
        }));
        let mut value = json!({ "given": null, "list": [{}, { "port": 80 }] });
        schema.defaults(&mut value);
        assert_eq!(
            value,
            json!({
                "given": null, "list": [{ "port": 443 }, { "port": 80 }],
                "retry": { "count": 3 }, "quiet": false,
            })
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = schema(json!({
            "$ref": "#/$defs/a",
            "$defs": { "a": { "properties": { "next": { "$ref": "#/$defs/a" }, "n": { "default": 1 } } } },
        }));
        let mut value = json!({ "next": { "next": {} } });
        schema.defaults(&mut value);
        assert_eq!(value["next"]["next"]["n"], 1);
    }

    #[test]
    fn nothing_is_fetched() {
        let remote =
            wrong(json!({ "properties": { "a": { "$ref": "https://example.org/a.json" } } }));
        assert_eq!(
            remote,
            SchemaError::Remote("https://example.org/a.json".to_owned())
        );
        assert!(matches!(
            wrong(json!({ "$ref": "other.json#/a" })),
            SchemaError::Remote(_)
        ));
        schema(json!({ "const": { "$ref": "https://example.org" } }));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        assert_eq!(wrong(json!([])), SchemaError::Shape);
        assert!(matches!(
            wrong(json!({ "type": "strng" })),
            SchemaError::Compile(_)
        ));
        assert!(matches!(
            wrong(json!({ "pattern": "(" })),
            SchemaError::Compile(_)
        ));
        assert!(matches!(
            wrong(json!({ "pattern": "(?=a)" })),
            SchemaError::Compile(_)
        ));
        assert!(matches!(
            wrong(json!({ "title": "x".repeat(70_000) })),
            SchemaError::Size(_)
        ));
        let draft = json!({ "$schema": "http://json-schema.org/draft-07/schema#" });
        assert!(matches!(wrong(draft), SchemaError::Draft(_)));
    }

    #[test]
    fn the_same_document_is_compiled_once() {
        let one = schema(json!({ "title": "compiled once" }));
        let two = schema(json!({ "title": "compiled once" }));
        assert!(Arc::ptr_eq(&one, &two));
    }
}
