//! `environments/schema.yaml`: the variables that every environment has.

use std::collections::BTreeMap;
use std::path::Path;

use runbook_core::{Param, ParamType};
use serde_json::Value;

use crate::check::keys::{Fields, WRONG, entries};
use crate::check::param::{self, plain};
use crate::check::{Report, id};
use crate::diagnostic::Diagnostics;
use crate::source::Source;
use crate::tree::{self, Node};
use crate::value::{self, TYPES};

/// What the environment brings without being declared.
const BUILT_IN: [&str; 4] = ["name", "protected", "aws", "tags"];
const AWS: [&str; 5] = [
    "region",
    "standby_region",
    "profile",
    "role_arn",
    "endpoint_url",
];
/// The keys of a variable: those of a parameter but for `secret`, and `fields`.
const VARIABLE_KEYS: [&str; 11] = [
    "type",
    "description",
    "default",
    "enum",
    "pattern",
    "min",
    "max",
    "min_length",
    "max_length",
    "items",
    "fields",
];

/// The declared variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvironmentSchema {
    /// By name.
    pub vars: BTreeMap<String, Variable>,
}

/// A declared variable, or a field of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Type and constraints; `items` stands in `elements`.
    pub param: Param,
    /// What a map holds; empty: anything.
    pub fields: BTreeMap<String, Variable>,
    /// What a list holds; absent: anything.
    pub elements: Option<Box<Variable>>,
}

impl EnvironmentSchema {
    /// Reads `schema.yaml` of a folder; without one, nothing is declared.
    ///
    /// # Errors
    /// Every mistake of the file.
    pub fn load(folder: &Path) -> Result<Self, Diagnostics> {
        match Source::read(&folder.join("schema.yaml")) {
            Ok(source) => Self::parse(&source),
            Err(_) => Ok(Self::default()),
        }
    }

    /// Reads the text of a schema.
    ///
    /// # Errors
    /// Every mistake of the text.
    pub fn parse(source: &std::sync::Arc<Source>) -> Result<Self, Diagnostics> {
        let mut report = Report::new(source);
        let mut schema = Self::default();
        if let Some(root) = tree::parse(source, &mut report.list)
            && let Some(fields) = Fields::open(&mut report, &root, "the schema", &["vars"])
            && let Some(node) = fields.get("vars")
        {
            schema.vars = variables(&mut report, node, "`vars`");
            for entry in node.map().unwrap_or_default() {
                if BUILT_IN.contains(&entry.key.as_str()) {
                    let wrong = report
                        .wrong(
                            &WRONG,
                            &entry.at,
                            format!("`{}` cannot be a variable", entry.key),
                        )
                        .label("every environment has it already");
                    report.push(wrong);
                }
            }
        }
        let all = Diagnostics::sorted(report.list);
        if all.has_errors() {
            Err(all)
        } else {
            Ok(schema)
        }
    }

    /// The type of the variable, or the part of one, at a path.
    pub(crate) fn find(&self, path: &[String]) -> Option<ParamType> {
        let (first, rest) = path.split_first()?;
        let mut variable = self.vars.get(first)?;
        for name in rest {
            variable = match &variable.elements {
                Some(elements) if name.parse::<usize>().is_ok() => elements,
                _ => variable.fields.get(name)?,
            };
        }
        Some(variable.param.kind)
    }

    /// Whether `env.<path>` is there; else the path that is not, and what there is.
    pub(crate) fn check_path(&self, path: &[String]) -> Result<(), (String, Vec<String>)> {
        let Some((first, rest)) = path.split_first() else {
            return Ok(());
        };
        match first.as_str() {
            "name" | "protected" | "tags" => return Ok(()),
            "aws" => {
                return match rest.first() {
                    Some(name) if !AWS.contains(&name.as_str()) => {
                        Err((format!("aws.{name}"), AWS.map(str::to_owned).to_vec()))
                    }
                    _ => Ok(()),
                };
            }
            _ => {}
        }
        let Some(mut variable) = self.vars.get(first) else {
            let known = self.vars.keys().map(String::as_str).chain(BUILT_IN);
            return Err((first.clone(), known.map(str::to_owned).collect()));
        };
        for (depth, name) in rest.iter().enumerate() {
            if !variable.fields.is_empty() {
                match variable.fields.get(name) {
                    Some(next) => variable = next,
                    None => {
                        let known = variable.fields.keys().cloned().collect();
                        return Err((path[..depth + 2].join("."), known));
                    }
                }
            } else if let (Some(elements), true) =
                (&variable.elements, name.parse::<usize>().is_ok())
            {
                variable = elements;
            } else if matches!(variable.param.kind, ParamType::Map | ParamType::List) {
                return Ok(());
            } else {
                return Err((path[..depth + 2].join("."), Vec::new()));
            }
        }
        Ok(())
    }
}

/// Declared variables, or the fields of one.
fn variables(report: &mut Report, node: &Node, what: &str) -> BTreeMap<String, Variable> {
    let mut found = BTreeMap::new();
    for entry in entries(report, node, what).unwrap_or_default() {
        id::identifier(report, "variable", &entry.key, &entry.at);
        if let Some(variable) = variable(report, &entry.key, &entry.value) {
            found.insert(entry.key.clone(), variable);
        }
    }
    found
}

fn variable(report: &mut Report, name: &str, node: &Node) -> Option<Variable> {
    let what = format!("variable `{name}`");
    if let Some(word) = node.text()
        && let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == word)
    {
        return Some(Variable {
            param: plain(*kind),
            fields: BTreeMap::new(),
            elements: None,
        });
    }
    let fields = Fields::open(report, node, &what, &VARIABLE_KEYS)?;
    // Elements are read below, where they may have fields of their own.
    let bare = Node {
        span: node.span.clone(),
        kind: tree::Kind::Map(
            node.map()?
                .iter()
                .filter(|entry| !matches!(entry.key.as_str(), "items" | "fields"))
                .cloned()
                .collect(),
        ),
    };
    let own = Fields::open(
        &mut Report::new(&report.source),
        &bare,
        &what,
        &VARIABLE_KEYS,
    )?;
    let param = param::from_fields(report, &what, &own)?;
    for (key, kind) in [("items", ParamType::List), ("fields", ParamType::Map)] {
        if let (Some(at), true) = (fields.at(key), param.kind != kind) {
            let wrong = report
                .wrong(
                    &WRONG,
                    at,
                    format!(
                        "`{key}` of {what} does not go with type `{}`",
                        value::type_name(param.kind)
                    ),
                )
                .label(format!("only a {} has {key}", value::type_name(kind)));
            report.push(wrong);
        }
    }
    Some(Variable {
        fields: fields.get("fields").map_or_else(BTreeMap::new, |node| {
            variables(report, node, &format!("`fields` of {what}"))
        }),
        elements: fields
            .get("items")
            .and_then(|node| variable(report, &format!("{name}[]"), node))
            .map(Box::new),
        param,
    })
}

/// What is wrong with a value, at which path in it.
pub(crate) struct Misfit {
    pub(crate) path: Vec<String>,
    pub(crate) why: String,
    pub(crate) known: Vec<String>,
}

impl Variable {
    /// A value with its defaults filled in; what does not fit goes into `wrong`.
    pub(crate) fn fit(&self, value: &Value, path: &[String], wrong: &mut Vec<Misfit>) -> Value {
        let misfit = |why: String| Misfit {
            path: path.to_vec(),
            why,
            known: Vec::new(),
        };
        let fitted = match value::check(&self.param, value) {
            Ok(fitted) => fitted,
            Err(why) => {
                wrong.push(misfit(why));
                return value.clone();
            }
        };
        let below =
            |name: &str| -> Vec<String> { path.iter().cloned().chain([name.to_owned()]).collect() };
        match fitted {
            Value::Object(map) if !self.fields.is_empty() => {
                for name in map.keys().filter(|name| !self.fields.contains_key(*name)) {
                    wrong.push(Misfit {
                        path: below(name),
                        why: format!("`{name}` is not declared"),
                        known: self.fields.keys().cloned().collect(),
                    });
                }
                let filled = self.fields.iter().filter_map(|(name, field)| {
                    let given = map.get(name).or(field.param.default.as_ref());
                    match given {
                        Some(given) => Some((name.clone(), field.fit(given, &below(name), wrong))),
                        None => {
                            wrong.push(misfit(format!("`{name}` is missing")));
                            None
                        }
                    }
                });
                Value::Object(filled.collect())
            }
            Value::Array(list) => match &self.elements {
                None => Value::Array(list),
                Some(elements) => list
                    .iter()
                    .enumerate()
                    .map(|(index, one)| elements.fit(one, &below(&index.to_string()), wrong))
                    .collect(),
            },
            other => other,
        }
    }
}
