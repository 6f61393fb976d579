//! Durations and the placeholders of secrets.

use runbook_step::{duration, secret};
use serde_json::{Value, json};

use crate::text;

/// A duration, a text with placeholders, and a secret that hides in one.
pub fn value(data: &[u8]) {
    let Some(text) = text(data) else {
        return;
    };
    if let Ok(span) = duration::parse(text) {
        let written = duration::format(span);
        assert_eq!(
            duration::parse(&written),
            Ok(span),
            "{text} is written {written}"
        );
    }
    let names = secret::names(text);
    for name in &names {
        assert!(text.contains(&secret::placeholder(name)));
    }
    let held = json!({"in": [text], text: 1});
    let same = secret::reveal(&held, &|name| Ok::<_, ()>(secret::placeholder(name)));
    assert_eq!(
        same.as_ref(),
        Ok(&held),
        "a placeholder for a placeholder changes nothing"
    );
    let refused = secret::reveal(&Value::String(text.to_owned()), &|name| {
        Err::<String, _>(name.to_owned())
    });
    assert_eq!(
        refused.err(),
        names.first().cloned(),
        "the first secret is asked for"
    );
    hides(text);
}

/// The lines of a text as secrets: none is left in what is shown of it.
fn hides(text: &str) {
    let secrets: Vec<(String, String)> = text
        .lines()
        .take(8)
        .map(str::to_owned)
        .filter(|line| !line.is_empty() && line.chars().all(|c| c.is_ascii_digit()))
        .enumerate()
        .map(|(index, line)| (char::from(b'a' + index as u8).to_string(), line))
        .collect();
    let whole: String = secrets
        .iter()
        .map(|(_, value)| format!("<{value}>"))
        .collect();
    let shown = secret::redact(
        json!({"text": whole, whole.clone(): [whole.clone()]}),
        &secrets,
    );
    let digits = shown.to_string();
    assert!(
        !digits.contains(|c: char| c.is_ascii_digit()),
        "{whole} is shown as {digits}"
    );
}
