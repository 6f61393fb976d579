//! What fuzzing asks of everything that reads text from outside: the bodies of the targets.
//!
//! A body takes any bytes and returns, or panics when a promise is broken. `fuzz/` runs them under
//! cargo-fuzz; the tests here run them over the stored corpus and over inputs that follow from a seed.

mod expression;
mod mutate;
mod replay;
mod spec;
mod template;
mod value;

pub use expression::expression;
pub use mutate::{Mutator, TOKENS};
pub use replay::{event, replay};
pub use spec::{environment, parser};
pub use template::template;
pub use value::value;

use std::path::PathBuf;

/// A target's name and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by the name of its corpus.
pub const TARGETS: [Target; 7] = [
    ("parser", parser),
    ("environment", environment),
    ("template", template),
    ("expression", expression),
    ("event", event),
    ("replay", replay),
    ("value", value),
];

/// The root of the project.
#[must_use]
pub fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The bytes as text; bytes that are not UTF-8 are no input, since files are refused before.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Where an error says that it is lies inside its text.
fn inside(offset: Option<usize>, text: &str) {
    if let Some(offset) = offset {
        assert!(
            offset <= text.len() && text.is_char_boundary(offset),
            "offset {offset} is not inside {text:?}"
        );
    }
}

/// Names as a run has them in scope, with a value of every type.
fn scope() -> runbook_step::scope::Scope {
    use serde_json::json;
    let secret = runbook_step::secret::placeholder("token");
    runbook_step::scope::Scope::new()
        .with("params", json!({"domain": "a.example", "count": 3, "list": [1, 2, 3], "none": null}))
        .with("env", json!({
            "name": "dev", "protected": false, "zones": ["a", "b"], "ratio": 0.1,
            "large": u64::MAX, "cidr": "10.0.0.0/16", "at": "2026-01-31T12:00:00Z",
            "tags": {"Owner": "sre", "Größe": "ä"},
        }))
        .with("run", json!({"id": "r", "runbook": "x", "started_at": "2026-01-31T12:00:00Z", "attempt": 1}))
        .with("steps", json!({"a": {"id": "i-1", "targets": [{"id": "t", "state": "healthy"}]}, "skipped": null}))
        .with("item", json!("x"))
        .with("index", json!(0))
        .with("secrets", json!({"token": secret}))
}
