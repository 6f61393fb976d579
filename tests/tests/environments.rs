//! The environments against the document that the project was created from: its matrix row by row, its
//! `environment_config` blocks key by key, and its contradictions one by one.
#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    missing_docs,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

/// The matrix, as the document has it.
const MATRIX: &str = "\
| Component | Development | Staging | Production |
|-----------|-------------|---------|------------|
| **Availability Zones** | 1 AZ | 2 AZs | 3 AZs |
| **EC2 Instance Type** | t3.micro | t3.small | t3.medium+ |
| **EBS Volume Size** | 20GB | 50GB | 100GB |
| **NAT Gateways** | 1 (shared) | 2 (per AZ) | 3 (per AZ) |
| **Load Balancer** | Single ALB | Multi-AZ ALB | Multi-AZ ALB |
| **Monitoring** | Basic | Enhanced | Full Stack |
| **Backup Frequency** | Weekly | Daily | Hourly |
| **Route 53** | Optional | Optional | Required |
| **Auto Scaling** | Manual | Scheduled | Dynamic |
| **Log Retention** | 7 days | 30 days | 90 days |
";

/// The three blocks, as the document has them.
const BLOCKS: [(&str, &str); 3] = [
    (
        "dev",
        r#"
# Development optimized for cost and simplicity
environment_config = {
  instance_type = "t3.micro"
  min_size      = 1
  max_size      = 2
  desired_size  = 1

  # Cost optimizations
  enable_nat_gateway = false
  enable_monitoring = false
  backup_enabled    = false

  # Development-specific settings
  enable_ssh_access = true
  detailed_monitoring = false
}
"#,
    ),
    (
        "staging",
        r#"
# Staging mirrors production for testing
environment_config = {
  instance_type = "t3.small"
  min_size      = 2
  max_size      = 4
  desired_size  = 2

  # Production-like settings
  enable_nat_gateway = true
  enable_monitoring = true
  backup_enabled    = true

  # Testing-specific settings
  enable_blue_green = true
  canary_deployment = true
}
"#,
    ),
    (
        "prod",
        r#"
# Production optimized for reliability and performance
environment_config = {
  instance_type = "t3.medium"
  min_size      = 3
  max_size      = 9
  desired_size  = 3

  # High availability settings
  enable_nat_gateway = true
  enable_monitoring = true
  backup_enabled    = true

  # Production-specific settings
  enable_termination_protection = true
  detailed_monitoring = true
  enable_cross_zone_lb = true
}
"#,
    ),
];

/// What a row of the matrix is called here, and how its cells are written.
fn rows() -> Vec<(&'static str, &'static str, Vec<(&'static str, Value)>)> {
    vec![
        (
            "Availability Zones",
            "availability_zones",
            vec![("1 AZ", json!(1)), ("2 AZs", json!(2)), ("3 AZs", json!(3))],
        ),
        (
            "EC2 Instance Type",
            "instance_type",
            vec![
                ("t3.micro", json!("t3.micro")),
                ("t3.small", json!("t3.small")),
                ("t3.medium+", json!("t3.medium")),
            ],
        ),
        (
            "EBS Volume Size",
            "volume_size",
            vec![
                ("20GB", json!(20)),
                ("50GB", json!(50)),
                ("100GB", json!(100)),
            ],
        ),
        (
            "NAT Gateways",
            "nat_gateways",
            vec![
                ("1 (shared)", json!(1)),
                ("2 (per AZ)", json!(2)),
                ("3 (per AZ)", json!(3)),
            ],
        ),
        (
            "Load Balancer",
            "load_balancer",
            vec![
                ("Single ALB", json!("single")),
                ("Multi-AZ ALB", json!("multi_az")),
            ],
        ),
        (
            "Monitoring",
            "monitoring",
            vec![
                ("Basic", json!("basic")),
                ("Enhanced", json!("enhanced")),
                ("Full Stack", json!("full")),
            ],
        ),
        (
            "Backup Frequency",
            "backup_frequency",
            vec![
                ("Weekly", json!("weekly")),
                ("Daily", json!("daily")),
                ("Hourly", json!("hourly")),
            ],
        ),
        (
            "Route 53",
            "route53",
            vec![
                ("Optional", json!("optional")),
                ("Required", json!("required")),
            ],
        ),
        (
            "Auto Scaling",
            "auto_scaling",
            vec![
                ("Manual", json!("manual")),
                ("Scheduled", json!("scheduled")),
                ("Dynamic", json!("dynamic")),
            ],
        ),
        (
            "Log Retention",
            "log_retention",
            vec![
                ("7 days", json!("7d")),
                ("30 days", json!("30d")),
                ("90 days", json!("90d")),
            ],
        ),
    ]
}

/// Keys that a block does not have. The environment says all of them, and says no.
const LEFT_OUT: [(&str, &[&str]); 3] = [
    (
        "dev",
        &[
            "canary_deployment",
            "enable_blue_green",
            "enable_cross_zone_lb",
            "enable_termination_protection",
        ],
    ),
    (
        "staging",
        &[
            "detailed_monitoring",
            "enable_cross_zone_lb",
            "enable_ssh_access",
            "enable_termination_protection",
        ],
    ),
    (
        "prod",
        &[
            "canary_deployment",
            "enable_blue_green",
            "enable_ssh_access",
        ],
    ),
];

/// Where the document contradicts itself or AWS: the environment, what it says, what it says as well,
/// the variables that were chosen, and the word that the comment in the environment's file must have.
fn contradictions() -> Vec<Contradiction> {
    vec![
        Contradiction {
            environment: "dev",
            says: "Matrix: NAT Gateways | 1 (shared)",
            also: "enable_nat_gateway = false",
            chosen: json!({ "nat_gateways": 1, "enable_nat_gateway": false }),
            comment: "shared gateway",
        },
        Contradiction {
            environment: "dev",
            says: "Matrix: Backup Frequency | Weekly",
            also: "backup_enabled = false",
            chosen: json!({ "backup_frequency": "weekly", "backup_enabled": false }),
            comment: "backup_enabled = false. Chosen",
        },
        Contradiction {
            environment: "dev",
            says: "Matrix: Availability Zones | 1 AZ; Load Balancer | Single ALB",
            also: "AWS: an Application Load Balancer needs subnets in two zones",
            chosen: json!({ "availability_zones": 1, "load_balancer_zones": 2 }),
            comment: "fewer than two zones",
        },
        Contradiction {
            environment: "dev",
            says: "Block: no enable_cross_zone_lb",
            also: "AWS: an Application Load Balancer always balances across zones",
            chosen: json!({ "enable_cross_zone_lb": false }),
            comment: "always balances across zones",
        },
        Contradiction {
            environment: "dev",
            says: "Achieve 99.95% uptime across all environments",
            also: "One zone without backups",
            chosen: json!({ "slo_availability": 99.95, "availability_zones": 1 }),
            comment: "across all environments",
        },
        Contradiction {
            environment: "staging",
            says: "Matrix: Monitoring | Enhanced; no detailed_monitoring",
            also: "Full monitoring stack for testing",
            chosen: json!({ "monitoring": "enhanced", "detailed_monitoring": false }),
            comment: "full monitoring stack",
        },
        Contradiction {
            environment: "staging",
            says: "Matrix: EC2 Instance Type | t3.small",
            also: "Production-equivalent configuration",
            chosen: json!({ "instance_type": "t3.small" }),
            comment: "production-equivalent",
        },
        Contradiction {
            environment: "staging",
            says: "Matrix: Backup Frequency | Daily",
            also: "RPO Objectives: 5-minute data loss tolerance",
            chosen: json!({ "backup_frequency": "daily", "rpo": "5m" }),
            comment: "cannot meet an rpo",
        },
        Contradiction {
            environment: "prod",
            says: "Matrix: EC2 Instance Type | t3.medium+",
            also: "instance_type = \"t3.medium\"",
            chosen: json!({ "instance_type": "t3.medium" }),
            comment: "t3.medium+",
        },
        Contradiction {
            environment: "prod",
            says: "Matrix: Backup Frequency | Hourly",
            also: "RPO Objectives: 5-minute data loss tolerance",
            chosen: json!({ "backup_frequency": "hourly", "rpo": "5m" }),
            comment: "contradict an rpo",
        },
    ]
}

struct Contradiction {
    environment: &'static str,
    says: &'static str,
    also: &'static str,
    chosen: Value,
    comment: &'static str,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../environments")
        .join(format!("{name}.yaml"))
}

fn text(name: &str) -> String {
    let path = file(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}.yaml: {error}"))
}

fn vars(name: &str) -> Value {
    yaml(name)["vars"].clone()
}

/// Cells of the matrix by component, in the order of [`ENVIRONMENTS`].
fn matrix() -> BTreeMap<String, Vec<String>> {
    MATRIX
        .lines()
        .skip(2)
        .map(|line| {
            let mut cells = line
                .trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned());
            let component = cells.next().unwrap().trim_matches('*').to_owned();
            (component, cells.collect())
        })
        .collect()
}

/// Keys and values of a block.
fn block(text: &str) -> BTreeMap<String, Value> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.ends_with('{'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| {
            (
                key.trim().to_owned(),
                serde_json::from_str(value.trim()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_row_of_the_matrix_stands_in_the_environments() {
    let matrix = matrix();
    let rows = rows();
    let known: BTreeSet<&str> = rows.iter().map(|(component, ..)| *component).collect();
    let asked: BTreeSet<&str> = matrix.keys().map(String::as_str).collect();
    assert_eq!(known, asked, "rows");
    for (component, variable, spellings) in rows {
        for (environment, cell) in ENVIRONMENTS.into_iter().zip(&matrix[component]) {
            let wished = spellings.iter().find(|(written, _)| written == cell);
            let (_, wished) = wished.unwrap_or_else(|| panic!("{component}: `{cell}`"));
            assert_eq!(
                &vars(environment)[variable],
                wished,
                "{environment}: {component}"
            );
        }
    }
}

#[test]
fn every_key_of_the_blocks_stands_in_the_environments() {
    let every: BTreeSet<String> = BLOCKS
        .iter()
        .flat_map(|(_, text)| block(text).into_keys())
        .collect();
    assert_eq!(every.len(), 13);
    for ((environment, text), (same, left_out)) in BLOCKS.into_iter().zip(LEFT_OUT) {
        assert_eq!(environment, same);
        let block = block(text);
        let vars = vars(environment);
        for (key, value) in &block {
            assert_eq!(&vars[key], value, "{environment}: {key}");
        }
        let missing: Vec<&str> = every
            .iter()
            .filter(|key| !block.contains_key(*key))
            .map(String::as_str)
            .collect();
        assert_eq!(missing, left_out, "{environment}");
        for key in left_out {
            assert_eq!(vars[key], json!(false), "{environment}: {key}");
        }
    }
}

#[test]
fn every_contradiction_is_settled_and_says_so_in_the_file() {
    for one in contradictions() {
        let vars = vars(one.environment);
        for (variable, value) in one.chosen.as_object().unwrap() {
            assert_eq!(
                &vars[variable], value,
                "{}: `{}` against `{}`",
                one.environment, one.says, one.also
            );
        }
        let explained = text(one.environment).lines().any(|line| {
            line.split_once('#')
                .is_some_and(|(_, comment)| comment.contains(one.comment))
        });
        assert!(
            explained,
            "{}.yaml has no comment on `{}`",
            one.environment, one.comment
        );
    }
}

#[test]
fn objectives_and_indicators_are_the_documents() {
    for environment in ENVIRONMENTS {
        let vars = vars(environment);
        for (variable, value) in [
            ("rto", json!("15m")),
            ("rpo", json!("5m")),
            ("slo_availability", json!(99.95)),
            ("slo_latency_p95", json!("200ms")),
            ("slo_error_rate", json!(0.1)),
            ("health_check_interval", json!("30s")),
            ("healthy_threshold", json!(2)),
            ("unhealthy_threshold", json!(5)),
            ("volume_iops", json!(3000)),
        ] {
            assert_eq!(vars[variable], value, "{environment}: {variable}");
        }
    }
}

#[test]
fn the_network_is_the_documents() {
    let tiers = [("public", 0), ("private", 10), ("database", 20)];
    let mut wished = Vec::new();
    for (tier, offset) in tiers {
        for (number, zone) in [(1, "a"), (2, "b"), (3, "c")] {
            let cidr = format!("10.0.{}.0/24", offset + number);
            wished.push(json!({ "tier": tier, "number": number, "zone": zone, "cidr": cidr }));
        }
    }
    for environment in ENVIRONMENTS {
        let vars = vars(environment);
        assert_eq!(vars["vpc_cidr"], json!("10.0.0.0/16"));
        assert_eq!(vars["subnets"], json!(wished), "{environment}");
        let aws = &yaml(environment)["aws"];
        assert_eq!(aws["region"], json!("us-east-1"));
        assert_eq!(aws["standby_region"], json!("us-west-2"));
        let zones = |variable: &str| vars[variable].as_u64().unwrap();
        assert!(
            zones("availability_zones") <= zones("load_balancer_zones"),
            "{environment}"
        );
        let gateways = zones("nat_gateways");
        assert!(
            gateways <= 1 || gateways == zones("availability_zones"),
            "{environment}"
        );
    }
}

#[test]
fn every_variable_is_declared_and_every_declared_one_has_a_value() {
    let schema = yaml("schema");
    let declared = schema["vars"].as_object().unwrap();
    let names: BTreeSet<&String> = declared.keys().collect();
    let keys = [
        "type",
        "description",
        "enum",
        "pattern",
        "min",
        "max",
        "min_length",
        "max_length",
        "items",
    ];
    for (name, declaration) in declared {
        for key in declaration.as_object().unwrap().keys() {
            assert!(keys.contains(&key.as_str()), "{name}: {key}");
        }
        assert!(
            declaration["description"].is_string(),
            "{name} has no description"
        );
    }
    for environment in ENVIRONMENTS {
        let vars = vars(environment);
        let given: BTreeSet<&String> = vars.as_object().unwrap().keys().collect();
        assert_eq!(given, names, "{environment}");
        for (name, value) in vars.as_object().unwrap() {
            let kind = declared[name]["type"].as_str().unwrap();
            assert!(
                fits(kind, value),
                "{environment}: {name} is no {kind}: {value}"
            );
        }
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "list" => value.is_array(),
        "map" => value.is_object(),
        _ => value.is_string(),
    }
}

#[test]
fn environments_are_whole() {
    for environment in ENVIRONMENTS {
        let file = yaml(environment);
        let keys: Vec<&String> = file.as_object().unwrap().keys().collect();
        let mut wished = vec![
            "name",
            "protected",
            "aws",
            "tags",
            "vars",
            "schedules",
            "freeze",
            "plugins",
        ];
        wished.sort_unstable();
        let mut keys: Vec<&str> = keys.into_iter().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, wished, "{environment}");
        assert_eq!(file["name"], json!(environment));
        assert_eq!(file["protected"], json!(environment == "prod"));

        let tags = file["tags"].as_object().unwrap();
        let names: BTreeSet<&str> = tags.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            BTreeSet::from(["Project", "Environment", "Owner", "CostCenter", "Backup"])
        );
        assert!(
            tags.values().all(Value::is_string),
            "{environment}: tags are text"
        );
        assert_eq!(tags["Environment"], json!(environment));
        assert_eq!(tags["Project"], file["vars"]["project"]);
        assert_eq!(tags["Backup"], file["vars"]["backup_frequency"]);

        let vars = &file["vars"];
        let size = |variable: &str| vars[variable].as_u64().unwrap();
        assert!(
            size("min_size") <= size("desired_size") && size("desired_size") <= size("max_size")
        );
        assert!(
            size("standby_size") <= size("desired_size"),
            "{environment}"
        );
        assert!(
            vars["route53"] != "required" || vars["enable_dns"] == json!(true),
            "{environment}"
        );
        for site in ["primary", "standby"] {
            let names: BTreeSet<&str> = vars[site]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(
                names,
                BTreeSet::from(["load_balancer", "target_group", "alarm", "topic"])
            );
            for name in ["load_balancer", "target_group"] {
                let name = vars[site][name].as_str().unwrap();
                assert!(name.len() <= 32, "{name}: AWS takes 32 characters");
            }
        }
    }
}

#[test]
fn backups_are_scheduled_as_often_as_the_matrix_and_the_objective_say() {
    for environment in ENVIRONMENTS {
        let file = yaml(environment);
        let schedules = file["schedules"].as_array().unwrap();
        let (name, cron) = match file["vars"]["backup_frequency"].as_str().unwrap() {
            "weekly" => ("weekly-backup", "0 3 * * 0"),
            "daily" => ("daily-backup", "0 3 * * *"),
            _ => ("hourly-backup", "0 * * * *"),
        };
        let of = |name: &str| schedules.iter().find(|schedule| schedule["name"] == name);
        let regular = of(name).unwrap();
        assert_eq!(regular["runbook"], json!("backup"));
        assert_eq!(regular["cron"], json!(cron), "{environment}");
        assert_eq!(regular["timezone"], json!("UTC"));

        let rpo = of("rpo-backup");
        assert_eq!(rpo.is_some(), environment == "prod");
        if let Some(rpo) = rpo {
            // Every two minutes and a copy of at most three: five, the objective.
            assert_eq!(rpo["cron"], json!("1-59/2 * * * *"));
            assert_eq!(rpo["runbook"], json!("backup"));
            assert_eq!(rpo["params"], json!({ "max_age": "1m" }));
        }
    }
}

fn runbook(name: &str) -> Option<Value> {
    let path = file("x")
        .with_file_name("../runbooks")
        .join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path).ok()?;
    Some(serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}.yaml: {error}")))
}

#[test]
fn what_environments_say_of_runbooks_is_true() {
    for environment in ENVIRONMENTS {
        let file = yaml(environment);
        for schedule in file["schedules"].as_array().unwrap() {
            let name = schedule["runbook"].as_str().unwrap();
            let runbook =
                runbook(name).unwrap_or_else(|| panic!("{environment}: no runbook {name}"));
            for param in schedule["params"].as_object().unwrap().keys() {
                assert!(
                    runbook["params"][param].is_object(),
                    "{name} has no parameter {param}"
                );
            }
        }
        for freeze in file["freeze"].as_array().unwrap() {
            for name in freeze["allow"].as_array().unwrap() {
                assert!(
                    runbook(name.as_str().unwrap()).is_some(),
                    "{environment}: no runbook {name}"
                );
            }
        }
        // Objectives take no template, so they stand in two places.
        let failover = runbook("prod-failover").unwrap();
        assert_eq!(
            failover["objectives"]["rto"], file["vars"]["rto"],
            "{environment}"
        );
        assert_eq!(
            failover["objectives"]["rpo"], file["vars"]["rpo"],
            "{environment}"
        );
    }
}

#[test]
fn what_a_scenario_prepares_is_there() {
    let scenario = runbook("prod-failover.sandbox").unwrap();
    let keys: Vec<&str> = scenario
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(["prepare", "faults"])
    );
    for prepare in scenario["prepare"].as_array().unwrap() {
        let name = prepare["runbook"].as_str().unwrap();
        assert!(runbook(name).is_some(), "no runbook {name}");
    }
    assert!(
        scenario["faults"]
            .as_array()
            .unwrap()
            .iter()
            .all(|fault| fault["kind"].is_string())
    );
}

#[test]
fn a_runbooks_file_is_named_as_it_is_and_its_children_are_there() {
    let folder = file("x").with_file_name("../runbooks");
    for entry in std::fs::read_dir(folder).unwrap() {
        let file_name = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file_name
            .strip_suffix(".yaml")
            .filter(|name| !name.contains('.'))
        else {
            continue;
        };
        let this = runbook(name).unwrap();
        assert_eq!(this["name"], json!(name));
        assert!(this["summary"].is_string(), "{name} has no summary");
        for step in this["steps"].as_array().unwrap() {
            if step["uses"] != "runbook" {
                continue;
            }
            let child = step["with"]["file"].as_str().unwrap();
            let child_book = runbook(child).unwrap_or_else(|| panic!("{name}: no runbook {child}"));
            let given = step["with"]["params"].as_object().unwrap();
            for param in given.keys() {
                assert!(
                    child_book["params"][param].is_object(),
                    "{name}: {child} has no {param}"
                );
            }
            for (param, declaration) in child_book["params"].as_object().unwrap() {
                let needed = declaration.get("default").is_none();
                assert!(
                    !needed || given.contains_key(param),
                    "{name}: {child} needs {param}"
                );
            }
        }
    }
}
