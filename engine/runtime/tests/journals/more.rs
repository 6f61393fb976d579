//! Runs of which only later releases know: held, repeated, skipped, forced, late, restored, edited and
//! taken back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use runbook_core::{RunStatus, Runbook};
use runbook_runtime::store::Signal;
use runbook_runtime::{Ended, Engine, Watch};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::books::{self, step};
use crate::record::{answer, drive, engine, say};

fn reason() -> String {
    "to have it recorded".to_owned()
}

async fn start(engine: &Engine, id: &str, book: Runbook) {
    let run = books::run(id, book, BTreeMap::new());
    engine.start(run).await.unwrap();
}

/// Records the runs whose kinds of events came with the second schema.
pub async fn record(state: &Path) {
    let engine = engine(state, |_| {});
    for id in ["held", "skipped", "forced", "restored", "edited"] {
        start(&engine, id, books::asked()).await;
        assert_eq!(drive(&engine, id).await, Ended::Waiting);
    }
    say(&engine, "held", Signal::Pause { reason: reason() }).await;
    assert_eq!(drive(&engine, "held").await, Ended::Paused);
    say(&engine, "held", Signal::Resume).await;
    say(&engine, "held", answer("go")).await;
    drive(&engine, "held").await;
    let (step, downstream) = ("before".to_owned(), true);
    say(
        &engine,
        "held",
        Signal::Retry {
            step,
            downstream,
            reason: reason(),
        },
    )
    .await;
    drive(&engine, "held").await;
    let step = "go".to_owned();
    say(
        &engine,
        "skipped",
        Signal::Skip {
            step,
            reason: reason(),
        },
    )
    .await;
    drive(&engine, "skipped").await;
    forced(&engine).await;
    let (_keep, stop) = watch::channel(Watch::Go);
    engine.restore("restored", "tester", stop).await.unwrap();
    edited(&engine).await;
    late(&engine).await;
    start(&engine, "back", taken_back()).await;
    drive(&engine, "back").await;
    say(&engine, "back", Signal::RollBack { reason: reason() }).await;
    let ended = drive(&engine, "back").await;
    assert!(matches!(
        ended,
        Ended::Finished {
            status: RunStatus::RolledBack,
            ..
        }
    ));
    let noting = books::book(&[books::step(
        0,
        "call",
        "cloud.act",
        json!({ "noting": true }),
        json!({}),
    )]);
    start(&engine, "noted", noting).await;
    drive(&engine, "noted").await;
}

/// Cancelled twice: the second time while it asks in its way out.
async fn forced(engine: &Engine) {
    let message = json!({ "message": "sure?" });
    let out = json!({ "section": "on_cancel", "needs": [] });
    let book = books::book(&[
        step(0, "go", "approval", message.clone(), json!({})),
        step(1, "sure", "approval", message, out),
    ]);
    start(engine, "twice", book).await;
    for _ in 0..2 {
        assert_eq!(drive(engine, "twice").await, Ended::Waiting);
        say(engine, "twice", Signal::Cancel { reason: None }).await;
    }
    drive(engine, "twice").await;
}

async fn edited(engine: &Engine) {
    let mut book = books::asked();
    book.steps[2].with = json!({ "value": "another one" });
    let edited = books::run("edited", book, BTreeMap::new()).definition;
    engine.redefine("edited", &edited, "tester").await.unwrap();
}

/// Its deadline passes while it asks.
async fn late(engine: &Engine) {
    let mut book = books::asked();
    book.timeout = Some(1);
    start(engine, "late", book).await;
    tokio::time::sleep(Duration::from_millis(3)).await;
    drive(engine, "late").await;
}

fn taken_back() -> Runbook {
    let none = || -> Value { json!({}) };
    books::book(&[
        step(0, "made", "cloud.make", json!({ "sticky": 2 }), none()),
        step(1, "acted", "cloud.act", none(), none()),
    ])
}
