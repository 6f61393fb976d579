//! Who sees everything: the trace of a simulation, what the journals say so far, and what must never
//! happen.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use runbook_core::{Event, InstanceState, Journal, Key, Phase, Run, Undoing};
use runbook_runtime::Notice;
use runbook_runtime::store::Snapshot;
use runbook_step::Context;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::cloud::Request;
use crate::process::Process;

pub struct Watched {
    inner: Mutex<Inner>,
    pub begin: Instant,
    path: PathBuf,
    /// Print the trace.
    loud: bool,
    pub events: AtomicU64,
}

#[derive(Default)]
struct Inner {
    hash: Sha256,
    runs: BTreeMap<String, Owned>,
    violations: Vec<String>,
}

/// A run, as its owner has it on disk.
struct Owned {
    epoch: u64,
    process: usize,
    run: Run,
}

impl Watched {
    pub fn new(path: &Path, loud: bool) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::default(),
            begin: Instant::now(),
            path: path.to_path_buf(),
            loud,
            events: AtomicU64::new(0),
        })
    }

    pub fn trace(&self, line: &str) {
        let line = format!("{:>9} {line}\n", self.begin.elapsed().as_millis());
        if self.loud {
            let _ = std::io::stdout().write_all(line.as_bytes());
        }
        self.inner.lock().unwrap().hash.update(line.as_bytes());
    }

    /// What happened so far, in one number.
    pub fn hash(&self) -> Vec<u8> {
        self.inner.lock().unwrap().hash.clone().finalize().to_vec()
    }

    pub fn violation(&self, what: impl Into<String>) {
        let what = what.into();
        self.trace(&format!("VIOLATION {what}"));
        self.inner.lock().unwrap().violations.push(what);
    }

    pub fn violations(&self) -> Vec<String> {
        self.inner.lock().unwrap().violations.clone()
    }

    /// Events of a process are on disk.
    pub fn notice(&self, process: usize, notice: &Notice) {
        let Notice::Events {
            run, first, events, ..
        } = notice
        else {
            return;
        };
        self.events
            .fetch_add(events.len() as u64, Ordering::Relaxed);
        for (at, entry) in events.iter().enumerate() {
            let seq = first + at as u64;
            self.trace(&format!("p{process} {run} {seq} {}", short(entry)));
        }
        self.follow(process, run, events);
    }

    fn follow(&self, process: usize, run: &str, events: &[Journal]) {
        let begins = events.iter().find_map(|entry| match entry.event {
            Event::Started { epoch, .. } | Event::Resumed { epoch, .. } => Some(epoch),
            _ => None,
        });
        let mut broken = None;
        let mut inner = self.inner.lock().unwrap();
        let known = inner.runs.get(run).map_or(0, |owned| owned.epoch);
        match begins {
            Some(epoch) if epoch > known => {
                let owned = Owned {
                    epoch,
                    process,
                    run: replay(&self.path, run),
                };
                inner.runs.insert(run.to_owned(), owned);
            }
            Some(_) => {}
            None => {
                if let Some(owned) = inner.runs.get_mut(run)
                    && owned.process == process
                {
                    for entry in events {
                        if let Err(error) = owned.run.evolve(entry) {
                            broken = Some(error.to_string());
                        }
                    }
                }
            }
        }
        drop(inner);
        if let Some(broken) = broken {
            self.violation(format!("{run} cannot be followed: {broken}"));
        }
    }

    /// A call leaves a process.
    pub fn leaves(&self, process: &Process, context: &Context, request: &Request) {
        self.trace(&format!(
            "p{} {} {} #{} {request:?}",
            process.number, context.run, context.step, context.attempt
        ));
        if let Err(wrong) = self.allowed(process, context, request) {
            self.violation(format!(
                "{wrong}: p{} {} {} #{} {request:?}",
                process.number, context.run, context.step, context.attempt
            ));
        }
    }

    fn allowed(
        &self,
        process: &Process,
        context: &Context,
        request: &Request,
    ) -> Result<(), String> {
        let inner = self.inner.lock().unwrap();
        let owned = inner
            .runs
            .get(&context.run)
            .ok_or("a call of a run that nobody began")?;
        if owned.process != process.number {
            return Err("a call by a process that lost its run".into());
        }
        let info = Snapshot::open(&self.path)
            .and_then(|snapshot| snapshot.run(&context.run))
            .map_err(|error| error.to_string())?;
        if info.epoch != owned.epoch {
            return Err("a call after another process has claimed the run".into());
        }
        let key = key(&owned.run, &context.step).ok_or("a call of no step")?;
        let instance = owned.run.instance(key).ok_or("a call without an intent")?;
        match &instance.undo {
            Some(Undoing::Flying(attempt)) if attempt.number == context.attempt => return Ok(()),
            Some(_) => return Err("a call for an item that is taken back".into()),
            None => {}
        }
        let attempt = instance
            .attempt
            .as_ref()
            .ok_or("a call without an intent")?;
        if attempt.token != context.token || attempt.number != context.attempt {
            return Err("a call of another attempt than the journal's".into());
        }
        if instance.state != InstanceState::Live(Phase::Flying) {
            return Err(format!("a call of a step that is {:?}", instance.status()));
        }
        for &need in &owned.run.book().steps[key.step].needs {
            let open = owned.run.steps()[need].ended.is_none();
            if request.is_effect() && open && !self.was_retried(&context.run) {
                return Err("an effect before what it needs".into());
            }
        }
        Ok(())
    }

    /// An operator may have a step run again while what needs it is in flight.
    fn was_retried(&self, run: &str) -> bool {
        let events = Snapshot::open(&self.path).and_then(|snapshot| snapshot.events(run, 0));
        events.is_ok_and(|events| {
            let mut events = events.iter();
            events.any(|row| matches!(row.entry.event, Event::RetryRequested { .. }))
        })
    }
}

/// The item of a step by its name for people.
pub fn key(run: &Run, name: &str) -> Option<Key> {
    let (step, item) = match name.split_once('[') {
        Some((step, item)) => (step, item.trim_end_matches(']').parse().ok()?),
        None => (name, 0),
    };
    let step = run.step_index(step)?;
    Some(Key { step, item })
}

/// The state of a run from its journal on disk.
pub fn replay(path: &Path, run: &str) -> Run {
    let snapshot = Snapshot::open(path).unwrap();
    let info = snapshot.run(run).unwrap();
    let definition = snapshot.definition(&info).unwrap();
    let book = definition.entry(info.entry.as_deref()).unwrap().clone();
    let events = snapshot.events(run, 0).unwrap();
    Run::new(Arc::new(book))
        .replay(events.iter().map(|row| &row.entry))
        .unwrap()
}

fn short(entry: &Journal) -> String {
    let subject = match entry.event.subject() {
        Some((step, Some(item))) => format!("{step}[{item}] "),
        Some((step, None)) => format!("{step} "),
        None => String::new(),
    };
    format!(
        "{subject}{} {}",
        entry.event.kind(),
        serde_json::to_string(&entry.event).unwrap_or_default()
    )
}
