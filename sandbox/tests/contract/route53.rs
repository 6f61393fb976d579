//! <https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html>

use crate::support::{Account, Answer};

fn zone(account: &Account, reference: &str) -> Answer {
    let body = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>example.com.</Name>\
         <CallerReference>{reference}</CallerReference></CreateHostedZoneRequest>"
    );
    account.route53("POST /2013-04-01/hostedzone", &body)
}

fn check(account: &Account, reference: &str, port: u16) -> Answer {
    let body = format!(
        "<CreateHealthCheckRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <CallerReference>{reference}</CallerReference><HealthCheckConfig><IPAddress>192.0.2.1</IPAddress>\
         <Port>{port}</Port><Type>HTTP</Type></HealthCheckConfig></CreateHealthCheckRequest>"
    );
    account.route53("POST /2013-04-01/healthcheck", &body)
}

#[test]
fn a_zone_reference_can_be_used_once() {
    let account = Account::new();
    zone(&account, "one").ok();
    zone(&account, "one").refused(409, "HostedZoneAlreadyExists");
    zone(&account, "two").ok();
    assert_eq!(
        account
            .route53("GET /2013-04-01/hostedzone", "")
            .all("HostedZone")
            .len(),
        2
    );
    assert_eq!(
        account.verdicts("CreateHostedZone"),
        ["forwarded", "refused", "forwarded"]
    );
    assert_eq!(
        account.ledger("CreateHostedZone")[0].token.as_deref(),
        Some("one")
    );
}

#[test]
fn a_health_check_reference_gives_the_first_one() {
    let account = Account::new();
    let id = check(&account, "one", 80).ok().get("Id");
    assert_eq!(check(&account, "one", 80).ok().get("Id"), id);
    check(&account, "one", 81).refused(409, "HealthCheckAlreadyExists");
    account
        .route53(&format!("DELETE /2013-04-01/healthcheck/{id}"), "")
        .ok();
    check(&account, "one", 80).refused(409, "HealthCheckAlreadyExists");
}

#[test]
fn only_a_change_that_was_made_is_known() {
    let account = Account::new();
    let answer = zone(&account, "one").ok();
    let id = answer
        .text()
        .split_once("/change/")
        .unwrap()
        .1
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    let status = account
        .route53(&format!("GET /2013-04-01/change/{id}"), "")
        .ok()
        .get("Status");
    assert_eq!(status, "INSYNC");
    account
        .route53("GET /2013-04-01/change/C0000000000", "")
        .refused(404, "NoSuchChange");
}

#[test]
fn what_the_emulator_lacks_is_named() {
    let account = Account::new();
    account
        .route53("GET /2013-04-01/testdnsanswer?hostedzoneid=Z1", "")
        .refused(400, "NotImplemented");
}
