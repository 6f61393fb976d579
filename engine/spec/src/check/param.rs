//! Declarations of parameters, variables and forms.

use runbook_core::{Param, ParamType};
use serde_json::Value;

use super::Report;
use super::keys::{Fields, mistyped};
use crate::diagnostic::Code;
use crate::nearest::hint;
use crate::tree::Node;
use crate::value::{self, TYPES};

pub(crate) const CODES: &[Code] = &[DECLARATION];

const DECLARATION: Code = Code {
    code: "R028",
    title: "a declaration does not make sense",
    explanation: "A parameter or variable has a type, constraints that the type has (`pattern` for \
                  texts, `min` and `max` for numbers and durations, `min_length` and `max_length` for \
                  texts, lists and maps, `items` for lists, `enum` for all), and a default that its own \
                  constraints allow.",
};

/// The keys of a declaration.
pub(crate) const KEYS: [&str; 11] = [
    "type",
    "description",
    "default",
    "secret",
    "enum",
    "pattern",
    "min",
    "max",
    "min_length",
    "max_length",
    "items",
];

/// Reads a declaration.
pub(crate) fn read(report: &mut Report, name: &str, node: &Node) -> Option<Param> {
    let what = format!("parameter `{name}`");
    let fields = Fields::open(report, node, &what, &KEYS)?;
    from_fields(report, &what, &fields)
}

/// Reads the keys that every declaration has.
pub(crate) fn from_fields(report: &mut Report, what: &str, fields: &Fields<'_>) -> Option<Param> {
    fields.need(report, what, "type");
    let kind = kind(report, fields)?;
    let param = Param {
        kind,
        description: fields.text(report, "description").map(str::to_owned),
        default: fields.get("default").map(Node::json),
        secret: fields.boolean(report, "secret").unwrap_or_default(),
        choices: choices(report, fields),
        pattern: fields.text(report, "pattern").map(str::to_owned),
        min: fields.get("min").map(Node::json),
        max: fields.get("max").map(Node::json),
        min_length: fields.count(report, "min_length", 0),
        max_length: fields.count(report, "max_length", 0),
        items: fields
            .get("items")
            .filter(|_| kind == ParamType::List)
            .and_then(|node| items(report, what, node))
            .map(Box::new),
    };
    let before = report.list.len();
    applicable(report, what, fields, &param);
    if report.list.len() == before {
        consistent(report, what, fields, &param);
    }
    Some(param)
}

/// `items: {type: string}`, or `items: string` for short.
fn items(report: &mut Report, what: &str, node: &Node) -> Option<Param> {
    let what = format!("`items` of {what}");
    if let Some(word) = node.text()
        && let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == word)
    {
        return Some(plain(*kind));
    }
    let fields = Fields::open(report, node, &what, &KEYS)?;
    from_fields(report, &what, &fields)
}

/// A declaration that says nothing but the type.
pub(crate) fn plain(kind: ParamType) -> Param {
    Param {
        kind,
        description: None,
        default: None,
        secret: false,
        choices: None,
        pattern: None,
        min: None,
        max: None,
        min_length: None,
        max_length: None,
        items: None,
    }
}

fn kind(report: &mut Report, fields: &Fields<'_>) -> Option<ParamType> {
    let node = fields.get("type")?;
    let word = fields.text(report, "type")?;
    let kind = TYPES.iter().find(|(name, _)| *name == word);
    if kind.is_none() {
        let meant = match word {
            "str" | "text" => Some("did you mean `string`?".to_owned()),
            "int" => Some("did you mean `integer`?".to_owned()),
            "float" | "double" => Some("did you mean `number`?".to_owned()),
            "bool" => Some("did you mean `boolean`?".to_owned()),
            "array" => Some("did you mean `list`?".to_owned()),
            "object" | "dict" => Some("did you mean `map`?".to_owned()),
            _ => hint(word, TYPES.iter().map(|(name, _)| *name)),
        };
        let wrong = report
            .wrong(
                &DECLARATION,
                &node.span,
                format!("there is no type `{word}`"),
            )
            .label("not a type")
            .hint(meant);
        report.push(wrong);
    }
    kind.map(|(_, kind)| *kind)
}

fn choices(report: &mut Report, fields: &Fields<'_>) -> Option<Vec<Value>> {
    let node = fields.get("enum")?;
    match node.list() {
        Some(list) if !list.is_empty() => Some(list.iter().map(Node::json).collect()),
        _ => {
            mistyped(report, node, "`enum`", "a list of values");
            None
        }
    }
}

/// Constraints that the type has.
fn applicable(report: &mut Report, what: &str, fields: &Fields<'_>, param: &Param) {
    let measured = matches!(
        param.kind,
        ParamType::Integer | ParamType::Number | ParamType::Duration
    );
    let long = matches!(
        param.kind,
        ParamType::String | ParamType::List | ParamType::Map
    );
    let text = value::is_text(param.kind) && param.kind != ParamType::Duration;
    let list = param.kind == ParamType::List;
    for (key, fits) in [
        ("pattern", text),
        ("min", measured),
        ("max", measured),
        ("min_length", long),
        ("max_length", long),
        ("items", list),
    ] {
        let Some(at) = fields.get(key).and_then(|_| fields.at(key)) else {
            continue;
        };
        if !fits {
            let kind = value::type_name(param.kind);
            let wrong = report
                .wrong(
                    &DECLARATION,
                    at,
                    format!("`{key}` of {what} does not go with type `{kind}`"),
                )
                .label(format!("a {kind} has no such constraint"));
            report.push(wrong);
        } else if let ("min" | "max", Some(node)) = (key, fields.get(key))
            && value::measure(param.kind, &node.json()).is_none()
        {
            let wanted = value::a_type(param.kind);
            let wrong = report
                .wrong(
                    &DECLARATION,
                    &node.span,
                    format!("`{key}` of {what} has to be {wanted}"),
                )
                .label(format!("this is {}", node.what()));
            report.push(wrong);
        }
    }
}

/// The pattern is one, and the default and the choices are values of the type.
fn consistent(report: &mut Report, what: &str, fields: &Fields<'_>, param: &Param) {
    if let (Some(pattern), Some(node)) = (&param.pattern, fields.get("pattern"))
        && let Err(error) = regex::Regex::new(pattern)
    {
        let line = error.to_string();
        let why = line
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        let wrong = report
            .wrong(
                &DECLARATION,
                &node.span,
                format!("`pattern` of {what} is not a regular expression"),
            )
            .label(why);
        report.push(wrong);
        return;
    }
    if let Some(list) = fields.get("enum").and_then(Node::list) {
        let bare = Param {
            choices: None,
            ..param.clone()
        };
        for node in list {
            if let Err(why) = value::check(&bare, &node.json()) {
                let wrong = report
                    .wrong(
                        &DECLARATION,
                        &node.span,
                        format!("a value of `enum` of {what} {}", verb(&why)),
                    )
                    .label("not a value of the type");
                report.push(wrong);
            }
        }
    }
    if let Some(node) = fields.get("default") {
        default(report, what, param, node);
    }
}

fn default(report: &mut Report, what: &str, param: &Param, node: &Node) {
    if param.secret {
        let wrong = report
            .wrong(
                &DECLARATION,
                &node.span,
                format!("{what} is secret and cannot have a default"),
            )
            .label("a secret does not stand in a file")
            .help("give `env:NAME` or `file:PATH` when the run starts");
        report.push(wrong);
        return;
    }
    let mut template = false;
    node.strings(&mut |_, text| template |= runbook_step::template::is_template(text));
    if template {
        return;
    }
    if let Err(why) = value::check(param, &node.json()) {
        let wrong = report
            .wrong(
                &DECLARATION,
                &node.span,
                format!("the default of {what} {}", verb(&why)),
            )
            .label("not allowed by the declaration");
        report.push(wrong);
    }
}

/// Sentences of `value::check` begin with a verb or with the value.
pub(crate) fn verb(why: &str) -> String {
    match why.starts_with("has to") {
        true => why.to_owned(),
        false => format!("is wrong: {why}"),
    }
}
