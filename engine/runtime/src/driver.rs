//! One run, driven: decide, record, act. Nothing is dispatched before its event is on disk, and one
//! commit records both that a step finished and that the next ones are intended.

mod child;
mod flight;
mod tie;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use runbook_core::InstanceState;
use runbook_core::{
    Command, Corrupt, Input, Journal, Key, Measure, Method, Phase, Run, RunStatus, Timestamp, Work,
    measure,
};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use crate::engine::{Engine, GatePolicy};
use crate::fail;
use crate::lease::Held;
use crate::prepare::Facts;
use crate::seen::Notice;
use crate::store::{Claim, Commit, LogRow, Snapshot, StoreError};
use flight::{Flight, Landed};
use tie::{Orders, Standing, Tie};

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
        let now = engine.now();
        let claimed = engine
            .store
            .claim(&run, owner(), now, engine.options.lease)
            .await?;
        let Some(claim) = claimed else {
            let owner = engine.store.snapshot()?.run(&run)?.owner;
            return Err(DriveError::Busy {
                run,
                owner: owner.unwrap_or_else(|| "another process".to_owned()),
            });
        };
        let lease = Held::new(engine.options.clock.clone(), engine.options.lease, since);
        let mut driver = Driver::load(engine, &run, (claim, lease), stop, tie)?;
        let result = driver.run(actor, begin).await;
        driver.close(result).await
    })
}

/// Host and process, for messages only.
fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "this host".to_owned(), |name| name.trim().to_owned());
    format!("process {} on {host}", std::process::id())
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
    logs: Vec<LogRow>,
    requests: BTreeMap<Key, String>,
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
        let definition = Arc::new(snapshot.definition(&info)?);
        let book = definition
            .entry(info.entry.as_deref())
            .cloned()
            .ok_or_else(|| StoreError::Corrupt {
                run: id.to_owned(),
                reason: "its definition does not hold its runbook".to_owned(),
            })?;
        let book = Arc::new(book);
        let events = snapshot.events(id, 0)?;
        let run = Run::new(book.clone())
            .replay(events.iter().map(|row| &row.entry))
            .map_err(|source| DriveError::Corrupt {
                run: id.to_owned(),
                source,
            })?;
        let (land, landed) = mpsc::unbounded_channel();
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
            logs: Vec::new(),
            requests: BTreeMap::new(),
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
        let epoch = self.claim.epoch;
        match begin {
            Begin::Go => {}
            Begin::Reopen => self.input(Input::Reopen {
                actor: actor.clone(),
            })?,
            Begin::Restore => self.input(Input::Restore {
                actor: actor.clone(),
            })?,
        }
        if self.tie.as_ref().is_some_and(|tie| tie.back) {
            self.input(Input::RollBack {
                actor: actor.clone(),
                reason: "the run that waits for it is rolled back".to_owned(),
            })?;
        }
        self.input(Input::Drive { actor, epoch })?;
        self.take_signals()?;
        loop {
            self.obey()?;
            self.settle()?;
            self.commit().await?;
            if let Some(ended) = self.ended() {
                // A word may have come while the last one was carried out.
                if !matches!(ended, Ended::Waiting | Ended::Paused) || !self.take_signals()? {
                    return Ok(ended);
                }
                continue;
            }
            self.dispatch();
            self.wait().await?;
        }
    }

    /// Lets go of the run: nothing of it is in flight in this process afterwards.
    async fn close(mut self, result: Result<Ended, DriveError>) -> Result<Ended, DriveError> {
        for (_, flight) in std::mem::take(&mut self.flying) {
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
        if let Some(tie) = &self.tie
            && let Some(input) = tie.input(&self.run)
        {
            self.input(input)?;
        }
        let orders = Orders::of(&self.run);
        self.orders.send_if_modified(|last| {
            let changed = *last != orders;
            *last = orders;
            changed
        });
        Ok(())
    }

    /// Decides what an input means and folds it in; the events wait for the next commit.
    fn input(&mut self, input: Input) -> Result<(), DriveError> {
        let at = self.engine.now();
        for event in self.run.decide(at, input) {
            let entry = Journal { at, event };
            self.run
                .evolve(&entry)
                .map_err(|source| DriveError::Corrupt {
                    run: self.facts.id.clone(),
                    source,
                })?;
            self.batch.push(entry);
        }
        Ok(())
    }

    /// One commit for everything that was decided in this turn.
    async fn commit(&mut self) -> Result<(), DriveError> {
        self.gather_logs();
        if self.batch.is_empty() && self.logs.is_empty() && !self.signal_taken {
            return Ok(());
        }
        let events = std::mem::take(&mut self.batch);
        let logs = std::mem::take(&mut self.logs);
        let commit = Commit {
            run: self.facts.id.clone(),
            expected_seq: self.seq,
            epoch: self.claim.epoch,
            rows: crate::project::rows(&self.facts.id, &self.run, &events, &self.requests),
            events: events.clone(),
            logs: logs.clone(),
            signal: self.signal_taken.then_some(self.signal),
            reopens: self.had_ended && !self.run.status().is_terminal(),
        };
        self.engine.store.append(commit).await?;
        self.had_ended = self.run.status().is_terminal();
        self.signal_taken = false;
        self.requests.clear();
        let first = self.seq + 1;
        self.seq += events.len() as u64;
        let run = &self.facts.id;
        if !events.is_empty() {
            self.engine.tell(&Notice::Events {
                run: run.clone(),
                first,
                events,
                status: self.run.status(),
            });
        }
        if !logs.is_empty() {
            self.engine.tell(&Notice::Logs {
                run: run.clone(),
                lines: logs,
            });
        }
        Ok(())
    }

    fn draining(&self) -> bool {
        *self.stop.borrow() >= Watch::Drain
    }

    /// Why to let go of the run now, if at all.
    fn ended(&self) -> Option<Ended> {
        let status = self.run.status();
        if status.is_terminal() {
            return Some(Ended::Finished {
                status,
                measures: self.measures(),
                changed: Facts::changed(&self.run),
            });
        }
        if *self.stop.borrow() == Watch::Now {
            return Some(Ended::Interrupted);
        }
        let standing = self.standing();
        if let Some(tie) = &self.tie {
            tie.stand(standing);
        }
        let all_idle = self
            .flying
            .values()
            .all(|flight| flight.standing() != Standing::Busy);
        if self.draining() && all_idle && !self.dispatchable() {
            return Some(Ended::Interrupted);
        }
        let hold = self.engine.options.gates == GatePolicy::Hold;
        match standing {
            // The parent lets go when nothing else of it can move either.
            _ if self.tie.is_some() => None,
            Standing::Busy => None,
            Standing::Waiting => (!hold).then_some(Ended::Waiting),
            Standing::Paused => Some(Ended::Paused),
        }
    }

    /// Whether anything but a person can move the run.
    fn standing(&self) -> Standing {
        if self.dispatchable() {
            return Standing::Busy;
        }
        let mut found = match self.run.is_paused() {
            true => Standing::Paused,
            false => Standing::Busy,
        };
        for key in self.run.active() {
            match self.waits(key) {
                Standing::Busy => return Standing::Busy,
                Standing::Waiting => found = Standing::Waiting,
                Standing::Paused if found == Standing::Busy => found = Standing::Paused,
                Standing::Paused => {}
            }
        }
        if self.run.is_paused() {
            return Standing::Paused;
        }
        found
    }

    fn waits(&self, key: Key) -> Standing {
        if let Some(flight) = self.flying.get(&key) {
            return flight.standing();
        }
        if self.parked.contains(&key) {
            return Standing::Waiting;
        }
        match self.run.instance(key).map(|instance| &instance.state) {
            Some(InstanceState::Live(Phase::InDoubt { .. })) => Standing::Waiting,
            Some(InstanceState::Live(Phase::Waiting { .. }))
                if matches!(self.facts.book.steps[key.step].work, Work::Gate(_)) =>
            {
                Standing::Waiting
            }
            // It was given another chance while the run is held.
            Some(InstanceState::Live(Phase::Retrying { .. }))
                if self.run.is_paused() && self.run.resting().contains(&key) =>
            {
                Standing::Waiting
            }
            _ => Standing::Busy,
        }
    }

    pub(crate) fn measures(&self) -> Vec<Measure> {
        let marks: Vec<(&str, Timestamp)> = self.run.marks().collect();
        let started = self.run.started().unwrap_or_default();
        measure(&self.facts.book.objectives, started, &marks)
    }

    /// Whether a command of this turn still has to be dispatched.
    fn dispatchable(&self) -> bool {
        self.run.commands().iter().any(|command| match command {
            Command::Attempt { key, method, .. } => self.may_fly(*key, *method),
            Command::Prepare { .. }
            | Command::Wake { .. }
            | Command::Unwind
            | Command::PrepareUndo { .. }
            | Command::Conclude => false,
        })
    }

    fn may_fly(&self, key: Key, method: Method) -> bool {
        let idle = !self.flying.contains_key(&key) && !self.parked.contains(&key);
        // The step in hand is finished: what it observed is applied, nothing else is begun.
        idle && method != Method::Evaluate && (!self.draining() || method == Method::Apply)
    }
}
