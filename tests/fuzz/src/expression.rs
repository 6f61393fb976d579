//! Expressions.

use runbook_step::expression;
use serde_json::Value;

use crate::{inside, scope, text};

/// Longer inputs are only read: what a loop over loops costs is not what is looked for.
const EVALUATED: usize = 400;

/// An expression: read, evaluated, and the same when it is evaluated again.
pub fn expression(data: &[u8]) {
    let Some(text) = text(data) else {
        return;
    };
    let read = expression::references(text);
    match &read {
        Ok(found) => {
            for one in found {
                assert!(!one.path.is_empty());
                inside(Some(one.offset), text);
            }
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            inside(error.offset, text);
        }
    }
    if text.len() > EVALUATED {
        return;
    }
    let scope = scope();
    let value = expression::evaluate(text, &scope);
    assert_eq!(
        value,
        expression::evaluate(text, &scope),
        "evaluating is a function"
    );
    if let Err(error) = &read {
        assert_eq!(
            value.as_ref(),
            Err(error),
            "what cannot be read has no value"
        );
    }
    match &value {
        Ok(value) => {
            let stored = value.to_string();
            let again: Value = serde_json::from_str(&stored).expect("a value is stored");
            assert_eq!(&again, value, "it is the same when it is read back");
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            inside(error.offset, text);
        }
    }
    assert!(expression::values_seen(text, &scope).is_object());
}
