//! What a plugin's failures become.
#![cfg(not(target_family = "wasm"))]

use runbook_plugin::fake::Fake;
use runbook_plugin::{Kind, StepError, StepResult, aws, http};
use serde_json::{Value, json};

fn kind_and_code(result: StepResult<impl Sized>) -> (Kind, String) {
    let error = result.map(|_| ()).unwrap_err();
    (error.kind, error.code)
}

fn unclassified() -> StepResult<Value> {
    Ok(serde_json::from_str("no json")?)
}

#[test]
fn a_lost_answer_is_ambiguous_only_if_something_may_have_changed() {
    let _host = Fake::new().http_cut().http_cut().http_cut().install();
    assert_eq!(
        kind_and_code(http::get("http://x").send()).0,
        Kind::Retryable
    );
    assert_eq!(
        kind_and_code(http::post("http://x").reads().send()).0,
        Kind::Retryable
    );
    assert_eq!(
        kind_and_code(http::post("http://x").send()),
        (Kind::Ambiguous, "http-interrupted".into())
    );
}

#[test]
fn a_status_says_what_may_be_done() {
    let cases = [
        (429, Kind::Retryable, Kind::Retryable),
        (503, Kind::Retryable, Kind::Retryable),
        (500, Kind::Retryable, Kind::Ambiguous),
        (404, Kind::Permanent, Kind::Permanent),
    ];
    for (status, reading, changing) in cases {
        let _host = Fake::new()
            .http(status, json!({}))
            .http(status, json!({}))
            .install();
        let read = http::get("http://x").send().unwrap().success();
        assert_eq!(kind_and_code(read).0, reading, "GET {status}");
        let change = http::put("http://x").send().unwrap().success();
        assert_eq!(kind_and_code(change).0, changing, "PUT {status}");
    }
}

#[test]
fn retry_after_is_kept_in_milliseconds() {
    let _host = Fake::new()
        .http_with(429, &[("Retry-After", "7")], json!({}))
        .install();
    let error = http::get("http://x").send().unwrap().failure();
    assert_eq!(error.retry_after_ms, Some(7000));
}

#[test]
fn an_unclassified_error_is_permanent_until_something_may_have_changed() {
    let _host = Fake::new().http(200, json!({})).install();
    assert_eq!(
        kind_and_code(unclassified()),
        (Kind::Permanent, "failed".into())
    );
    http::post("http://x").send().unwrap();
    assert_eq!(
        kind_and_code(unclassified()),
        (Kind::Ambiguous, "failed".into())
    );
}

#[test]
fn a_message_does_not_repeat_the_query_of_a_url() {
    let _host = Fake::new().http_cut().install();
    let error = http::get("http://x/path?token=secret").send().unwrap_err();
    assert!(
        error.message.starts_with("GET http://x/path:"),
        "{}",
        error.message
    );
}

#[test]
fn a_dry_run_reads_and_changes_nothing() {
    let host = Fake::new()
        .dry_run()
        .http(200, json!({}))
        .aws("<ok/>")
        .install();
    http::get("http://x").send().unwrap();
    aws::query("rds", "2014-10-31", "DescribeDBInstances")
        .call()
        .unwrap();
    let refused: [StepError; 2] = [
        http::delete("http://x").send().unwrap_err(),
        aws::query("rds", "2014-10-31", "DeleteDBInstance")
            .call()
            .unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.code == "dry-run"));
    assert_eq!(host.sent().len(), 2);
}

#[test]
fn the_service_of_aws_says_no_for_good() {
    let _host = Fake::new()
        .aws_refuses(400, "AccessDenied")
        .aws_refuses(500, "Oops")
        .install();
    let call = |action| aws::query("rds", "2014-10-31", action).call();
    assert_eq!(
        kind_and_code(call("PromoteReadReplica")),
        (Kind::Permanent, "aws-AccessDenied".into())
    );
    assert_eq!(kind_and_code(call("PromoteReadReplica")).0, Kind::Ambiguous);
}
