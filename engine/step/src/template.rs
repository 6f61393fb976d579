//! Templates in string leaves: the syntax of Handlebars 6, strict, without HTML escaping.
//!
//! Handlebars parses; the evaluation is our own, since a template here has to keep types, to name the
//! path that is missing, and to read a scope with ten thousand step outputs without copying it. An
//! unknown name is an error and never an empty string.

mod depth;
mod evaluate;
mod helper;
mod lookup;
mod reference;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use handlebars::template::{HelperTemplate, Template, TemplateElement};
use serde_json::Value;

use crate::scope::Scope;

pub use depth::DEEPEST;
pub use helper::NAMES as HELPERS;
pub(crate) use lookup::find;

/// Compiled templates that one thread keeps.
const KEPT: usize = 1_024;

/// A name that a template or an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its segments: `steps`, `switch`, `name`.
    pub path: Vec<String>,
    /// Where it stands in the text, in bytes.
    pub offset: usize,
    /// Whether it may be missing: inside `default`, or asked for with `has`.
    pub optional: bool,
}

impl Reference {
    /// The path as it is written: `steps.switch.name`.
    #[must_use]
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
}

/// Why a template cannot be parsed or rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// A lowercase fragment that names the path or the helper.
    pub message: String,
    /// Where in the text, in bytes, when it is known.
    pub offset: Option<usize>,
    /// The name that no helper has.
    pub helper: Option<String>,
    missing: bool,
}

impl TemplateError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            offset: None,
            helper: None,
            missing: false,
        }
    }

    fn missing(message: String) -> Self {
        Self {
            missing: true,
            ..Self::new(message)
        }
    }

    fn no_helper(name: &str) -> Self {
        Self {
            helper: Some(name.to_owned()),
            ..Self::new(format!("no helper is called `{name}`"))
        }
    }

    fn at(mut self, offset: usize) -> Self {
        self.offset.get_or_insert(offset);
        self
    }
}

/// Renders every string leaf of `value`. A string that is exactly one `{{ expression }}` keeps the
/// type of its value; keys of maps are left as they are.
///
/// # Errors
/// The first leaf that cannot be rendered.
pub fn render(value: &Value, scope: &Scope) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::String(text) if is_template(text) => render_leaf(text, scope)?,
        Value::Array(list) => Value::Array(
            list.iter()
                .map(|one| render(one, scope))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, one)| Ok((key.clone(), render(one, scope)?)))
                .collect::<Result<_, TemplateError>>()?,
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    })
}

/// Renders one string to text, whatever the type of its value.
///
/// # Errors
/// What cannot be rendered.
pub fn render_text(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    if !is_template(text) {
        return Ok(text.to_owned());
    }
    let compiled = compile(text)?;
    evaluate::Evaluator::new(scope).text(&compiled)
}

/// Every name that `text` reads, in the order of the text. Unknown helpers are errors.
///
/// # Errors
/// What cannot be parsed.
pub fn references(text: &str) -> Result<Vec<Reference>, TemplateError> {
    if !is_template(text) {
        return Ok(Vec::new());
    }
    let compiled = compile(text)?;
    reference::collect(text, &compiled)
}

/// Whether `text` holds anything to render.
#[must_use]
pub fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// Whether `text` is exactly one `{{ expression }}`, so that it keeps the type of its value.
#[must_use]
pub fn is_whole(text: &str) -> bool {
    is_template(text) && compile(text).is_ok_and(|compiled| whole(&compiled).is_some())
}

fn render_leaf(text: &str, scope: &Scope) -> Result<Value, TemplateError> {
    let compiled = compile(text)?;
    let evaluator = evaluate::Evaluator::new(scope);
    match whole(&compiled) {
        Some(expression) => evaluator.whole(expression),
        None => evaluator.text(&compiled).map(Value::String),
    }
}

fn whole(template: &Template) -> Option<&HelperTemplate> {
    match template.elements.as_slice() {
        [TemplateElement::Expression(one) | TemplateElement::HtmlExpression(one)] => Some(one),
        _ => None,
    }
}

thread_local! {
    static COMPILED: RefCell<HashMap<String, Rc<Template>>> = RefCell::new(HashMap::new());
}

fn compile(text: &str) -> Result<Rc<Template>, TemplateError> {
    COMPILED.with_borrow_mut(|kept| {
        if let Some(template) = kept.get(text) {
            return Ok(Rc::clone(template));
        }
        depth::check(text)?;
        let template = Rc::new(Template::compile(text).map_err(|error| syntax(text, &error))?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(text.to_owned(), Rc::clone(&template));
        Ok(template)
    })
}

fn syntax(text: &str, error: &handlebars::TemplateError) -> TemplateError {
    use handlebars::TemplateErrorReason as Reason;
    let message = match error.reason() {
        Reason::MismatchingClosedHelper(open, close) => {
            format!("block `{open}` is closed as `{close}`")
        }
        _ => "wrong template syntax".to_owned(),
    };
    let mut wrong = TemplateError::new(message);
    wrong.offset = error
        .pos()
        .map(|(line, column)| offset_of(text, line, column));
    wrong
}

/// Byte offset of a line and a column (both from 1, in characters).
pub(crate) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let within: usize = text[start..]
        .chars()
        .take(column.saturating_sub(1))
        .map(char::len_utf8)
        .sum();
    (start + within).min(text.len())
}

#[cfg(test)]
mod tests;
