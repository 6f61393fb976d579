//! The fixtures of the project's own plugins.

use runbook_wasm::fixture::{Report, Status, load, run};

use crate::guests;

/// Everything that failed, for people.
fn failures(report: &Report) -> String {
    let failed = report
        .checks
        .iter()
        .filter(|one| one.status == Status::Failed);
    let lines = failed.map(|one| format!("  {}: {}\n", one.name, one.why.as_deref().unwrap_or("")));
    format!(
        "{}:{} {}\n{}",
        report.file,
        report.line,
        report.name,
        lines.collect::<String>()
    )
}

async fn all(name: &str) {
    let plugin = guests::plugin(name).await;
    let fixtures = load(&guests::plugins().join(name)).unwrap();
    assert!(!fixtures.is_empty());
    let mut wrong = String::new();
    for fixture in &fixtures {
        let report = run(&plugin, fixture).await;
        if !report.passed() {
            wrong.push_str(&failures(&report));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn chat_notify_stands_its_fixtures() {
    all("chat-notify").await;
}

#[tokio::test]
async fn rds_promote_stands_its_fixtures() {
    all("rds-promote").await;
}

/// What the checks say of a fixture for the hostile plugin.
async fn hostile(document: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tests")).unwrap();
    std::fs::write(folder.path().join("tests/a.yaml"), document).unwrap();
    let fixtures = load(folder.path()).unwrap();
    run(&guests::plugin("hostile").await, &fixtures[0]).await
}

fn why<'a>(report: &'a Report, name: &str) -> &'a str {
    let found = report.checks.iter().find(|one| one.name.starts_with(name));
    let check = found.unwrap_or_else(|| panic!("no check `{name}` in {report:?}"));
    assert_eq!(check.status, Status::Failed, "{check:?}");
    check.why.as_deref().unwrap()
}

const CLAIMS: &str = "\
name: claims that nothing happened
step: mutates_then_claims_nothing
with: { url: \"http://127.0.0.1:9/a\" }
calls:
  - http: POST http://127.0.0.1:9/a
result: { error: { kind: retryable, code: hostile } }
";

#[tokio::test]
async fn a_plugin_that_denies_its_effect_is_found_out() {
    let report = hostile(CLAIMS).await;
    assert!(why(&report, "cut at call 1").contains("has to be ambiguous"));
    assert!(why(&report, "dry_run").contains("tried to change something"));
    let passed = |name: &str| {
        let found = report.checks.iter().find(|one| one.name.starts_with(name));
        found.is_some_and(|one| one.status == Status::Passed)
    };
    assert!(
        passed("calls") && passed("result") && passed("repeat") && passed("deadline at call 1")
    );
    let skipping = format!("{CLAIMS}skip: {{ dry_run: it is hostile, cut: the same }}\n");
    let report = hostile(&skipping).await;
    assert!(report.passed(), "{report:?}");
    assert!(
        serde_json::to_string(&report)
            .unwrap()
            .contains("\"skipped\"")
    );
}

#[tokio::test]
async fn calls_that_are_others_are_told_side_by_side() {
    let report = hostile(&CLAIMS.replace(
        "- http: POST http://127.0.0.1:9/a",
        "- http: POST http://127.0.0.1:9/b",
    ))
    .await;
    let text = why(&report, "calls");
    assert!(
        text.contains("expected: POST http://127.0.0.1:9/b"),
        "{text}"
    );
    assert!(
        text.contains("got:      POST http://127.0.0.1:9/a"),
        "{text}"
    );
    let report = hostile(&CLAIMS.replace(
        "url: \"http://127.0.0.1:9/a\"",
        "url: \"https://b.example/\"",
    ))
    .await;
    let text = why(&report, "calls");
    assert!(
        text.contains("call 1 never came") && text.contains("refused: "),
        "{text}"
    );
    let report =
        hostile(&CLAIMS.replace("calls:\n  - http: POST http://127.0.0.1:9/a\n", "")).await;
    assert!(why(&report, "calls").contains("one too many"));
    let report = hostile(&CLAIMS.replace("kind: retryable", "kind: ambiguous")).await;
    assert!(why(&report, "result").contains("error.kind: expected ambiguous, got retryable"));
}
