//! Values of declared types: what a parameter, a variable or a form takes.

mod aws;

use runbook_core::{Param, ParamType};
use runbook_step::duration;
use serde_json::Value;

/// Every type with its name in a file.
pub(crate) const TYPES: [(&str, ParamType); 17] = [
    ("string", ParamType::String),
    ("integer", ParamType::Integer),
    ("number", ParamType::Number),
    ("boolean", ParamType::Boolean),
    ("duration", ParamType::Duration),
    ("list", ParamType::List),
    ("map", ParamType::Map),
    ("aws.region", ParamType::AwsRegion),
    ("aws.zone", ParamType::AwsZone),
    ("aws.vpc_id", ParamType::AwsVpcId),
    ("aws.subnet_id", ParamType::AwsSubnetId),
    ("aws.instance_id", ParamType::AwsInstanceId),
    ("aws.volume_id", ParamType::AwsVolumeId),
    ("aws.snapshot_id", ParamType::AwsSnapshotId),
    ("aws.image_id", ParamType::AwsImageId),
    ("aws.arn", ParamType::AwsArn),
    ("cidr", ParamType::Cidr),
];

/// The name of a type.
pub(crate) fn type_name(kind: ParamType) -> &'static str {
    TYPES
        .iter()
        .find(|(_, one)| *one == kind)
        .map_or("string", |(name, _)| name)
}

/// Whether values of this type are texts.
pub(crate) fn is_text(kind: ParamType) -> bool {
    match kind {
        ParamType::Integer
        | ParamType::Number
        | ParamType::Boolean
        | ParamType::List
        | ParamType::Map => false,
        ParamType::String
        | ParamType::Duration
        | ParamType::AwsRegion
        | ParamType::AwsZone
        | ParamType::AwsVpcId
        | ParamType::AwsSubnetId
        | ParamType::AwsInstanceId
        | ParamType::AwsVolumeId
        | ParamType::AwsSnapshotId
        | ParamType::AwsImageId
        | ParamType::AwsArn
        | ParamType::Cidr => true,
    }
}

/// The type of a value, for people.
pub(crate) fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// A value as its type has it (durations as people write them), or why it is none.
pub(crate) fn check(param: &Param, value: &Value) -> Result<Value, String> {
    let value = typed(param.kind, value)?;
    constrained(param, &value)?;
    if let (Some(items), Value::Array(list)) = (&param.items, &value) {
        let list = list
            .iter()
            .enumerate()
            .map(|(index, one)| check(items, one).map_err(|why| format!("element {index}: {why}")));
        return list.collect::<Result<_, _>>().map(Value::Array);
    }
    Ok(value)
}

/// A value from a command line: text is read as the type that is asked for.
pub(crate) fn read(param: &Param, value: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) if !is_text(param.kind) => {
            let parsed: Value = serde_yaml::from_str(text)
                .map_err(|_| format!("has to be {}, not `{text}`", a_type(param.kind)))?;
            check(param, &parsed)
        }
        _ => check(param, value),
    }
}

fn typed(kind: ParamType, value: &Value) -> Result<Value, String> {
    let wrong = || match value {
        Value::String(text) => format!("has to be {}, not the text `{text}`", a_type(kind)),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            format!("has to be {}, not {}", a_type(kind), what(value))
        }
        Value::Bool(_) | Value::Number(_) if is_text(kind) => {
            format!(
                "has to be {}, not `{value}`: put it in quotes",
                a_type(kind)
            )
        }
        Value::Bool(_) | Value::Number(_) => format!("has to be {}, not `{value}`", a_type(kind)),
    };
    let fits = match kind {
        ParamType::String => value.is_string(),
        ParamType::Integer => value.is_i64() || value.is_u64(),
        ParamType::Number => value.is_number(),
        ParamType::Boolean => value.is_boolean(),
        ParamType::List => value.is_array(),
        ParamType::Map => value.is_object(),
        ParamType::Duration => {
            let text = value.as_str().ok_or_else(wrong)?;
            return duration::parse(text).map(|span| Value::String(duration::format(span)));
        }
        _ => value.as_str().is_some_and(|text| aws::fits(kind, text)),
    };
    if fits {
        Ok(value.clone())
    } else {
        Err(wrong())
    }
}

fn constrained(param: &Param, value: &Value) -> Result<(), String> {
    if let Some(choices) = &param.choices
        && !choices.iter().any(|choice| same(param.kind, choice, value))
    {
        let listed: Vec<_> = choices
            .iter()
            .map(|one| format!("`{}`", shown(one)))
            .collect();
        return Err(format!(
            "has to be one of {}, not `{}`",
            listed.join(", "),
            shown(value)
        ));
    }
    if let (Some(pattern), Value::String(text)) = (&param.pattern, value) {
        let regex = regex::Regex::new(pattern).map_err(|error| error.to_string())?;
        if !regex.is_match(text) {
            return Err(format!("`{text}` does not match `{pattern}`"));
        }
    }
    let size = measure(param.kind, value);
    let bound = |bound: &Option<Value>| bound.as_ref().and_then(|one| measure(param.kind, one));
    if let (Some(size), Some(least)) = (size, bound(&param.min))
        && size < least
    {
        return Err(format!(
            "`{}` is below {}",
            shown(value),
            bound_text(&param.min)
        ));
    }
    if let (Some(size), Some(most)) = (size, bound(&param.max))
        && size > most
    {
        return Err(format!(
            "`{}` is above {}",
            shown(value),
            bound_text(&param.max)
        ));
    }
    let length = match value {
        Value::String(text) => text.chars().count() as u64,
        Value::Array(list) => list.len() as u64,
        Value::Object(map) => map.len() as u64,
        Value::Null | Value::Bool(_) | Value::Number(_) => return Ok(()),
    };
    match (param.min_length, param.max_length) {
        (Some(least), _) if length < least => Err(format!("its length {length} is below {least}")),
        (_, Some(most)) if length > most => Err(format!("its length {length} is above {most}")),
        _ => Ok(()),
    }
}

fn bound_text(bound: &Option<Value>) -> String {
    bound.as_ref().map(shown).unwrap_or_default()
}

/// What `min` and `max` compare.
#[expect(
    clippy::cast_precision_loss,
    reason = "durations are far below 2^52 milliseconds"
)]
pub(crate) fn measure(kind: ParamType, value: &Value) -> Option<f64> {
    match kind {
        ParamType::Integer | ParamType::Number => value.as_f64(),
        ParamType::Duration => duration::parse(value.as_str()?)
            .ok()
            .map(|span| span as f64),
        _ => None,
    }
}

fn same(kind: ParamType, one: &Value, two: &Value) -> bool {
    match (measure(kind, one), measure(kind, two)) {
        (Some(one), Some(two)) => one == two,
        _ => one == two,
    }
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A type with its article.
pub(crate) fn a_type(kind: ParamType) -> &'static str {
    match kind {
        ParamType::String => "a text",
        ParamType::Integer => "a whole number",
        ParamType::Number => "a number",
        ParamType::Boolean => "true or false",
        ParamType::Duration => "a duration such as 30s",
        ParamType::List => "a list",
        ParamType::Map => "a map",
        ParamType::AwsRegion => "a region such as us-east-1",
        ParamType::AwsZone => "a zone such as us-east-1a",
        ParamType::AwsVpcId => "a VPC id such as vpc-0a1b2c3d",
        ParamType::AwsSubnetId => "a subnet id such as subnet-0a1b2c3d",
        ParamType::AwsInstanceId => "an instance id such as i-0a1b2c3d",
        ParamType::AwsVolumeId => "a volume id such as vol-0a1b2c3d",
        ParamType::AwsSnapshotId => "a snapshot id such as snap-0a1b2c3d",
        ParamType::AwsImageId => "an image id such as ami-0a1b2c3d",
        ParamType::AwsArn => "an ARN such as arn:aws:sns:us-east-1:123456789012:alerts",
        ParamType::Cidr => "a network such as 10.0.0.0/16",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn param(kind: &str, rest: Value) -> Param {
        let mut whole = rest;
        whole["type"] = kind.into();
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn types_take_what_is_theirs() {
        for (kind, good, bad) in [
            ("string", json!("x"), json!(1)),
            ("integer", json!(3), json!(3.5)),
            ("number", json!(3.5), json!("3.5")),
            ("boolean", json!(true), json!("true")),
            ("duration", json!("90s"), json!(90)),
            ("list", json!([1]), json!({})),
            ("map", json!({}), json!([])),
            ("aws.region", json!("us-gov-west-1"), json!("us-east")),
            ("aws.zone", json!("us-east-1a"), json!("us-east-1")),
            (
                "aws.vpc_id",
                json!("vpc-0123456789abcdef0"),
                json!("vpc-xyz"),
            ),
            (
                "aws.subnet_id",
                json!("subnet-12345678"),
                json!("vpc-12345678"),
            ),
            ("aws.instance_id", json!("i-12345678"), json!("i-1")),
            ("aws.volume_id", json!("vol-12345678"), json!("")),
            ("aws.snapshot_id", json!("snap-12345678"), json!("snap")),
            ("aws.image_id", json!("ami-12345678"), json!("ami_12345678")),
            (
                "aws.arn",
                json!("arn:aws:sns:us-east-1:123456789012:a"),
                json!("arn:sns"),
            ),
            ("cidr", json!("10.0.0.0/16"), json!("10.0.0.0/33")),
        ] {
            let param = param(kind, json!({}));
            assert!(check(&param, &good).is_ok(), "{kind} {good}");
            assert!(check(&param, &bad).is_err(), "{kind} {bad}");
        }
    }

    #[test]
    fn constraints_hold() {
        for (kind, rest, good, bad) in [
            (
                "string",
                json!({"enum": ["a", "b"]}),
                json!("a"),
                json!("c"),
            ),
            (
                "string",
                json!({"pattern": "^a+$"}),
                json!("aa"),
                json!("ab"),
            ),
            ("integer", json!({"min": 2}), json!(2), json!(1)),
            ("number", json!({"max": 2.5}), json!(2.5), json!(2.6)),
            (
                "duration",
                json!({"min": "1m", "max": "1h"}),
                json!("60s"),
                json!("2h"),
            ),
            (
                "duration",
                json!({"enum": ["1m"]}),
                json!("60s"),
                json!("61s"),
            ),
            ("string", json!({"min_length": 2}), json!("äö"), json!("ä")),
            ("list", json!({"max_length": 1}), json!([1]), json!([1, 2])),
            (
                "list",
                json!({"items": {"type": "integer"}}),
                json!([1]),
                json!(["a"]),
            ),
        ] {
            let param = param(kind, rest);
            assert!(check(&param, &good).is_ok(), "{kind} {good}");
            assert!(check(&param, &bad).is_err(), "{kind} {bad}");
        }
        assert_eq!(
            check(&param("duration", json!({})), &json!("90s")),
            Ok(json!("1m30s"))
        );
        // No millisecond is lost, and what is given is a duration again.
        assert_eq!(
            check(&param("duration", json!({})), &json!("61500ms")),
            Ok(json!("1m1s500ms"))
        );
    }

    #[test]
    fn a_command_line_gives_texts() {
        for (kind, text, value) in [
            ("integer", "5", json!(5)),
            ("boolean", "true", json!(true)),
            ("list", "[a, 1]", json!(["a", 1])),
            ("map", "{a: 1}", json!({"a": 1})),
            ("string", "5", json!("5")),
        ] {
            assert_eq!(
                read(&param(kind, json!({})), &json!(text)),
                Ok(value),
                "{kind}"
            );
        }
        assert!(read(&param("integer", json!({})), &json!("five")).is_err());
    }
}
