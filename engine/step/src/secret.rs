//! Secrets travel as placeholders and become values only in the worker, just before a call.
//!
//! A rendered input holds `‹secret:NAME›`; that is what the journal, the token and every message see.

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

/// Replaces every placeholder in the string leaves of `value` by what `reveal` gives.
///
/// # Errors
/// The first error of `reveal`.
pub fn reveal<E>(
    value: &Value,
    reveal_one: &dyn Fn(&str) -> Result<String, E>,
) -> Result<Value, E> {
    Ok(match value {
        Value::String(text) => {
            let mut text = text.clone();
            for name in names(&text) {
                text = text.replace(&placeholder(&name), &reveal_one(&name)?);
            }
            Value::String(text)
        }
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

/// Replaces every occurrence of a secret's value in the string leaves of `value` by its placeholder.
#[must_use]
pub fn redact(value: Value, secrets: &[(String, String)]) -> Value {
    match value {
        Value::String(text) => Value::String(redact_text(text, secrets)),
        Value::Array(list) => {
            Value::Array(list.into_iter().map(|one| redact(one, secrets)).collect())
        }
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, one)| (key, redact(one, secrets)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Replaces every occurrence of a secret's value in `text` by its placeholder.
#[must_use]
pub fn redact_text(mut text: String, secrets: &[(String, String)]) -> String {
    for (name, secret) in secrets {
        if !secret.is_empty() && text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), &placeholder(name));
        }
    }
    text
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
}
