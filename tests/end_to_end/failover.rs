//! The main job: a production failover in the sandbox.

use crate::support::{Person, sandbox};

const RUN: &[&str] = &["run", "prod-failover.yaml", "--env", "prod", "--sandbox"];

#[test]
fn production_fails_over_and_a_second_time_nothing_has_to_change() {
    let person = Person::new(100);
    sandbox();
    person.instant();
    let said = person.types(RUN).exits(0);
    for text in [
        "prepare provision",
        "break targets of",
        "granted by sandbox",
        "recovery time",
        "recovery point",
        "met",
        "succeeded  prod-failover",
        "us-west-2",
    ] {
        assert!(said.out.contains(text), "`{text}` is not in\n{}", said.out);
    }
    let first = person.runs()[0].clone();
    let shown = person.shown(&first);
    assert!(
        shown["objectives"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["met"] == true)
    );
    let point = shown["objectives"][1]["actual_ms"].as_u64().unwrap();
    assert!(point > 0, "the recovery point is older than the incident");
    let before = person.inventory();
    assert!(before.contains(r#""failover": "PRIMARY""#), "{before}");

    let again = person.types(RUN).exits(0);
    let prepared = again.out.matches("steps: no change").count();
    assert_eq!(prepared, 2, "{}", again.out);
    let moved: Vec<&str> = again
        .out
        .lines()
        .filter(|line| line.contains("  changed"))
        .collect();
    assert!(
        moved
            .iter()
            .all(|line| line.contains("tell") || line.contains("steps:")),
        "{moved:?}"
    );
    assert_eq!(person.inventory(), before);
}

#[test]
fn access_that_is_denied_stops_before_harm_and_resumes_when_it_is_granted() {
    let person = Person::new(101);
    sandbox();
    let options = runbook_sandbox::Options::for_state(
        std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sandbox"),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let account = "000000000101";
    let denied = runbook_sandbox::Fault {
        key: "denied".into(),
        account: Some(account.into()),
        fault: runbook_sandbox::Kind::AccessDenied {
            on: serde_json::from_str(r#"{"service":"ec2","operation":"CreateVpc"}"#).unwrap(),
        },
    };
    let handle = runtime.block_on(async {
        let handle = runbook_sandbox::Handle::find(&options).await.unwrap();
        handle.fault(&denied).await.unwrap();
        handle
    });
    let file = person.runbook(
        "vpc",
        "name: vpc\nsteps:\n  - { id: vpc, uses: aws.ec2.vpc.ensure, region: us-east-1, with: { name: main, cidr: 10.0.0.0/16 } }\n",
    );
    let said = person.types(&["run", &file, "--sandbox"]).exits(1);
    assert!(
        said.out.contains("ec2:CreateVpc") && said.out.contains("UnauthorizedOperation"),
        "{}",
        said.out
    );
    runtime
        .block_on(handle.clear(Some(account), Some("denied")))
        .unwrap();
    let run = person.runs()[0].clone();
    person.types(&["resume", &run]).exits(0);
    assert_eq!(person.inventory().matches(r#""kind": "vpc""#).count(), 1);
}

#[test]
fn a_lost_answer_makes_no_second_resource() {
    let person = Person::new(102);
    sandbox();
    let options = runbook_sandbox::Options::for_state(
        std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sandbox"),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let handle = runbook_sandbox::Handle::find(&options).await.unwrap();
        let lost = runbook_sandbox::Fault {
            key: "lost".into(),
            account: Some("000000000102".into()),
            fault: runbook_sandbox::Kind::LostAnswer {
                on: serde_json::from_str(r#"{"operation":"Create.*","times":2}"#).unwrap(),
            },
        };
        handle.fault(&lost).await.unwrap();
    });
    let file = person.runbook(
        "net",
        "name: net\nsteps:\n  - { id: vpc, uses: aws.ec2.vpc.ensure, region: us-east-1, with: { name: main, cidr: 10.0.0.0/16 } }\n  - { id: subnet, uses: aws.ec2.subnet.ensure, region: us-east-1, with: { name: one, vpc: '{{ steps.vpc.vpc_id }}', cidr: 10.0.1.0/24, zone: us-east-1a } }\n",
    );
    let said = person.types(&["run", &file, "--sandbox"]).exits(0);
    assert!(said.out.contains("adopted"), "{}", said.out);
    let inventory = person.inventory();
    assert_eq!(inventory.matches(r#""kind": "vpc""#).count(), 1);
    assert_eq!(inventory.matches(r#""kind": "subnet""#).count(), 1);
}
