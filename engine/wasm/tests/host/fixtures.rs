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
