//! Secrets travel as placeholders and become values only in the worker, just before a call.
//!
//! A rendered input holds `‹secret:NAME›`; that is what the journal, the token and every message see.

use std::cmp::Reverse;

use serde_json::Value;

const OPEN: &str = "‹secret:";
const CLOSE: char = '›';

/// What stands for the secret `name` wherever the engine keeps text.
#[must_use]
pub fn placeholder(name: &str) -> String {
    format!("{OPEN}{name}{CLOSE}")
}

/// Names of the secrets that `text` stands for.
#[must_use]
pub fn names(text: &str) -> Vec<String> {
    text.split(OPEN)
        .skip(1)
        .filter_map(|rest| rest.split_once(CLOSE))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Replaces every placeholder in the string leaves of `value` by what `reveal` gives. What is given is
/// not looked through: a secret that looks like a placeholder stays as it is.
///
/// # Errors
/// The first error of `reveal`.
pub fn reveal<E>(
    value: &Value,
    reveal_one: &dyn Fn(&str) -> Result<String, E>,
) -> Result<Value, E> {
    Ok(match value {
        Value::String(text) => Value::String(reveal_text(text, reveal_one)?),
        Value::Array(list) => Value::Array(
            list.iter()
                .map(|one| reveal(one, reveal_one))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, one)| Ok((key.clone(), reveal(one, reveal_one)?)))
                .collect::<Result<_, E>>()?,
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

fn reveal_text<E>(text: &str, reveal_one: &dyn Fn(&str) -> Result<String, E>) -> Result<String, E> {
    let mut parts = text.split(OPEN);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(CLOSE) {
            Some((name, rest)) => {
                out.push_str(&reveal_one(name)?);
                out.push_str(rest);
            }
            None => {
                out.push_str(OPEN);
                out.push_str(part);
            }
        }
    }
    Ok(out)
}

/// Replaces every occurrence of a secret's value in the strings of `value`, keys of maps included, by
/// its placeholder.
#[must_use]
pub fn redact(value: Value, secrets: &[(String, String)]) -> Value {
    match value {
        Value::String(text) => Value::String(redact_text(text, secrets)),
        Value::Array(list) => {
            Value::Array(list.into_iter().map(|one| redact(one, secrets)).collect())
        }
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, one)| (redact_text(key, secrets), redact(one, secrets)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Replaces every occurrence of a secret's value in `text` by its placeholder. Where one secret begins
/// with another, the longer one is taken, so that its end does not stay behind.
#[must_use]
pub fn redact_text(text: String, secrets: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text.as_str();
    let first = |rest: &str| {
        secrets
            .iter()
            .filter(|(_, secret)| !secret.is_empty())
            .filter_map(|(name, secret)| Some((rest.find(secret)?, name, secret.len())))
            .min_by_key(|(at, _, length)| (*at, Reverse(*length)))
    };
    while let Some((at, name, length)) = first(rest) {
        out.push_str(&rest[..at]);
        out.push_str(&placeholder(name));
        rest = &rest[at + length..];
    }
    if out.is_empty() {
        return text;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_placeholder_is_revealed_and_a_value_is_hidden_again() {
        let rendered = json!({"header": [format!("Bearer {}", placeholder("token"))]});
        let shown = reveal(&rendered, &|name| Ok::<_, ()>(format!("s3cr3t-{name}"))).unwrap();
        assert_eq!(shown, json!({"header": ["Bearer s3cr3t-token"]}));
        let hidden = redact(shown, &[("token".into(), "s3cr3t-token".into())]);
        assert_eq!(hidden, rendered);
    }

    #[test]
    fn an_unknown_secret_is_an_error() {
        let rendered = json!(placeholder("nope"));
        assert_eq!(
            reveal(&rendered, &|name| Err(name.to_owned())),
            Err("nope".to_owned())
        );
    }

    #[test]
    fn a_secret_that_begins_with_another_leaves_no_end_behind() {
        let secrets = [("short", "pass"), ("long", "password1"), ("other", "t:s")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            redact_text("a password1 and a pass".into(), &secrets),
            format!("a {} and a {}", placeholder("long"), placeholder("short"))
        );
    }

    #[test]
    fn a_secret_is_hidden_in_the_keys_of_maps() {
        let secrets = [("token".to_owned(), "s3cr3t".to_owned())];
        assert_eq!(
            redact(json!({"s3cr3t": {"xs3cr3t": 1}}), &secrets),
            json!({placeholder("token"): {format!("x{}", placeholder("token")): 1}})
        );
    }

    #[test]
    fn a_secret_that_looks_like_a_placeholder_stays_as_it_is() {
        let rendered = json!(format!("{}{}", placeholder("a"), placeholder("b")));
        let shown = reveal(&rendered, &|name| {
            Ok::<_, ()>(if name == "a" {
                placeholder("b")
            } else {
                "hidden".into()
            })
        });
        assert_eq!(shown, Ok(json!(format!("{}hidden", placeholder("b")))));
    }
}
