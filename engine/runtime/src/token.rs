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
        &request.to_string(),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize()[..20])
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
