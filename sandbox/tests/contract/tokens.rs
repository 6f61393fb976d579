//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>

use std::thread;

use crate::support::Account;

const TOKEN: (&str, &str) = ("ClientToken", "wish-1");

#[test]
fn the_same_token_launches_once() {
    let account = Account::new();
    let first = account.launch(&[TOKEN]).ok();
    let second = account.launch(&[TOKEN]).ok();
    assert_eq!(first.get("instanceId"), second.get("instanceId"));
    assert_eq!(
        account
            .ec2("DescribeInstances", &[])
            .all("instanceId")
            .len(),
        1
    );
    assert_eq!(account.verdicts("RunInstances"), ["forwarded", "replayed"]);
    assert_eq!(
        account.ledger("RunInstances")[0].token.as_deref(),
        Some("wish-1")
    );
}

#[test]
fn other_parameters_are_a_mismatch() {
    let account = Account::new();
    account.launch(&[TOKEN, ("InstanceType", "t3.micro")]).ok();
    account
        .launch(&[TOKEN, ("InstanceType", "t3.large")])
        .refused(400, "IdempotentParameterMismatch");
    assert_eq!(account.verdicts("RunInstances"), ["forwarded", "refused"]);
}

#[test]
fn a_launch_token_is_zonal_when_a_zone_is_named() {
    let account = Account::new();
    let [a, b] = ["us-east-1a", "us-east-1b"].map(|zone| account.subnet(zone));
    let in_a = account
        .launch(&[TOKEN, ("SubnetId", &a)])
        .ok()
        .get("instanceId");
    let in_b = account
        .launch(&[TOKEN, ("SubnetId", &b)])
        .ok()
        .get("instanceId");
    assert_ne!(in_a, in_b);
    assert_eq!(
        account
            .launch(&[TOKEN, ("SubnetId", &a)])
            .ok()
            .get("instanceId"),
        in_a
    );
}

#[test]
fn a_volume_token_is_regional() {
    let account = Account::new();
    let create = |zone| {
        account
            .ec2(
                "CreateVolume",
                &[TOKEN, ("AvailabilityZone", zone), ("Size", "8")],
            )
            .ok()
    };
    assert_eq!(
        create("us-east-1a").get("volumeId"),
        create("us-east-1b").get("volumeId")
    );
    let elsewhere = Account {
        region: "us-west-2",
        ..account.clone()
    };
    let other = elsewhere
        .ec2(
            "CreateVolume",
            &[TOKEN, ("AvailabilityZone", "us-west-2a"), ("Size", "8")],
        )
        .ok();
    assert_ne!(other.get("volumeId"), create("us-east-1a").get("volumeId"));
}

#[test]
fn a_terminated_instance_is_not_launched_again() {
    let account = Account::new();
    let id = account.launch(&[TOKEN]).ok().get("instanceId");
    account
        .ec2("TerminateInstances", &[("InstanceId.1", &id)])
        .ok();
    account
        .launch(&[TOKEN])
        .refused(400, "IdempotentInstanceTerminated");
}

#[test]
fn two_at_once_with_one_token_make_one() {
    let account = Account::new();
    let mut ids: Vec<String> = thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| account.launch(&[TOKEN]).ok().get("instanceId")))
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect()
    });
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(
        account
            .verdicts("RunInstances")
            .iter()
            .filter(|verdict| *verdict == "forwarded")
            .count(),
        1
    );
}

#[test]
fn a_refused_call_does_not_use_up_its_token() {
    let account = Account::new();
    let nowhere = [
        TOKEN,
        ("SnapshotId", "snap-0123456789abcdef0"),
        ("AvailabilityZone", "us-east-1a"),
    ];
    account
        .ec2("CreateVolume", &nowhere)
        .refused(400, "InvalidSnapshot.NotFound");
    account
        .ec2(
            "CreateVolume",
            &[TOKEN, ("Size", "8"), ("AvailabilityZone", "us-east-1a")],
        )
        .ok();
}

#[test]
fn tokens_of_other_accounts_are_other_tokens() {
    let [one, two] = [Account::new(), Account::new()];
    assert_ne!(
        one.launch(&[TOKEN]).ok().get("instanceId"),
        two.launch(&[TOKEN]).ok().get("instanceId")
    );
    assert_eq!(one.ec2("DescribeInstances", &[]).all("instanceId").len(), 1);
}

#[test]
fn other_operations_keep_their_tokens_too() {
    let account = Account::new();
    let vpc = account.vpc();
    let table = || {
        account
            .ec2("CreateRouteTable", &[TOKEN, ("VpcId", &vpc)])
            .ok()
            .get("routeTableId")
    };
    assert_eq!(table(), table());
    let subnet = account.subnet("us-east-1a");
    let address = account
        .ec2("AllocateAddress", &[("Domain", "vpc")])
        .ok()
        .get("allocationId");
    let gateway = || {
        let params = [
            TOKEN,
            ("SubnetId", subnet.as_str()),
            ("AllocationId", address.as_str()),
        ];
        account
            .ec2("CreateNatGateway", &params)
            .ok()
            .get("natGatewayId")
    };
    assert_eq!(gateway(), gateway());
}

#[test]
fn the_ledger_knows_the_token_tag() {
    let account = Account::new();
    let tag = [
        ("TagSpecification.1.ResourceType", "vpc"),
        ("TagSpecification.1.Tag.1.Key", "runbook:token"),
        ("TagSpecification.1.Tag.1.Value", "wish-2"),
    ];
    let params = [&[("CidrBlock", "10.0.0.0/16")], tag.as_slice()].concat();
    account.ec2("CreateVpc", &params).ok();
    assert_eq!(
        account.ledger("CreateVpc")[0].token.as_deref(),
        Some("wish-2")
    );
}

#[test]
fn the_ledger_knows_the_token_of_a_message() {
    let account = Account::new();
    let sns = |action: &str, params: &[(&str, &str)]| {
        let answer = account.query("sns", "2010-03-31", action, params);
        answer.unwrap().ok()
    };
    let topic = sns("CreateTopic", &[("Name", "alerts")]).get("TopicArn");
    let message = [
        ("TopicArn", topic.as_str()),
        ("Message", "hello"),
        ("MessageAttributes.entry.1.Name", "runbook-token"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "wish-3"),
    ];
    sns("Publish", &message);
    assert_eq!(
        account.ledger("Publish")[0].token.as_deref(),
        Some("wish-3")
    );
}

#[test]
fn an_instance_is_found_by_its_token() {
    let account = Account::new();
    let id = account.launch(&[TOKEN]).ok().get("instanceId");
    account.launch(&[("ClientToken", "wish-2")]).ok();
    let find = |token: &str| {
        let filters = [
            ("Filter.1.Name", "client-token"),
            ("Filter.1.Value.1", token),
            ("Filter.2.Name", "instance-state-name"),
            ("Filter.2.Value.1", "running"),
        ];
        account.ec2("DescribeInstances", &filters).ok()
    };
    assert_eq!(find("wish-1").all("instanceId"), [id]);
    assert_eq!(find("wish-1").all("reservationId").len(), 1);
    assert!(find("wish-3").all("reservationId").is_empty());
}
