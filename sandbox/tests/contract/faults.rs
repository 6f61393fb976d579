//! What is broken on purpose breaks as AWS would.

use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use runbook_sandbox::{Calls, Kind};

use crate::support::{Account, member, sandbox};

fn on(operation: &str) -> Calls {
    Calls {
        operation: Some(operation.into()),
        ..Calls::default()
    }
}

fn once(operation: &str) -> Calls {
    Calls {
        times: Some(1),
        ..on(operation)
    }
}

#[test]
fn a_lost_answer_has_its_effect() {
    let account = Account::new();
    account.fault(
        "lost",
        Kind::LostAnswer {
            on: once("RunInstances"),
        },
    );
    let params = [
        ("ImageId", "ami-12345678"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("ClientToken", "wish"),
    ];
    account.try_ec2("RunInstances", &params).unwrap_err();
    account.ec2("RunInstances", &params).ok();
    assert_eq!(
        account
            .ec2("DescribeInstances", &[])
            .all("instanceId")
            .len(),
        1
    );
    assert_eq!(account.verdicts("RunInstances"), ["forwarded", "replayed"]);
    let ledger = account.ledger("RunInstances");
    assert_eq!(
        (ledger[0].answer_dropped, ledger[1].answer_dropped),
        (true, false)
    );
    assert_eq!(ledger[0].rule.as_deref(), Some("fault:lost"));
}

#[test]
fn a_lost_request_has_none() {
    let account = Account::new();
    account.fault(
        "lost",
        Kind::LostRequest {
            on: once("RunInstances"),
        },
    );
    let params = [
        ("ImageId", "ami-12345678"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ];
    account.try_ec2("RunInstances", &params).unwrap_err();
    assert_eq!(
        account
            .ec2("DescribeInstances", &[])
            .all("instanceId")
            .len(),
        0
    );
    assert_eq!(account.verdicts("RunInstances"), ["request_lost"]);
}

#[test]
fn a_hanging_call_breaks_at_the_end() {
    let account = Account::new();
    account.fault(
        "hang",
        Kind::Hang {
            on: once("CreateVpc"),
            seconds: 1,
        },
    );
    let start = Instant::now();
    account
        .try_ec2("CreateVpc", &[("CidrBlock", "10.9.0.0/16")])
        .unwrap_err();
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(
        account
            .ec2("DescribeVpcs", &[])
            .text()
            .contains("10.9.0.0/16")
    );
}

#[test]
fn each_service_throttles_in_its_own_words() {
    let account = Account::new();
    account.fault(
        "fast",
        Kind::Throttle {
            on: Calls {
                times: Some(3),
                ..Calls::default()
            },
        },
    );
    account
        .ec2("DescribeVpcs", &[])
        .refused(503, "RequestLimitExceeded");
    account
        .elb("DescribeLoadBalancers", &[])
        .refused(400, "Throttling");
    account
        .route53("GET /2013-04-01/hostedzone", "")
        .refused(400, "Throttling");
    account.ec2("DescribeVpcs", &[]).ok();
}

#[test]
fn other_refusals() {
    let account = Account::new();
    account.fault(
        "denied",
        Kind::AccessDenied {
            on: once("DescribeVpcs"),
        },
    );
    account
        .ec2("DescribeVpcs", &[])
        .refused(403, "UnauthorizedOperation");
    account.fault(
        "broken",
        Kind::ServerError {
            on: once("DescribeVpcs"),
        },
    );
    account
        .ec2("DescribeVpcs", &[])
        .refused(503, "ServiceUnavailable");
    account.fault(
        "late",
        Kind::Delay {
            on: once("DescribeVpcs"),
            ms: 300,
        },
    );
    let start = Instant::now();
    account.ec2("DescribeVpcs", &[]).ok();
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_fault_stays_until_it_is_cleared() {
    let account = Account::new();
    let first = account.fault(
        "down",
        Kind::RegionDown {
            region: "us-east-1".into(),
        },
    );
    account
        .ec2("DescribeVpcs", &[])
        .refused(503, "ServiceUnavailable");
    let elsewhere = Account {
        region: "us-west-2",
        ..account.clone()
    };
    elsewhere.ec2("DescribeVpcs", &[]).ok();
    account.route53("GET /2013-04-01/hostedzone", "").ok();
    let second = account.fault(
        "down",
        Kind::RegionDown {
            region: "us-west-2".into(),
        },
    );
    assert_eq!((first.since, &first.fault), (second.since, &second.fault));
    account.clear("down");
    account.ec2("DescribeVpcs", &[]).ok();
}

#[test]
fn unhealthy_targets_are_all_current_ones() {
    let account = Account::new();
    let group = account.target_group("web");
    let ids = [(); 2].map(|()| account.launch(&[]).ok().get("instanceId"));
    let register = |id: &str| {
        account
            .elb(
                "RegisterTargets",
                &[("TargetGroupArn", &group), ("Targets.member.1.Id", id)],
            )
            .ok()
    };
    register(&ids[0]);
    let kind = Kind::UnhealthyTargets {
        target_group: "web".into(),
        targets: Vec::new(),
        reason: None,
    };
    account.fault("sick", kind);
    assert_eq!(account.health(&group)[0].1, "unhealthy");
    register(&ids[1]);
    let answer = account.elb("DescribeTargetHealth", &[("TargetGroupArn", &group)]);
    assert_eq!(answer.all("Reason"), ["Target.Timeout", "Target.Timeout"]);
    account.clear("sick");
    assert!(
        account
            .health(&group)
            .iter()
            .all(|(_, state)| state == "healthy")
    );
}

#[test]
fn named_targets_only() {
    let account = Account::new();
    let group = account.target_group("web");
    let ids = [(); 2].map(|()| account.launch(&[]).ok().get("instanceId"));
    let params: Vec<(&str, &str)> = vec![
        ("TargetGroupArn", &group),
        ("Targets.member.1.Id", &ids[0]),
        ("Targets.member.2.Id", &ids[1]),
    ];
    account.elb("RegisterTargets", &params).ok();
    let targets = vec![ids[1].clone()];
    account.fault(
        "sick",
        Kind::UnhealthyTargets {
            target_group: group.clone(),
            targets,
            reason: None,
        },
    );
    let sick: Vec<String> = account
        .health(&group)
        .into_iter()
        .filter(|(_, state)| state == "unhealthy")
        .map(|(id, _)| id)
        .collect();
    assert_eq!(sick, [ids[1].clone()]);
}

#[test]
fn a_zone_goes_down() {
    let account = Account::new();
    let [a, b] = ["us-east-1a", "us-east-1b"].map(|zone| account.subnet(zone));
    let [in_a, in_b] = [&a, &b].map(|subnet| {
        account
            .launch(&[("SubnetId", subnet)])
            .ok()
            .get("instanceId")
    });
    let group = account.target_group("web");
    let params: Vec<(&str, &str)> = vec![
        ("TargetGroupArn", &group),
        ("Targets.member.1.Id", &in_a),
        ("Targets.member.2.Id", &in_b),
    ];
    account.elb("RegisterTargets", &params).ok();
    account.fault(
        "az",
        Kind::ZoneDown {
            zone: "us-east-1a".into(),
        },
    );

    account
        .launch(&[("SubnetId", &a)])
        .refused(500, "InsufficientInstanceCapacity");
    account.launch(&[("SubnetId", &b)]).ok();
    let volume = [("AvailabilityZone", "us-east-1a"), ("Size", "8")];
    account
        .ec2("CreateVolume", &volume)
        .refused(500, "InsufficientVolumeCapacity");
    let mut health = account.health(&group);
    health.sort_by_key(|(id, _)| *id == in_b);
    assert_eq!(
        health,
        [
            (in_a.clone(), "unhealthy".to_owned()),
            (in_b.clone(), "healthy".to_owned())
        ]
    );
    let status = account
        .ec2("DescribeInstanceStatus", &[("InstanceId.1", &in_a)])
        .ok();
    assert!(
        status.all("status").contains(&"impaired".to_owned()),
        "{}",
        status.text()
    );
    let zones = account
        .ec2("DescribeAvailabilityZones", &[("ZoneName.1", "us-east-1a")])
        .ok();
    assert_eq!(zones.get("zoneState"), "impaired", "{}", zones.text());

    account.clear("az");
    account.launch(&[("SubnetId", &a)]).ok();
    assert!(
        account
            .health(&group)
            .iter()
            .all(|(_, state)| state == "healthy")
    );
}

#[test]
fn a_call_runs_to_its_end_without_its_caller() {
    let account = Account::new();
    account.fault(
        "late",
        Kind::Delay {
            on: once("CreateVpc"),
            ms: 300,
        },
    );
    let mut stream = TcpStream::connect(sandbox().url().trim_start_matches("http://")).unwrap();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = b"Action=CreateVpc&Version=2016-11-15&CidrBlock=10.8.0.0%2F16";
    account
        .write(&mut stream, "ec2", "POST /", &headers, body)
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    let start = Instant::now();
    while account.ledger("CreateVpc").is_empty() {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        account
            .ec2("DescribeVpcs", &[])
            .text()
            .contains("10.8.0.0/16")
    );
}

#[test]
fn what_is_new_is_not_seen_yet() {
    let account = Account::new();
    let old = account.ec2("DescribeVpcs", &[]).ok().all("vpcId");
    account.fault("stale", Kind::StaleReads { ms: 600_000 });
    let new = account
        .ec2("CreateVpc", &[("CidrBlock", "10.7.0.0/16")])
        .ok()
        .get("vpcId");
    assert_eq!(account.ec2("DescribeVpcs", &[]).ok().all("vpcId"), old);
    account
        .ec2("DescribeVpcs", &[("VpcId.1", &new)])
        .refused(400, "InvalidVpcID.NotFound");
    let id = account.launch(&[]).ok().get("instanceId");
    assert_eq!(
        account
            .ec2("DescribeInstances", &[])
            .ok()
            .all("instanceId")
            .len(),
        0
    );
    account
        .ec2("DescribeInstances", &[("InstanceId.1", &id)])
        .refused(400, "InvalidInstanceID.NotFound");
    account.clear("stale");
    assert_eq!(
        account.ec2("DescribeVpcs", &[]).ok().all("vpcId").len(),
        old.len() + 1
    );
    assert_eq!(
        account.ec2("DescribeInstances", &[]).ok().all("instanceId"),
        [id]
    );
}

#[test]
fn throttling_speaks_cbor_too() {
    let account = Account::new();
    account.fault(
        "fast",
        Kind::Throttle {
            on: Calls {
                service: Some("cloudwatch".into()),
                ..Calls::default()
            },
        },
    );
    let (answer, cbor) = account.cloudwatch("DescribeAlarms", &[]);
    assert_eq!(answer.status, 400);
    assert_eq!(
        member(&cbor, "__type").as_text(),
        Some("ThrottlingException")
    );
    account.ec2("DescribeVpcs", &[]).ok();
}
