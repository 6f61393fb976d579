//! Carries one attempt out: what a restart inside it means, when to look before acting again, and how
//! a reply becomes an answer.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_core::{
    Answer, Doubt, Effect, Executed, Fault, FaultKind, Method, Millis, Shape, Timestamp,
};
use runbook_step::catalog::{Ask, Reply};
use runbook_step::{Context, Form, Repeat, StepKind, StepResult, secret};
use serde_json::Value;

use crate::clock::{Clock, timestamp};
use crate::fail;
use crate::lease::Held;

/// One attempt to carry out.
pub(crate) struct Job {
    pub(crate) kind: StepKind,
    pub(crate) method: Method,
    /// The stored request.
    pub(crate) inputs: Value,
    /// What was observed before the first change.
    pub(crate) before: Option<Value>,
    pub(crate) context: Context,
    /// When the effect's intent was recorded.
    pub(crate) intended: Timestamp,
    /// How long the service may hide what it has made.
    pub(crate) settle: Millis,
    /// Reference of each secret, by name.
    pub(crate) secrets: BTreeMap<String, String>,
    /// Outputs of a step that is taken back.
    pub(crate) outputs: Option<Value>,
    /// Until when a look that finds nothing is not believed: what an earlier generation made, or what
    /// an undo takes back, may be on its way, or hidden.
    pub(crate) hidden: Option<Timestamp>,
    pub(crate) clock: Clock,
    pub(crate) lease: Held,
}

/// What came of a job.
pub(crate) enum Outcome {
    /// An answer for the scheduler.
    Answer(Answer),
    /// The lease ran out before or during the call: to be carried out again once it is renewed.
    Stalled,
}

/// Pause between two looks for what may have been made.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Job {
    /// Carries the attempt out.
    pub(crate) async fn carry_out(self) -> Outcome {
        let mut known = Vec::new();
        let revealed = if self.kind.is_external() {
            self.without_secrets()
        } else {
            self.reveal(&mut known)
        };
        let answer = match revealed {
            Ok(inputs) => self.lease.cover().cover(self.call(inputs)).await,
            Err(fault) => Err(fault),
        };
        for line in self.context.log.take() {
            self.context.log.line(secret::redact_text(line, &known));
        }
        if answer.is_err() && !self.lease.holds() {
            return Outcome::Stalled;
        }
        let answer = answer.unwrap_or_else(|fault| failed(fault, (self.clock.share)()));
        Outcome::Answer(hide(answer, &known))
    }

    /// A plugin gets the secrets that it is granted by their names, never through its inputs.
    fn without_secrets(&self) -> StepResult<Value> {
        match secret::names(&self.inputs.to_string()).first() {
            None => Ok(self.inputs.clone()),
            Some(name) => Err(Fault::new(
                FaultKind::Denied,
                format!("secret `{name}` stands in the inputs of a plugin's step"),
            )
            .help("grant the secret to the plugin in plugins/plugins.yaml, and let it be named")),
        }
    }

    fn reveal(&self, known: &mut Vec<(String, String)>) -> StepResult<Value> {
        let known = std::cell::RefCell::new(known);
        secret::reveal(&self.inputs, &|name| {
            let reference = self.secrets.get(name).ok_or_else(|| {
                Fault::new(FaultKind::Invalid, format!("no secret is called `{name}`"))
            })?;
            let value = resolve(name, reference)?;
            known.borrow_mut().push((name.to_owned(), value.clone()));
            Ok(value)
        })
    }

    async fn ask(&self, inputs: &Value, ask: Ask) -> StepResult<Reply> {
        match self.kind.form {
            Form::Call { run, .. } => {
                fail::point("call.before");
                if !self.lease.holds() {
                    return Err(Fault::new(FaultKind::Internal, "the lease ran out"));
                }
                let reply = run.call(inputs.clone(), ask, &self.context).await;
                fail::point("call.after");
                reply
            }
            Form::Engine(_) | Form::Pure(_) => Err(confused(self.kind.name)),
        }
    }

    async fn call(&self, inputs: Value) -> StepResult<Answer> {
        match self.method {
            Method::Read => self
                .ask(&inputs, Ask::Read)
                .await
                .and_then(|reply| self.answer(reply)),
            Method::Poll => self
                .ask(&inputs, Ask::Poll)
                .await
                .and_then(|reply| self.answer(reply)),
            Method::Observe => self.observe(&inputs).await,
            Method::Apply => self.apply(&inputs).await,
            Method::Act => self.act(&inputs).await,
            Method::Undo => self
                .undo(&inputs)
                .await
                .map(|answer| self.once_more(answer)),
            Method::UndoWith => self
                .undo_with(&inputs)
                .await
                .map(|answer| self.once_more(answer)),
            Method::Evaluate | Method::Child | Method::UndoChild => Err(confused(self.kind.name)),
        }
    }

    async fn observe(&self, inputs: &Value) -> StepResult<Answer> {
        loop {
            match (self.ask(inputs, Ask::Observe).await?, self.hidden) {
                (Reply::Differs(_), Some(until)) if (self.clock.now)() < until => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                (reply, _) => return self.answer(reply),
            }
        }
    }

    /// A change that creates looks for what a lost call of its own may have made, until the service
    /// can be trusted to show it, before it creates again.
    async fn apply(&self, inputs: &Value) -> StepResult<Answer> {
        if self.creates() && self.context.recovering {
            loop {
                match self.ask(inputs, Ask::Observe).await? {
                    Reply::Same(outputs) | Reply::Adopted(outputs) => {
                        return Ok(done(outputs, Effect::Adopted));
                    }
                    // Under way: applying again takes it up.
                    Reply::Again { .. } => break,
                    Reply::Unknown => return Ok(doubt("the step type cannot tell")),
                    _ if self.settled() => break,
                    _ => tokio::time::sleep(LOOK_AGAIN).await,
                }
            }
        }
        let before = self.before.clone().unwrap_or(Value::Null);
        let reply = self.ask(inputs, Ask::Apply(before)).await?;
        self.answer(reply)
    }

    /// An undo that was done too early for the service to show everything is done again.
    fn once_more(&self, answer: Answer) -> Answer {
        let acts = matches!(
            self.kind.form,
            Form::Call {
                shape: Shape::Action,
                ..
            }
        );
        match (answer, self.hidden) {
            (Answer::Done { .. }, Some(until)) if !acts && (self.clock.now)() < until => {
                Answer::Again {
                    at: until,
                    note: "looks once more for what the service may still hide".to_owned(),
                }
            }
            (answer, _) => answer,
        }
    }

    /// A step takes back what it did.
    async fn undo(&self, inputs: &Value) -> StepResult<Answer> {
        let before = self.before.clone().unwrap_or(Value::Null);
        let reply = self
            .ask(inputs, Ask::Undo(before, self.outputs.clone()))
            .await?;
        self.answer(reply)
    }

    /// Another step type takes it back: a change as far as it is needed, or an action.
    async fn undo_with(&self, inputs: &Value) -> StepResult<Answer> {
        match self.kind.form {
            Form::Call {
                shape: Shape::Action,
                ..
            } => self.act(inputs).await,
            Form::Call { .. } => loop {
                match self.ask(inputs, Ask::Observe).await? {
                    // What an earlier attempt may have made is looked for before another one is.
                    Reply::Differs(_)
                        if self.creates() && self.context.recovering && !self.settled() =>
                    {
                        tokio::time::sleep(LOOK_AGAIN).await;
                    }
                    Reply::Differs(before) => {
                        let reply = self.ask(inputs, Ask::Apply(before)).await?;
                        return self.answer(reply);
                    }
                    reply => return self.answer(reply),
                }
            },
            Form::Engine(_) | Form::Pure(_) => Err(confused(self.kind.name)),
        }
    }

    fn creates(&self) -> bool {
        matches!(
            self.kind.form,
            Form::Call {
                shape: Shape::Create,
                ..
            }
        )
    }

    /// Whether a service can no longer hide what an earlier attempt made.
    fn settled(&self) -> bool {
        (self.clock.now)() >= self.intended.plus(self.settle)
    }

    async fn act(&self, inputs: &Value) -> StepResult<Answer> {
        let Reply::Repeat(repeat) = self.ask(inputs, Ask::Repeat).await? else {
            return Err(confused(self.kind.name));
        };
        match repeat {
            Repeat::Never if self.context.recovering && self.context.touched => {
                return Ok(doubt("an earlier call of it may have had its effect"));
            }
            Repeat::Token | Repeat::Harmless | Repeat::Never => {}
            // Asked before the first call too: the state file may be a copy that has no word of it.
            Repeat::LookUp => {
                if let Some(answer) = self.look_up(inputs).await? {
                    return Ok(answer);
                }
            }
        }
        match self.ask(inputs, Ask::Act).await {
            Ok(reply) => self.answer(reply),
            Err(fault) if repeat == Repeat::Never && fault.executed == Executed::Unknown => {
                Ok(doubt(&fault.to_string()))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn look_up(&self, inputs: &Value) -> StepResult<Option<Answer>> {
        loop {
            match self.ask(inputs, Ask::LookUp).await? {
                Reply::Done(outputs) => return Ok(Some(done(outputs, Effect::Adopted))),
                // Under way: acting again takes it up.
                Reply::Again { .. } => return Ok(None),
                Reply::Absent if !self.context.recovering => return Ok(None),
                Reply::Absent if self.settled() => return Ok(None),
                Reply::Absent => tokio::time::sleep(LOOK_AGAIN).await,
                Reply::Unknown if !self.context.recovering => return Ok(None),
                Reply::Unknown
                | Reply::Same(_)
                | Reply::Adopted(_)
                | Reply::Differs(_)
                | Reply::Repeat(_) => {
                    return Ok(Some(doubt("the effect cannot be looked up")));
                }
            }
        }
    }

    fn answer(&self, reply: Reply) -> StepResult<Answer> {
        Ok(match reply {
            Reply::Done(outputs) => {
                let effect = match self.method {
                    Method::Apply | Method::Act | Method::Undo | Method::UndoWith => {
                        Effect::Changed
                    }
                    Method::Read
                    | Method::Poll
                    | Method::Observe
                    | Method::Evaluate
                    | Method::Child
                    | Method::UndoChild => Effect::None,
                };
                done(outputs, effect)
            }
            Reply::Same(outputs) => done(outputs, Effect::Unchanged),
            Reply::Adopted(outputs) => done(outputs, Effect::Adopted),
            Reply::Differs(before) => Answer::Observed(before),
            Reply::Again { after, note } => Answer::Again {
                at: (self.clock.now)().plus(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
                note,
            },
            Reply::Absent | Reply::Unknown | Reply::Repeat(_) => {
                return Err(confused(self.kind.name));
            }
        })
    }
}

fn confused(name: &str) -> Fault {
    Fault::new(
        FaultKind::Internal,
        format!("{name} answered what it was not asked"),
    )
}

/// Success; an output `at` is the time that marks take.
pub(crate) fn done(outputs: Value, effect: Effect) -> Answer {
    let at = outputs
        .get("at")
        .and_then(Value::as_str)
        .and_then(timestamp);
    Answer::Done {
        outputs,
        effect,
        at,
    }
}

fn doubt(why: &str) -> Answer {
    Answer::Doubt(Doubt {
        why: why.to_owned(),
    })
}

pub(crate) fn failed(fault: Fault, share: f64) -> Answer {
    Answer::Failed { fault, share }
}

/// Reads a secret from where its reference points.
fn resolve(name: &str, reference: &str) -> StepResult<String> {
    let denied = |why: String| Fault::new(FaultKind::Denied, format!("secret `{name}`: {why}"));
    if let Some(variable) = reference.strip_prefix("env:") {
        return std::env::var(variable)
            .map_err(|_| denied(format!("the environment variable {variable} is not set")));
    }
    if let Some(path) = reference.strip_prefix("file:") {
        let text = std::fs::read_to_string(path)
            .map_err(|error| denied(format!("{path} cannot be read: {error}")))?;
        return Ok(text.trim_end_matches('\n').to_owned());
    }
    Err(denied(
        "its reference must begin with env: or file:".to_owned(),
    ))
}

/// No secret leaves the worker: every occurrence of its value is replaced by its placeholder.
fn hide(answer: Answer, known: &[(String, String)]) -> Answer {
    if known.is_empty() {
        return answer;
    }
    let text = |text: String| secret::redact_text(text, known);
    match answer {
        Answer::Done {
            outputs,
            effect,
            at,
        } => Answer::Done {
            outputs: secret::redact(outputs, known),
            effect,
            at,
        },
        Answer::Observed(before) => Answer::Observed(secret::redact(before, known)),
        Answer::Again { at, note } => Answer::Again {
            at,
            note: text(note),
        },
        Answer::Failed { fault, share } => Answer::Failed {
            fault: Fault {
                message: text(fault.message),
                ..fault
            },
            share,
        },
        Answer::Doubt(Doubt { why }) => Answer::Doubt(Doubt { why: text(why) }),
    }
}
