//! One world, played from its seed to its end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runbook_runtime::store::{Fate, Snapshot, StoreError};
use runbook_runtime::{Definition, DriveError, Ended, Engine, GatePolicy, NewRun, Store, Watch};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use crate::books::Book;
use crate::check;
use crate::cloud::Cloud;
use crate::dice::Dice;
use crate::operator;
use crate::plan::Plan;
use crate::process::{Fates, LEASE, Process, SETTLE};
use crate::watch::Watched;

/// What a world came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub violations: Vec<String>,
    pub hash: Vec<u8>,
    pub runs: u64,
    pub moments: u64,
    pub crashes: u64,
    pub takeovers: u64,
    pub signals: u64,
    pub calls: u64,
    pub events: u64,
    /// Worlds that a known fault has ended.
    pub known: u64,
}

/// What a driver task says at its end.
type Word = (usize, Result<Ended, DriveError>);

/// A process that drives the run, or tries to.
struct Running {
    process: Arc<Process>,
    task: JoinHandle<()>,
    stop: watch::Sender<Watch>,
    left: std::sync::Weak<dyn Fn(runbook_runtime::store::Moment) -> Fate + Send + Sync>,
}

pub struct World {
    pub plan: Plan,
    pub dice: Dice,
    pub cloud: Arc<Cloud>,
    pub watched: Arc<Watched>,
    pub store: Store,
    pub root: String,
    pub report: Report,
    fates: Arc<Fates>,
    definition: Arc<Definition>,
    gates: GatePolicy,
    running: Vec<Running>,
    born: usize,
    words: (mpsc::UnboundedSender<Word>, mpsc::UnboundedReceiver<Word>),
    deaths: mpsc::UnboundedReceiver<usize>,
    pub is_calm: bool,
    /// How often a process was told that another one drives when none did.
    alone: u32,
    /// How often the operator let a held run go on.
    pub resumed: BTreeMap<String, u32>,
}

/// So often a run may be taken up again after the world is calm.
const PATIENCE: usize = 300;

/// Plays a world on this thread.
pub fn play(plan: Plan, loud: bool) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    let folder = tempfile::Builder::new()
        .prefix("runbook-simulation")
        .tempdir_in(place)
        .unwrap();
    let path = folder.path().join("state.db");
    runtime.block_on(async { World::new(plan, path, loud).play().await })
}

impl World {
    fn new(plan: Plan, path: PathBuf, loud: bool) -> Self {
        let mut dice = Dice::new(plan.seed, 2);
        let watched = Watched::new(&path, loud);
        let cloud = Cloud::found(Dice::new(plan.seed, 3), plan.fault, watched.clone());
        let book = Book::random(&mut dice, &plan);
        let definition = Definition {
            engine: "simulation".into(),
            file: None,
            runbook: book.root,
            children: book.children,
            environment: "dev".into(),
            env: json!({ "name": "dev" }),
            aws: runbook_step::Aws::default(),
            tags: BTreeMap::new(),
            secrets: BTreeMap::new(),
            plugins: BTreeMap::new(),
        };
        let store = Store::open_inline(&path, Arc::new(|_| Fate::Go)).unwrap();
        let (dies, deaths) = mpsc::unbounded_channel();
        Self {
            root: format!("run{}", plan.seed),
            gates: dice.pick(&[GatePolicy::Park, GatePolicy::Hold]).clone(),
            fates: Arc::new(Fates {
                moments: AtomicU64::new(0),
                crash: AtomicU64::new(plan.crash),
                crash_at: plan.crash_at.clone(),
                deaths: dies,
            }),
            deaths,
            plan,
            dice,
            cloud,
            watched,
            store,
            report: Report::default(),
            definition: Arc::new(definition),
            running: Vec::new(),
            born: 0,
            words: mpsc::unbounded_channel(),
            is_calm: false,
            alone: 0,
            resumed: BTreeMap::new(),
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot().unwrap()
    }

    async fn play(mut self) -> Report {
        let calm = self.watched.begin + Duration::from_millis(self.plan.calm);
        self.spawn(Duration::ZERO);
        let mut rounds = 0;
        let mut next = self.pause();
        while rounds < PATIENCE && self.watched.violations().is_empty() {
            if !self.is_calm && Instant::now() >= calm {
                self.calm_down();
            }
            let until = if self.is_calm {
                Instant::now() + Duration::from_secs(20)
            } else {
                next.min(calm)
            };
            tokio::select! {
                biased;
                Some((number, word)) = self.words.1.recv() => {
                    rounds += usize::from(self.is_calm);
                    if self.said(number, word).await {
                        break;
                    }
                }
                Some(number) = self.deaths.recv() => self.bury(number).await,
                () = sleep_until(until) => {
                    rounds += usize::from(self.is_calm);
                    if self.is_calm {
                        operator::help(&mut self).await;
                    } else if Instant::now() >= next {
                        next = self.pause();
                        self.meddle().await;
                    }
                }
            }
        }
        if rounds >= PATIENCE {
            self.watched.violation("the run does not end");
        }
        self.conclude().await
    }

    /// Until something else happens.
    fn pause(&mut self) -> Instant {
        Instant::now() + Duration::from_millis(self.dice.between(50, 12_000))
    }

    fn calm_down(&mut self) {
        self.is_calm = true;
        self.watched.trace("calm");
        self.cloud.calm_down();
        self.fates.crash.store(0, Ordering::Relaxed);
    }

    /// A new process, which tries to drive the run.
    fn spawn(&mut self, after: Duration) {
        let number = self.born;
        self.born += 1;
        let dice = Dice::new(self.plan.seed, 100 + number as u64);
        let process = Process::new(number, dice, self.fates.clone());
        self.cloud.enroll(&process);
        let (engine, left) = process.engine(
            self.store.path(),
            self.watched.begin,
            self.gates.clone(),
            &self.watched,
        );
        let (stop, stopped) = watch::channel(Watch::Go);
        let new = self.new_run();
        let says = self.words.0.clone();
        let task = tokio::spawn(async move {
            sleep(after).await;
            let word = drive(&engine, new, stopped).await;
            drop(engine);
            let _ = says.send((number, word));
        });
        self.running.push(Running {
            process,
            task,
            stop,
            left,
        });
    }

    fn new_run(&self) -> NewRun {
        NewRun {
            id: Some(self.root.clone()),
            definition: self.definition.clone(),
            params: json!({}),
            secrets: BTreeMap::new(),
            overrides: Value::Null,
            actor: "simulation".into(),
            meta: json!({}),
            parent: None,
            idempotency_key: None,
        }
    }

    /// A process is dead: everything of it goes, and nothing may be left.
    async fn bury(&mut self, number: usize) {
        let at = self
            .running
            .iter()
            .position(|one| one.process.number == number);
        let Some(at) = at else { return };
        self.watched.trace(&format!("p{number} dies"));
        self.report.crashes += 1;
        let gone = self.running.remove(at);
        gone.task.abort();
        let _ = gone.task.await;
        for _ in 0..1000 {
            if gone.left.strong_count() == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        if gone.left.strong_count() > 0 {
            self.watched
                .violation("something of an engine outlives its drive");
        }
        if self.running.is_empty() {
            let after = match self.plan.downs.is_empty() {
                true => self.dice.roll(5_000),
                false => self.plan.downs.remove(0),
            };
            self.spawn(Duration::from_millis(after));
        }
    }

    /// What a driver came back with; whether the run is over.
    async fn said(&mut self, number: usize, word: Result<Ended, DriveError>) -> bool {
        self.watched.trace(&format!("p{number} says {word:?}"));
        let at = self
            .running
            .iter()
            .position(|one| one.process.number == number);
        let Some(at) = at else { return false };
        let was = self.running.remove(at);
        check::in_flight(self, number, &word);
        if !matches!(word, Err(DriveError::Busy { .. })) {
            self.alone = 0;
        }
        let after = match word {
            Ok(Ended::Finished { .. }) if self.running.is_empty() => {
                return !operator::goes_on(self).await && self.running.is_empty();
            }
            Ok(Ended::Waiting | Ended::Paused) => {
                operator::help(self).await;
                500
            }
            Ok(Ended::Finished { .. } | Ended::Interrupted) => 300,
            Err(DriveError::Busy { .. }) => {
                // It may have asked while another one was about to let go; a second time it is alone.
                self.alone = if self.running.is_empty() {
                    self.alone + 1
                } else {
                    0
                };
                if self.alone > 1 {
                    self.watched.violation("busy, and nobody drives");
                }
                400
            }
            Err(DriveError::Store(StoreError::LeaseLost { .. })) => {
                if !was.process.was_stalled.load(Ordering::Relaxed) {
                    self.watched
                        .violation("a lease was lost by a process that never stood still");
                }
                self.report.takeovers += 1;
                400
            }
            // A known fault of the core: a rollback that is asked for while `finally` or `on_cancel` is
            // in flight begins at once, and no process can drive the run any more.
            Err(DriveError::Corrupt { source, .. }) if source.kind == "rollback_started" => {
                self.report.known += 1;
                return true;
            }
            Err(error) => {
                self.watched.violation(format!("driving failed: {error:?}"));
                return true;
            }
        };
        // Somebody has to drive; a rival keeps trying while the other stands still.
        if self.running.is_empty() {
            self.spawn(Duration::from_millis(after));
        }
        false
    }

    pub fn go_on(&mut self) {
        self.spawn(Duration::from_millis(100));
    }

    /// Something happens: a word, a stop, a stall.
    async fn meddle(&mut self) {
        if self.plan.meddles && self.dice.chance(60) {
            operator::meddle(self).await;
        }
        if self.plan.stops && self.dice.chance(30) {
            let how = *self.dice.pick(&[Watch::Drain, Watch::Now]);
            if let Some(first) = self.running.first() {
                self.watched.trace(&format!("stop {how:?}"));
                let _ = first.stop.send(how);
            }
        }
        if self.plan.stalls && self.running.len() == 1 && self.dice.chance(40) {
            let span = Duration::from_millis(self.dice.between(LEASE / 2, LEASE * 5));
            let first = &self.running[0].process;
            self.watched
                .trace(&format!("p{} stands still for {span:?}", first.number));
            first.stall(Instant::now() + span);
            // Others try again and again.
            for _ in 0..2 {
                let after = Duration::from_millis(self.dice.between(LEASE, LEASE * 3));
                self.spawn(after);
            }
        }
    }

    async fn conclude(mut self) -> Report {
        self.watched.trace("over");
        // What is on its way arrives.
        for one in std::mem::take(&mut self.running) {
            one.task.abort();
            let _ = one.task.await;
        }
        sleep(Duration::from_millis(SETTLE)).await;
        if self.watched.violations().is_empty() && self.report.known == 0 {
            check::the_end(&mut self);
        }
        let state = self.cloud.state();
        Report {
            violations: self.watched.violations(),
            hash: self.watched.hash(),
            moments: self.fates.moments.load(Ordering::Relaxed),
            calls: state.calls,
            events: self.watched.events.load(Ordering::Relaxed),
            ..self.report.clone()
        }
    }
}

async fn drive(
    engine: &Engine,
    new: NewRun,
    stop: watch::Receiver<Watch>,
) -> Result<Ended, DriveError> {
    let id = match engine.start(new).await {
        Ok(id) => id,
        Err(runbook_runtime::StartError::Store(error)) => return Err(error.into()),
        Err(error) => panic!("{error}"),
    };
    engine.drive(&id, "simulation", stop).await
}
