//! Attempts in flight: one task each.

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

impl Driver {
    /// Puts an attempt into flight. Its intent is on disk.
    pub(super) fn launch(&mut self, key: Key, number: u32, method: Method) {
        let (log, requests) = (Log::default(), Log::default());
        let land = self.land.clone();
        let task = if method == Method::Child {
            let child = drive_child(self.child(key));
            tokio::spawn(async move {
                let _ = land.send((key, number, child.await));
            })
        } else {
            let job = self.job(key, method, (log.clone(), requests.clone()));
            tokio::spawn(async move {
                let answer = match job {
                    Ok(job) => job.carry_out().await,
                    Err(fault) => failed(fault),
                };
                let _ = land.send((key, number, Landed::Answer(answer)));
            })
        };
        let flight = Flight {
            number,
            log,
            requests,
            task: task.abort_handle(),
        };
        self.watch_for_panic(key, number, task);
        self.flying.insert(key, flight);
    }

    /// A panic in a step type is a failed attempt, not a lost one.
    fn watch_for_panic(&self, key: Key, number: u32, task: tokio::task::JoinHandle<()>) {
        let land = self.land.clone();
        tokio::spawn(async move {
            if let Err(error) = task.await
                && error.is_panic()
            {
                let fault = Fault {
                    executed: Executed::Unknown,
                    ..Fault::new(FaultKind::Internal, "the step type panicked")
                };
                let _ = land.send((key, number, Landed::Answer(failed(fault))));
            }
        });
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
        // An earlier owner that was mending it called long after its intent, once the look was over: when
        // it did is not known, but it was before we took the run.
        let late = attempt.epoch < self.claim.epoch
            && (attempt.unsure || attempt.epoch + 1 < self.claim.epoch);
        Ok(Job {
            kind,
            method,
            inputs: attempt.inputs.clone(),
            before: attempt.before.clone(),
            intended: if late {
                attempt.flown.max(self.claim.at)
            } else {
                attempt.flown
            },
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
