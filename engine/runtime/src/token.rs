//! Run ids, and tokens that are derived rather than stored first.

use rand::RngExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Letters and digits that are not mistaken for one another when read aloud.
const ALPHABET: &[u8] = b"23456789abcdefghjkmnpqrstvwxyz";

/// A new short id; the store refuses one that is taken.
#[must_use]
pub fn new_run_id() -> String {
    let mut random = rand::rng();
    (0..6)
        .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
        .collect()
}

/// The token of an effect: a second owner, or one that works from a restored backup, derives the same.
/// 40 hexadecimal digits, within the 64 characters that AWS takes.
#[must_use]
pub fn token(run: &str, step: &str, item: Option<u32>, generation: u32, request: &Value) -> String {
    let mut hash = Sha256::new();
    for part in [
        run,
        step,
        &item.map_or_else(String::new, |item| item.to_string()),
        &generation.to_string(),
        &canonical(request),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize()[..20])
}

/// JSON with the keys of maps in order, so that a token does not depend on how a map was built.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<(&String, &Value)> = map.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(name, one)| format!("{}:{}", Value::from(name.as_str()), canonical(one)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(canonical).collect();
            format!("[{}]", list.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of text, in hexadecimal digits.
pub(crate) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let one: Value = serde_json::from_str(r#"{"a":{"x":1,"y":[2]},"b":"c"}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b":"c","a":{"y":[2],"x":1}}"#).unwrap();
        assert_eq!(canonical(&one), r#"{"a":{"x":1,"y":[2]},"b":"c"}"#);
        assert_eq!(canonical(&one), canonical(&two));
    }

    #[test]
    fn a_token_depends_on_all_its_parts_and_on_nothing_else() {
        let base = token("r", "s", None, 0, &json!({"a": 1}));
        assert_eq!(base, token("r", "s", None, 0, &json!({"a": 1})));
        assert_eq!(base.len(), 40);
        for other in [
            token("r2", "s", None, 0, &json!({"a": 1})),
            token("r", "s2", None, 0, &json!({"a": 1})),
            token("r", "s", Some(0), 0, &json!({"a": 1})),
            token("r", "s", None, 1, &json!({"a": 1})),
            token("r", "s", None, 0, &json!({"a": 2})),
        ] {
            assert_ne!(base, other);
        }
    }
}
