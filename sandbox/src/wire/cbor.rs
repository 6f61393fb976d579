//! CloudWatch between Smithy RPC v2 CBOR, which the Rust SDK speaks, and JSON,
//! which moto speaks.
//!
//! JSON has one kind of number, CBOR has integers, doubles and tagged
//! timestamps, and the SDK insists on the right one. So the members of these
//! kinds are named here, as read from the service model.
//! <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use ciborium::value::{Integer, Value as Cbor};
use jiff::Timestamp;
use serde_json::{Map, Number, Value as Json};

const TIMESTAMP_TAG: u64 = 1;

const TIMESTAMPS: [&str; 13] = [
    "AlarmConfigurationUpdatedTimestamp",
    "CreatedAt",
    "CreationDate",
    "EndTime",
    "ExpireDate",
    "LastModified",
    "LastUpdateDate",
    "LastUpdatedTimestamp",
    "StartDate",
    "StartTime",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
    "Timestamp",
];
const TIMESTAMP_LISTS: [&str; 1] = ["Timestamps"];
const DOUBLES: [&str; 12] = [
    "AggregateValue",
    "ApproximateAggregateValue",
    "ApproximateValue",
    "Average",
    "MaxContributorValue",
    "Maximum",
    "Minimum",
    "SampleCount",
    "Sum",
    "Threshold",
    "UniqueContributors",
    "Value",
];
const DOUBLE_LISTS: [&str; 3] = ["Counts", "ExtendedStatistics", "Values"];

/// A CBOR body as JSON; `None` if it is not CBOR. An empty body is an empty map.
pub(crate) fn to_json(body: &[u8]) -> Option<Json> {
    if body.is_empty() {
        return Some(Json::Object(Map::new()));
    }
    ciborium::from_reader::<Cbor, _>(body).ok().map(json_of)
}

fn json_of(value: Cbor) -> Json {
    match value {
        Cbor::Integer(integer) => json_integer(integer),
        Cbor::Float(float) => Number::from_f64(float).map_or(Json::Null, Json::Number),
        Cbor::Text(text) => Json::String(text),
        Cbor::Bool(flag) => Json::Bool(flag),
        Cbor::Array(items) => Json::Array(items.into_iter().map(json_of).collect()),
        Cbor::Tag(_, inner) => json_of(*inner),
        Cbor::Map(entries) => Json::Object(
            entries
                .into_iter()
                .filter_map(|(key, value)| Some((key.into_text().ok()?, json_of(value))))
                // A member that is not set may be written as null; moto's JSON has none.
                .filter(|(_, value)| !value.is_null())
                .collect(),
        ),
        Cbor::Bytes(bytes) => Json::String(String::from_utf8_lossy(&bytes).into_owned()),
        _ => Json::Null,
    }
}

fn json_integer(integer: Integer) -> Json {
    let wide = i128::from(integer);
    i64::try_from(wide)
        .map(Json::from)
        .or_else(|_| u64::try_from(wide).map(Json::from))
        .unwrap_or(Json::Null)
}

/// A JSON reply of moto as CBOR.
pub(crate) fn from_json(value: &Json) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail; an empty body would say so if it did.
    if ciborium::into_writer(&cbor_of(value, Kind::Plain), &mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

#[derive(Clone, Copy)]
enum Kind {
    Plain,
    Timestamp,
    TimestampList,
    Double,
    DoubleList,
}

impl Kind {
    fn of(member: &str) -> Kind {
        match member {
            name if TIMESTAMPS.contains(&name) => Kind::Timestamp,
            name if TIMESTAMP_LISTS.contains(&name) => Kind::TimestampList,
            name if DOUBLES.contains(&name) => Kind::Double,
            name if DOUBLE_LISTS.contains(&name) => Kind::DoubleList,
            _ => Kind::Plain,
        }
    }

    fn of_items(self) -> Kind {
        match self {
            Kind::TimestampList => Kind::Timestamp,
            Kind::DoubleList => Kind::Double,
            Kind::Plain | Kind::Timestamp | Kind::Double => Kind::Plain,
        }
    }
}

fn cbor_of(value: &Json, kind: Kind) -> Cbor {
    match (value, kind) {
        (Json::Null, _) => Cbor::Null,
        (Json::Bool(flag), _) => Cbor::Bool(*flag),
        (Json::Number(number), Kind::Timestamp) => timestamp(number.as_f64().unwrap_or_default()),
        (Json::String(text), Kind::Timestamp) => match text.parse::<Timestamp>() {
            Ok(moment) => timestamp(moment.as_duration().as_secs_f64()),
            Err(_) => Cbor::Text(text.clone()),
        },
        (Json::Number(number), Kind::Double) => Cbor::Float(number.as_f64().unwrap_or_default()),
        (Json::Number(number), _) => number_of(number),
        (Json::String(text), _) => Cbor::Text(text.clone()),
        (Json::Array(items), kind) => Cbor::Array(
            items
                .iter()
                .map(|item| cbor_of(item, kind.of_items()))
                .collect(),
        ),
        (Json::Object(members), kind) => Cbor::Map(
            members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| {
                    let kind = if matches!(kind, Kind::DoubleList) {
                        Kind::Double
                    } else {
                        Kind::of(name)
                    };
                    (Cbor::Text(name.clone()), cbor_of(value, kind))
                })
                .collect(),
        ),
    }
}

fn timestamp(seconds: f64) -> Cbor {
    Cbor::Tag(TIMESTAMP_TAG, Box::new(Cbor::Float(seconds)))
}

fn number_of(number: &Number) -> Cbor {
    match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => Cbor::from(integer),
        (None, Some(integer)) => Cbor::from(integer),
        (None, None) => Cbor::Float(number.as_f64().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_back(value: &Json) -> Cbor {
        ciborium::from_reader(from_json(value).as_slice()).unwrap()
    }

    #[test]
    fn members_get_the_kind_of_the_model() {
        let cbor = read_back(&json!({
            "StateUpdatedTimestamp": 1_700_000_000,
            "Timestamps": ["2026-01-01T00:00:00Z"],
            "Threshold": 1,
            "Values": [1, 2.5],
            "Period": 60,
            "ExtendedStatistics": ["p95"],
            "Dimensions": [{ "Name": "a", "Value": "b" }],
        }));
        let map = cbor.into_map().unwrap();
        let get = |name: &str| {
            map.iter()
                .find(|(key, _)| key.as_text() == Some(name))
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(get("StateUpdatedTimestamp"), timestamp(1_700_000_000.0));
        assert_eq!(
            get("Timestamps"),
            Cbor::Array(vec![timestamp(1_767_225_600.0)])
        );
        assert_eq!(get("Threshold"), Cbor::Float(1.0));
        assert_eq!(
            get("Values"),
            Cbor::Array(vec![Cbor::Float(1.0), Cbor::Float(2.5)])
        );
        assert_eq!(get("Period"), Cbor::from(60));
        assert_eq!(
            get("ExtendedStatistics"),
            Cbor::Array(vec![Cbor::Text("p95".into())])
        );
    }

    #[test]
    fn a_request_becomes_json() {
        let request = Cbor::Map(vec![
            (Cbor::Text("StartTime".into()), timestamp(5.5)),
            (Cbor::Text("Unit".into()), Cbor::Null),
            (Cbor::Text("Period".into()), Cbor::from(60)),
        ]);
        let mut bytes = Vec::new();
        ciborium::into_writer(&request, &mut bytes).unwrap();
        assert_eq!(
            to_json(&bytes),
            Some(json!({ "StartTime": 5.5, "Period": 60 }))
        );
        assert_eq!(to_json(b""), Some(json!({})));
        assert_eq!(to_json(b"\xff"), None);
    }
}
