//! A state file, a cloud and an engine over them; runbooks as short JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use runbook_core::{RunStatus, Runbook, Shape, Work};
use runbook_runtime::store::Snapshot;
use runbook_runtime::{
    Definition, DriveError, Ended, Engine, GatePolicy, NewRun, Notice, Options, StartError, Store,
    Watch,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::cloud;

pub struct World {
    pub folder: tempfile::TempDir,
    pub notices: Arc<Mutex<Vec<Notice>>>,
    /// The test breaks the state file.
    pub spoiled: bool,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("cloud")).unwrap();
        Self {
            folder,
            notices: Arc::default(),
            spoiled: false,
        }
    }

    pub fn cloud(&self) -> PathBuf {
        self.folder.path().join("cloud")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    pub fn engine(&self, gates: GatePolicy) -> Engine {
        self.engine_with(Options {
            gates,
            settle: 0,
            ..Options::default()
        })
    }

    pub fn engine_with(&self, options: Options) -> Engine {
        let notices = self.notices.clone();
        let options = Options {
            watcher: Arc::new(move |notice| notices.lock().unwrap().push(notice.clone())),
            ..options
        };
        Engine::new(
            Store::open(&self.state()).unwrap(),
            Arc::new(cloud::catalog()),
            options,
        )
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::open(&self.state()).unwrap()
    }

    pub async fn start(&self, engine: &Engine, book: Runbook) -> Result<String, StartError> {
        self.start_with(engine, book, BTreeMap::new()).await
    }

    pub async fn start_with(
        &self,
        engine: &Engine,
        book: Runbook,
        children: BTreeMap<String, Runbook>,
    ) -> Result<String, StartError> {
        engine.start(self.new_run(book, children)).await
    }

    /// A run to start.
    pub fn new_run(&self, book: Runbook, children: BTreeMap<String, Runbook>) -> NewRun {
        let definition = self.definition(book, children);
        NewRun {
            id: None,
            definition: Arc::new(definition),
            params: json!({ "cloud": self.cloud() }),
            secrets: BTreeMap::new(),
            overrides: Value::Null,
            actor: "tester".into(),
            meta: json!({}),
            parent: None,
            idempotency_key: None,
        }
    }

    /// What a run pins.
    pub fn definition(&self, book: Runbook, children: BTreeMap<String, Runbook>) -> Definition {
        Definition {
            engine: "test".into(),
            file: None,
            runbook: book,
            children,
            environment: "dev".into(),
            env: json!({ "name": "dev", "zones": ["a", "b", "c"] }),
            aws: runbook_step::Aws::default(),
            tags: BTreeMap::new(),
            secrets: BTreeMap::new(),
            plugins: BTreeMap::new(),
        }
    }

    /// Starts and drives a runbook to wherever it gets.
    pub async fn run(&self, book: Runbook) -> (String, Ended) {
        let engine = self.engine(GatePolicy::Park);
        let id = self.start(&engine, book).await.unwrap();
        let ended = drive(&engine, &id).await.unwrap();
        (id, ended)
    }

    /// The journal as short lines: `id kind`.
    pub fn journal(&self, run: &str) -> Vec<String> {
        let events = self.snapshot().events(run, 0).unwrap();
        events
            .iter()
            .map(|row| {
                let subject = match row.entry.event.subject() {
                    Some((step, Some(item))) => format!("{step}[{item}] "),
                    Some((step, None)) => format!("{step} "),
                    None => String::new(),
                };
                format!("{subject}{}", row.entry.event.kind())
            })
            .collect()
    }

    pub fn status(&self, run: &str) -> RunStatus {
        self.snapshot().run(run).unwrap().status
    }
}

/// Whatever a test did: the state rows say what the events say.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() || self.spoiled || !self.state().exists() {
            return;
        }
        let report = runbook_runtime::doctor::examine(&self.state(), None).unwrap();
        assert!(report.is_healthy(), "{:#?}", report.findings);
    }
}

pub async fn drive(engine: &Engine, id: &str) -> Result<Ended, DriveError> {
    // The sender lives as long as the drive.
    let (_keep, stop) = watch::channel(Watch::Go);
    engine.drive(id, "tester", stop).await
}

/// A step that calls out; `extra` overrides any field.
pub fn step(id: &str, uses: &str, needs: &[usize], with: Value, extra: Value) -> Value {
    let work = match uses {
        "test.echo" | "test.count" | "test.stall" => Work::Call(Shape::Query),
        "test.create" => Work::Call(Shape::Create),
        "test.act" => Work::Call(Shape::Action),
        "test.until" => Work::Call(Shape::Wait),
        "test.compute" | "test.computed" => Work::Pure,
        "wait" => Work::Timer,
        "approval" => Work::Gate(runbook_core::Gate::Approval),
        "manual" => Work::Gate(runbook_core::Gate::Manual),
        "runbook" => Work::Child,
        other => panic!("no step type {other}"),
    };
    let mut step = json!({
        "id": id, "uses": uses, "work": work, "with": with, "needs": needs, "timeout": 60_000,
        "retry": { "attempts": 3, "delay": 1, "max_delay": 5, "backoff": 2.0, "jitter": false,
                   "on": ["throttled", "transient", "conflict"] },
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        step[key] = value.clone();
    }
    step
}

pub fn book(steps: Vec<Value>) -> Runbook {
    book_with(steps, json!({}))
}

pub fn book_with(steps: Vec<Value>, extra: Value) -> Runbook {
    let mut book = json!({ "name": "test", "steps": steps });
    for (key, value) in extra.as_object().into_iter().flatten() {
        book[key] = value.clone();
    }
    serde_json::from_value(book).unwrap()
}

pub fn finished(ended: &Ended) -> RunStatus {
    match ended {
        Ended::Finished { status, .. } => *status,
        other => panic!("not finished: {other:?}"),
    }
}
