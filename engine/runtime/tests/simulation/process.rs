//! A simulated process: an engine that can die at any commit, stand still, and be asked to stop.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use runbook_core::Timestamp;
use runbook_runtime::store::{Fate, Hook, Moment};
use runbook_runtime::{Clock, Engine, GatePolicy, Options, Store};
use runbook_step::Keys;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::dice::Dice;
use crate::steps;
use crate::watch::Watched;

/// How long the cloud may hide something, for the engines.
pub const SETTLE: u64 = 8_000;
/// How long a run belongs to a process that is not heard of.
pub const LEASE: u64 = 3_000;

/// Simulated time begins here.
const EPOCH: i64 = 1_800_000_000_000;

/// What all processes of a world share.
pub struct Fates {
    /// Moments of commits since the beginning of the world.
    pub moments: AtomicU64,
    /// One in 1000 kills.
    pub crash: AtomicU64,
    /// The numbers of the moments that kill.
    pub crash_at: Vec<u64>,
    /// Gets the number of each process that dies.
    pub deaths: mpsc::UnboundedSender<usize>,
}

pub struct Process {
    pub number: usize,
    dead: AtomicBool,
    stalled: Mutex<Option<Instant>>,
    dice: Mutex<Dice>,
    fates: Arc<Fates>,
    /// It stood still at least once.
    pub was_stalled: AtomicBool,
}

impl Process {
    pub fn new(number: usize, dice: Dice, fates: Arc<Fates>) -> Arc<Self> {
        Arc::new(Self {
            number,
            dead: AtomicBool::new(false),
            stalled: Mutex::new(None),
            dice: Mutex::new(dice),
            fates,
            was_stalled: AtomicBool::new(false),
        })
    }

    pub fn endpoint(&self) -> String {
        format!("process-{}", self.number)
    }

    pub fn stall(&self, until: Instant) {
        *self.stalled.lock().unwrap() = Some(until);
        self.was_stalled.store(true, Ordering::Relaxed);
    }

    fn stalled(&self) -> Option<Instant> {
        self.stalled
            .lock()
            .unwrap()
            .filter(|until| *until > Instant::now())
    }

    /// Comes back when the process may do something outside: never when it is dead.
    pub async fn pass(&self) {
        while let Some(until) = self.stalled() {
            sleep_until(until).await;
        }
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    fn fate(self: &Arc<Self>, moment: Moment) -> Fate {
        if self.dead.load(Ordering::Relaxed) {
            return Fate::Die;
        }
        if moment != Moment::Sync && self.stalled().is_some() {
            let this = self.clone();
            return Fate::Stall(Box::pin(async move { this.pass().await }));
        }
        let number = self.fates.moments.fetch_add(1, Ordering::Relaxed);
        let crash = self.fates.crash.load(Ordering::Relaxed);
        let dies = self.fates.crash_at.contains(&number)
            || (crash > 0 && self.dice.lock().unwrap().roll(1000) < crash);
        if dies {
            self.dead.store(true, Ordering::Relaxed);
            let _ = self.fates.deaths.send(self.number);
            return Fate::Die;
        }
        Fate::Go
    }

    /// An engine of this process; the second is gone when nothing of the engine is left.
    pub fn engine(
        self: &Arc<Self>,
        path: &Path,
        begin: Instant,
        gates: GatePolicy,
        watched: &Arc<Watched>,
    ) -> (Engine, Weak<dyn Fn(Moment) -> Fate + Send + Sync>) {
        let this = self.clone();
        let hook: Hook = Arc::new(move |moment| this.fate(moment));
        let left = Arc::downgrade(&hook);
        let store = Store::open_inline(path, hook).unwrap();
        let (dice, watched, number) = (self.clone(), watched.clone(), self.number);
        let keys = Keys {
            id: "simulated".to_owned(),
            secret: "simulated".to_owned(),
        };
        let options = Options {
            gates,
            settle: SETTLE,
            lease: LEASE,
            endpoint: Some((self.endpoint(), keys)),
            clock: Clock {
                now: Arc::new(move || now(begin)),
                monotonic: Arc::new(move || begin.elapsed()),
                share: Arc::new(move || dice.dice.lock().unwrap().share()),
            },
            watcher: Arc::new(move |notice| watched.notice(number, notice)),
        };
        (
            Engine::new(store, Arc::new(steps::catalog()), options),
            left,
        )
    }
}

/// Simulated time.
pub fn now(begin: Instant) -> Timestamp {
    let since: Duration = begin.elapsed();
    Timestamp(EPOCH + i64::try_from(since.as_millis()).unwrap())
}
