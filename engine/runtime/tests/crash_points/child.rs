//! The process that is killed: drives one scenario over a state file until it ends, and says what people
//! say on the way.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runbook_core::{Event, RunStatus};
use runbook_runtime::store::{Filter, Signal, Snapshot};
use runbook_runtime::{
    Definition, DriveError, Ended, Engine, GatePolicy, NewRun, Options, StartError, Store,
    StoreError, Watch, fail, now,
};
use runbook_step::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::scenario::{self, After, Scenario, Word};
use crate::steps::catalog;
use crate::wire::{self, Call, Mode, Op};

/// The run of every scenario: tokens are derived from it, so all worlds have the same ones.
pub const RUN: &str = "run";

/// Holds an [`Order`].
pub const VARIABLE: &str = "RUNBOOK_CRASH_CHILD";

/// A process that neither ends nor dies is a failure of its own.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub scenario: String,
    pub state: PathBuf,
    pub cloud: SocketAddr,
    /// Dies at this point; 1 is the first that it reaches.
    pub abort_at: Option<usize>,
    /// Stops itself at this point, until the file `go` is there.
    pub stop_at: Option<usize>,
    /// The same at the first point of this name.
    pub stop_first: Option<String>,
    pub go: PathBuf,
    /// So many milliseconds later.
    pub pause: u64,
    /// Where the names of the points go that it reaches.
    pub points: PathBuf,
    /// Whether it has several threads.
    pub threads: bool,
    /// How often a run that failed is given another chance.
    pub reopen: u32,
    /// The timeout of every step, in place of its own.
    pub timeout: Option<u64>,
    /// How long the engine waits before it believes that nothing is there.
    pub settle: u64,
    /// How long its right lasts without renewal, in place of the usual one; milliseconds.
    pub lease: Option<u64>,
    /// How long it waits for another process' transaction, in place of the usual time; milliseconds.
    pub patience: Option<u64>,
    /// Goes on from a restored copy.
    pub restored: bool,
}

/// How a process ends that has not driven its run to the end.
pub mod code {
    /// Something is wrong with it.
    pub const BROKEN: i32 = 2;
    pub const STUCK: i32 = 3;
    /// Another process has taken the run.
    pub const LEASE_LOST: i32 = 4;
    /// Another process has the run or the file.
    pub const BUSY: i32 = 5;
}

/// Why a process let go.
struct Why {
    code: i32,
    text: String,
}

impl From<String> for Why {
    fn from(text: String) -> Self {
        Self {
            code: code::BROKEN,
            text,
        }
    }
}

impl From<&str> for Why {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<StoreError> for Why {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::LeaseLost { .. } => code::LEASE_LOST,
            StoreError::InUse { .. } => code::BUSY,
            _ => code::BROKEN,
        };
        let help = error.help().unwrap_or_default();
        Self {
            code,
            text: format!("{error}\n{help}"),
        }
    }
}

impl From<DriveError> for Why {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Store(error) => error.into(),
            DriveError::Busy { .. } => Self {
                code: code::BUSY,
                text: error.to_string(),
            },
            DriveError::Corrupt { .. } => error.to_string().into(),
        }
    }
}

impl From<StartError> for Why {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            error => error.to_string().into(),
        }
    }
}

/// The order that this process was started with.
pub fn order() -> Option<Order> {
    serde_json::from_str(&std::env::var(VARIABLE).ok()?).ok()
}

/// Carries the order out and ends the process.
pub fn obey(order: &Order) -> ! {
    wire::connect_to(order.cloud);
    die_at(order);
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        complain("neither ended nor died");
        std::process::exit(code::STUCK);
    });
    let mut builder = if order.threads {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    let code = match runtime.block_on(script(order)) {
        Ok(()) => 0,
        Err(why) => {
            complain(&why.text);
            why.code
        }
    };
    std::process::exit(code);
}

fn complain(why: &str) {
    let _ = writeln!(std::io::stderr(), "{why}");
}

/// Stops the whole process until somebody continues it.
fn stop_here(go: &Path) {
    let me = std::process::id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-STOP", &me])
        .status();
    assert!(sent.is_ok_and(|status| status.success()));
    // The signal may take a moment; nothing happens here before it is over.
    while !go.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Writes down every point and dies or stops at one of them, or dies a moment after it.
fn die_at(order: &Order) {
    let file = std::fs::File::create(&order.points).unwrap();
    let (reached, abort_at, pause) = (Mutex::new(0_usize), order.abort_at, order.pause);
    let (stop_at, go) = (order.stop_at, order.go.clone());
    let stop_first = Mutex::new(order.stop_first.clone());
    fail::install(move |name| {
        // One at a time, so that the last line is the point at which it dies.
        let mut number = reached.lock().unwrap();
        *number += 1;
        writeln!(&file, "{name}").unwrap();
        let first = stop_first.lock().unwrap().take_if(|first| first == name);
        if first.is_some() || stop_at == Some(*number) {
            stop_here(&go);
        }
        if abort_at == Some(*number) {
            if pause == 0 {
                std::process::abort();
            }
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(pause));
                std::process::abort();
            });
        }
    });
}

fn say<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

async fn script(order: &Order) -> Result<(), Why> {
    let scenario = scenario::find(&order.scenario).ok_or("no such scenario")?;
    let usual = Options::default();
    let options = Options {
        gates: GatePolicy::Park,
        settle: order.settle,
        lease: order.lease.unwrap_or(usual.lease),
        ..usual
    };
    let store = match order.patience {
        Some(patience) => Store::open_within(&order.state, Duration::from_millis(patience))?,
        None => Store::open(&order.state)?,
    };
    let engine = Engine::new(store, Arc::new(catalog()), options);
    engine.start(new_run(scenario, order)).await?;
    let mut begin = if order.restored {
        Begin::Restore
    } else {
        Begin::Go
    };
    loop {
        match drive(&engine, std::mem::replace(&mut begin, Begin::Go)).await? {
            Ended::Finished { status, .. } => {
                if let Some(signal) = afterwards(&engine, scenario)? {
                    engine.store().signal(RUN, "tester", now(), signal).await?;
                    continue;
                }
                let again = status == RunStatus::Failed && reopened(&engine)? < order.reopen;
                if !again {
                    return Ok(());
                }
                begin = Begin::Reopen;
            }
            Ended::Waiting => answer(&engine, scenario).await?,
            Ended::Paused if scenario.people.iter().any(|one| one.1 == Word::Hold) => {
                let signal = Signal::Resume;
                engine.store().signal(RUN, "tester", now(), signal).await?;
            }
            Ended::Paused | Ended::Interrupted => return Err("let go without a reason".into()),
        }
    }
}

/// With what a drive begins.
enum Begin {
    Go,
    Reopen,
    Restore,
}

async fn drive(engine: &Engine, begin: Begin) -> Result<Ended, DriveError> {
    let (_keep, stop) = watch::channel(Watch::Go);
    match begin {
        Begin::Go => engine.drive(RUN, "tester", stop).await,
        Begin::Reopen => engine.reopen(RUN, "tester", stop).await,
        Begin::Restore => engine.restore(RUN, "tester", stop).await,
    }
}

fn new_run(scenario: &Scenario, order: &Order) -> NewRun {
    let mut book = (scenario.book)();
    for step in &mut book.steps {
        step.timeout = order.timeout.unwrap_or(step.timeout);
    }
    let definition = Definition {
        engine: "test".into(),
        file: None,
        runbook: book,
        children: (scenario.children)(),
        environment: "dev".into(),
        env: json!({}),
        aws: runbook_step::Aws::default(),
        tags: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
    };
    NewRun {
        id: Some(RUN.to_owned()),
        definition: Arc::new(definition),
        params: json!({}),
        secrets: BTreeMap::new(),
        overrides: Value::Null,
        actor: "tester".into(),
        meta: json!({}),
        parent: None,
        idempotency_key: None,
    }
}

fn count(engine: &Engine, fits: impl Fn(&Event) -> bool) -> Result<usize, StoreError> {
    let events = engine.store().snapshot()?.events(RUN, 0)?;
    Ok(events.iter().filter(|row| fits(&row.entry.event)).count())
}

fn reopened(engine: &Engine) -> Result<u32, Why> {
    let count = count(engine, |event| matches!(event, Event::Reopened { .. }))?;
    u32::try_from(count).map_err(|error| say(error).into())
}

/// What is said once when the run has ended, unless it was said.
fn afterwards(engine: &Engine, scenario: &Scenario) -> Result<Option<Signal>, StoreError> {
    let Some(after) = scenario.after else {
        return Ok(None);
    };
    let said = count(engine, |event| {
        matches!(
            event,
            Event::RollbackRequested { .. } | Event::RetryRequested { .. }
        )
    });
    if said? > 0 {
        return Ok(None);
    }
    let reason = "the scenario says so".to_owned();
    Ok(Some(match after {
        After::RollBack => Signal::RollBack { reason },
        After::Retry(step, downstream) => Signal::Retry {
            step: step.to_owned(),
            downstream,
            reason,
        },
    }))
}

/// Says what the people of the scenario say, and what the ledger knows of attempts in doubt.
async fn answer(engine: &Engine, scenario: &Scenario) -> Result<(), Why> {
    let snapshot = engine.store().snapshot().map_err(say)?;
    let mut said = false;
    for question in snapshot.questions(None).map_err(say)? {
        let word = scenario.people.iter().find(|one| one.0 == question.step);
        let (_, word) = word.ok_or_else(|| format!("nobody answers `{}`", question.step))?;
        let run = question.run.as_str();
        let held = || {
            count(engine, |event| {
                matches!(event, Event::PauseRequested { .. })
            })
        };
        let (run, signal) = match word {
            Word::Hold if held()? == 0 => {
                let reason = "look first".to_owned();
                (RUN, Signal::Pause { reason })
            }
            Word::Skip => {
                let (step, reason) = (question.step.clone(), "not now".to_owned());
                (run, Signal::Skip { step, reason })
            }
            Word::Cancel => (RUN, Signal::Cancel { reason: None }),
            Word::Grant | Word::Hold => (
                run,
                Signal::Answer {
                    step: question.step.clone(),
                    item: None,
                    granted: true,
                    comment: None,
                    form: Value::Null,
                },
            ),
        };
        engine.store().signal(run, "tester", now(), signal).await?;
        said = true;
    }
    for run in snapshot.list(&Filter::default()).map_err(say)? {
        for doubt in doubts(&snapshot, &run.id)? {
            let signal = resolve(doubt).await?;
            engine
                .store()
                .signal(&run.id, "tester", now(), signal)
                .await?;
            said = true;
        }
    }
    if said {
        Ok(())
    } else {
        Err("waits for nothing".into())
    }
}

/// An attempt that nothing can tell anything of.
struct InDoubt {
    step: String,
    item: Option<u32>,
    token: String,
}

fn doubts(snapshot: &Snapshot, run: &str) -> Result<Vec<InDoubt>, String> {
    let mut tokens = BTreeMap::new();
    let mut open = BTreeMap::new();
    for row in snapshot.events(run, 0).map_err(say)? {
        let Some((step, item)) = row.entry.event.subject() else {
            continue;
        };
        let key = (step.to_owned(), item);
        match &row.entry.event {
            Event::AttemptStarted { token, .. } => {
                tokens.insert(key, token.clone());
            }
            Event::InDoubt { .. } => {
                open.insert(key, ());
            }
            Event::Resolved { .. } => {
                open.remove(&key);
            }
            _ => {}
        }
    }
    Ok(open
        .into_keys()
        .map(|(step, item)| InDoubt {
            token: tokens
                .get(&(step.clone(), item))
                .cloned()
                .unwrap_or_default(),
            step,
            item,
        })
        .collect())
}

/// A person looks into the ledger.
async fn resolve(doubt: InDoubt) -> Result<Signal, String> {
    let context = Context {
        token: doubt.token,
        ..Context::default()
    };
    let seen = Call::new(Op::Inspect, Mode::None, &context, "")
        .send()
        .await;
    let seen = seen.map_err(say)?;
    let how = if seen.id.is_some() { "done" } else { "retry" };
    Ok(Signal::Resolve {
        step: doubt.step,
        item: doubt.item,
        how: how.to_owned(),
        outputs: json!({ "thing_id": seen.id, "value": seen.value }),
        reason: "seen in the ledger".to_owned(),
    })
}
