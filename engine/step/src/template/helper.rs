//! The helpers. Each takes values and gives a value, so that they nest with their types.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Number, Value};

use super::TemplateError;
use super::lookup::{kind, segment};

/// Every helper's name, sorted.
pub const NAMES: &[&str] = &[
    "add",
    "and",
    "cidr_subnet",
    "date",
    "default",
    "eq",
    "first",
    "gt",
    "gte",
    "join",
    "json",
    "last",
    "length",
    "lookup",
    "lower",
    "lt",
    "lte",
    "ne",
    "not",
    "or",
    "pluck",
    "replace",
    "upper",
];

type Given = Result<Value, String>;

/// Calls the helper `name`.
pub(super) fn call(
    name: &str,
    arguments: &[Cow<'_, Value>],
    named: &Map<String, Value>,
) -> Result<Value, TemplateError> {
    if !NAMES.contains(&name) {
        return Err(TemplateError::no_helper(name));
    }
    let arguments: Vec<&Value> = arguments.iter().map(AsRef::as_ref).collect();
    let given = match name {
        "and" => Ok(arguments.iter().all(|one| truthy(one)).into()),
        "or" => Ok(arguments.iter().any(|one| truthy(one)).into()),
        "add" => add(&arguments),
        "date" => date(&arguments, named),
        "join" => join(&arguments),
        _ => fixed(name, &arguments),
    };
    given.map_err(|why| TemplateError::new(format!("`{name}` {why}")))
}

fn fixed(name: &str, arguments: &[&Value]) -> Given {
    match (name, arguments) {
        ("json", [value]) => Ok(value.to_string().into()),
        ("lower", [value]) => Ok(text(value)?.to_lowercase().into()),
        ("upper", [value]) => Ok(text(value)?.to_uppercase().into()),
        ("replace", [value, from, to]) => Ok(text(value)?.replace(text(from)?, text(to)?).into()),
        ("length", [value]) => length(value),
        ("first", [value]) => end(value, |list| list.first()),
        ("last", [value]) => end(value, |list| list.last()),
        ("pluck", [value, field]) => pluck(value, text(field)?),
        ("lookup", [value, key]) => look_up(value, key),
        ("cidr_subnet", [network, bits, number]) => {
            cidr_subnet(text(network)?, whole(bits)?, whole(number)?).map(Value::String)
        }
        ("not", [value]) => Ok((!truthy(value)).into()),
        ("eq", [one, two]) => Ok(same(one, two).into()),
        ("ne", [one, two]) => Ok((!same(one, two)).into()),
        ("gt", [one, two]) => Ok(order(one, two)?.is_gt().into()),
        ("gte", [one, two]) => Ok(order(one, two)?.is_ge().into()),
        ("lt", [one, two]) => Ok(order(one, two)?.is_lt().into()),
        ("lte", [one, two]) => Ok(order(one, two)?.is_le().into()),
        ("json" | "lower" | "upper" | "length" | "first" | "last" | "not", _) => {
            Err(format!("takes one value, not {}", arguments.len()))
        }
        ("replace", _) => Err("takes a text, what to replace and what to put there".to_owned()),
        ("cidr_subnet", _) => Err("takes a network, new bits and a number".to_owned()),
        _ => Err(format!("takes two values, not {}", arguments.len())),
    }
}

/// Writes a value into text: strings as they are, null as nothing, lists and maps as JSON.
pub(super) fn push_text(value: &Value, out: &mut String) {
    match value {
        Value::Null => {}
        Value::String(text) => out.push_str(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            out.push_str(&value.to_string());
        }
    }
}

/// What Handlebars takes for true.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(given) => *given,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("takes a string, not {}", kind(value)))
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value
        .as_array()
        .ok_or_else(|| format!("takes a list, not {}", kind(value)))
}

fn whole(value: &Value) -> Result<u64, String> {
    value
        .as_u64()
        .ok_or_else(|| format!("takes a whole number, not `{value}`"))
}

fn length(value: &Value) -> Given {
    match value {
        Value::String(text) => Ok(text.chars().count().into()),
        Value::Array(list) => Ok(list.len().into()),
        Value::Object(map) => Ok(map.len().into()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Err(format!(
            "takes a string, a list or a map, not {}",
            kind(value)
        )),
    }
}

fn end(value: &Value, pick: fn(&Vec<Value>) -> Option<&Value>) -> Given {
    pick(list(value)?)
        .cloned()
        .ok_or_else(|| "was given an empty list".to_owned())
}

fn pluck(value: &Value, field: &str) -> Given {
    list(value)?
        .iter()
        .map(|one| {
            field
                .split('.')
                .try_fold(one, segment)
                .cloned()
                .ok_or_else(|| format!("found an element without `{field}`"))
        })
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

fn look_up(value: &Value, key: &Value) -> Given {
    let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
    segment(value, &name)
        .cloned()
        .ok_or_else(|| format!("found no `{name}`"))
}

fn join(arguments: &[&Value]) -> Given {
    let (values, between) = match arguments {
        [values] => (values, ","),
        [values, between] => (values, text(between)?),
        _ => return Err("takes a list and what stands between".to_owned()),
    };
    let mut out = String::new();
    for (index, one) in list(values)?.iter().enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        push_text(one, &mut out);
    }
    Ok(out.into())
}

fn add(arguments: &[&Value]) -> Given {
    let mut sum: Option<i64> = Some(0);
    let mut float = 0.0;
    for one in arguments {
        let number = one
            .as_f64()
            .ok_or_else(|| format!("takes numbers, not {}", kind(one)))?;
        float += number;
        sum = sum
            .zip(one.as_i64())
            .and_then(|(sum, one)| sum.checked_add(one));
    }
    match sum {
        Some(sum) => Ok(sum.into()),
        None => Number::from_f64(float)
            .map(Value::Number)
            .ok_or_else(|| "left the range of numbers".to_owned()),
    }
}

fn same(one: &Value, two: &Value) -> bool {
    match (one.as_f64(), two.as_f64()) {
        (Some(one), Some(two)) => one == two,
        _ => one == two,
    }
}

fn order(one: &Value, two: &Value) -> Result<Ordering, String> {
    let ordered = match (one, two) {
        (Value::String(one), Value::String(two)) => Some(one.cmp(two)),
        _ => one
            .as_f64()
            .zip(two.as_f64())
            .and_then(|(one, two)| one.partial_cmp(&two)),
    };
    ordered.ok_or_else(|| {
        format!(
            "compares two numbers or two strings, not {} and {}",
            kind(one),
            kind(two)
        )
    })
}

fn date(arguments: &[&Value], named: &Map<String, Value>) -> Given {
    let (at, format) = match arguments {
        [at] => (at, "%Y-%m-%d"),
        [at, format] => (at, text(format)?),
        _ => return Err("takes a time and a format".to_owned()),
    };
    let at: jiff::Timestamp = match at.as_i64() {
        Some(millis) => jiff::Timestamp::from_millisecond(millis).map_err(|e| e.to_string())?,
        None => text(at)?
            .parse()
            .map_err(|_| format!("takes a time such as 2026-01-31T12:00:00Z, not `{at}`"))?,
    };
    let zone = match named.get("tz") {
        None => jiff::tz::TimeZone::UTC,
        Some(name) => jiff::tz::TimeZone::get(text(name)?).map_err(|e| e.to_string())?,
    };
    jiff::fmt::strtime::format(format, &jiff::ZonedDateTime::new(at, zone))
        .map(Value::String)
        .map_err(|error| format!("cannot format: {error}"))
}

/// Terraform's `cidrsubnet`: the `number`-th network of the size of `network` plus `bits`.
fn cidr_subnet(network: &str, bits: u64, number: u64) -> Result<String, String> {
    let wrong = || format!("takes a network such as 10.0.0.0/16, not `{network}`");
    let (address, prefix) = network.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let prefix: u64 = prefix.parse().map_err(|_| wrong())?;
    let (value, width) = match address {
        IpAddr::V4(four) => (u128::from(u32::from(four)), 32),
        IpAddr::V6(six) => (u128::from(six), 128),
    };
    let length = prefix.saturating_add(bits);
    if prefix > width || length > width {
        return Err(format!("cannot make /{length} networks of `{network}`"));
    }
    if bits < 64 && number >> bits != 0 {
        return Err(format!(
            "has only {} networks of that size, so no number {number}",
            1_u64 << bits
        ));
    }
    let shift = |value: u128, by: u64| if by >= 128 { 0 } else { value << by };
    let mask = shift(u128::MAX, width - prefix);
    let subnet = (value & mask) | shift(u128::from(number), width - length);
    let first = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(subnet).map_err(|_| wrong())?)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(subnet)),
    };
    Ok(format!("{first}/{length}"))
}
