//! Runs over a recorded state file: what is run, how it is recorded, and what is true of it at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use runbook_core::{Event, RunStatus, Runbook, Shape, Work};
use runbook_runtime::store::{Filter, Signal, Snapshot};
use runbook_runtime::{
    Definition, DriveError, Ended, Engine, GatePolicy, NewRun, Notice, Options, StartError, Store,
    StoreError, Watch, now,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::cloud::{Cloud, catalog};
use crate::disk::Disk;
use crate::mark::{Mark, Verb};

/// What is run: runbooks that are driven at the same time, with their children.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name, which is also that of its world outside.
    pub name: String,
    /// The runbooks; run `r0` is of the first.
    pub books: Vec<Runbook>,
    /// Child runbooks by file.
    pub children: BTreeMap<String, Runbook>,
    /// Let go after so many calls, and resume with a new store.
    pub pause_after: Option<usize>,
}

/// Why a run could not be started or driven.
#[derive(Debug)]
pub enum Trip {
    /// The state file could not be opened.
    Open(StoreError),
    /// The run could not be made.
    Start(StartError),
    /// The run could not be driven on.
    Drive(DriveError),
}

impl Trip {
    /// What the store said, if it was the store.
    #[must_use]
    pub fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Open(error)
            | Self::Start(StartError::Store(error))
            | Self::Drive(DriveError::Store(error)) => Some(error),
            Self::Start(_) | Self::Drive(_) => None,
        }
    }
}

/// A step; `uses` is the last word of its type.
#[must_use]
pub fn step(cloud: &str, id: &str, uses: &str, needs: &[usize], with: &Value) -> Value {
    let (uses, work) = match uses {
        "read" => ("disk.read", Work::Call(Shape::Query)),
        "make" => ("disk.make", Work::Call(Shape::Create)),
        "act" => ("disk.act", Work::Call(Shape::Action)),
        _ => ("runbook", Work::Child),
    };
    let mut inputs = with.clone();
    if work != Work::Child {
        inputs["cloud"] = json!(cloud);
    }
    json!({
        "id": id, "uses": uses, "work": work, "with": inputs, "needs": needs, "timeout": 600_000,
        "retry": { "attempts": 3, "delay": 1, "max_delay": 5, "backoff": 2.0, "jitter": false,
                   "on": ["throttled", "transient", "conflict"] },
    })
}

/// A runbook of these steps.
///
/// # Errors
/// The steps are no steps.
pub fn book(steps: Vec<Value>) -> Result<Runbook, serde_json::Error> {
    serde_json::from_value(json!({ "name": "disk", "steps": steps }))
}

/// A process: one store and one engine over it, and threads of its own. What it holds ends with it.
pub struct Process {
    engine: Engine,
    runtime: tokio::runtime::Runtime,
}

impl Process {
    /// Opens the state file; what the store promises is marked on `disk`.
    ///
    /// # Errors
    /// [`Trip::Open`].
    pub fn open(path: &Path, disk: Option<Disk>) -> Result<Self, Trip> {
        let store = Store::open(path).map_err(Trip::Open)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| {
                Trip::Open(StoreError::Open {
                    path: path.to_path_buf(),
                    reason: error.to_string(),
                })
            })?;
        let options = Options {
            gates: GatePolicy::Park,
            settle: 0,
            watcher: Arc::new(move |notice| {
                if let Some(disk) = &disk {
                    note(disk, notice);
                }
            }),
            ..Options::default()
        };
        Ok(Self {
            engine: Engine::new(store, Arc::new(catalog()), options),
            runtime,
        })
    }

    /// Makes the runs of a scenario; those that exist stay as they are.
    ///
    /// # Errors
    /// [`Trip::Start`].
    pub fn start(&self, scenario: &Scenario, disk: Option<&Disk>) -> Result<(), Trip> {
        for (number, book) in scenario.books.iter().enumerate() {
            let definition = Definition {
                engine: "test".into(),
                file: None,
                runbook: book.clone(),
                children: scenario.children.clone(),
                environment: "dev".into(),
                env: json!({ "name": "dev" }),
                aws: runbook_step::Aws::default(),
                tags: BTreeMap::new(),
                secrets: BTreeMap::new(),
                plugins: BTreeMap::new(),
            };
            let new = NewRun {
                id: Some(format!("r{number}")),
                definition: Arc::new(definition),
                params: json!({}),
                secrets: BTreeMap::new(),
                overrides: Value::Null,
                actor: "tester".into(),
                meta: json!({}),
                parent: None,
                idempotency_key: None,
            };
            let run = self
                .runtime
                .block_on(self.engine.start(new))
                .map_err(Trip::Start)?;
            if let Some(disk) = disk {
                disk.mark(Mark::Acknowledged { run, seq: 1 });
            }
        }
        Ok(())
    }

    /// Drives runs at the same time until each ends, or until the world of the scenario has seen
    /// `calls`.
    ///
    /// # Errors
    /// [`Trip::Drive`] with the first error.
    pub fn drive(&self, runs: &[String], pause: Option<(&str, usize)>) -> Result<Vec<Ended>, Trip> {
        let (stopper, stop) = watch::channel(Watch::Go);
        let flights: Vec<_> = runs
            .iter()
            .map(|run| {
                let (engine, run, stop) = (self.engine.clone(), run.clone(), stop.clone());
                self.runtime
                    .spawn(async move { engine.drive(&run, "tester", stop).await })
            })
            .collect();
        self.runtime.block_on(async {
            if let Some((cloud, calls)) = pause {
                while Cloud::with(cloud, |cloud| cloud.book.len()) < calls {
                    tokio::task::yield_now().await;
                }
                let _ = stopper.send(Watch::Now);
            }
            let mut ended = Vec::new();
            for flight in flights {
                let result = flight.await.map_err(|error| {
                    Trip::Start(StartError::Lock(format!("a driver panicked: {error}")))
                })?;
                ended.push(result.map_err(Trip::Drive)?);
            }
            Ok(ended)
        })
    }

    /// Says of every attempt in doubt what the world knows of it.
    ///
    /// # Errors
    /// The state file cannot be read or written.
    pub fn resolve(&self, cloud: &str, run: &str) -> Result<(), StoreError> {
        let mut open = Vec::new();
        for row in self.engine.store().snapshot()?.events(run, 0)? {
            match row.entry.event {
                Event::InDoubt { step, item, .. } => open.push((step, item)),
                Event::Resolved { step, item, .. } => {
                    open.retain(|one| *one != (step.clone(), item));
                }
                _ => {}
            }
        }
        for (step, item) in open {
            let struck = Cloud::with(cloud, |cloud| cloud.count(run, &step, Verb::Strike)) > 0;
            let signal = Signal::Resolve {
                step,
                item,
                how: if struck { "done" } else { "retry" }.to_owned(),
                outputs: json!({}),
                reason: "the world was asked".to_owned(),
            };
            let store = self.engine.store();
            self.runtime
                .block_on(store.signal(run, "tester", now(), signal))?;
        }
        Ok(())
    }
}

fn note(disk: &Disk, notice: &Notice) {
    match notice {
        Notice::Events {
            run, first, events, ..
        } => disk.mark(Mark::Acknowledged {
            run: run.clone(),
            seq: first + events.len() as u64 - 1,
        }),
        Notice::Logs { run, lines } => disk.mark(Mark::Logged {
            run: run.clone(),
            lines: lines.len(),
        }),
        Notice::Opened { .. } | Notice::Closed { .. } => {}
    }
}

/// Waits until the threads of processes that ended have closed the recorded files.
pub fn wait_until_closed(disk: &Disk) {
    for _ in 0..20_000 {
        if disk.open_files() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("a process that ended keeps its files open");
}

impl Scenario {
    /// Ids of the runs that it starts.
    #[must_use]
    pub fn runs(&self) -> Vec<String> {
        (0..self.books.len())
            .map(|number| format!("r{number}"))
            .collect()
    }

    /// From nothing to the end, on a sound disk or a failing one: opens the state file, makes the runs,
    /// drives them.
    ///
    /// # Errors
    /// [`Trip`].
    pub fn carry_out(&self, path: &Path, disk: &Disk) -> Result<Vec<Ended>, Trip> {
        let process = Process::open(path, Some(disk.clone()))?;
        process.start(self, Some(disk))?;
        let pause = self.pause_after.map(|calls| (self.name.as_str(), calls));
        let ended = process.drive(&self.runs(), pause);
        drop(process);
        wait_until_closed(disk);
        if pause.is_none() {
            return ended;
        }
        ended?;
        self.go_on(path, Some(disk))
    }

    /// What a person does afterwards: the same command again, and a word on what is in doubt.
    ///
    /// # Errors
    /// [`Trip`].
    pub fn go_on(&self, path: &Path, disk: Option<&Disk>) -> Result<Vec<Ended>, Trip> {
        let process = Process::open(path, disk.cloned())?;
        process.start(self, disk)?;
        self.finish(&process, path)
    }

    /// Drives every run of an open process to its end.
    ///
    /// # Errors
    /// [`Trip`].
    pub fn finish(&self, process: &Process, path: &Path) -> Result<Vec<Ended>, Trip> {
        let runs = self.runs();
        let ended = process.drive(&runs, None)?;
        if !ended.contains(&Ended::Waiting) {
            return Ok(ended);
        }
        let snapshot = Snapshot::open(path).map_err(Trip::Open)?;
        for run in snapshot.list(&Filter::default()).map_err(Trip::Open)? {
            process.resolve(&self.name, &run.id).map_err(Trip::Open)?;
        }
        drop(snapshot);
        process.drive(&runs, None)
    }
}

/// Whether every run ended well.
#[must_use]
pub fn all_succeeded(ended: &[Ended]) -> bool {
    ended.iter().all(|one| {
        matches!(
            one,
            Ended::Finished {
                status: RunStatus::Succeeded,
                ..
            }
        )
    })
}

/// A folder for state files that costs no sync where the machine has one in memory. What is lost with
/// the power is decided by these tests, not by the machine.
///
/// # Errors
/// It cannot be made.
pub fn folder() -> std::io::Result<tempfile::TempDir> {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir()
        && let Ok(folder) = tempfile::tempdir_in(memory)
    {
        return Ok(folder);
    }
    tempfile::tempdir()
}
