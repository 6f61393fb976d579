//! The control endpoint.

use runbook_sandbox::{Calls, Fault, Filter, Handle, Kind, Options, start_in_thread};

use crate::support::{Account, block_on, sandbox, scratch};

#[test]
fn the_environment_is_all_that_a_program_needs() {
    let env = sandbox().env(Some("000000000042"));
    let get = |name: &str| env.iter().find(|(key, _)| key == name).unwrap().1.clone();
    assert_eq!(get("AWS_ENDPOINT_URL"), sandbox().url());
    assert_eq!(get("AWS_ACCESS_KEY_ID"), "SANDBOX000000000042");
}

#[test]
fn a_malformed_fault_is_refused() {
    let on = Calls {
        operation: Some("(".into()),
        ..Calls::default()
    };
    let fault = Fault {
        key: "k".into(),
        account: None,
        fault: Kind::Throttle { on },
    };
    let error = block_on(sandbox().fault(&fault)).unwrap_err();
    assert!(error.to_string().contains("regex"), "{error}");
}

#[test]
fn a_copied_account_is_the_same_world_and_lives_on_its_own() {
    let account = Account::new();
    let twin = Account::new();
    let vpc = |cidr: &'static str| [("CidrBlock", cidr)];
    let made = account.ec2("CreateVpc", &vpc("10.7.0.0/16")).ok();
    let id = made.get("vpcId");
    let topic = |account: &Account| {
        let name = [("Name", "t")];
        let answer = account.query("sns", "2010-03-31", "CreateTopic", &name);
        answer.unwrap().ok().get("TopicArn")
    };
    let arn = topic(&account);
    let volume = [
        ("AvailabilityZone", "us-east-1a"),
        ("Size", "1"),
        // Makes a key of KMS, which the emulator cannot pickle.
        ("Encrypted", "true"),
        ("ClientToken", "once"),
    ];
    let first = account.ec2("CreateVolume", &volume).ok().get("volumeId");

    block_on(sandbox().copy(&account.id, &twin.id)).unwrap();
    let there = twin.ec2("DescribeVpcs", &[("VpcId.1", &id)]).ok();
    assert!(there.all("ownerId").iter().all(|owner| *owner == twin.id));
    assert_eq!(topic(&twin), arn.replace(&account.id, &twin.id));
    let again = twin.ec2("CreateVolume", &volume).ok().get("volumeId");
    assert_eq!(again, first, "the token is known there");

    twin.ec2("DeleteVpc", &[("VpcId", &id)]).ok();
    account.ec2("DescribeVpcs", &[("VpcId.1", &id)]).ok();
    let wrong = block_on(sandbox().copy("1", &twin.id)).unwrap_err();
    assert!(wrong.to_string().contains("twelve digits"), "{wrong}");
}

#[test]
fn one_account_cannot_be_reset() {
    assert!(block_on(sandbox().reset(Some("000000000042"))).is_err());
}

#[test]
fn accounts_are_their_own_and_keys_of_a_role_act_there() {
    let account = Account::new();
    let call = |action: &str, params: &[(&str, &str)]| {
        account.query("sts", "2011-06-15", action, params).unwrap()
    };
    assert_eq!(
        call("GetCallerIdentity", &[]).ok().get("Account"),
        account.id
    );
    let role = [
        ("RoleArn", "arn:aws:iam::210987654321:role/dr"),
        ("RoleSessionName", "s"),
    ];
    let key = call("AssumeRole", &role).ok().get("AccessKeyId");
    let there = Account {
        key: Some(key),
        ..account.clone()
    };
    there.ec2("CreateVpc", &[("CidrBlock", "10.6.0.0/16")]).ok();
    assert!(
        !account
            .ec2("DescribeVpcs", &[])
            .text()
            .contains("10.6.0.0/16")
    );
    let direct = Account {
        id: "210987654321".into(),
        ..account
    };
    assert!(
        direct
            .ec2("DescribeVpcs", &[])
            .text()
            .contains("10.6.0.0/16")
    );
    assert_eq!(direct.verdicts("CreateVpc"), ["forwarded"]);
}

#[test]
fn a_reset_makes_another_world() {
    let handle = start_in_thread(Options::for_state(scratch("reset"))).unwrap();
    block_on(async {
        let before = handle.status().await.unwrap();
        let fault = Fault {
            key: "k".into(),
            account: None,
            fault: Kind::ZoneDown {
                zone: "us-east-1a".into(),
            },
        };
        handle.fault(&fault).await.unwrap();
        let after = handle.reset(None).await.unwrap();
        assert_ne!(before.world, after.world);
        assert!(handle.faults().await.unwrap().is_empty());
        assert!(handle.ledger(&Filter::default()).await.unwrap().is_empty());
        let found = Handle::find(&Options::for_state(scratch("reset")))
            .await
            .unwrap();
        assert_eq!(found.url(), handle.url());
        handle.stop().await.unwrap();
        assert!(
            Handle::find(&Options::for_state(scratch("reset")))
                .await
                .is_err()
        );
        assert!(!scratch("reset").join("sandbox.json").exists());
    });
}
