//! Expressions: CEL, over the names in scope and nothing else.
//!
//! An expression sees only the values that it names, so evaluating one does not cost more as a run
//! grows. It reads no clock and no randomness: maps are gone through in the order of their keys.

mod convert;
mod depth;
mod reference;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::types::{self, CelList, CelMap, CelMapKey, CelString};
use cel::common::value::{CowVal, Val};
use cel::{Context, Env, ExecutionError};
use serde_json::{Map, Value};

use crate::scope::Scope;
use crate::template::{find, offset_of};

pub use crate::template::Reference;
pub use depth::{DEEPEST, LONGEST};

/// Compiled expressions that one thread keeps.
const KEPT: usize = 1_024;

/// The function that puts what a macro goes through in order.
const ORDERED: &str = "@ordered";

/// Why an expression cannot be parsed or evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// A lowercase fragment.
    pub message: String,
    /// Where in the text, in bytes, when it is known.
    pub offset: Option<usize>,
    /// The name that no function has.
    pub function: Option<String>,
}

impl ExpressionError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            offset: None,
            function: None,
        }
    }
}

/// Evaluates `text` over `scope`.
///
/// # Errors
/// A syntax error, a name that is missing, or an operation that its values do not have.
pub fn evaluate(text: &str, scope: &Scope) -> Result<Value, ExpressionError> {
    let program = compile(text)?;
    let mut seen = Seen::default();
    for reference in &program.references {
        seen.add(scope, &reference.path);
    }
    let values = seen.values;
    if program.levels <= depth::SHALLOW {
        return resolve(&program, values, scope);
    }
    let program = &*program;
    depth::apart(move || resolve(program, values, scope))
}

fn resolve(
    program: &Program,
    values: Map<String, Value>,
    scope: &Scope,
) -> Result<Value, ExpressionError> {
    let mut context = Context::with_env(Arc::clone(&ENV));
    for (name, value) in values {
        context.add_variable_from_value(name, convert::to_cel(&value));
    }
    match cel::Value::resolve(&program.expression, &context) {
        Ok(value) => convert::to_json(&value).map_err(ExpressionError::new),
        Err(error) => Err(explain(&error, &program.references, scope)),
    }
}

/// Every name that `text` reads; variables of macros are none. Unknown functions are errors.
///
/// # Errors
/// A syntax error or an unknown function.
pub fn references(text: &str) -> Result<Vec<Reference>, ExpressionError> {
    Ok(compile(text)?.references.clone())
}

/// Each path that `text` reads, with its value: what a person needs to see why a condition did not
/// hold. A path that ends early stands with null.
#[must_use]
pub fn values_seen(text: &str, scope: &Scope) -> Value {
    let Ok(program) = compile(text) else {
        return Value::Object(Map::new());
    };
    let value = |one: &Reference| {
        find(scope.as_object(), &one.path)
            .cloned()
            .unwrap_or_default()
    };
    Value::Object(
        program
            .references
            .iter()
            .map(|one| (one.dotted(), value(one)))
            .collect(),
    )
}

/// Every function that an expression may call, sorted.
pub const FUNCTIONS: &[&str] = reference::FUNCTIONS;

struct Program {
    expression: IdedExpr,
    references: Vec<Reference>,
    levels: usize,
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(environment()));

thread_local! {
    static COMPILED: RefCell<HashMap<String, Rc<Program>>> = RefCell::new(HashMap::new());
}

/// The standard library and the pure extensions; none of them reads a clock.
fn environment() -> Env {
    let mut env = Env::stdlib();
    for extension in [
        cel::extensions::strings,
        cel::extensions::lists,
        cel::extensions::math,
        cel::extensions::encoders,
    ] {
        env.add_extension(extension)
            .expect("the extensions of one crate do not conflict");
    }
    for (id, kind) in [
        ("ordered_map", types::MAP_TYPE),
        ("ordered_list", types::LIST_TYPE),
    ] {
        env.add_overload(ORDERED, id, vec![kind], ordered)
            .expect("no other function has this name");
    }
    env
}

fn ordered<'b, 'v>(mut given: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let given = given
        .pop()
        .ok_or_else(ExecutionError::missing_argument_or_target)?;
    let Some(map) = given.downcast_ref::<CelMap>() else {
        return Ok(given);
    };
    let mut keys: Vec<&CelMapKey> = map.inner().keys().collect();
    keys.sort();
    let keys: Vec<Box<dyn Val>> = keys.into_iter().map(own_key).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

fn own_key(key: &CelMapKey<'_>) -> Box<dyn Val> {
    match key {
        CelMapKey::String(text) => Box::new(CelString::from(text.inner().to_owned())),
        CelMapKey::Bool(value) => Box::new(*value),
        CelMapKey::Int(value) => Box::new(*value),
        CelMapKey::UInt(value) => Box::new(*value),
    }
}

fn compile(text: &str) -> Result<Rc<Program>, ExpressionError> {
    COMPILED.with_borrow_mut(|kept| {
        if let Some(program) = kept.get(text) {
            return Ok(Rc::clone(program));
        }
        depth::check_length(text)?;
        let program = Rc::new(depth::apart(|| parse(text))?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(text.to_owned(), Rc::clone(&program));
        Ok(program)
    })
}

fn parse(text: &str) -> Result<Program, ExpressionError> {
    let parsed = ENV.compile(text).map_err(|errors| syntax(text, &errors))?;
    let levels = depth::check(parsed.expression())?;
    let references = reference::collect(text, &parsed)?;
    let mut expression = parsed.expression().clone();
    reference::order(&mut expression);
    Ok(Program {
        expression,
        references,
        levels,
    })
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> ExpressionError {
    let Some(first) = errors.errors.first() else {
        return ExpressionError::new("wrong expression syntax");
    };
    let message = first.msg.trim_start_matches("Syntax error: ");
    let message = message.split(" expecting ").next().unwrap_or(message);
    let message = message
        .replace("mismatched input '<EOF>'", "it ends too early")
        .replace("extraneous input", "unexpected")
        .replace("mismatched input", "unexpected")
        .replace("no viable alternative at input", "unexpected")
        .replace("token recognition error at: ", "unexpected ");
    let mut error = ExpressionError::new(format!("wrong expression syntax: {message}"));
    if let (Ok(line), Ok(column)) = (usize::try_from(first.pos.0), usize::try_from(first.pos.1)) {
        error.offset = Some(offset_of(text, line.max(1), column.max(1)));
    }
    error
}

/// The words for a failed evaluation: the first reference that leads nowhere, if one does.
fn explain(error: &ExecutionError, references: &[Reference], scope: &Scope) -> ExpressionError {
    let missing = references
        .iter()
        .filter(|one| !one.optional)
        .find_map(|one| Some((one, find(scope.as_object(), &one.path).err()?)));
    if let Some((reference, message)) = missing {
        return ExpressionError {
            message,
            offset: Some(reference.offset),
            function: None,
        };
    }
    ExpressionError::new(match error {
        ExecutionError::NoSuchKey(name) => format!("a map has no `{name}`"),
        ExecutionError::UndeclaredReference(name) => format!("unknown name `{name}`"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number left its range".to_owned(),
        ExecutionError::IndexOutOfBounds(at) => match convert::to_json(at) {
            Ok(at) => format!("a list has no element {at}"),
            Err(_) => "a list has no such element".to_owned(),
        },
        ExecutionError::UnsupportedBinaryOperator(operator, one, two) => {
            convert::no_operator(operator, one, two)
        }
        other => convert::plain(&other.to_string()),
    })
}

/// The part of a scope that an expression names.
#[derive(Default)]
struct Seen {
    values: Map<String, Value>,
}

impl Seen {
    fn add(&mut self, scope: &Scope, path: &[String]) {
        let Some((root, rest)) = path.split_first() else {
            return;
        };
        let Some(from) = scope.get(root) else {
            return;
        };
        if let Some(into) = self.values.get_mut(root) {
            graft(into, from, rest);
            return;
        }
        let mut into = hollow(from, rest);
        graft(&mut into, from, rest);
        self.values.insert(root.clone(), into);
    }
}

/// An empty map where more of the path follows, else the value itself.
fn hollow(from: &Value, rest: &[String]) -> Value {
    match from {
        Value::Object(_) if !rest.is_empty() => Value::Object(Map::new()),
        whole => whole.clone(),
    }
}

fn graft(into: &mut Value, from: &Value, path: &[String]) {
    let (Value::Object(known), Value::Object(all)) = (&mut *into, from) else {
        return;
    };
    let Some((name, rest)) = path.split_first() else {
        *into = from.clone();
        return;
    };
    let Some(next) = all.get(name) else {
        return;
    };
    let here = known
        .entry(name.clone())
        .or_insert_with(|| hollow(next, rest));
    graft(here, next, rest);
}

#[cfg(test)]
mod tests;
