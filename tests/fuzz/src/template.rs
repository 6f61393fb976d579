//! Templates.

use runbook_step::{secret, template};
use serde_json::Value;

use crate::{inside, scope, text};

/// A template: read, rendered, and the same when it is rendered again.
pub fn template(data: &[u8]) {
    let Some(text) = text(data) else {
        return;
    };
    let scope = scope();
    let read = template::references(text);
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
    let whole = template::is_whole(text);
    let leaf = Value::String(text.to_owned());
    let rendered = template::render(&leaf, &scope);
    assert_eq!(
        rendered,
        template::render(&leaf, &scope),
        "rendering is a function"
    );
    let as_text = template::render_text(text, &scope);
    match &rendered {
        Ok(value) => {
            let stored = value.to_string();
            let again: Value = serde_json::from_str(&stored).expect("a rendered value is stored");
            assert_eq!(&again, value, "it is the same when it is read back");
            assert!(
                whole || value.is_string(),
                "only a whole expression keeps its type"
            );
            assert!(as_text.is_ok(), "what has a value has a text");
        }
        Err(error) => {
            assert!(!error.message.is_empty());
            inside(error.offset, text);
            assert!(as_text.is_err(), "what has no value has no text");
        }
    }
    if let Ok(Value::String(text)) = &rendered {
        // Whatever a template makes of placeholders, revealing them ends and asks by name.
        let shown = secret::reveal(&Value::String(text.clone()), &|name| {
            Ok::<_, ()>(name.to_owned())
        });
        assert!(shown.is_ok());
    }
}
