//! `with` against the JSON Schema of the step type.

mod schema;

use runbook_step::StepKind;
use runbook_step::template::{is_template, is_whole};
use serde_json::Value;

use super::Report;
use crate::check::reference::Names;
use crate::diagnostic::{Code, Diagnostic};
use crate::nearest::hint;
use crate::tree::{Kind, Node, Span};

pub(crate) use schema::{Shape, closed, kept, part, resolve};

pub(crate) const CODES: &[Code] = &[UNKNOWN, MISSING, WRONG];

const UNKNOWN: Code = Code {
    code: "R009",
    title: "an input is not known to the step type",
    explanation: "`with` holds the inputs of the step type and nothing else; `runbook steps show TYPE` \
                  lists them.",
};

const MISSING: Code = Code {
    code: "R010",
    title: "an input is missing",
    explanation: "The step type cannot work without this input.",
};

const WRONG: Code = Code {
    code: "R011",
    title: "an input has a wrong value",
    explanation: "The value does not have the type that the step type asks for. A template that stands \
                  alone (`\"{{ … }}\"`) keeps the type of its value and goes anywhere; text glued to a \
                  template is text.",
};

/// Checks the inputs of a step; `at` is where a missing `with` is pointed at.
pub(crate) fn check(
    report: &mut Report,
    kind: &StepKind,
    (with, at): (Option<&Node>, &Span),
    names: &Names<'_>,
) {
    let root = schema::of(kind);
    let empty = Node {
        span: at.clone(),
        kind: Kind::Map(Vec::new()),
    };
    let node = with.filter(|node| !node.is_null()).unwrap_or(&empty);
    let walk = Walk {
        root: &root,
        report,
        names,
        kind: kind.name,
    };
    let mut found = Vec::new();
    walk.check(node, &root, "", &mut found);
    if found.is_empty() && !has_templates(node) {
        let value = node.json();
        if let Err(why) = kind.check(&value) {
            let why = why.split(" at line ").next().unwrap_or_default().to_owned();
            found.push(
                report
                    .wrong(
                        &WRONG,
                        &node.span,
                        format!("`{}` does not take these inputs", kind.name),
                    )
                    .label(why),
            );
        }
    }
    report.list.extend(found);
}

fn has_templates(node: &Node) -> bool {
    let mut found = false;
    node.strings(&mut |_, text| found |= is_template(text));
    found
}

struct Walk<'a> {
    root: &'a Value,
    report: &'a Report,
    names: &'a Names<'a>,
    kind: &'a str,
}

impl Walk<'_> {
    fn check(&self, node: &Node, schema: &Value, path: &str, found: &mut Vec<Diagnostic>) {
        let schema = resolve(self.root, schema);
        if schema.is_boolean() {
            return;
        }
        if let Some(text) = node.text()
            && is_template(text)
        {
            self.template(node, text, schema, path, found);
            return;
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(branches) = schema[key].as_array() {
                self.branches(node, branches, path, found);
            }
        }
        for branch in schema["allOf"].as_array().into_iter().flatten() {
            self.check(node, branch, path, found);
        }
        if !self.literal(node, schema, path, found) {
            return;
        }
        match &node.kind {
            Kind::Map(_) => self.map(node, schema, path, found),
            Kind::List(list) => {
                for (index, one) in list.iter().enumerate() {
                    self.check(
                        one,
                        &schema["items"],
                        &join(path, &index.to_string()),
                        found,
                    );
                }
                self.length(
                    node,
                    list.len(),
                    schema,
                    ("minItems", "maxItems"),
                    path,
                    found,
                );
            }
            Kind::Scalar(_) => self.scalar(node, schema, path, found),
        }
    }

    fn template(
        &self,
        node: &Node,
        text: &str,
        schema: &Value,
        path: &str,
        found: &mut Vec<Diagnostic>,
    ) {
        let shape = Shape::of(self.root, schema);
        let wanted = shape.words();
        let message = format!("{} has to be {wanted}", self.input(path));
        if let Some((path, given)) = self.names.lone(text) {
            if !given.meets(shape) {
                let wrong = self.wrong(&WRONG, node, message);
                let wrong = wrong.label(format!("`{path}` is {}", given.words()));
                found.push(match shape.text && !given.takes(&Kind::List(Vec::new())) {
                    true => wrong.help(format!("`{{{{ json {path} }}}}` is its text")),
                    false => self.about(wrong, schema),
                });
            }
            return;
        }
        if shape.text || is_whole(text) {
            return;
        }
        let wrong = self
            .wrong(&WRONG, node, message)
            .label("text glued to a template is text")
            .help("let the template stand alone: \"{{ … }}\"");
        found.push(wrong);
    }

    /// `type`, `const` and `enum`; false when there is no use in looking further.
    fn literal(
        &self,
        node: &Node,
        schema: &Value,
        path: &str,
        found: &mut Vec<Diagnostic>,
    ) -> bool {
        if !schema["type"].is_null() && !schema::has_type(&schema["type"], &node.kind) {
            found.push(self.mistyped(node, schema, path));
            return false;
        }
        let choices: Vec<&Value> = match (schema.get("const"), schema["enum"].as_array()) {
            (Some(one), _) => vec![one],
            (None, Some(all)) => all.iter().collect(),
            (None, None) => return true,
        };
        let value = node.json();
        if choices.contains(&&value) {
            return true;
        }
        found.push(self.none_of(node, &choices, path));
        false
    }

    fn branches(&self, node: &Node, branches: &[Value], path: &str, found: &mut Vec<Diagnostic>) {
        let branches: Vec<&Value> = branches.iter().map(|one| resolve(self.root, one)).collect();
        if let Some(names) = schema::only_required(&branches) {
            self.one_of(node, &names, path, found);
            return;
        }
        let tried: Vec<Vec<Diagnostic>> = branches
            .iter()
            .map(|branch| {
                let mut wrong = Vec::new();
                self.check(node, branch, path, &mut wrong);
                wrong
            })
            .collect();
        if tried.iter().any(Vec::is_empty) {
            return;
        }
        let consts: Vec<&Value> = branches
            .iter()
            .flat_map(|one| schema::choices(one))
            .collect();
        let fitting: Vec<usize> = (0..branches.len())
            .filter(|at| Shape::of(self.root, branches[*at]).takes(&node.kind))
            .collect();
        match fitting.as_slice() {
            _ if !consts.is_empty()
                && matches!(node.kind, Kind::Scalar(_))
                && node.text().is_some() =>
            {
                found.push(self.none_of(node, &consts, path));
            }
            [one] => found.extend(tried[*one].iter().cloned()),
            [] => found.push(self.mistyped(
                node,
                &Value::from_iter([(
                    "anyOf",
                    branches.iter().map(|one| (*one).clone()).collect::<Value>(),
                )]),
                path,
            )),
            some => {
                // Of several maps, the one that fits best is the one that was meant.
                let best = some.iter().min_by_key(|at| tried[**at].len());
                found.extend(best.into_iter().flat_map(|at| tried[*at].iter().cloned()));
            }
        }
    }

    /// Exactly one of some inputs.
    fn one_of(&self, node: &Node, names: &[&str], path: &str, found: &mut Vec<Diagnostic>) {
        let given: Vec<&&str> = names
            .iter()
            .filter(|name| node.get(name).is_some())
            .collect();
        if given.len() == 1 {
            return;
        }
        let listed: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "{} takes one of the inputs {}",
            self.owner(path),
            listed.join(", ")
        );
        let label = match given.len() {
            0 => "none of them is here".to_owned(),
            count => format!("{count} of them are here"),
        };
        found.push(self.wrong(&MISSING, node, message).label(label));
    }

    fn map(&self, node: &Node, schema: &Value, path: &str, found: &mut Vec<Diagnostic>) {
        let entries = node.map().unwrap_or_default();
        let properties = schema["properties"].as_object();
        let other = &schema["additionalProperties"];
        for entry in entries {
            let here = join(path, &entry.key);
            match properties.and_then(|all| all.get(&entry.key)) {
                Some(schema) => self.check(&entry.value, schema, &here, found),
                None if other == &Value::Bool(false) => {
                    let known = properties
                        .into_iter()
                        .flatten()
                        .map(|(name, _)| name.as_str());
                    let wrong = Diagnostic::new(
                        &UNKNOWN,
                        &self.report.source,
                        entry.at.clone(),
                        format!("{} has no input `{}`", self.owner(path), entry.key),
                    )
                    .label("not known here")
                    .hint(hint(&entry.key, known));
                    found.push(wrong);
                }
                None if other.is_object() => self.check(&entry.value, other, &here, found),
                None => {}
            }
        }
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !entries.iter().any(|entry| entry.key == name) {
                let about = properties
                    .and_then(|all| all.get(name))
                    .map(|one| &one["description"]);
                let at = match path {
                    "" if entries.is_empty() => node.span.clone(),
                    _ => entries
                        .first()
                        .map_or_else(|| node.span.clone(), |entry| entry.at.clone()),
                };
                let message = format!("{} needs the input `{name}`", self.owner(path));
                let wrong = Diagnostic::new(&MISSING, &self.report.source, at, message)
                    .label(format!("`{name}` is missing here"));
                found.push(
                    match about
                        .and_then(Value::as_str)
                        .and_then(|text| text.lines().next())
                    {
                        Some(line) => wrong.help(format!("`{name}`: {line}")),
                        None => wrong,
                    },
                );
            }
        }
    }

    fn scalar(&self, node: &Node, schema: &Value, path: &str, found: &mut Vec<Diagnostic>) {
        let Kind::Scalar(value) = &node.kind else {
            return;
        };
        if let Some(text) = value.as_str() {
            self.length(
                node,
                text.chars().count(),
                schema,
                ("minLength", "maxLength"),
                path,
                found,
            );
            if let Some(pattern) = schema["pattern"].as_str()
                && let Ok(regex) = regex::Regex::new(pattern)
                && !regex.is_match(text)
            {
                let wrong = self
                    .wrong(
                        &WRONG,
                        node,
                        format!("{} has the wrong form", self.input(path)),
                    )
                    .label(format!("does not match `{pattern}`"));
                found.push(self.about(wrong, schema));
            }
            return;
        }
        let Some(number) = value.as_f64() else {
            return;
        };
        for (key, word, beyond) in [
            ("minimum", "at least", f64::lt as fn(&f64, &f64) -> bool),
            ("maximum", "at most", f64::gt),
            ("exclusiveMinimum", "above", f64::le),
            ("exclusiveMaximum", "below", f64::ge),
        ] {
            if let Some(bound) = schema[key].as_f64()
                && beyond(&number, &bound)
            {
                let message = format!("{} has to be {word} {bound}", self.input(path));
                found.push(
                    self.about(
                        self.wrong(&WRONG, node, message)
                            .label(format!("this is {value}")),
                        schema,
                    ),
                );
            }
        }
    }

    fn length(
        &self,
        node: &Node,
        length: usize,
        schema: &Value,
        (least, most): (&str, &str),
        path: &str,
        found: &mut Vec<Diagnostic>,
    ) {
        let length = length as u64;
        let below = schema[least].as_u64().filter(|least| length < *least);
        let above = schema[most].as_u64().filter(|most| length > *most);
        if let Some((bound, word)) = below
            .map(|it| (it, "at least"))
            .or(above.map(|it| (it, "at most")))
        {
            let message = format!(
                "{} has to have {word} {bound} elements or characters",
                self.input(path)
            );
            found.push(
                self.wrong(&WRONG, node, message)
                    .label(format!("this has {length}")),
            );
        }
    }

    fn none_of(&self, node: &Node, choices: &[&Value], path: &str) -> Diagnostic {
        let words: Vec<String> = choices
            .iter()
            .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
            .collect();
        let listed: Vec<_> = words.iter().map(|one| format!("`{one}`")).collect();
        let given = node
            .text()
            .map_or_else(|| node.json().to_string(), str::to_owned);
        let wrong = self
            .wrong(
                &WRONG,
                node,
                format!(
                    "{} has to be one of {}",
                    self.input(path),
                    listed.join(", ")
                ),
            )
            .label("none of them");
        match crate::nearest::nearest(&given, words.iter().map(String::as_str)) {
            Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
            None => wrong,
        }
    }

    fn mistyped(&self, node: &Node, schema: &Value, path: &str) -> Diagnostic {
        let wanted = Shape::of(self.root, schema).words();
        let wrong = self
            .wrong(
                &WRONG,
                node,
                format!("{} has to be {wanted}", self.input(path)),
            )
            .label(format!("this is {}", node.what()));
        let pattern = schema::pattern(self.root, schema);
        match &node.kind {
            Kind::Scalar(Value::Number(number)) if pattern.contains("ms") => {
                wrong.help(format!("it is a duration: write `{number}s` for seconds"))
            }
            Kind::Scalar(Value::Number(_) | Value::Bool(_)) if wanted == "a text" => {
                wrong.help("put it in quotes")
            }
            _ => self.about(wrong, schema),
        }
    }

    fn about(&self, wrong: Diagnostic, schema: &Value) -> Diagnostic {
        match schema["description"]
            .as_str()
            .and_then(|text| text.lines().next())
        {
            Some(line) if wrong.help.is_none() => wrong.help(line.to_owned()),
            _ => wrong,
        }
    }

    fn wrong(&self, code: &Code, node: &Node, message: String) -> Diagnostic {
        self.report.wrong(code, &node.span, message)
    }

    fn input(&self, path: &str) -> String {
        match path {
            "" => format!("`with` of `{}`", self.kind),
            _ => format!("input `{path}` of `{}`", self.kind),
        }
    }

    fn owner(&self, path: &str) -> String {
        match path {
            "" => format!("`{}`", self.kind),
            _ => format!("input `{path}` of `{}`", self.kind),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
