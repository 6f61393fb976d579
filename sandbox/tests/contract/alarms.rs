//! CloudWatch through CBOR.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html>

use ciborium::value::Value as Cbor;
use runbook_sandbox::{AlarmState, Kind};

use crate::support::{Account, member, text};

fn put(account: &Account, threshold: f64) {
    let members = [
        ("AlarmName", text("errors")),
        ("Namespace", text("App")),
        ("MetricName", text("Errors")),
        ("Statistic", text("Sum")),
        ("Period", Cbor::from(60)),
        ("EvaluationPeriods", Cbor::from(1)),
        ("Threshold", Cbor::Float(threshold)),
        ("ComparisonOperator", text("GreaterThanThreshold")),
    ];
    let (answer, _) = account.cloudwatch("PutMetricAlarm", &members);
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn alarm(account: &Account) -> Cbor {
    let (answer, cbor) = account.cloudwatch(
        "DescribeAlarms",
        &[("AlarmNames", Cbor::Array(vec![text("errors")]))],
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer
            .head
            .to_lowercase()
            .contains("smithy-protocol: rpc-v2-cbor"),
        "{}",
        answer.head
    );
    member(&cbor, "MetricAlarms").as_array().unwrap()[0].clone()
}

fn state(account: &Account) -> String {
    member(&alarm(account), "StateValue")
        .as_text()
        .unwrap()
        .to_owned()
}

fn set_state(account: &Account, state: &str) {
    let members = [
        ("AlarmName", text("errors")),
        ("StateValue", text(state)),
        ("StateReason", text("test")),
    ];
    assert_eq!(account.cloudwatch("SetAlarmState", &members).0.status, 200);
}

#[test]
fn members_have_the_kinds_that_the_sdk_expects() {
    let account = Account::new();
    put(&account, 1.0);
    let alarm = alarm(&account);
    assert_eq!(member(&alarm, "Threshold"), &Cbor::Float(1.0));
    assert_eq!(member(&alarm, "Period"), &Cbor::from(60));
    for name in [
        "StateUpdatedTimestamp",
        "AlarmConfigurationUpdatedTimestamp",
    ] {
        assert!(matches!(member(&alarm, name), Cbor::Tag(1, _)), "{alarm:?}");
    }
}

#[test]
fn putting_an_alarm_again_keeps_its_state() {
    let account = Account::new();
    put(&account, 1.0);
    assert_eq!(state(&account), "OK");
    set_state(&account, "ALARM");
    put(&account, 2.0);
    assert_eq!(state(&account), "ALARM");
    assert_eq!(member(&alarm(&account), "Threshold"), &Cbor::Float(2.0));
}

#[test]
fn an_error_is_cbor_with_a_type() {
    let account = Account::new();
    let members = [
        ("AlarmName", text("none")),
        ("StateValue", text("OK")),
        ("StateReason", text("test")),
    ];
    let (answer, cbor) = account.cloudwatch("SetAlarmState", &members);
    assert_eq!(answer.status, 404);
    assert!(
        member(&cbor, "__type")
            .as_text()
            .unwrap()
            .ends_with("ResourceNotFound")
    );
    let (answer, cbor) = account.cloudwatch("PutAnomalyDetector", &[]);
    assert_eq!(
        (answer.status, member(&cbor, "__type")),
        (400, &text("NotImplemented"))
    );
}

#[test]
fn datapoints_come_back() {
    let account = Account::new();
    let now = jiff::Timestamp::now().as_second();
    let time = |offset: i64| Cbor::Tag(1, Box::new(Cbor::from(now + offset)));
    let map = |entries: &[(&str, Cbor)]| {
        Cbor::Map(
            entries
                .iter()
                .map(|(name, value)| (text(name), value.clone()))
                .collect(),
        )
    };
    let datum = map(&[
        ("MetricName", text("rto")),
        ("Value", Cbor::Float(1.5)),
        ("Timestamp", time(0)),
    ]);
    let members = [
        ("Namespace", text("App")),
        ("MetricData", Cbor::Array(vec![datum])),
    ];
    assert_eq!(account.cloudwatch("PutMetricData", &members).0.status, 200);
    let metric = map(&[("Namespace", text("App")), ("MetricName", text("rto"))]);
    let stat = map(&[
        ("Metric", metric),
        ("Period", Cbor::from(60)),
        ("Stat", text("Average")),
    ]);
    let query = map(&[("Id", text("m1")), ("MetricStat", stat)]);
    let members = [
        ("MetricDataQueries", Cbor::Array(vec![query])),
        ("StartTime", time(-600)),
        ("EndTime", time(600)),
    ];
    let (answer, cbor) = account.cloudwatch("GetMetricData", &members);
    assert_eq!(answer.status, 200, "{cbor:?}");
    let result = &member(&cbor, "MetricDataResults").as_array().unwrap()[0];
    assert_eq!(
        member(result, "Values"),
        &Cbor::Array(vec![Cbor::Float(1.5)])
    );
    assert!(
        matches!(
            member(result, "Timestamps").as_array().unwrap()[0],
            Cbor::Tag(1, _)
        ),
        "{result:?}"
    );
}

#[test]
fn an_injected_state_sticks_until_cleared() {
    let account = Account::new();
    put(&account, 1.0);
    let kind = Kind::Alarm {
        name: "errors".into(),
        state: AlarmState::Alarm,
        region: "us-east-1".into(),
    };
    account.fault("alarm", kind);
    assert_eq!(state(&account), "ALARM");
    set_state(&account, "OK");
    assert_eq!(state(&account), "ALARM");
    put(&account, 3.0);
    assert_eq!(state(&account), "ALARM");
    account.clear("alarm");
    assert_eq!(state(&account), "OK");
}

#[test]
fn an_alarm_may_come_after_its_fault() {
    let account = Account::new();
    let kind = Kind::Alarm {
        name: "errors".into(),
        state: AlarmState::Alarm,
        region: "us-east-1".into(),
    };
    account.fault("alarm", kind);
    put(&account, 1.0);
    assert_eq!(state(&account), "ALARM");
}
