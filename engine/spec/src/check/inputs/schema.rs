//! Reading JSON Schemas as schemars writes them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use runbook_core::ParamType;
use runbook_step::{Schema, StepKind};
use serde_json::Value;

use crate::tree::Kind;

type Made = HashMap<fn() -> Value, Rc<Value>>;

thread_local! {
    static SCHEMAS: RefCell<Made> = RefCell::new(HashMap::new());
}

/// The schema of a type's inputs; made once for each thread.
pub(super) fn of(kind: &StepKind) -> Rc<Value> {
    kept(kind.inputs)
}

/// The schema as a document; one that a function gives is made once for each thread.
pub(crate) fn kept(schema: Schema) -> Rc<Value> {
    let make = match schema {
        Schema::Made(make) => make,
        Schema::Is(document) => return Rc::new(document.clone()),
    };
    SCHEMAS.with_borrow_mut(|kept| Rc::clone(kept.entry(make).or_insert_with(|| Rc::new(make()))))
}

/// Follows `$ref`.
pub(crate) fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut schema = schema;
    for _ in 0..16 {
        let Some(pointer) = schema["$ref"].as_str().and_then(|to| to.strip_prefix('#')) else {
            return schema;
        };
        match root.pointer(pointer) {
            Some(next) => schema = next,
            None => return schema,
        }
    }
    schema
}

/// Whether a map of this schema has its properties and no others.
pub(crate) fn closed(schema: &Value) -> bool {
    let open = schema
        .get("additionalProperties")
        .is_some_and(|other| other != &Value::Bool(false));
    !open
        && schema["properties"]
            .as_object()
            .is_some_and(|all| !all.is_empty())
}

/// The schema of a part of a value; an error when there can be no such part, with what there is.
pub(crate) fn part<'s>(
    root: &'s Value,
    schema: &'s Value,
    name: &str,
) -> Result<Option<&'s Value>, Vec<&'s str>> {
    let schema = resolve(root, schema);
    for key in ["anyOf", "oneOf"] {
        if let Some(branches) = schema[key].as_array() {
            let mut known = Vec::new();
            for branch in branches {
                match part(root, branch, name) {
                    Ok(found) => return Ok(found),
                    Err(more) => known.extend(more),
                }
            }
            return Err(known);
        }
    }
    if let Some(found) = schema["properties"].get(name) {
        return Ok(Some(found));
    }
    let other = &schema["additionalProperties"];
    if other.is_object() {
        return Ok(Some(other));
    }
    if closed(schema) {
        let known = schema["properties"].as_object().into_iter().flatten();
        return Err(known.map(|(name, _)| name.as_str()).collect());
    }
    let shape = Shape::of(root, schema);
    if shape.list && name.parse::<usize>().is_ok() {
        return Ok(schema.get("items"));
    }
    if shape.any || shape.map {
        Ok(None)
    } else {
        Err(Vec::new())
    }
}

/// The pattern of a text, also of one that may be absent.
pub(super) fn pattern<'s>(root: &'s Value, schema: &'s Value) -> &'s str {
    let branches = schema["anyOf"].as_array().into_iter().flatten();
    std::iter::once(schema)
        .chain(branches)
        .find_map(|one| resolve(root, one)["pattern"].as_str())
        .unwrap_or_default()
}

/// The values that a branch of a choice stands for.
pub(super) fn choices(schema: &Value) -> Vec<&Value> {
    match (schema.get("const"), schema["enum"].as_array()) {
        (Some(one), _) => vec![one],
        (None, Some(all)) => all.iter().collect(),
        (None, None) => Vec::new(),
    }
}

/// The names of branches that only say which key has to be there.
pub(super) fn only_required<'s>(branches: &[&'s Value]) -> Option<Vec<&'s str>> {
    branches
        .iter()
        .map(|branch| match branch.as_object() {
            Some(map) if map.len() == 1 => match map.get("required")?.as_array()?.as_slice() {
                [one] => one.as_str(),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// Whether a value is of one of the types of `type`.
pub(super) fn has_type(types: &Value, kind: &Kind) -> bool {
    let one = |name: &str| match kind {
        Kind::Map(_) => name == "object",
        Kind::List(_) => name == "array",
        Kind::Scalar(Value::Null) => name == "null",
        Kind::Scalar(Value::Bool(_)) => name == "boolean",
        Kind::Scalar(Value::String(_)) => name == "string",
        Kind::Scalar(Value::Number(number)) => {
            name == "number" || (name == "integer" && !number.is_f64())
        }
        Kind::Scalar(_) => false,
    };
    match types {
        Value::Array(all) => all.iter().filter_map(Value::as_str).any(one),
        other => other.as_str().is_some_and(one),
    }
}

/// The types that a schema takes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shape {
    pub(crate) text: bool,
    pub(crate) list: bool,
    pub(crate) map: bool,
    pub(crate) any: bool,
    whole: bool,
    number: bool,
    truth: bool,
    null: bool,
}

impl Shape {
    pub(crate) fn of(root: &Value, schema: &Value) -> Self {
        let mut shape = Self::default();
        shape.add(root, schema, 0);
        shape
    }

    /// The types of the values of a declaration.
    pub(crate) fn of_type(kind: ParamType) -> Self {
        let mut shape = Self::default();
        match kind {
            ParamType::Integer => shape.whole = true,
            ParamType::Number => shape.number = true,
            ParamType::Boolean => shape.truth = true,
            ParamType::List => shape.list = true,
            ParamType::Map => shape.map = true,
            _ => shape.text = true,
        }
        shape
    }

    /// Whether a value of this shape can be one of the other. Null is left to the run: it says which
    /// name was null.
    pub(crate) fn meets(self, other: Self) -> bool {
        let numbers = |one: Self| one.number || one.whole;
        self.any
            || other.any
            || (self.text && other.text)
            || (self.list && other.list)
            || (self.map && other.map)
            || (self.truth && other.truth)
            || (numbers(self) && numbers(other))
    }

    fn add(&mut self, root: &Value, schema: &Value, depth: usize) {
        let schema = resolve(root, schema);
        if depth > 16 {
            return;
        }
        let mut said = false;
        for key in ["anyOf", "oneOf"] {
            for branch in schema[key].as_array().into_iter().flatten() {
                // `oneOf` beside a type only says which keys go together.
                if schema["type"].is_null() {
                    said = true;
                    self.add(root, branch, depth + 1);
                }
            }
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        };
        for name in &types {
            match *name {
                "string" => self.text = true,
                "array" => self.list = true,
                "object" => self.map = true,
                "integer" => self.whole = true,
                "number" => self.number = true,
                "boolean" => self.truth = true,
                "null" => self.null = true,
                _ => {}
            }
        }
        let texts = choices(schema).iter().any(|one| one.is_string());
        self.text |= texts;
        if types.is_empty() && !said && !texts {
            self.any = true;
            self.text = true;
        }
    }

    /// Whether a value of this kind can be of this shape.
    pub(crate) fn takes(self, kind: &Kind) -> bool {
        self.any
            || match kind {
                Kind::Map(_) => self.map,
                Kind::List(_) => self.list,
                Kind::Scalar(Value::Null) => self.null,
                Kind::Scalar(Value::Bool(_)) => self.truth,
                Kind::Scalar(Value::String(_)) => self.text,
                Kind::Scalar(Value::Number(_)) => self.number || self.whole,
                Kind::Scalar(_) => false,
            }
    }

    /// The types for people.
    pub(crate) fn words(self) -> String {
        let words: Vec<&str> = [
            (self.text, "a text"),
            (self.whole, "a whole number"),
            (self.number, "a number"),
            (self.truth, "true or false"),
            (self.list, "a list"),
            (self.map, "a map"),
        ]
        .into_iter()
        .filter_map(|(there, word)| there.then_some(word))
        .collect();
        match words.as_slice() {
            [] => "null".to_owned(),
            [one] => (*one).to_owned(),
            [some @ .., last] => format!("{} or {last}", some.join(", ")),
        }
    }
}
