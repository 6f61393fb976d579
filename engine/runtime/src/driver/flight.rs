//! Attempts in flight: one task each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use runbook_core::{Answer, Executed, Fault, FaultKind, Key, Method};
use runbook_step::Context;
use runbook_step::context::Log;
use serde_json::Value;
use tokio::task::AbortHandle;

use super::child::{ChildStep, drive_child};
use super::{DriveError, Driver};
use crate::clock::now;
use crate::prepare::lookup;
use crate::store::Signal;
use crate::worker::{Job, failed};

/// What came of a flight.
pub(super) enum Landed {
    /// An answer for the scheduler.
    Answer(Answer),
    /// The child run waits for a person, or was stopped.
    Parked,
    /// The child's store failed: stop everything.
    Lost(Box<DriveError>),
}

/// One attempt in flight.
pub(super) struct Flight {
    pub(super) number: u32,
    pub(super) log: Log,
    pub(super) requests: Log,
    task: AbortHandle,
}

impl Flight {
    pub(super) fn abort(&self) {
        self.task.abort();
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
fn panicked() -> Landed {
    Landed::Answer(failed(Fault {
        executed: Executed::Unknown,
        ..Fault::new(FaultKind::Internal, "the step type panicked")
    }))
}

impl Driver {
    /// Puts an attempt into flight. Its intent is on disk.
    pub(super) fn launch(&mut self, key: Key, number: u32, method: Method) {
        let (log, requests) = (Log::default(), Log::default());
        let land = self.land.clone();
        let task = if method == Method::Child {
            let child = Box::pin(drive_child(self.child(key)));
            tokio::spawn(async move {
                let landed = unless_panicked(child).await;
                let _ = land.send((key, number, landed.unwrap_or_else(panicked)));
            })
        } else {
            let job = self
                .job(key, method, (log.clone(), requests.clone()))
                .map(|job| Box::pin(job.carry_out()));
            tokio::spawn(async move {
                let landed = match job {
                    Ok(job) => unless_panicked(job).await.map(Landed::Answer),
                    Err(fault) => Some(Landed::Answer(failed(fault))),
                };
                let _ = land.send((key, number, landed.unwrap_or_else(panicked)));
            })
        };
        let flight = Flight {
            number,
            log,
            requests,
            task: task.abort_handle(),
        };
        self.flying.insert(key, flight);
    }

    fn job(&self, key: Key, method: Method, (log, requests): (Log, Log)) -> Result<Job, Fault> {
        let step = &self.facts.book.steps[key.step];
        let kind = *lookup(&self.engine.catalog, step)?;
        let lost = || Fault::new(FaultKind::Internal, "the attempt is not in the state");
        let attempt = self
            .run
            .instance(key)
            .and_then(|instance| instance.attempt.as_ref())
            .ok_or_else(lost)?;
        let mut aws = self.facts.aws_of(&self.run, key)?;
        if let Some((endpoint, keys)) = &self.engine.options.endpoint {
            aws.endpoint_url = Some(endpoint.clone());
            aws.keys = Some(keys.clone());
        }
        let name = match self.item(key) {
            Some(item) => format!("{}[{item}]", step.id),
            None => step.id.clone(),
        };
        Ok(Job {
            kind,
            method,
            inputs: attempt.inputs.clone(),
            before: attempt.before.clone(),
            intended: attempt.flown,
            settle: self.engine.options.settle,
            secrets: self.facts.references.clone(),
            context: Context {
                run: self.facts.id.clone(),
                step: name,
                token: attempt.token.clone(),
                attempt: attempt.number,
                // A process died inside it, or an earlier attempt ended with its effect unknown.
                recovering: attempt.epoch < self.claim.epoch || attempt.unsure,
                aws,
                tags: self.facts.definition.tags.clone(),
                log,
                requests,
            },
        })
    }

    fn child(&self, key: Key) -> ChildStep {
        let attempt = self
            .run
            .instance(key)
            .and_then(|instance| instance.attempt.as_ref());
        ChildStep {
            engine: self.engine.clone(),
            facts: self.facts.clone(),
            id: self.child_id(key),
            inputs: attempt.map_or(Value::Null, |attempt| attempt.inputs.clone()),
            stop: self.stop.clone(),
            reopen: self.reopening,
        }
    }

    fn child_id(&self, key: Key) -> String {
        let step = &self.facts.book.steps[key.step].id;
        match self.item(key) {
            Some(item) => format!("{}.{step}.{item}", self.facts.id),
            None => format!("{}.{step}", self.facts.id),
        }
    }

    /// A cancelled run cancels the child runs that it waits for.
    pub(super) fn cancel_children(&self, actor: &str, reason: Option<&str>) {
        for key in self.run.active() {
            if self.facts.book.steps[key.step].work != runbook_core::Work::Child {
                continue;
            }
            let (store, child) = (self.engine.store.clone(), self.child_id(key));
            let actor = actor.to_owned();
            let signal = Signal::Cancel {
                reason: reason.map(str::to_owned),
            };
            tokio::spawn(async move {
                // A child that does not exist yet has nothing to cancel.
                let _ = store.signal(&child, &actor, now(), signal).await;
            });
        }
    }
}
