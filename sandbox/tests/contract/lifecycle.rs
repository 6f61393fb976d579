//! Things take time where a test asks for it.

use runbook_sandbox::Lifecycles;

use crate::support::{Account, Answer};

/// Longer than any test, so that nothing has to be timed.
const LONG: u64 = 600_000;

fn slow(account: &Account) {
    account.lifecycles(Lifecycles {
        dns_change_ms: LONG,
        target_ms: LONG,
        draining_ms: LONG,
        snapshot_ms: LONG,
        nat_gateway_ms: LONG,
        load_balancer_ms: LONG,
        instance_ms: LONG,
    });
}

fn state(answer: &Answer) -> String {
    answer.get("name")
}

#[test]
fn an_instance_is_pending_first() {
    let account = Account::new();
    slow(&account);
    account.launch(&[]).ok();
    let describe = || account.ec2("DescribeInstances", &[]).ok();
    let running = || {
        let filter = [
            ("Filter.1.Name", "instance-state-name"),
            ("Filter.1.Value.1", "running"),
        ];
        account
            .ec2("DescribeInstances", &filter)
            .ok()
            .all("instanceId")
            .len()
    };
    let checked = || {
        account
            .ec2("DescribeInstanceStatus", &[])
            .ok()
            .all("instanceId")
            .len()
    };
    assert_eq!(
        (state(&describe()).as_str(), running(), checked()),
        ("pending", 0, 0)
    );
    account.lifecycles(Lifecycles::INSTANT);
    assert_eq!(
        (state(&describe()).as_str(), running(), checked()),
        ("running", 1, 1)
    );
}

#[test]
fn an_instance_takes_time_to_end() {
    let account = Account::new();
    let id = account.launch(&[]).ok().get("instanceId");
    slow(&account);
    let states = |action: &str| {
        account.ec2(action, &[("InstanceId.1", &id)]).ok();
        let state = || state(&account.ec2("DescribeInstances", &[]).ok());
        slow(&account);
        let before = state();
        account.lifecycles(Lifecycles::INSTANT);
        (before, state())
    };
    assert_eq!(
        states("StopInstances"),
        ("stopping".into(), "stopped".into())
    );
    assert_eq!(
        states("StartInstances"),
        ("pending".into(), "running".into())
    );
    assert_eq!(
        states("TerminateInstances"),
        ("shutting-down".into(), "terminated".into())
    );
}

#[test]
fn a_snapshot_is_pending_first() {
    let account = Account::new();
    slow(&account);
    let volume = [("AvailabilityZone", "us-east-1a"), ("Size", "8")];
    let volume = account.ec2("CreateVolume", &volume).ok().get("volumeId");
    let snapshot = account.ec2("CreateSnapshot", &[("VolumeId", &volume)]).ok();
    assert_eq!(snapshot.get("status"), "pending");
    let describe = || {
        account
            .ec2("DescribeSnapshots", &[("Owner.1", "self")])
            .ok()
    };
    assert_eq!(describe().get("status"), "pending");
    account.lifecycles(Lifecycles::INSTANT);
    assert_eq!(
        (describe().get("status"), describe().get("progress")),
        ("completed".into(), "100%".into())
    );
}

#[test]
fn a_target_that_leaves_is_draining_first() {
    let account = Account::new();
    slow(&account);
    let group = account.target_group("web");
    let id = account.launch(&[]).ok().get("instanceId");
    let target = [
        ("TargetGroupArn", group.as_str()),
        ("Targets.member.1.Id", id.as_str()),
    ];
    account.elb("RegisterTargets", &target).ok();
    account.elb("DeregisterTargets", &target).ok();
    let asked = || {
        account
            .elb("DescribeTargetHealth", &target)
            .ok()
            .all("State")
    };
    assert_eq!(
        account.health(&group),
        [(id.clone(), "draining".to_owned())]
    );
    assert_eq!(asked(), ["draining"]);
    account.lifecycles(Lifecycles::INSTANT);
    assert_eq!(account.health(&group), []);
    assert_eq!(asked(), ["unused"]);
    account.lifecycles(Lifecycles {
        draining_ms: LONG,
        ..Lifecycles::INSTANT
    });
    account.elb("RegisterTargets", &target).ok();
    assert_eq!(account.health(&group), [(id.clone(), "healthy".to_owned())]);
}

#[test]
fn a_target_is_initial_first() {
    let account = Account::new();
    slow(&account);
    let group = account.target_group("web");
    let id = account.launch(&[]).ok().get("instanceId");
    account
        .elb(
            "RegisterTargets",
            &[("TargetGroupArn", &group), ("Targets.member.1.Id", &id)],
        )
        .ok();
    assert_eq!(account.health(&group), [(id.clone(), "initial".to_owned())]);
    account.lifecycles(Lifecycles::INSTANT);
    assert_eq!(account.health(&group), [(id, "healthy".to_owned())]);
}

#[test]
fn a_load_balancer_is_provisioning_first() {
    let account = Account::new();
    slow(&account);
    let subnet = account.subnet("us-east-1a");
    account
        .elb(
            "CreateLoadBalancer",
            &[("Name", "web"), ("Subnets.member.1", &subnet)],
        )
        .ok();
    let code = || account.elb("DescribeLoadBalancers", &[]).ok().get("Code");
    assert_eq!(code(), "provisioning");
    account.lifecycles(Lifecycles::INSTANT);
    assert_eq!(code(), "active");
}

#[test]
fn a_nat_gateway_is_pending_first() {
    let account = Account::new();
    slow(&account);
    let subnet = account.subnet("us-east-1a");
    let address = account
        .ec2("AllocateAddress", &[("Domain", "vpc")])
        .ok()
        .get("allocationId");
    let params = [
        ("SubnetId", subnet.as_str()),
        ("AllocationId", address.as_str()),
    ];
    assert_eq!(
        account.ec2("CreateNatGateway", &params).ok().get("state"),
        "pending"
    );
    let describe = || account.ec2("DescribeNatGateways", &[]).ok().get("state");
    assert_eq!(describe(), "pending");
    account.lifecycles(Lifecycles::INSTANT);
    assert_eq!(describe(), "available");
}

#[test]
fn a_dns_change_is_pending_first() {
    let account = Account::new();
    slow(&account);
    let body = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
                <Name>example.com.</Name><CallerReference>one</CallerReference></CreateHostedZoneRequest>";
    let created = account.route53("POST /2013-04-01/hostedzone", body).ok();
    assert_eq!(created.get("Status"), "PENDING");
    let id = created
        .text()
        .split_once("/change/")
        .unwrap()
        .1
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    let status = || {
        account
            .route53(&format!("GET /2013-04-01/change/{id}"), "")
            .ok()
            .get("Status")
    };
    assert_eq!(status(), "PENDING");
    account.lifecycles(Lifecycles::INSTANT);
    assert_eq!(status(), "INSYNC");
}
