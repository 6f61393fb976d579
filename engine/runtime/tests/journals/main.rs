//! State files of every released schema, killed in the middle: this build opens them, brings them up to
//! its own schema and drives their runs to the end. See `README.md`.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "modules of one test binary"
)]

mod books;
mod cloud;
mod record;

#[tokio::test]
#[ignore = "writes the files of a release: RUNBOOK_RECORD names the folder"]
async fn write_down() {
    let Ok(folder) = std::env::var("RUNBOOK_RECORD") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    let state = tempfile::tempdir().unwrap();
    let state = state.path().join("state.db");
    record::record(&state).await;
    std::fs::write(folder.join("state.sql"), record::dump(&state)).unwrap();
    std::fs::write(folder.join("journals.jsonl"), record::lines(&state)).unwrap();
}
