//! Records: drives the runs of [`crate::books`] to where they stay, and writes the state file down as
//! SQL, and every journal as JSON lines. To be run once with each release that has a new schema or new
//! kinds of events; see `README.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runbook_runtime::store::{Filter, Signal, Snapshot};
use runbook_runtime::{Ended, Engine, GatePolicy, Options, Store, Watch, now};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{books, cloud};

/// An engine over a state file.
pub fn engine(state: &Path, change: impl FnOnce(&mut Options)) -> Engine {
    let mut options = Options {
        gates: GatePolicy::Park,
        settle: 0,
        ..Options::default()
    };
    change(&mut options);
    Engine::new(
        Store::open(state).unwrap(),
        Arc::new(cloud::catalog()),
        options,
    )
}

pub async fn drive(engine: &Engine, run: &str) -> Ended {
    let (_keep, stop) = watch::channel(Watch::Go);
    engine.drive(run, "tester", stop).await.unwrap()
}

pub async fn say(engine: &Engine, run: &str, signal: Signal) {
    engine
        .store()
        .signal(run, "tester", now(), signal)
        .await
        .unwrap();
}

pub fn answer(step: &str) -> Signal {
    Signal::Answer {
        step: step.to_owned(),
        item: None,
        granted: true,
        comment: Some("yes".to_owned()),
        form: Value::Null,
    }
}

pub fn resolve(step: &str) -> Signal {
    Signal::Resolve {
        step: step.to_owned(),
        item: None,
        how: "done".to_owned(),
        outputs: json!({}),
        reason: "seen".to_owned(),
    }
}

/// Drives a run until its step hangs, and lets go of it there, as a process does that is killed.
pub async fn drive_into(engine: &Engine, run: &str, step: &str) {
    cloud::hang(true);
    let (stopper, stop) = watch::channel(Watch::Go);
    let (driven, id) = (engine.clone(), run.to_owned());
    let task = tokio::spawn(async move { driven.drive(&id, "tester", stop).await });
    let wanted = format!("{step} act");
    while !cloud::calls(run).contains(&wanted) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stopper.send(Watch::Now).unwrap();
    assert_eq!(task.await.unwrap().unwrap(), Ended::Interrupted);
    cloud::hang(false);
}

/// What every release has: one run of each kind, two of them cut short.
pub async fn record(state: &Path) {
    let engine = engine(state, |_| {});
    let start = |id: &'static str, book, children| {
        let engine = engine.clone();
        async move { engine.start(books::run(id, book, children)).await.unwrap() }
    };
    start("interrupted", books::interrupted(), books::children()).await;
    drive_into(&engine, "interrupted", "cut").await;
    for id in ["asked", "answered", "cancelled"] {
        start(id, books::asked(), BTreeMap::new()).await;
        assert_eq!(drive(&engine, id).await, Ended::Waiting);
    }
    say(&engine, "answered", answer("go")).await;
    drive(&engine, "answered").await;
    say(&engine, "cancelled", Signal::Cancel { reason: None }).await;
    drive(&engine, "cancelled").await;
    start("failed", books::failing(), BTreeMap::new()).await;
    drive(&engine, "failed").await;
    let (_keep, stop) = watch::channel(Watch::Go);
    engine.reopen("failed", "tester", stop).await.unwrap();
    for id in ["doubted", "resolved"] {
        start(id, books::doubted(), BTreeMap::new()).await;
        drive_into(&engine, id, "act").await;
        assert_eq!(drive(&engine, id).await, Ended::Waiting);
    }
    say(&engine, "resolved", resolve("act")).await;
    drive(&engine, "resolved").await;
}

/// The state file as SQL that makes it again.
pub fn dump(state: &Path) -> String {
    let connection = Connection::open(state).unwrap();
    // For people only, and nobody's business.
    connection
        .execute(
            "UPDATE run SET owner = 'process 1 on a host' WHERE owner IS NOT NULL",
            [],
        )
        .unwrap();
    let number = |pragma: &str| -> i64 {
        let ask = format!("PRAGMA {pragma}");
        connection.query_row(&ask, [], |row| row.get(0)).unwrap()
    };
    let mut text = format!(
        "PRAGMA foreign_keys = OFF;\nPRAGMA application_id = {};\nPRAGMA user_version = {};\nBEGIN;\n",
        number("application_id"),
        number("user_version")
    );
    let rows = |ask: &str| -> Vec<(String, String)> {
        let mut statement = connection.prepare(ask).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap().map(Result::unwrap).collect()
    };
    for (name, sql) in rows(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
    ) {
        let _ = writeln!(text, "\n-- {name}\n{sql};");
    }
    for (table, _) in
        rows("SELECT name, type FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
    {
        let columns: Vec<String> = rows(&format!(
            "SELECT name, type FROM pragma_table_info('{table}')"
        ))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
        let quoted: Vec<String> = columns
            .iter()
            .map(|name| format!("quote(\"{name}\")"))
            .collect();
        let ask = format!(
            "SELECT {}, '' FROM \"{table}\"",
            quoted.join(" || ', ' || ")
        );
        for (row, _) in rows(&ask) {
            let _ = writeln!(
                text,
                "INSERT INTO {table} ({}) VALUES ({row});",
                columns.join(", ")
            );
        }
    }
    text.push_str("COMMIT;\n");
    text
}

/// Every journal: a line that names its runbook and how it stands, and a line for each event.
pub fn lines(state: &Path) -> String {
    let snapshot = Snapshot::open(state).unwrap();
    let mut text = String::new();
    for run in snapshot.list(&Filter::default()).unwrap() {
        let definition = snapshot.definition(&run).unwrap();
        let book = definition.entry(run.entry.as_deref()).unwrap();
        let head = json!({ "run": run.id, "status": run.status, "runbook": book });
        let _ = writeln!(text, "{head}");
        for row in snapshot.events(&run.id, 0).unwrap() {
            let _ = writeln!(text, "{}", serde_json::to_string(&row.entry).unwrap());
        }
    }
    text
}
