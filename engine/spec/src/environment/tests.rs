use serde_json::{Value, json};

use super::{Environment, EnvironmentSchema, environments};
use crate::source::Source;

const SCHEMA: &str = "
vars:
  dns: { type: map, fields: { zone: string, ttl: { type: integer, default: 60, min: 1 } } }
  urls: { type: list, items: string, default: [] }
  subnets: { type: list, items: { type: map, fields: { id: aws.subnet_id } }, default: [] }
  replicas: { type: integer, description: How many }
  drain: { type: duration, default: 90s }
";

const PROD: &str = "
name: prod
protected: true
aws: { region: us-east-1, profile: null }
tags: { Owner: sre, CostCenter: \"1001\" }
vars: { dns: { zone: example.org. }, replicas: 3 }
schedules:
  - { name: hourly, runbook: backup, cron: \"0 * * * *\" }
freeze:
  - { name: year-end, from: 2026-12-20, to: 2027-01-03, allow: [prod-failover] }
plugins:
  allow: [chat]
  ceiling: { http: [\"POST https://hooks.example.com/*\"] }
secrets: { chat: \"env:CHAT_TOKEN\" }
";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(text: &str, set: &[(&str, Value)]) -> Result<Environment, Vec<String>> {
    let folder = folder(&[("schema.yaml", SCHEMA), ("prod.yaml", text)]);
    let set: Vec<(String, Value)> = set
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Environment::load(folder.path(), "prod", &set).map_err(|wrong| {
        let line = |one: &crate::Diagnostic| {
            let (line, column) = one.position();
            let help = one
                .help
                .as_ref()
                .map(|help| format!(" ({help})"))
                .unwrap_or_default();
            format!("{} {line}:{column} {}{help}", one.code, one.message)
        };
        wrong.list.iter().map(line).collect()
    })
}

#[test]
fn an_environment_is_read_with_its_defaults() {
    let prod = load(PROD, &[]).unwrap();
    assert_eq!(
        prod.as_scope(),
        json!({
            "name": "prod", "protected": true,
            "aws": {"region": "us-east-1", "standby_region": null, "profile": null, "role_arn": null, "endpoint_url": null},
            "tags": {"Owner": "sre", "CostCenter": "1001"},
            "dns": {"zone": "example.org.", "ttl": 60}, "urls": [], "subnets": [], "replicas": 3, "drain": "1m30s",
        })
    );
    assert_eq!(prod.schedules[0].timezone, "UTC");
    assert_eq!(prod.secrets["chat"], "env:CHAT_TOKEN");
    let again: Environment = serde_json::from_value(serde_json::to_value(&prod).unwrap()).unwrap();
    assert_eq!(again, prod);
}

#[test]
fn a_variable_can_be_set_for_one_run() {
    let prod = load(
        PROD,
        &[
            ("replicas", json!("5")),
            ("dns.ttl", json!("30")),
            ("urls", json!("[a, b]")),
        ],
    )
    .unwrap();
    let scope = prod.as_scope();
    assert_eq!(
        (&scope["replicas"], &scope["dns"]["ttl"], &scope["urls"]),
        (&json!(5), &json!(30), &json!(["a", "b"]))
    );
    assert_eq!(prod.overrides["dns.ttl"], json!(30));
    let wrong = load(PROD, &[("replica", json!(1)), ("replicas", json!("many"))]).unwrap_err();
    assert_eq!(
        wrong,
        [
            "R032 6:7 `--set replica`: there is no such variable (did you mean `replicas`?)",
            "R032 6:7 `--set replicas`: has to be a whole number, not the text `many`",
        ]
    );
}

#[test]
fn every_mistake_is_found() {
    let text = "
name: staging
protect: true
aws: { region: 5 }
tags: { Owner: 1001 }
vars: { dns: { zome: x, ttl: 0 }, subnets: [{ id: vpc-1 }], dran: 5m }
schedules: [{ name: a, runbook: b, cron: \"* *\", timezone: Mars/Base, overlap: both }]
freeze: [{ name: a, from: yesterday, to: 2027-01-03 }]
secrets: { chat: hunter2 }
";
    assert_eq!(
        load(text, &[]).unwrap_err(),
        [
            "R031 2:7 the file of environment `prod` says that it is `staging`",
            "R003 3:1 an environment has no key `protect` (did you mean `protected`?)",
            "R005 4:16 `region` has to be a text (put it in quotes)",
            "R005 5:16 `Owner` in `tags` has to be a text (put it in quotes)",
            "R032 6:7 variable `replicas` has no value (`replicas`: How many)",
            "R032 6:14 variable `dns`: `zone` is missing",
            "R032 6:22 variable `dns.zome`: `zome` is not declared (did you mean `zone`?)",
            "R032 6:30 variable `dns.ttl`: `0` is below 1",
            "R032 6:51 variable `subnets.0.id`: has to be a subnet id such as subnet-0a1b2c3d, not the text `vpc-1`",
            "R032 6:61 variable `dran` is not declared (did you mean `drain`?)",
            "R031 7:42 `cron` has to have five fields (minute hour day month weekday, such as `0 * * * *`)",
            "R031 7:59 there is no time zone `Mars/Base` (use a name such as `UTC` or `Europe/Berlin`)",
            "R005 7:79 `overlap` has to be one of `skip`, `queue`, `allow`",
            "R031 8:27 `from` has to be a date or a time (write `2026-12-20` or `2026-12-20T18:00:00Z`)",
            "R005 9:18 secret `chat` has to be a reference (write `env:NAME` or `file:PATH`)",
        ]
    );
}

#[test]
fn what_plugins_may_do_at_most_is_checked() {
    let with = |plugins: &str| load(&PROD.replace("  allow: [chat]\n", plugins), &[]);
    let read = with("  allow: [chat]\n  unsigned: false\n  signers: [sre-2026]\n").unwrap();
    assert_eq!(read.plugins.unsigned, Some(false));
    assert_eq!(read.plugins.signers, ["sre-2026"]);
    let text = "
name: prod
vars: { dns: { zone: example.org. }, replicas: 3 }
plugins:
  allowed: [chat]
  unsigned: maybe
  signers: sre
  ceiling: { http: [hooks.example.com], aws: [rds, 5], private_networks: true, state: 1 }
";
    assert_eq!(
        load(text, &[]).unwrap_err(),
        [
            "R003 5:3 `plugins` has no key `allowed` (did you mean `allow`?)",
            "R005 6:13 `unsigned` has to be true or false",
            "R005 7:12 `signers` has to be a list of texts",
            "R005 8:21 `hooks.example.com` is no pattern of `http` (write `POST https://hooks.example.com/*`)",
            "R005 8:47 `rds` is no pattern of `aws` (write `rds:DescribeDBInstances` or `s3 GET /bucket/*`)",
            "R005 8:52 an element of `aws` has to be a text (put it in quotes)",
            "R003 8:56 `ceiling` has no key `private_networks` (did you mean `private_network`?)",
            "R005 8:87 `state` has to be true or false",
        ]
    );
}

#[test]
fn an_unknown_environment_names_the_nearest() {
    let folder = folder(&[
        ("schema.yaml", SCHEMA),
        ("prod.yaml", PROD),
        ("dev.yaml", "name: dev"),
    ]);
    let wrong = Environment::load(folder.path(), "prdo", &[]).unwrap_err();
    assert_eq!(wrong.list[0].help.as_deref(), Some("did you mean `prod`?"));
    assert_eq!(environments(folder.path()), ["dev", "prod"]);
    assert!(Environment::load(folder.path(), "schema", &[]).is_err());
}

#[test]
fn a_wrong_schema_is_refused() {
    let text = "
vars:
  name: string
  a: { type: strng }
  b: { type: string, fields: { c: string } }
  c: { type: list, items: { type: map, fields: { d: strin } } }
  d: { type: string, secret: true }
";
    let wrong = EnvironmentSchema::parse(&Source::new("schema.yaml", text)).unwrap_err();
    let found: Vec<_> = wrong
        .list
        .iter()
        .map(|one| format!("{} {}", one.code, one.message))
        .collect();
    assert_eq!(
        found,
        [
            "R005 `name` cannot be a variable",
            "R028 there is no type `strng`",
            "R005 `fields` of variable `b` does not go with type `string`",
            "R005 variable `d` has to be a map",
            "R003 variable `d` has no key `secret`",
        ]
    );
}

#[test]
fn two_environments_are_compared() {
    let one = load(PROD, &[]).unwrap();
    let two = load(
        &PROD
            .replace("replicas: 3", "replicas: 4")
            .replace("us-east-1", "us-west-2"),
        &[],
    )
    .unwrap();
    let found: Vec<_> = one
        .diff(&two)
        .into_iter()
        .map(|one| (one.path, one.one.unwrap(), one.two.unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            (
                "aws.region".to_owned(),
                json!("us-east-1"),
                json!("us-west-2")
            ),
            ("vars.replicas".to_owned(), json!(3), json!(4)),
        ]
    );
    assert!(one.diff(&one).is_empty());
}
