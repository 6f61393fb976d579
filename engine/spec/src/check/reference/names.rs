//! The names of one file: its parameters, its steps with their outputs, and who comes before whom.

use std::collections::BTreeMap;
use std::rc::Rc;

use runbook_core::{ParamType, Runbook, Section};
use serde_json::Value;

use super::before::Before;
use crate::check::inputs::{Shape, closed, part, resolve};
use crate::document::{Declared, Document, StepNode};
use crate::environment::EnvironmentSchema;
use crate::tree::{Entry, Node};

pub(super) const ROOTS: [&str; 8] = [
    "params", "env", "run", "steps", "item", "index", "secrets", "schedule",
];
pub(super) const RUN: [&str; 5] = ["id", "runbook", "started_at", "status", "attempt"];
pub(super) const SCHEDULE: [&str; 2] = ["slot", "name"];

/// What a step gives.
pub(crate) enum Outputs {
    /// Nobody can tell before it runs.
    Any,
    /// These names, whatever is in them.
    Known { names: Vec<String> },
    /// As a JSON Schema says.
    Schema { root: Rc<Value> },
}

impl Outputs {
    /// The outputs of a step, by its type, and for some types by its inputs.
    pub(crate) fn of(step: &StepNode<'_>, child: Option<&Runbook>) -> Self {
        let Some(kind) = step.kind else {
            return Self::Any;
        };
        let keys = |entries: &[Entry]| entries.iter().map(|one| one.key.clone()).collect();
        match kind.name {
            "let" => Self::Known {
                names: step.with.and_then(Node::map).map_or_else(Vec::new, keys),
            },
            "manual" => {
                let form = step.with.and_then(|with| with.get("form"));
                Self::Known {
                    names: form.and_then(Node::map).map_or_else(Vec::new, keys),
                }
            }
            "runbook" => match child {
                Some(child) => Self::Known {
                    names: child
                        .outputs
                        .keys()
                        .cloned()
                        .chain(["run_id".to_owned()])
                        .collect(),
                },
                None => Self::Any,
            },
            _ => {
                let root = crate::check::inputs::kept(kind.outputs);
                let schema = resolve(&root, &root);
                let other = schema
                    .get("additionalProperties")
                    .is_some_and(|other| *other != Value::Bool(false));
                if closed(schema) || schema["oneOf"].is_array() || schema["anyOf"].is_array() {
                    return Self::Schema { root };
                }
                if schema["type"] == "object" && !other {
                    return Self::Known { names: Vec::new() };
                }
                Self::Any
            }
        }
    }

    /// Whether there is an output of this name; unknown outputs are not claimed.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Any => false,
            Self::Known { names } => names.iter().any(|one| one == name),
            Self::Schema { root } => part(root, root, name).is_ok(),
        }
    }

    /// Every name that is known.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Any => Vec::new(),
            Self::Known { names } => names.iter().map(String::as_str).collect(),
            Self::Schema { root } => part(root, root, "").err().unwrap_or_default(),
        }
    }

    /// The types that the value at a path can have.
    fn shape(&self, path: &[String]) -> Option<Shape> {
        let Self::Schema { root } = self else {
            return None;
        };
        let mut schema: &Value = root;
        for name in path {
            schema = part(root, schema, name).ok()??;
        }
        Some(Shape::of(root, schema))
    }

    /// Whether a path leads somewhere; else the name that does not, and what there is.
    pub(crate) fn check(&self, path: &[String]) -> Result<(), (String, Vec<String>)> {
        let Some(first) = path.first() else {
            return Ok(());
        };
        match self {
            Self::Any => Ok(()),
            Self::Known { names } if names.contains(first) => Ok(()),
            Self::Known { names } => Err((first.clone(), names.clone())),
            Self::Schema { root } => {
                let mut schema: &Value = root;
                for name in path {
                    match part(root, schema, name) {
                        Ok(Some(next)) => schema = next,
                        Ok(None) => return Ok(()),
                        Err(known) => {
                            let known = known.into_iter().map(str::to_owned).collect();
                            return Err((name.clone(), known));
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

/// Every name that a file can read.
pub(crate) struct Names<'a> {
    pub(super) params: Vec<&'a str>,
    declared: &'a [Declared<'a>],
    environment: Option<&'a EnvironmentSchema>,
    steps: &'a [StepNode<'a>],
    index: BTreeMap<&'a str, usize>,
    outputs: Vec<Outputs>,
    before: Before<'a>,
}

impl<'a> Names<'a> {
    /// `order` gives the steps so that each comes after its needs.
    pub(crate) fn new(
        document: &'a Document<'a>,
        environment: Option<&'a EnvironmentSchema>,
        outputs: Vec<Outputs>,
        (needs, order): (&'a [Vec<usize>], &[usize]),
    ) -> Self {
        let steps = &document.steps;
        let mut index = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            index.entry(step.id.as_str()).or_insert(at);
        }
        Self {
            params: document.params.iter().map(|one| one.name).collect(),
            declared: &document.params,
            environment,
            steps,
            index,
            outputs,
            before: Before::new(needs, order),
        }
    }

    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.steps.iter().map(|step| step.id.as_str())
    }

    pub(super) fn id(&self, step: usize) -> &'a str {
        &self.steps[step].id
    }

    pub(super) fn uses(&self, step: usize) -> &'a str {
        self.steps[step].uses
    }

    pub(super) fn section(&self, step: usize) -> Section {
        self.steps[step].section
    }

    pub(super) fn runs_for_each(&self, step: usize) -> bool {
        self.steps[step].for_each.is_some()
    }

    pub(super) fn output(&self, step: usize) -> Option<&Outputs> {
        self.outputs.get(step)
    }

    /// Whether `reader` runs after `step` has ended.
    pub(super) fn visible(&self, reader: usize, step: usize) -> bool {
        let (here, there) = (self.section(reader), self.section(step));
        if here != there {
            return there == Section::Main;
        }
        self.before.has(reader, step)
    }

    /// The path and the types of a text that is one template with one path in it and nothing else.
    pub(crate) fn lone(&self, text: &str) -> Option<(String, Shape)> {
        let inner = text
            .strip_prefix("{{")?
            .strip_suffix("}}")?
            .trim_matches(['{', '}', ' ']);
        let path: Vec<String> = inner.split('.').map(str::to_owned).collect();
        let plain = |part: &String| {
            part.chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        };
        let shape = path.iter().all(plain).then(|| self.shape(&path))??;
        Some((inner.to_owned(), shape))
    }

    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.environment
            .is_some_and(|schema| schema.vars.contains_key(name))
    }

    /// The types that the value at a path can have, as far as they are declared.
    pub(crate) fn shape(&self, path: &[String]) -> Option<Shape> {
        let (root, rest) = path.split_first()?;
        let (first, more) = rest.split_first()?;
        match (root.as_str(), more) {
            ("params", []) => {
                let declared = self.declared.iter().find(|one| one.name == first)?;
                Some(Shape::of_type(declared.param.kind))
            }
            ("params", _) => None,
            ("env", _) => match (first.as_str(), more) {
                ("name", []) => Some(Shape::of_type(ParamType::String)),
                ("protected", []) => Some(Shape::of_type(ParamType::Boolean)),
                _ => self.environment?.find(rest).map(Shape::of_type),
            },
            ("steps", _) => {
                let step = self.find(first)?;
                match (self.runs_for_each(step), more) {
                    (true, []) => Some(Shape::of_type(ParamType::List)),
                    (true, _) => None,
                    (false, []) => Some(Shape::of_type(ParamType::Map)),
                    (false, _) => self.output(step)?.shape(more),
                }
            }
            _ => None,
        }
    }

    /// Whether `env.<path>` is there; else the path that is not, and what there is.
    pub(super) fn variable(&self, path: &[String]) -> Result<(), (String, Vec<String>)> {
        match self.environment {
            None => Ok(()),
            Some(schema) => schema.check_path(path),
        }
    }
}
