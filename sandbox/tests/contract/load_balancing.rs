//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html>

use std::thread;

use crate::support::Account;

fn balancer(account: &Account, scheme: &str) -> crate::support::Answer {
    let [a, b] = ["us-east-1a", "us-east-1b"].map(|zone| account.subnet(zone));
    let params = [
        ("Name", "web"),
        ("Subnets.member.1", &a),
        ("Subnets.member.2", &b),
        ("Scheme", scheme),
    ];
    account.elb("CreateLoadBalancer", &params)
}

#[test]
fn a_load_balancer_of_the_same_name_and_settings_is_the_same() {
    let account = Account::new();
    let first = balancer(&account, "internal").ok();
    let second = balancer(&account, "internal").ok();
    assert_eq!(first.get("LoadBalancerArn"), second.get("LoadBalancerArn"));
    assert!(!second.get("DNSName").is_empty());
    balancer(&account, "internet-facing").refused(400, "DuplicateLoadBalancerName");
    assert_eq!(
        account.verdicts("CreateLoadBalancer"),
        ["forwarded", "replayed", "refused"]
    );
}

#[test]
fn a_deleted_load_balancer_frees_its_name() {
    let account = Account::new();
    let first = balancer(&account, "internal").ok().get("LoadBalancerArn");
    account
        .elb("DeleteLoadBalancer", &[("LoadBalancerArn", &first)])
        .ok();
    let second = balancer(&account, "internet-facing")
        .ok()
        .get("LoadBalancerArn");
    assert_ne!(first, second);
}

#[test]
fn many_at_once_make_one() {
    let account = Account::new();
    let mut arns: Vec<String> = thread::scope(|scope| {
        let callers: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| balancer(&account, "internal").ok().get("LoadBalancerArn")))
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect()
    });
    arns.dedup();
    assert_eq!(arns.len(), 1);
}

#[test]
fn a_target_group_of_the_same_name_and_settings_is_the_same() {
    let account = Account::new();
    let vpc = account.vpc();
    let create = |port: &str| {
        account.elb(
            "CreateTargetGroup",
            &[
                ("Name", "web"),
                ("Protocol", "HTTP"),
                ("Port", port),
                ("VpcId", &vpc),
            ],
        )
    };
    assert_eq!(
        create("80").ok().get("TargetGroupArn"),
        create("80").ok().get("TargetGroupArn")
    );
    create("81").refused(400, "DuplicateTargetGroupName");
}

#[test]
fn a_listener_on_the_same_port_is_the_same() {
    let account = Account::new();
    let balancer = balancer(&account, "internal").ok().get("LoadBalancerArn");
    let groups = ["blue", "green"].map(|name| account.target_group(name));
    let create = |port: &str, group: &str| {
        let params = [
            ("LoadBalancerArn", balancer.as_str()),
            ("Protocol", "HTTP"),
            ("Port", port),
            ("DefaultActions.member.1.Type", "forward"),
            ("DefaultActions.member.1.TargetGroupArn", group),
        ];
        account.elb("CreateListener", &params)
    };
    let first = create("80", &groups[0]).ok();
    assert_eq!(
        create("80", &groups[0]).ok().get("ListenerArn"),
        first.get("ListenerArn")
    );
    create("80", &groups[1]).refused(400, "DuplicateListener");
    assert_ne!(
        create("81", &groups[1]).ok().get("ListenerArn"),
        first.get("ListenerArn")
    );
}

#[test]
fn removing_again_succeeds() {
    let account = Account::new();
    let group = account.target_group("web");
    let ids = [(); 2].map(|()| account.launch(&[]).ok().get("instanceId"));
    let register: Vec<(&str, &str)> = vec![
        ("TargetGroupArn", &group),
        ("Targets.member.1.Id", &ids[0]),
        ("Targets.member.2.Id", &ids[1]),
    ];
    account.elb("RegisterTargets", &register).ok();
    let one = [
        ("TargetGroupArn", group.as_str()),
        ("Targets.member.1.Id", ids[0].as_str()),
    ];
    account.elb("DeregisterTargets", &one).ok();
    account.elb("DeregisterTargets", &one).ok();
    assert_eq!(account.health(&group).len(), 1);
    // One of the two is gone already; the other must go all the same.
    account.elb("DeregisterTargets", &register).ok();
    assert_eq!(account.health(&group).len(), 0);
    for _ in 0..2 {
        account
            .elb("DeleteTargetGroup", &[("TargetGroupArn", &group)])
            .ok();
    }
}
