//! One call of a plugin: a fresh instance, watched while it runs, thrown away afterwards.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use runbook_step::Context;
use serde_json::Value;
use wasmtime::{Store, UpdateDeadline};

use super::bindings::runbook::plugin::types as wit;
use super::call::{Call, Setup};
use super::engine::{Runtime, TICK};
use super::failure::{self, Failure, short};
use super::guest::Guest;
use super::plugin::Plugin;

/// What a plugin is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// To run a step.
    Run,
    /// Whether the effect of an interrupted attempt happened.
    Reconcile,
    /// To take a step back, with its outputs as far as there are any.
    Undo(Option<Value>),
    /// What running would do.
    Plan,
}

/// What a plugin answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Done, with outputs that satisfy the step's schema; of an undo, with whatever it says of itself.
    Done(Value),
    /// Not yet. The state is on disk.
    Wait {
        /// How long to wait.
        after: Duration,
        /// What it wants to find again.
        state: String,
        /// What it waits for, for people.
        note: String,
    },
    /// The effect happened.
    Happened(Value),
    /// It did not.
    DidNotHappen,
    /// It goes on; running again with this state takes it up.
    InProgress(String),
    /// Nobody can tell.
    Unknown(String),
    /// What running would do.
    Plan(Value),
}

/// How a call ended, for those who look closer than the engine.
pub struct Ended {
    /// What came of it.
    pub answer: Result<Outcome, Failure>,
    /// A request that can change something left.
    pub touched: bool,
    /// It was a dry run, and it tried to change something.
    pub attempted: bool,
    /// What it put down last.
    pub kept: Option<String>,
    /// The end of what it wrote to its standard streams.
    pub stderr: String,
}

/// Calls `work` in an instance's store, within its limits.
pub(crate) async fn guarded<T>(
    runtime: &Runtime,
    weight: u32,
    call: Arc<Call>,
    work: impl AsyncFnOnce(&mut Store<Guest>) -> wasmtime::Result<T>,
) -> Result<T, Failure> {
    let permit = runtime.budget.acquire_many(weight).await;
    let _permit = permit.map_err(|_| Failure::host("the engine stops"))?;
    let _running = runtime.ticker.running();
    call.live();
    let limits = call.setup.limits;
    let mut store = Store::new(&runtime.engine, Guest::new(call.clone()));
    store.limiter(|guest| &mut guest.bounds);
    // A call may pass twice what it may return, and no more.
    let fuel = usize::try_from(limits.output.max(limits.http_body) * 2).unwrap_or(usize::MAX);
    store.set_hostcall_fuel(fuel);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |mut context| {
        let guest = context.data_mut();
        guest.ticks += 1;
        if TICK.saturating_mul(u32::try_from(guest.ticks).unwrap_or(u32::MAX)) > limits.cpu {
            guest
                .call
                .end(format!("it computed for more than {:?}", limits.cpu));
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    });
    let ended = tokio::select! {
        biased;
        answer = work(&mut store) => Some(answer),
        () = silence(&call) => None,
    };
    match ended {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(trap)) => {
            let refused = store.data().bounds.refused;
            Err(failure::of_trap(&call, &trap, refused))
        }
        None => Err(failure::of_trap(
            &call,
            &wasmtime::Error::msg("cut off"),
            false,
        )),
    }
}

/// Ends when the call has had its time, or nothing was heard of it for too long.
async fn silence(call: &Call) {
    let limits = call.setup.limits;
    let mut out_of_time = call.setup.transport.out_of_time();
    loop {
        let left = call.left();
        if left.is_zero() {
            call.end(format!("it was not done within {:?}", limits.call));
            return;
        }
        let quiet = call.silent_for();
        if quiet >= limits.silence {
            call.end(format!("nothing was heard of it for {:?}", limits.silence));
            return;
        }
        let nap = left.min(limits.silence.saturating_sub(quiet));
        tokio::select! {
            () = tokio::time::sleep(nap.max(Duration::from_millis(1))) => {}
            () = &mut out_of_time => {
                call.end(format!("it was not done within {:?}", limits.call));
                return;
            }
        }
    }
}

impl Plugin {
    /// Calls a step type of the plugin.
    pub async fn call(
        &self,
        step: &str,
        inputs: Value,
        verb: Verb,
        with: (Setup, Context),
    ) -> Ended {
        let (setup, context) = with;
        let call = Arc::new(Call::new(setup, context));
        let answer = self.answer(step, inputs, verb, &call).await;
        let answer = answer.map_err(|failure| failure.hidden(&call));
        let kept = call
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Ended {
            answer,
            touched: call.touched.load(std::sync::atomic::Ordering::Relaxed),
            attempted: call.attempted.load(std::sync::atomic::Ordering::Relaxed),
            kept,
            stderr: call.hide(call.stderr.text()),
        }
    }

    async fn answer(
        &self,
        step: &str,
        mut inputs: Value,
        verb: Verb,
        call: &Arc<Call>,
    ) -> Result<Outcome, Failure> {
        let inner = &self.inner;
        let Some(described) = inner.descriptor.step(step) else {
            return Err(Failure::host(format!(
                "the plugin has no step type `{step}`"
            )));
        };
        described.input.defaults(&mut inputs);
        described
            .input
            .check(&inputs)
            .map_err(|wrong| Failure::input(&wrong))?;
        let inputs = inputs.to_string();
        let outcome = self.ask(step, &inputs, &verb, call).await?;
        let outcome = outcome.map_err(|error| Failure::of_step(call, error))?;
        let text = match outcome {
            Said::Done(text) => text,
            Said::Wait(pause) => {
                let after = Duration::from_millis(pause.after_ms);
                let (state, note) = (call.hide(pause.state), short(call.hide(pause.note)));
                call.checkpoint(state.clone()).await.map_err(|why| {
                    Failure::plugin(call, &format!("its pause cannot be kept: {why}"))
                })?;
                return Ok(Outcome::Wait { after, state, note });
            }
            Said::Verdict(verdict) => return self.verdict(step, verdict, call).await,
            Said::Plan(text) => {
                within(&text, call)?;
                let plan = parse(&text)
                    .map_err(|why| Failure::plugin(call, &format!("its plan is no JSON: {why}")))?;
                return Ok(Outcome::Plan(call.hide_value(plan)));
            }
        };
        if matches!(verb, Verb::Undo(_)) {
            return self.undone(&text, call).map(Outcome::Done);
        }
        self.outputs(step, &text, call).map(Outcome::Done)
    }

    async fn verdict(
        &self,
        step: &str,
        verdict: wit::Verdict,
        call: &Arc<Call>,
    ) -> Result<Outcome, Failure> {
        Ok(match verdict {
            wit::Verdict::Happened(text) => Outcome::Happened(self.outputs(step, &text, call)?),
            wit::Verdict::DidNotHappen => Outcome::DidNotHappen,
            wit::Verdict::InProgress(state) => {
                let state = call.hide(state);
                call.checkpoint(state.clone()).await.map_err(|why| {
                    Failure::plugin(call, &format!("its state cannot be kept: {why}"))
                })?;
                Outcome::InProgress(state)
            }
            wit::Verdict::Unknown(why) => Outcome::Unknown(short(call.hide(why))),
        })
    }

    /// What an undo says of itself; its step is undone whatever that is.
    fn undone(&self, text: &str, call: &Call) -> Result<Value, Failure> {
        within(text, call)?;
        Ok(call.hide_value(parse(text).unwrap_or_default()))
    }

    /// Outputs that are what the plugin said they would be.
    fn outputs(&self, step: &str, text: &str, call: &Call) -> Result<Value, Failure> {
        within(text, call)?;
        let outputs = parse(text)
            .map_err(|why| Failure::plugin(call, &format!("its output is no JSON: {why}")))?;
        if !outputs.is_object() {
            return Err(Failure::plugin(call, "its output is no JSON object"));
        }
        let schema = self
            .inner
            .descriptor
            .step(step)
            .and_then(|one| one.output.as_ref());
        if let Some(schema) = schema {
            schema.check(&outputs).map_err(|wrong| {
                let why = format!("its output is not what its schema says: {wrong}");
                Failure::plugin(call, &why)
            })?;
        }
        Ok(call.hide_value(outputs))
    }

    async fn ask(
        &self,
        step: &str,
        inputs: &str,
        verb: &Verb,
        call: &Arc<Call>,
    ) -> Result<Result<Said, wit::StepError>, Failure> {
        let inner = &self.inner;
        let lacks = |interface: &str| Failure::host(format!("the plugin exports no `{interface}`"));
        let (runtime, weight) = (&inner.runtime, inner.weight);
        match verb {
            Verb::Run => {
                guarded(
                    runtime,
                    weight,
                    call.clone(),
                    async |store: &mut Store<Guest>| {
                        let instance = inner.pre.instantiate_async(&mut *store).await?;
                        let steps = instance.runbook_plugin_steps();
                        Ok(steps.call_run(store, step, inputs).await?.map(Said::of))
                    },
                )
                .await
            }
            Verb::Reconcile => {
                let pre = inner.recovery.as_ref().ok_or_else(|| lacks("recovery"))?;
                guarded(
                    runtime,
                    weight,
                    call.clone(),
                    async |store: &mut Store<Guest>| {
                        let instance = pre.instantiate_async(&mut *store).await?;
                        let recovery = instance.runbook_plugin_recovery();
                        Ok(recovery
                            .call_reconcile(store, step, inputs)
                            .await?
                            .map(Said::Verdict))
                    },
                )
                .await
            }
            Verb::Undo(outputs) => {
                let pre = inner
                    .compensation
                    .as_ref()
                    .ok_or_else(|| lacks("compensation"))?;
                let outputs = outputs.as_ref().unwrap_or(&Value::Null).to_string();
                guarded(
                    runtime,
                    weight,
                    call.clone(),
                    async |store: &mut Store<Guest>| {
                        let instance = pre.instantiate_async(&mut *store).await?;
                        let undo = instance.runbook_plugin_compensation();
                        let answer = undo.call_undo(store, step, inputs, &outputs).await?;
                        Ok(answer.map(Said::of))
                    },
                )
                .await
            }
            Verb::Plan => {
                let pre = inner.preview.as_ref().ok_or_else(|| lacks("preview"))?;
                guarded(
                    runtime,
                    weight,
                    call.clone(),
                    async |store: &mut Store<Guest>| {
                        let instance = pre.instantiate_async(&mut *store).await?;
                        let preview = instance.runbook_plugin_preview();
                        Ok(preview
                            .call_plan(store, step, inputs)
                            .await?
                            .map(Said::Plan))
                    },
                )
                .await
            }
        }
    }
}

/// What is larger than allowed is not read.
fn within(text: &str, call: &Call) -> Result<(), Failure> {
    let limit = call.setup.limits.output;
    if text.len() as u64 <= limit {
        return Ok(());
    }
    let why = format!("its output has {} bytes; {limit} are allowed", text.len());
    Err(Failure::plugin(call, &why))
}

/// What came back, before it is believed.
enum Said {
    Done(String),
    Wait(wit::Pause),
    Verdict(wit::Verdict),
    Plan(String),
}

impl Said {
    fn of(outcome: wit::Outcome) -> Self {
        match outcome {
            wit::Outcome::Done(text) => Self::Done(text),
            wit::Outcome::Wait(pause) => Self::Wait(pause),
        }
    }
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|wrong| wrong.to_string())
}
