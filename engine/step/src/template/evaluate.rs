//! Evaluates a parsed template over a scope: values keep their types until they meet text.

use std::borrow::Cow;

use handlebars::Path;
use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use serde_json::{Map, Value};

use super::reference::{block_names, names};
use super::{TemplateError, helper, lookup};
use crate::scope::Scope;

/// The blocks that exist.
pub(super) const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];

type Found<'a> = Result<Cow<'a, Value>, TemplateError>;

pub(super) fn no_partials() -> TemplateError {
    TemplateError::new("partials and decorators are not available")
}

/// What a block adds to the names in scope.
struct Frame {
    this: Value,
    locals: Map<String, Value>,
    names: Map<String, Value>,
}

/// One rendering.
pub(super) struct Evaluator<'a> {
    scope: &'a Map<String, Value>,
    frames: Vec<Frame>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(scope: &'a Scope) -> Self {
        Self {
            scope: scope.as_object(),
            frames: Vec::new(),
        }
    }

    /// The value of a string that is exactly one expression.
    pub(super) fn whole(self, one: &HelperTemplate) -> Result<Value, TemplateError> {
        self.expression(one).map(Cow::into_owned)
    }

    /// The text of a template.
    pub(super) fn text(mut self, template: &Template) -> Result<String, TemplateError> {
        let mut out = String::new();
        self.write(template, &mut out)?;
        Ok(out)
    }

    fn write(&mut self, template: &Template, out: &mut String) -> Result<(), TemplateError> {
        for element in &template.elements {
            match element {
                TemplateElement::RawString(text) => out.push_str(text),
                TemplateElement::Comment(_) => {}
                TemplateElement::Expression(one) | TemplateElement::HtmlExpression(one) => {
                    helper::push_text(&*self.expression(one)?, out);
                }
                TemplateElement::HelperBlock(block) => self.block(block, out)?,
                _ => return Err(no_partials()),
            }
        }
        Ok(())
    }

    fn expression(&self, one: &HelperTemplate) -> Found<'_> {
        if one.params.is_empty() && one.hash.is_empty() {
            return self.parameter(&one.name);
        }
        let name = one.name.as_name().unwrap_or_default();
        if name == "default" {
            return self.default(&one.params);
        }
        let arguments = one
            .params
            .iter()
            .map(|parameter| self.parameter(parameter))
            .collect::<Result<Vec<_>, _>>()?;
        let mut named = Map::new();
        for (key, parameter) in &one.hash {
            named.insert(key.clone(), self.parameter(parameter)?.into_owned());
        }
        helper::call(name, &arguments, &named).map(Cow::Owned)
    }

    /// The first argument that is there and not null.
    fn default(&self, parameters: &[Parameter]) -> Found<'_> {
        let Some((last, others)) = parameters.split_last() else {
            return Err(TemplateError::new(
                "`default` takes a value and what stands for it",
            ));
        };
        for parameter in others {
            match self.parameter(parameter) {
                Ok(value) if value.is_null() => {}
                Err(error) if error.missing => {}
                found => return found,
            }
        }
        self.parameter(last)
    }

    fn parameter(&self, parameter: &Parameter) -> Found<'_> {
        match parameter {
            Parameter::Literal(value) => Ok(Cow::Owned(value.clone())),
            Parameter::Name(name) => self.relative(std::slice::from_ref(name), 0, false),
            Parameter::Subexpression(sub) => match sub.as_element() {
                TemplateElement::Expression(one) => self.expression(one),
                _ => Err(no_partials()),
            },
            Parameter::Path(Path::Local((level, name, raw))) => self
                .frames
                .iter()
                .rev()
                .nth(*level)
                .and_then(|frame| frame.locals.get(name))
                .map(Cow::Borrowed)
                .ok_or_else(|| TemplateError::missing(format!("unknown name `{raw}`"))),
            Parameter::Path(Path::Relative((segments, raw))) => {
                let up = raw.split('/').take_while(|part| *part == "..").count();
                let path = names(segments);
                if raw.starts_with("@root") {
                    return self.global(&path);
                }
                let own = path.is_empty() || raw.starts_with("this.") || raw.starts_with("./");
                self.relative(&path, up, own)
            }
            _ => Err(no_partials()),
        }
    }

    /// `up` frames further out; `own`: the item and nothing else.
    fn relative(&self, path: &[String], up: usize, own: bool) -> Found<'_> {
        let visible = self.frames.len().saturating_sub(up);
        if own && let Some(frame) = visible.checked_sub(1).and_then(|at| self.frames.get(at)) {
            return walk(&frame.this, path);
        }
        let Some((root, rest)) = path.split_first() else {
            return Err(TemplateError::missing(
                "`this` is only known inside a block".to_owned(),
            ));
        };
        for frame in self.frames[..visible].iter().rev() {
            let named = frame
                .names
                .get(root)
                .or_else(|| frame.this.as_object()?.get(root));
            if let Some(value) = named {
                return walk(value, rest);
            }
        }
        self.global(path)
    }

    fn global(&self, path: &[String]) -> Found<'_> {
        if let [name] = path
            && !self.scope.contains_key(name)
            && helper::NAMES.contains(&name.as_str())
        {
            return Err(TemplateError::new(format!(
                "helper `{name}` needs arguments"
            )));
        }
        lookup::find(self.scope, path)
            .map(Cow::Borrowed)
            .map_err(TemplateError::missing)
    }

    fn block(&mut self, block: &HelperTemplate, out: &mut String) -> Result<(), TemplateError> {
        let name = block.name.as_name().unwrap_or_default();
        if !BLOCKS.contains(&name) {
            return Err(TemplateError::new(format!("no block is called `{name}`")));
        }
        let [subject] = block.params.as_slice() else {
            return Err(TemplateError::new(format!(
                "block `{name}` takes one value"
            )));
        };
        let subject = self.parameter(subject)?.into_owned();
        let holds = helper::truthy(&subject);
        let body = if holds == (name != "unless") {
            &block.template
        } else {
            &block.inverse
        };
        let Some(body) = body else {
            return Ok(());
        };
        if !holds || matches!(name, "if" | "unless") {
            return self.write(body, out);
        }
        let names = block_names(block.block_param.as_ref());
        if name == "with" {
            return self.within(body, subject, (Map::new(), &names), out);
        }
        for (locals, one) in items(subject)? {
            self.within(body, one, (locals, &names), out)?;
        }
        Ok(())
    }

    fn within(
        &mut self,
        body: &Template,
        this: Value,
        (locals, given): (Map<String, Value>, &[&str]),
        out: &mut String,
    ) -> Result<(), TemplateError> {
        let mut names = Map::new();
        let place = locals.get("key").or_else(|| locals.get("index")).cloned();
        for (name, value) in given.iter().zip([Some(this.clone()), place]) {
            names.insert((*name).to_owned(), value.unwrap_or_default());
        }
        self.frames.push(Frame {
            this,
            locals,
            names,
        });
        let written = self.write(body, out);
        self.frames.pop();
        written
    }
}

type Items = Vec<(Map<String, Value>, Value)>;

/// The elements that `each` goes through, with `@index`, `@key`, `@first` and `@last`.
fn items(subject: Value) -> Result<Items, TemplateError> {
    let pairs: Vec<(Option<String>, Value)> = match subject {
        Value::Array(list) => list.into_iter().map(|one| (None, one)).collect(),
        Value::Object(map) => map.into_iter().map(|(key, one)| (Some(key), one)).collect(),
        other => {
            let kind = lookup::kind(&other);
            return Err(TemplateError::new(format!(
                "`each` takes a list or a map, not {kind}"
            )));
        }
    };
    let total = pairs.len();
    let named = |(index, (key, one)): (usize, (Option<String>, Value))| {
        let mut locals = Map::new();
        locals.insert("index".to_owned(), index.into());
        locals.insert("first".to_owned(), (index == 0).into());
        locals.insert("last".to_owned(), (index + 1 == total).into());
        if let Some(key) = key {
            locals.insert("key".to_owned(), key.into());
        }
        (locals, one)
    };
    Ok(pairs.into_iter().enumerate().map(named).collect())
}

fn walk<'a>(mut value: &'a Value, path: &[String]) -> Found<'a> {
    for name in path {
        value = lookup::segment(value, name).ok_or_else(|| {
            TemplateError::missing(format!(
                "unknown name `{}`: {} has no `{name}`",
                path.join("."),
                lookup::kind(value)
            ))
        })?;
    }
    Ok(Cow::Borrowed(value))
}
