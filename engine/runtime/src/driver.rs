//! One run, driven: decide, record, act. Nothing is dispatched before its event is on disk, and one
//! commit records both that a step finished and that the next ones are intended.

mod child;
mod flight;
mod record;
mod stand;
mod tie;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use runbook_core::{Corrupt, Input, Journal, Key, Measure, Run, RunStatus, Runbook, Work};
use runbook_step::notes::Entry;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::engine::Engine;
use crate::fail;
use crate::lease::Held;
use crate::prepare::Facts;
use crate::project::Told;
use crate::seen::Notice;
use crate::store::{Claim, LogRow, Snapshot, StoreError};
use flight::{Flight, Landed};
use tie::{Orders, Tie};

/// How urgently the drivers of a process are asked to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watch {
    /// Not at all.
    #[default]
    Go,
    /// Finish the steps in hand and start nothing more; the run is resumable.
    Drain,
    /// Let go at once; the run is resumable.
    Now,
}

/// Asks drivers to stop.
pub type Stop = watch::Receiver<Watch>;

/// Why a driver let go of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// It ended.
    Finished {
        /// How.
        status: RunStatus,
        /// Its objectives, measured.
        measures: Vec<Measure>,
        /// Whether any step changed something.
        changed: bool,
    },
    /// Only a person can move it.
    Waiting,
    /// A failed step holds it until an operator resumes it.
    Paused,
    /// It was asked to stop; `resume` goes on.
    Interrupted,
}

/// A run could not be driven on. What was recorded stays recorded.
#[derive(Debug, Error)]
pub enum DriveError {
    /// The store failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A live process drives the run.
    #[error("run {run} is being driven by {owner}")]
    Busy {
        /// The run.
        run: String,
        /// Who, for people.
        owner: String,
    },
    /// The journal does not fit its runbook.
    #[error("run {run} is corrupt and was not touched")]
    Corrupt {
        /// The run.
        run: String,
        /// How.
        source: Corrupt,
    },
}

/// How often other processes' signals are looked for.
const POLL: Duration = Duration::from_millis(200);

pub(crate) type Driving = Pin<Box<dyn Future<Output = Result<Ended, DriveError>> + Send>>;

/// With what a drive begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// As the journal says.
    Go,
    /// Failed or held work gets another chance.
    Reopen,
    /// The journal may be older than the world.
    Restore,
}

/// A run to drive.
pub(crate) struct Drive {
    pub(crate) engine: Engine,
    pub(crate) run: String,
    pub(crate) actor: String,
    pub(crate) stop: Stop,
    pub(crate) begin: Begin,
    /// Of a child run.
    pub(crate) tie: Option<Tie>,
}

/// Drives a run; boxed, since a child run is driven by its parent's driver.
pub(crate) fn drive(drive: Drive) -> Driving {
    Box::pin(async move {
        let Drive {
            engine,
            run,
            actor,
            stop,
            begin,
            tie,
        } = drive;
        let since = (engine.options.clock.monotonic)();
        let claim = claim(&engine, &run).await?;
        let lease = Held::new(engine.options.clock.clone(), engine.options.lease, since);
        let mut driver = Driver::load(engine, &run, (claim, lease), stop, tie)?;
        let result = driver.run(actor, begin).await;
        driver.close(result).await
    })
}

/// Takes the right to drive a run.
pub(crate) async fn claim(engine: &Engine, run: &str) -> Result<Claim, DriveError> {
    let lease = engine.options.lease;
    let claimed = engine
        .store
        .claim(run, owner(), engine.now(), lease)
        .await?;
    if let Some(claim) = claimed {
        return Ok(claim);
    }
    let owner = engine.store.snapshot()?.run(run)?.owner;
    Err(DriveError::Busy {
        run: run.to_owned(),
        owner: owner.unwrap_or_else(|| "another process".to_owned()),
    })
}

/// Host and process, for messages only.
fn owner() -> String {
    static OWNER: OnceLock<String> = OnceLock::new();
    let owner = OWNER.get_or_init(|| {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map_or_else(|_| "this host".to_owned(), |name| name.trim().to_owned());
        format!("process {} on {host}", std::process::id())
    });
    owner.clone()
}

/// A run as its journal leaves it.
fn replayed(snapshot: &Snapshot, id: &str, book: Arc<Runbook>) -> Result<Run, DriveError> {
    let mut run = Run::new(book);
    snapshot.for_each_event(id, 0, |row| match run.evolve(&row.entry) {
        Ok(_) => Ok(()),
        Err(source) => Err(DriveError::Corrupt {
            run: id.to_owned(),
            source,
        }),
    })?;
    Ok(run)
}

/// The loop around one run.
pub(crate) struct Driver {
    engine: Engine,
    facts: Arc<Facts>,
    run: Run,
    seq: u64,
    claim: Claim,
    stop: Stop,
    /// Events that are decided and not on disk yet.
    batch: Vec<Journal>,
    /// The rows that those events changed.
    told: Told,
    logs: Vec<LogRow>,
    requests: BTreeMap<Key, String>,
    /// Who waits until their note is on disk.
    noted: Vec<(oneshot::Sender<bool>, bool)>,
    /// What attempts in flight put down.
    notes: mpsc::UnboundedReceiver<Entry>,
    note: mpsc::UnboundedSender<Entry>,
    flying: BTreeMap<Key, Flight>,
    /// Child runs that were stopped with their parent.
    parked: BTreeSet<Key>,
    /// Attempts that a lapse of the lease cut short: they may have had their effect.
    stalled: BTreeSet<Key>,
    lease: Held,
    /// To the child runs.
    orders: watch::Sender<Orders>,
    /// To the parent.
    tie: Option<Tie>,
    landed: mpsc::UnboundedReceiver<(Key, u32, Landed)>,
    land: mpsc::UnboundedSender<(Key, u32, Landed)>,
    snapshot: Option<Snapshot>,
    signal: i64,
    signal_taken: bool,
    has_gates: bool,
    /// Whether the run had ended at the last commit.
    had_ended: bool,
    /// When signals were last looked for.
    looked: Duration,
}

impl Driver {
    fn load(
        engine: Engine,
        id: &str,
        (claim, lease): (Claim, Held),
        stop: Stop,
        tie: Option<Tie>,
    ) -> Result<Self, DriveError> {
        let snapshot = engine.store.snapshot()?;
        let info = snapshot.run(id)?;
        let (definition, book) = engine.shelf.take(&snapshot, &info)?;
        let run = replayed(&snapshot, id, book.clone())?;
        let (land, landed) = mpsc::unbounded_channel();
        let (note, notes) = mpsc::unbounded_channel();
        let has_gates = book
            .steps
            .iter()
            .any(|step| matches!(step.work, Work::Gate(_)));
        engine.tell(&Notice::Opened {
            run: id.to_owned(),
            parent: info.parent.clone(),
            role: info.role.clone(),
            environment: info.environment.clone(),
            book: book.clone(),
            resumed: run.started().is_some(),
            ended: run
                .steps()
                .iter()
                .filter(|step| step.ended.is_some())
                .count(),
            started: run.started(),
        });
        Ok(Self {
            facts: Arc::new(Facts::new(&info, definition, book)),
            seq: info.seq,
            signal: info.signal,
            signal_taken: false,
            had_ended: run.status().is_terminal(),
            run,
            claim,
            stop,
            batch: Vec::new(),
            told: Told::default(),
            logs: Vec::new(),
            requests: BTreeMap::new(),
            noted: Vec::new(),
            notes,
            note,
            flying: BTreeMap::new(),
            parked: BTreeSet::new(),
            stalled: BTreeSet::new(),
            lease,
            orders: watch::channel(Orders::default()).0,
            tie,
            landed,
            land,
            snapshot: Some(snapshot),
            has_gates,
            looked: Duration::ZERO,
            engine,
        })
    }

    async fn run(&mut self, actor: String, begin: Begin) -> Result<Ended, DriveError> {
        let mut owned = self.own(&actor)?;
        // What was said before the run gets another chance means what it meant then.
        self.take_signals()?;
        match begin {
            Begin::Go => {}
            Begin::Reopen => self.input(Input::Reopen {
                actor: actor.clone(),
            })?,
            Begin::Restore => {
                for input in [
                    Input::Restore {
                        actor: actor.clone(),
                    },
                    Input::Reopen {
                        actor: actor.clone(),
                    },
                ] {
                    self.input(input)?;
                }
            }
        }
        if self.tie.as_ref().is_some_and(|tie| tie.restored) && !self.run.is_restored() {
            self.input(Input::Restore {
                actor: actor.clone(),
            })?;
        }
        if self.tie.as_ref().is_some_and(|tie| tie.back) {
            self.input(Input::RollBack {
                actor: actor.clone(),
                reason: "the run that waits for it is rolled back".to_owned(),
            })?;
        }
        loop {
            // A word may have brought a run back that had ended.
            owned = owned || self.own(&actor)?;
            self.obey()?;
            let settled = self.settle()?;
            self.commit().await?;
            if settled && let Some(ended) = self.ended() {
                // A word may have come while the last one was carried out.
                if !matches!(ended, Ended::Waiting | Ended::Paused) || !self.take_signals()? {
                    return Ok(ended);
                }
                continue;
            }
            self.dispatch();
            match settled {
                true => self.wait().await?,
                false => {
                    self.look_around().await?;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Records this owner, unless the run has ended.
    fn own(&mut self, actor: &str) -> Result<bool, DriveError> {
        let before = self.batch.len();
        let (actor, epoch) = (actor.to_owned(), self.claim.epoch);
        self.input(Input::Drive { actor, epoch })?;
        Ok(self.batch.len() > before)
    }

    /// Lets go of the run: nothing of it is in flight in this process afterwards.
    async fn close(mut self, result: Result<Ended, DriveError>) -> Result<Ended, DriveError> {
        let mut flying = std::mem::take(&mut self.flying);
        if self.run.is_forced() {
            self.orders.send_replace(Orders::of(&self.run));
            flying
                .values()
                .filter(|flight| !flight.is_child())
                .for_each(Flight::stop);
            for flight in flying.values_mut() {
                flight.obeyed().await;
            }
        }
        // All before the first is waited for: the others would go on meanwhile, and call out.
        flying.values().for_each(Flight::stop);
        for (_, flight) in flying {
            flight.end().await;
        }
        fail::point("run.closed");
        let status = self.run.status();
        if result.is_ok() {
            self.engine.tell(&Notice::Closed {
                run: self.facts.id.clone(),
                status,
            });
        }
        if status.is_terminal() {
            self.claim.retire();
        }
        result
    }

    /// Carries the parent's orders out, and gives this run's to its children.
    fn obey(&mut self) -> Result<(), DriveError> {
        // The second cancel follows the first.
        for _ in 0..2 {
            let input = self.tie.as_ref().and_then(|tie| tie.input(&self.run));
            if let Some(input) = input {
                self.input(input)?;
            }
        }
        let orders = Orders::of(&self.run);
        self.orders.send_if_modified(|last| {
            let changed = *last != orders;
            *last = orders;
            changed
        });
        Ok(())
    }

    fn draining(&self) -> bool {
        *self.stop.borrow() >= Watch::Drain
    }

    pub(crate) fn measures(&self) -> Vec<Measure> {
        self.run.measures()
    }
}
