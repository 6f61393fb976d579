//! The names that a parsed template reads.

use handlebars::template::{BlockParam, HelperTemplate, Parameter, Template, TemplateElement};
use handlebars::{Path, PathSeg};

use super::{Reference, TemplateError, evaluate, helper};

/// Names that may stand at the head of a path inside a block, where other names are the item's own.
const ROOTS: [&str; 8] = [
    "params", "env", "run", "steps", "item", "index", "secrets", "schedule",
];

/// Every reference, and the first unknown helper as an error.
pub(super) fn collect(text: &str, template: &Template) -> Result<Vec<Reference>, TemplateError> {
    let mut collector = Collector {
        text,
        from: 0,
        blocks: 0,
        locals: Vec::new(),
        found: Vec::new(),
    };
    collector.template(template)?;
    Ok(collector.found)
}

struct Collector<'a> {
    text: &'a str,
    from: usize,
    blocks: usize,
    locals: Vec<String>,
    found: Vec<Reference>,
}

impl Collector<'_> {
    fn template(&mut self, template: &Template) -> Result<(), TemplateError> {
        for element in &template.elements {
            match element {
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
                TemplateElement::Expression(one) | TemplateElement::HtmlExpression(one) => {
                    self.expression(one, false)?;
                }
                TemplateElement::HelperBlock(block) => self.block(block)?,
                _ => return Err(evaluate::no_partials()),
            }
        }
        Ok(())
    }

    fn expression(&mut self, one: &HelperTemplate, optional: bool) -> Result<(), TemplateError> {
        if one.params.is_empty() && one.hash.is_empty() {
            return self.parameter(&one.name, optional);
        }
        let name = one.name.as_name().unwrap_or_default();
        let offset = self.locate(name);
        if !helper::NAMES.contains(&name) {
            return Err(TemplateError::no_helper(name).at(offset));
        }
        for (index, parameter) in one.params.iter().enumerate() {
            let spared = name == "default" && index + 1 < one.params.len();
            self.parameter(parameter, optional || spared)?;
        }
        for parameter in one.hash.values() {
            self.parameter(parameter, optional)?;
        }
        Ok(())
    }

    fn block(&mut self, block: &HelperTemplate) -> Result<(), TemplateError> {
        let name = block.name.as_name().unwrap_or_default();
        let offset = self.locate(name);
        if !evaluate::BLOCKS.contains(&name) {
            let mut error = TemplateError::no_helper(name);
            error.message = format!("no block is called `{name}`");
            return Err(error.at(offset));
        }
        for parameter in &block.params {
            self.parameter(parameter, false)?;
        }
        let own = self.locals.len();
        for name in block_names(block.block_param.as_ref()) {
            self.locals.push(name.to_owned());
        }
        let inner = usize::from(matches!(name, "each" | "with"));
        self.blocks += inner;
        if let Some(body) = &block.template {
            self.template(body)?;
        }
        self.blocks -= inner;
        self.locals.truncate(own);
        if let Some(other) = &block.inverse {
            self.template(other)?;
        }
        Ok(())
    }

    fn parameter(&mut self, parameter: &Parameter, optional: bool) -> Result<(), TemplateError> {
        match parameter {
            Parameter::Literal(_) => Ok(()),
            Parameter::Subexpression(sub) => match sub.as_element() {
                TemplateElement::Expression(one) => self.expression(one, optional),
                _ => Ok(()),
            },
            Parameter::Name(name) => {
                self.path(name, vec![name.clone()], optional);
                Ok(())
            }
            Parameter::Path(Path::Local(_)) => Ok(()),
            Parameter::Path(Path::Relative((segments, raw))) => {
                let path = names(segments);
                let relative = raw == "this" || raw.starts_with("this.") || raw.starts_with("./");
                if !path.is_empty() && (!relative || self.blocks == 0) {
                    self.path(raw, path, optional);
                }
                Ok(())
            }
            _ => Err(evaluate::no_partials()),
        }
    }

    fn path(&mut self, raw: &str, path: Vec<String>, optional: bool) {
        let offset = self.locate(raw);
        let root = path[0].as_str();
        let local = self.locals.iter().any(|name| name == root);
        if local || (self.blocks > 0 && !ROOTS.contains(&root)) {
            return;
        }
        self.found.push(Reference {
            path,
            offset,
            optional,
        });
    }

    /// Names come in the order of the text (but for hash parameters): the next occurrence is the one.
    fn locate(&mut self, raw: &str) -> usize {
        let offset = occurrence(self.text, raw, self.from)
            .or_else(|| occurrence(self.text, raw, 0))
            .unwrap_or(self.from);
        self.from = self
            .from
            .max(offset + raw.len().min(self.text.len() - offset));
        offset
    }
}

fn occurrence(text: &str, raw: &str, from: usize) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
    let mut start = from;
    while let Some(found) = text.get(start..)?.find(raw) {
        let at = start + found;
        let after = text[at + raw.len()..].chars().next();
        let before = text[..at].chars().next_back();
        let open = text[..at]
            .rfind("{{")
            .is_some_and(|open| text[..at].rfind("}}").is_none_or(|close| close < open));
        if open && !before.is_some_and(part) && !after.is_some_and(part) {
            return Some(at);
        }
        start = at + raw.chars().next().map_or(1, char::len_utf8);
    }
    None
}

/// The named segments of a path.
pub(super) fn names(segments: &[PathSeg]) -> Vec<String> {
    segments
        .iter()
        .filter_map(|segment| match segment {
            PathSeg::Named(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// The names that a block gives to its item and the item's index.
pub(super) fn block_names(block: Option<&BlockParam>) -> Vec<&str> {
    match block {
        None => Vec::new(),
        Some(BlockParam::Single(one)) => one.as_name().into_iter().collect(),
        Some(BlockParam::Pair((one, two))) => {
            one.as_name().into_iter().chain(two.as_name()).collect()
        }
        Some(_) => Vec::new(),
    }
}
