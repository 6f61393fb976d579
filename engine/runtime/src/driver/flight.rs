//! Attempts in flight: one task each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use runbook_core::{
    Answer, Attempt, Executed, Fault, FaultKind, Instance, Key, Method, Millis, Shape, Step,
    Timestamp, Undo, Work,
};
use runbook_step::Context;
use runbook_step::context::Log;
use runbook_step::notes::{Notes, SharedShelf};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::child::{ChildStep, drive_child, roll_back};
use super::tie::{Standing, Tie};
use super::{DriveError, Driver};
use crate::prepare::{lookup, named};
use crate::shelf::EnvironmentShelf;
use crate::worker::{Job, Outcome, failed};

/// How long a child run may take to let go of everything, which is one commit.
const OBEDIENCE: Duration = Duration::from_secs(5);

/// What came of a flight.
pub(super) enum Landed {
    /// An answer for the scheduler.
    Answer(Answer),
    /// The child run was stopped with its parent.
    Parked,
    /// The lease ran out during the call.
    Stalled,
    /// The child's store failed: stop everything.
    Lost(Box<DriveError>),
}

/// An attempt until it has landed.
type Landing = Pin<Box<dyn Future<Output = Landed> + Send>>;

/// One attempt in flight; dropping it ends its task, with everything that the task has in flight itself.
pub(super) struct Flight {
    pub(super) number: u32,
    pub(super) log: Log,
    pub(super) requests: Log,
    cancelled: Arc<AtomicBool>,
    /// None when it is over.
    task: Option<JoinHandle<()>>,
    child: Option<Tie>,
}

impl Flight {
    /// What the child run does; any other attempt is busy.
    pub(super) fn standing(&self) -> Standing {
        self.child.as_ref().map_or(Standing::Busy, Tie::standing)
    }

    /// Whether a child run is driven by it.
    pub(super) fn is_child(&self) -> bool {
        self.child.is_some()
    }

    /// Tells the step type that the run is to end.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Ends the task: nothing of it is carried on.
    pub(super) fn stop(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Waits for a child run that was told to let go of everything.
    pub(super) async fn obeyed(&mut self) {
        if self.child.is_some()
            && let Some(task) = &mut self.task
            && tokio::time::timeout(OBEDIENCE, task).await.is_ok()
        {
            self.task = None;
        }
    }

    /// Ends the task and waits until nothing of it is left.
    pub(super) async fn end(mut self) {
        self.stop();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What comes of `work`; none when it panicked. In the same task: a second one that watched would wake
/// another thread for every step. Boxed: a task that held it by value would hold it three times.
async fn unless_panicked<T>(mut work: Pin<Box<impl Future<Output = T>>>) -> Option<T> {
    std::future::poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .map_or(Poll::Ready(None), |poll| poll.map(Some))
    })
    .await
}

/// A panic in a step type is a failed attempt, not a lost one.
fn panicked(share: f64) -> Landed {
    let fault = Fault {
        executed: Executed::Unknown,
        ..Fault::new(FaultKind::Internal, "the step type panicked")
    };
    Landed::Answer(failed(fault, share))
}

impl Driver {
    /// Puts an attempt into flight. Its intent is on disk. One that is `alone` is begun at once, on the
    /// driver's own task: what needs nothing from outside is over then, and no thread was woken for it.
    pub(super) fn launch(&mut self, key: Key, number: u32, method: Method, alone: bool) {
        let mut flight = Flight {
            number,
            log: Log::default(),
            requests: Log::default(),
            cancelled: Arc::default(),
            task: None,
            child: None,
        };
        let mut landing = if matches!(method, Method::Child | Method::UndoChild) {
            self.tied(key, method, &mut flight)
        } else {
            self.called(key, method, &flight)
        };
        let land = self.land.clone();
        // A child run is long: its parent listens to people meanwhile.
        let first = (alone && !flight.is_child()).then(|| {
            let mut nobody = std::task::Context::from_waker(Waker::noop());
            landing.as_mut().poll(&mut nobody)
        });
        if let Some(Poll::Ready(landed)) = first {
            let _ = land.send((key, number, landed));
        } else {
            flight.task = Some(tokio::spawn(async move {
                let _ = land.send((key, number, landing.await));
            }));
        }
        self.flying.insert(key, flight);
    }

    /// A child run, driven by a step of this one.
    fn tied(&self, key: Key, method: Method, flight: &mut Flight) -> Landing {
        let share = (self.engine.options.clock.share)();
        let back = method == Method::UndoChild;
        let actor = format!("run {}", self.facts.id);
        let kind = (back, self.run.is_restored());
        let tie = Tie::new(actor, self.orders.subscribe(), kind);
        let step = self.child(key, tie.clone());
        flight.child = Some(tie);
        let work = Box::pin(async move {
            if back {
                roll_back(step).await
            } else {
                drive_child(step).await
            }
        });
        Box::pin(async move {
            let landed = unless_panicked(work).await;
            landed.unwrap_or_else(|| panicked(share))
        })
    }

    /// A call of a step type.
    fn called(&self, key: Key, method: Method, flight: &Flight) -> Landing {
        let share = (self.engine.options.clock.share)();
        let desk = Desk {
            log: flight.log.clone(),
            requests: flight.requests.clone(),
            notes: Notes::new(self.note.clone(), key, flight.number),
            cancelled: flight.cancelled.clone(),
        };
        let job = self
            .job(key, method, desk)
            .map(|job| Box::pin(job.carry_out()));
        Box::pin(async move {
            match job {
                Ok(job) => match unless_panicked(job).await {
                    Some(Outcome::Answer(answer)) => Landed::Answer(answer),
                    Some(Outcome::Stalled) => Landed::Stalled,
                    None => panicked(share),
                },
                Err(fault) => Landed::Answer(failed(fault, share)),
            }
        })
    }

    fn job(&self, key: Key, method: Method, desk: Desk) -> Result<Job, Fault> {
        let step = &self.facts.book.steps[key.step];
        let lost = || Fault::new(FaultKind::Internal, "the attempt is not in the state");
        let instance = self.run.instance(key).ok_or_else(lost)?;
        let call = match method {
            Method::Undo | Method::UndoWith => Call::back(instance, method, step.work),
            _ => instance
                .attempt
                .as_ref()
                .zip(self.run.inputs(key))
                .map(|(attempt, inputs)| Call::forth(attempt, inputs)),
        };
        let call = call.ok_or_else(lost)?;
        let kind = match (&step.undo, method) {
            (Undo::With { uses, .. }, Method::UndoWith) => *named(&self.engine.catalog, uses)?,
            _ => *lookup(&self.engine.catalog, step)?,
        };
        let mut aws = self.facts.aws_of(&self.run, key)?;
        if let Some((endpoint, keys)) = &self.engine.options.endpoint {
            aws.endpoint_url = Some(endpoint.clone());
            aws.keys = Some(keys.clone());
        }
        let name = match self.item(key) {
            Some(item) => format!("{}[{item}]", step.id),
            None => step.id.clone(),
        };
        let stalled = self.stalled.contains(&key);
        let interrupted = call.epoch < self.claim.epoch;
        // What was in flight may have called again and again since it went into flight: until its owner
        // died, or until its lease ran out.
        let intended = match (interrupted, stalled) {
            (_, true) => self.engine.now(),
            (true, false) => call.flown.max(self.claim.called),
            (false, false) => call.flown,
        };
        let left = Duration::from_millis(call.deadline.since(self.engine.now()));
        Ok(Job {
            kind,
            method,
            inputs: call.inputs,
            before: call.before,
            outputs: call.outputs,
            hidden: self.hidden(step, instance, method),
            intended,
            settle: self.engine.options.settle,
            secrets: self.facts.references.clone(),
            clock: self.engine.options.clock.clone(),
            lease: self.lease.clone(),
            context: Context {
                run: self.facts.id.clone(),
                step: name,
                token: call.token,
                attempt: call.number,
                // A process died inside it, or an earlier attempt ended with its effect unknown.
                recovering: interrupted || call.unsure || stalled,
                aws,
                tags: self.facts.definition.tags.clone(),
                log: desk.log,
                requests: desk.requests,
                notes: desk.notes,
                kept: call.kept,
                // Only the steps of plugins put down what they call.
                touched: call.touched || self.run.is_restored() || !kind.is_external(),
                environment: if kind.is_external() {
                    self.facts.definition.environment.clone()
                } else {
                    String::new()
                },
                until: Some(Instant::now() + left),
                cancelled: desk.cancelled,
                allow: step.allow.clone(),
                shelf: kind.is_external().then(|| self.shelf()),
            },
        })
    }

    fn shelf(&self) -> SharedShelf {
        Arc::new(EnvironmentShelf {
            store: self.engine.store.clone(),
            environment: self.facts.definition.environment.clone(),
        })
    }

    /// Until when what a step did may be hidden, or may not have arrived yet: from its undo, or from itself
    /// when it runs again by an operator's word. The last quarter of the time that it has is kept.
    fn hidden(&self, step: &Step, instance: &Instance, method: Method) -> Option<Timestamp> {
        let creates = step.work == Work::Call(Shape::Create);
        let before = |deadline: Timestamp, span: Millis| {
            let span = i64::try_from(span).unwrap_or(i64::MAX);
            Timestamp(deadline.0.saturating_sub(span))
        };
        let (at, deadline) = match method {
            Method::Observe if creates && !instance.earlier.is_empty() => {
                let attempt = instance.attempt.as_ref()?;
                (attempt.first, attempt.deadline)
            }
            Method::Undo | Method::UndoWith => {
                let deadline = instance.undo.as_ref()?.attempt()?.deadline;
                let made = instance.next_back(step.work)?;
                if !(creates || made.unsure) {
                    return None;
                }
                // Nothing of the run was in flight any more when the way back began.
                let at = made.at.unwrap_or(before(deadline, step.timeout));
                (at, deadline)
            }
            _ => return None,
        };
        let settled = at.plus(self.engine.options.settle);
        Some(settled.min(before(deadline, step.timeout / 4)))
    }

    fn child(&self, key: Key, tie: Tie) -> ChildStep {
        let instance = self.run.instance(key);
        let attempt = instance.and_then(|instance| instance.attempt.as_ref());
        let asked = attempt.map(|attempt| attempt.started);
        ChildStep {
            engine: self.engine.clone(),
            facts: self.facts.clone(),
            id: self.child_id(key, self.run.steps()[key.step].generation),
            earlier: (0..self.run.steps()[key.step].generation)
                .rev()
                .map(|generation| self.child_id(key, generation))
                .collect(),
            inputs: attempt.map_or(Value::Null, |attempt| attempt.inputs.clone()),
            stop: self.stop.clone(),
            // What was held or had failed by then gets another chance.
            asked: asked.max(self.run.reopened()).unwrap_or_default(),
            tie,
        }
    }

    fn child_id(&self, key: Key, generation: u32) -> String {
        let step = &self.facts.book.steps[key.step].id;
        let mut id = format!("{}.{step}", self.facts.id);
        if let Some(item) = self.item(key) {
            id.push_str(&format!(".{item}"));
        }
        if generation > 0 {
            id.push_str(&format!(".again{generation}"));
        }
        id
    }
}

/// Where an attempt puts down what it leaves behind, and hears that its run is to end.
struct Desk {
    log: Log,
    requests: Log,
    notes: Notes,
    cancelled: Arc<AtomicBool>,
}

/// What a call needs of the state, forwards or backwards.
struct Call {
    inputs: Value,
    before: Option<Value>,
    outputs: Option<Value>,
    token: String,
    number: u32,
    flown: Timestamp,
    epoch: u64,
    unsure: bool,
    deadline: Timestamp,
    kept: Option<String>,
    touched: bool,
}

impl Call {
    fn forth(attempt: &Attempt, inputs: &Value) -> Self {
        Self {
            inputs: inputs.clone(),
            before: attempt.before.clone(),
            outputs: None,
            token: attempt.token.clone(),
            number: attempt.number,
            flown: attempt.flown,
            epoch: attempt.epoch,
            unsure: attempt.unsure,
            deadline: attempt.deadline,
            kept: attempt.kept.clone(),
            touched: attempt.touched,
        }
    }

    fn back(instance: &Instance, method: Method, work: Work) -> Option<Self> {
        let undo = instance.undo.as_ref()?.attempt()?;
        let made = instance.next_back(work)?.into_owned();
        Some(Self {
            inputs: undo.inputs.clone().unwrap_or(made.inputs),
            before: made.before,
            outputs: Some(made.outputs).filter(|outputs| !outputs.is_null()),
            // A step type knows what it made by the token under which it made it.
            token: match method {
                Method::Undo => made.token,
                _ => undo.token.clone(),
            },
            number: undo.number,
            flown: undo.flown,
            epoch: undo.epoch,
            unsure: undo.unsure,
            deadline: undo.deadline,
            // At first what the step itself put down, which may be what the undo needs.
            kept: undo.kept.clone().or(made.kept),
            touched: true,
        })
    }
}
