//! One path through a value, with words for each way in which it can end early.

use serde_json::{Map, Value};

/// The value at `path`, or a sentence that says where the path ends.
pub(crate) fn find<'a, S: AsRef<str>>(
    names: &'a Map<String, Value>,
    path: &[S],
) -> Result<&'a Value, String> {
    let Some((root, rest)) = path.split_first() else {
        return Err("an empty path names nothing".to_owned());
    };
    let mut value = names
        .get(root.as_ref())
        .ok_or_else(|| format!("unknown name `{}`", join(path)))?;
    for (depth, name) in rest.iter().enumerate() {
        value = segment(value, name.as_ref())
            .ok_or_else(|| ends(&path[..=depth], name.as_ref(), value))?;
    }
    Ok(value)
}

/// One step down: a key of a map, or an index of a list.
pub(crate) fn segment<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(name),
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn ends<S: AsRef<str>>(path: &[S], name: &str, value: &Value) -> String {
    let here = join(path);
    let is_step = path.len() == 2 && path[0].as_ref() == "steps";
    match value {
        Value::Null if is_step => {
            format!(
                "step `{}` was skipped, so it has no output `{name}`",
                path[1].as_ref()
            )
        }
        Value::Null => format!("`{here}` is null, so it has no `{name}`"),
        Value::Object(_) if path.len() == 1 && path[0].as_ref() == "steps" => {
            format!("unknown name `steps.{name}`: no step `{name}` has ended")
        }
        Value::Object(_) if is_step => {
            format!(
                "unknown name `{here}.{name}`: step `{}` has no output `{name}`",
                path[1].as_ref()
            )
        }
        Value::Object(_) => format!("unknown name `{here}.{name}`: `{here}` has no `{name}`"),
        Value::Array(list) if name.parse::<usize>().is_ok() => {
            format!(
                "`{here}` has {} elements, so it has no `{name}`",
                list.len()
            )
        }
        Value::Array(_) => format!("`{here}` is a list, so it has no `{name}`"),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            format!("`{here}` is {}, so it has no `{name}`", kind(value))
        }
    }
}

/// The type of a value, for people.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn join<S: AsRef<str>>(path: &[S]) -> String {
    path.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(".")
}
