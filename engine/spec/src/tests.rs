//! Good files as they compile, and a table of bad ones with every diagnostic as it is printed.

use std::path::Path;

use runbook_core::{Limit, OnFailure, Section, Undo};
use serde_json::json;

use crate::testing::catalog;
use crate::{Diagnostics, EnvironmentSchema, Loaded, NEVER, Source, load_source};

mod bad;

fn schema() -> EnvironmentSchema {
    let text = "
vars:
  dns: { type: map, fields: { zone: string, ttl: { type: integer, default: 60 } } }
  standby: { type: map, fields: { target_group: { type: string } } }
  smoke_urls: { type: list, items: { type: string } }
  subnets: { type: list, items: { type: map, fields: { id: aws.subnet_id } } }
  alerts_topic: { type: aws.arn }
";
    EnvironmentSchema::parse(&Source::new("environments/schema.yaml", text)).unwrap()
}

fn load(text: &str) -> Result<Loaded, Diagnostics> {
    let source = Source::new("runbooks/test.yaml", text);
    load_source(
        &source,
        Path::new("runbooks/test.yaml"),
        &catalog(),
        Some(&schema()),
    )
}

const FAILOVER: &str = r#"
name: prod-failover
summary: Move production traffic for {{ params.reason }}
owners: [sre]
params:
  domain:  { type: string, pattern: '^[a-z0-9.-]+$', description: Record to move }
  reason:  { type: string }
  drain:   { type: duration, default: 30s }
objectives: { rto: 15m }
lock: "{{ env.name }}/traffic"
on_failure: pause
defaults: { timeout: 10m, retry: { attempts: 5, delay: 1s } }

steps:
  - id: standby_health
    uses: aws.elbv2.targets.health
    with: { target_group: "{{ env.standby.target_group }}" }
    until: "targets.size() > 0 && targets.all(t, t.state == 'healthy') && healthy > 1"
    interval: 7s
    timeout: 5m

  - id: go
    uses: approval
    with: { message: "Move {{ params.domain }}: {{ params.reason }}", approvers: [sre] }
    when: "env.protected"

  - id: switch
    uses: aws.route53.record.upsert
    with: { zone: "{{ env.dns.zone }}", name: "{{ params.domain }}", type: A, weight: "{{ env.dns.ttl }}" }
    marks: service_restored
    retry: { on: [conflict] }
    on_failure: stop
    undo: none

  - id: smoke
    uses: aws.elbv2.targets.health
    for_each: "env.smoke_urls"
    max_parallel: 4
    max_failures: 10%
    needs: [switch]
    with: { target_group: "{{ item }}-{{ index }}" }

  - id: check
    uses: assert
    with: { that: ["steps.smoke.all(one, one.healthy > 0)", "steps.go == null || steps.go.by != ''"] }

  - id: numbers
    uses: let
    with: { total: "steps.smoke.size()" }

finally:
  - id: tell
    uses: aws.sns.publish
    with: { topic: "{{ env.alerts_topic }}", message: "{{ run.status }} {{ default steps.go.by \"nobody\" }}" }

on_cancel:
  - id: stopped
    uses: aws.sns.publish
    with: { topic: "{{ env.alerts_topic }}", message: stopped }

outputs:
  served_from: "{{ steps.switch.name }}"
  previous: "{{ steps.switch.previous.id }}"
  total: "{{ steps.numbers.total }}"
"#;

#[test]
fn the_runbook_of_the_language_page_compiles() {
    let loaded = load(FAILOVER).unwrap_or_else(|wrong| panic!("{wrong}"));
    let book = loaded.runbook;
    let ids: Vec<_> = book.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "standby_health",
            "go",
            "switch",
            "smoke",
            "check",
            "numbers",
            "tell",
            "stopped"
        ]
    );
    let needs: Vec<_> = book.steps.iter().map(|step| step.needs.clone()).collect();
    assert_eq!(
        needs,
        [
            vec![],
            vec![0],
            vec![1],
            vec![2],
            vec![3],
            vec![4],
            vec![],
            vec![]
        ]
    );
    assert_eq!(book.steps[7].section, Section::OnCancel);
    assert_eq!(book.objectives.rto, Some(900_000));
    let health = &book.steps[0];
    assert_eq!(health.until.as_ref().unwrap().interval, 7_000);
    assert_eq!(health.timeout, 300_000);
    assert_eq!(health.retry.attempts, 5);
    assert_eq!(health.on_failure, OnFailure::Pause);
    assert_eq!(book.steps[1].timeout, NEVER);
    let switch = &book.steps[2];
    assert_eq!(
        (switch.on_failure, &switch.undo),
        (OnFailure::Stop, &Undo::None)
    );
    assert_eq!(switch.retry.delay, 1_000);
    assert_eq!(switch.timeout, 600_000);
    let smoke = book.steps[3].for_each.as_ref().unwrap();
    assert_eq!(
        (smoke.max_parallel, smoke.max_failures),
        (4, Limit::Percent(10.0))
    );
    assert_eq!(book.steps[4].refs, ["go", "smoke"]);
    assert_eq!(book.steps[6].refs, ["go"]);
    assert_eq!(book.steps[6].on_failure, OnFailure::Stop);
    assert_eq!(
        book.outputs["served_from"],
        json!("{{ steps.switch.name }}")
    );
    let again: runbook_core::Runbook =
        serde_json::from_value(serde_json::to_value(&book).unwrap()).unwrap();
    assert_eq!(again, book);
}

#[test]
fn five_hundred_steps_are_checked_in_well_under_a_second() {
    let mut text = String::from("name: large\nsteps:\n");
    for n in 0..500 {
        text.push_str(&format!(
            "  - id: s{n}\n    uses: aws.route53.record.upsert\n    with: {{ zone: \"{{{{ env.dns.zone }}}}\", name: n{n}, type: A }}\n"
        ));
        if n > 0 {
            text.push_str(&format!("    when: steps.s{}.name != 'x{n}'\n", n - 1));
        }
    }
    let start = std::time::Instant::now();
    let loaded = load(&text).unwrap();
    assert_eq!(loaded.runbook.steps.len(), 500);
    // Debug builds on busy machines; a release build takes a tenth of it.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
