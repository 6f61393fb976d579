//! `wait`: a durable timer. The engine carries it out; no thread sleeps.

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::span::Span;

/// Waits for a span of time, or until a point in time.
///
/// The timer is on disk: a restart does not begin it again.
#[derive(JsonSchema)]
#[serde(transparent)]
#[expect(dead_code, reason = "the engine reads the recorded inputs")]
pub(crate) struct Wait(Fields);

/// Waits for a span of time, or until a point in time.
///
/// The timer is on disk: a restart does not begin it again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    inline,
    extend("oneOf" = [{ "required": ["for"] }, { "required": ["until"] }])
)]
struct Fields {
    /// How long to wait.
    #[serde(default, rename = "for")]
    span: Option<Span>,
    /// When to go on, as an RFC 3339 time such as `2026-12-01T08:00:00Z`.
    #[serde(default)]
    #[schemars(extend("format" = "date-time"))]
    until: Option<String>,
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        match (&fields.span, &fields.until) {
            (Some(_), None) => Ok(Self(fields)),
            (None, Some(until)) => match until.parse::<jiff::Timestamp>() {
                Ok(_) => Ok(Self(fields)),
                Err(error) => Err(D::Error::custom(format!("`until` is not a time: {error}"))),
            },
            (Some(_), Some(_)) | (None, None) => {
                Err(D::Error::custom("give one of `for` and `until`"))
            }
        }
    }
}

/// How long it took.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "the engine writes it; the type gives the schema")]
pub(crate) struct Waited {
    /// How long it waited, such as `30s`.
    waited: String,
}

#[cfg(test)]
mod tests {
    use super::Wait;
    use serde_json::{Value, from_value, json};

    fn refused(with: Value) -> String {
        from_value::<Wait>(with)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn takes_exactly_one_of_for_and_until() {
        assert_eq!(refused(json!({"for": "30s"})), "");
        assert_eq!(refused(json!({"until": "2026-12-01T08:00:00Z"})), "");
        assert_eq!(refused(json!({})), "give one of `for` and `until`");
        let both = json!({"for": "30s", "until": "2026-12-01T08:00:00Z"});
        assert_eq!(refused(both), "give one of `for` and `until`");
        assert!(refused(json!({"until": "tomorrow"})).starts_with("`until` is not a time"));
        assert!(refused(json!({"for": "soon"})).contains("is not a duration"));
    }

    #[test]
    fn the_schema_has_both_fields() {
        let schema = runbook_step::catalog::schema_of::<Wait>();
        assert!(schema["properties"]["for"].is_object(), "{schema}");
        assert!(schema["properties"]["until"].is_object(), "{schema}");
    }
}
