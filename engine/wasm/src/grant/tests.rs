use serde_json::{Value, json};
use url::Url;

use super::{Allow, AwsCall, Ceiling, CeilingSource, Layers, Permissions, Reference, Refusal, Use};
use crate::descriptor::{Descriptor, Want};
use crate::project::Project;

const PROJECT: &str = r#"
plugins:
  chat:
    source: path:plugins/chat
    grant:
      http: ["POST https://hooks.example.org/services/*", "http://127.0.0.1:8080"]
      secrets: { chat_token: attach }
      aws: ["rds:DescribeDBInstances"]
      state: true
      once: [post]
"#;

fn wants() -> Value {
    json!([
        { "http": "POST https://hooks.example.org/*" },
        { "http": "http://*:*" },
        { "secret": "chat_token", "use": "read" },
        { "aws": "rds:DescribeDBInstances" },
        { "state": true },
    ])
}

fn ceiling() -> Value {
    json!({
        "allow": ["chat"],
        "ceiling": {
            "http": ["POST https://*.example.org", "http://127.0.0.1:8080"],
            "aws": ["rds:*"],
            "state": true,
        },
        "secrets": { "chat_token": "env:CHAT_TOKEN" },
    })
}

fn read_wants(wants: &Value) -> Vec<Want> {
    let document = json!({
        "descriptor": "runbook.plugin/1", "name": "chat", "version": "1.0.0", "wants": wants,
        "steps": [{ "name": "post", "idempotency": "once" }],
    });
    Descriptor::parse(document.to_string()).unwrap().wants
}

fn layers() -> Layers {
    let regions = ["us-east-1".to_owned(), "us-west-2".to_owned()];
    let environment = Ceiling::parse(CeilingSource {
        environment: "prod",
        file: "environments/prod.yaml",
        plugins: &ceiling(),
        regions: &regions,
    });
    let project = Project::parse("plugins/plugins.yaml", PROJECT).unwrap();
    Layers {
        plugin: "chat".to_owned(),
        wants: read_wants(&wants()),
        grant: project.plugins["chat"].grant.clone(),
        environment: environment.unwrap(),
        step: None,
    }
}

fn post(layers: Layers, url: &str) -> Result<super::HttpGrant, Refusal> {
    Permissions::new(layers).http("POST", &Url::parse(url).unwrap())
}

fn rds(action: &'static str, region: &'static str) -> AwsCall<'static> {
    AwsCall {
        service: "rds",
        action: Some(action),
        rest: None,
        region,
    }
}

const HOOK: &str = "https://hooks.example.org/services/T1?token=hunter2";

#[test]
fn what_all_layers_allow_is_allowed() {
    let grant = post(layers(), HOOK).unwrap();
    assert_eq!(grant.pattern, "POST https://hooks.example.org/services/*");
    assert!(!grant.private_network && !grant.loopback);
    let all = Permissions::new(layers());
    assert_eq!(
        all.secret("chat_token", Use::Attach),
        Ok(Reference::Env("CHAT_TOKEN".to_owned()))
    );
    all.aws(&rds("DescribeDBInstances", "us-west-2")).unwrap();
    all.state().unwrap();
    all.once("post").unwrap();
}

#[test]
fn each_layer_alone_can_refuse_and_says_how_to_allow() {
    let mut unwanted = layers();
    unwanted.wants.clear();
    let mut ungranted = layers();
    ungranted.grant.http.clear();
    let mut above = layers();
    above.environment.http.clear();
    let mut narrowed = layers();
    narrowed.step = Some(Allow::parse(&json!({ "http": [] })).unwrap());
    let said = |layers: Layers| post(layers, HOOK).unwrap_err().to_string();
    let (unwanted, ungranted, above, narrowed) =
        (said(unwanted), said(ungranted), said(above), said(narrowed));
    assert_eq!(
        ungranted,
        "plugin chat may not POST to https://hooks.example.org/services/T1. Wanted by the plugin: yes. \
         Granted in plugins/plugins.yaml: no. Ceiling of prod: yes.\n\
         To allow it, add to plugins/plugins.yaml:\n    plugins:\n      chat:\n        grant:\n          \
         http: [\"POST https://hooks.example.org/services/T1\"]"
    );
    assert!(
        unwanted.contains("Wanted by the plugin: no.") && unwanted.contains("`wants`"),
        "{unwanted}"
    );
    assert!(
        above.ends_with(
            "To allow it, add to environments/prod.yaml:\n    plugins:\n      ceiling:\n        \
         http: [\"POST https://hooks.example.org/services/T1\"]"
        ),
        "{above}"
    );
    assert!(narrowed.contains("`allow` of the step: no."), "{narrowed}");
    for said in [unwanted, ungranted, above, narrowed] {
        assert!(!said.contains("hunter2"));
    }
}

/// Two YAML documents as one, lists appended.
fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(more)) => into.extend(more),
        (into, more) => *into = more,
    }
}

/// Adds the lines that refusals print until nothing is refused, and says how often that took.
fn obey(ask: impl Fn(&Permissions) -> Result<(), Refusal>, wants: &Value) -> usize {
    let mut project = json!({ "plugins": { "chat": { "source": "path:x" } } });
    let mut environment = json!({});
    for round in 0..9 {
        let grants = Project::parse("p.yaml", &serde_yaml::to_string(&project).unwrap()).unwrap();
        let ceiling = Ceiling::parse(CeilingSource {
            environment: "prod",
            file: "e.yaml",
            plugins: environment.get("plugins").unwrap_or(&Value::Null),
            regions: &["us-east-1".to_owned()],
        });
        let permissions = Permissions::new(Layers {
            plugin: "chat".to_owned(),
            wants: read_wants(wants),
            grant: grants.plugins["chat"].grant.clone(),
            environment: ceiling.unwrap(),
            step: None,
        });
        let Err(refusal) = ask(&permissions) else {
            return round;
        };
        assert!(!refusal.remedies().is_empty(), "{refusal}");
        for remedy in refusal.remedies() {
            let yaml: Value = serde_yaml::from_str(&remedy.yaml).unwrap();
            match remedy.file.as_str() {
                "p.yaml" => merge(&mut project, yaml),
                "e.yaml" => merge(&mut environment, yaml),
                other => panic!("{other}"),
            }
        }
    }
    panic!("following the advice was not enough");
}

#[test]
fn who_adds_the_printed_lines_is_not_refused_again() {
    let url = Url::parse("https://hooks.example.org:8443/services/T1").unwrap();
    let http = |all: &Permissions| all.http("POST", &url).map(|_| ());
    // The environment has to let the plugin in first; then both files are named at once.
    assert_eq!(obey(http, &json!([{ "http": "POST https://*:*" }])), 2);
    let call = rds("PromoteReadReplica", "eu-west-1");
    assert_eq!(obey(|all| all.aws(&call), &json!([{ "aws": "rds:*" }])), 2);
    let rest = AwsCall {
        service: "s3",
        action: None,
        rest: Some(("GET", "/b/k@x y*")),
        region: "us-east-1",
    };
    assert_eq!(
        obey(|all| all.aws(&rest), &json!([{ "aws": "s3 GET /*" }])),
        2
    );
    let secret = |all: &Permissions| all.secret("chat-token", Use::Read).map(|_| ());
    assert_eq!(
        obey(secret, &json!([{ "secret": "chat-token", "use": "read" }])),
        2
    );
    assert_eq!(obey(Permissions::state, &json!([{ "state": true }])), 2);
    assert_eq!(obey(|all| all.once("post"), &json!([])), 2);
    let missing = |all: &Permissions| all.missing().pop().map_or(Ok(()), Err);
    // One line for the environment, and one round for each of the five wants.
    assert_eq!(obey(missing, &wants()), 6);
}

#[test]
fn what_a_plugin_wants_and_does_not_get_is_found_before_a_run() {
    let said: Vec<_> = Permissions::new(layers())
        .missing()
        .iter()
        .map(|one| one.short())
        .collect();
    // `http://*:*` is met by the one address that is granted; the secret may be attached, not read.
    assert_eq!(
        said,
        [
            "plugin chat may not read the secret chat_token. Wanted by the plugin: yes. Granted in plugins/plugins.yaml: no. Ceiling of prod: yes."
        ]
    );
    let mut elsewhere = layers();
    elsewhere.environment.http = vec!["POST https://hooks.example.org/other".parse().unwrap()];
    let said: Vec<_> = Permissions::new(elsewhere)
        .missing()
        .iter()
        .map(|one| one.ceiling)
        .collect();
    assert_eq!(said[0], super::Verdict::No);
    let mut outside = layers();
    outside.environment.allow.clear();
    let said = Permissions::new(outside).missing();
    assert_eq!(said.len(), 1);
    assert!(
        said[0]
            .to_string()
            .ends_with("plugins:\n      allow: [chat]"),
        "{}",
        said[0]
    );
}

#[test]
fn what_a_plugin_can_do_without_is_not_missed_and_not_allowed() {
    let mut without = layers();
    let stand_in = json!([{ "http": "GET http://127.0.0.1:9000/*", "optional": true }]);
    without.wants = read_wants(&stand_in);
    let permissions = Permissions::new(without);
    assert_eq!(permissions.missing(), []);
    let url = Url::parse("http://127.0.0.1:9000/").unwrap();
    assert!(permissions.http("GET", &url).is_err());
}

#[test]
fn what_is_left_can_be_listed() {
    let all = Permissions::new(layers()).effective();
    let http: Vec<_> = all.http.iter().map(ToString::to_string).collect();
    assert_eq!(
        http,
        [
            "http://127.0.0.1:8080/*",
            "POST https://hooks.example.org/services/*"
        ]
    );
    assert_eq!(all.aws[0].to_string(), "rds:DescribeDBInstances");
    assert_eq!(all.secrets["chat_token"], Use::Attach);
    assert!(all.state && all.once.contains("post"));
    let mut narrowed = layers();
    narrowed.step =
        Some(Allow::parse(&json!({ "http": [], "secrets": [], "state": false })).unwrap());
    let left = Permissions::new(narrowed).effective();
    assert!(left.http.is_empty() && left.secrets.is_empty() && !left.state && left.aws.len() == 1);
}

#[test]
fn this_machine_is_reached_only_where_the_ceiling_names_it() {
    let here: std::net::IpAddr = "127.0.0.1".parse().unwrap();
    let get = |layers: Layers, url: &str| {
        Permissions::new(layers)
            .http("GET", &Url::parse(url).unwrap())
            .unwrap()
    };
    let named = get(layers(), "http://127.0.0.1:8080/x");
    assert_eq!(named.address_allowed(here), Ok(()));
    assert!(
        named
            .address_allowed("169.254.169.254".parse().unwrap())
            .is_err()
    );
    assert!(named.address_allowed("10.0.0.1".parse().unwrap()).is_err());
    let mut wide = layers();
    wide.environment.http = vec!["http://*:*".parse().unwrap()];
    assert!(
        get(wide, "http://127.0.0.1:8080/x")
            .address_allowed(here)
            .is_err()
    );
    let mut private = layers();
    private.environment.private_network = true;
    let opened = get(private, "http://127.0.0.1:8080/x");
    assert_eq!(opened.address_allowed("10.0.0.1".parse().unwrap()), Ok(()));
}

#[test]
fn a_url_that_hides_something_is_refused_before_any_layer_is_asked() {
    for url in [
        "https://u:p@hooks.example.org/services/T1",
        "https://hooks.example.org/services/..%2f",
    ] {
        let refusal = post(layers(), url).unwrap_err();
        assert!(refusal.remedies().is_empty());
        assert!(
            refusal
                .to_string()
                .starts_with("plugin chat may not send this request: "),
            "{refusal}"
        );
    }
}

#[test]
fn a_region_outside_the_environment_has_to_be_named_by_both() {
    let mut elsewhere = layers();
    let call = rds("DescribeDBInstances", "eu-west-1");
    let refusal = Permissions::new(elsewhere.clone()).aws(&call).unwrap_err();
    assert!(
        refusal
            .to_string()
            .contains("rds:DescribeDBInstances@eu-west-1"),
        "{refusal}"
    );
    elsewhere.grant.aws = vec!["rds:Describe*@*".parse().unwrap()];
    assert!(Permissions::new(elsewhere.clone()).aws(&call).is_err());
    elsewhere.environment.aws = vec!["rds:*@eu-west-1".parse().unwrap()];
    Permissions::new(elsewhere).aws(&call).unwrap();
}
