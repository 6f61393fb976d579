//! A plugin's step types as entries of the catalog: the engine treats them like its own.

use std::sync::Arc;
use std::time::Duration;

use runbook_core::{Executed, Fault, FaultKind, Origin, Shape};
use runbook_step::catalog::{Answering, Ask, Check, Reply, Run};
use runbook_step::{Context, External, Form, Repeat, RetryClass, Schema, StepKind, StepResult};
use serde_json::{Value, json};

use crate::descriptor::{Idempotency, StepDescriptor, WantKind};
use crate::grant::{Allow, Permissions};
use crate::host::{Failure, Kind, Outcome, Plugin, Setup, Verb};

/// Deadline of a step whose type names none.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The name in `uses`.
#[must_use]
pub fn name(plugin: &str, step: &str) -> String {
    format!("plugin:{plugin}/{step}")
}

/// Finds the code of a plugin when it is first called: checking a runbook needs none.
pub trait Source: Send + Sync {
    /// The plugin, ready to be called.
    fn plugin(&self) -> Fetching<'_>;
}

/// A plugin on its way.
pub type Fetching<'a> = std::pin::Pin<Box<dyn Future<Output = StepResult<Plugin>> + Send + 'a>>;

impl Source for Plugin {
    fn plugin(&self) -> Fetching<'_> {
        Box::pin(async { Ok(self.clone()) })
    }
}

struct Entry {
    source: Arc<dyn Source>,
    step: StepDescriptor,
    setup: Setup,
    shape: Shape,
}

/// The entries of a plugin's step types. They live as long as the process, as those of the binary do.
#[must_use]
pub fn entries(
    descriptor: &crate::descriptor::Descriptor,
    source: &Arc<dyn Source>,
    setup: &Setup,
) -> Vec<StepKind> {
    let plugin = setup.permissions.plugin();
    let iam: Vec<&'static str> = descriptor
        .wants
        .iter()
        .filter_map(|want| match &want.kind {
            WantKind::Aws(pattern) => Some(leak(pattern.to_string())),
            _ => None,
        })
        .collect();
    let iam: &'static [&'static str] = Vec::leak(iam);
    let entries = descriptor.steps.iter().map(|step| {
        let shape = shape(step);
        let entry: &'static Entry = Box::leak(Box::new(Entry {
            source: source.clone(),
            step: step.clone(),
            setup: setup.clone(),
            shape,
        }));
        StepKind {
            name: leak(name(plugin, &step.name)),
            form: Form::Call {
                shape,
                run: Run::External(entry),
            },
            class: class(step.idempotency),
            timeout: Some(step.timeout.unwrap_or(TIMEOUT)),
            iam,
            irreversible: step.irreversible.clone().map(leak),
            inputs: Schema::Is(documented(&step.input.document, &step.summary)),
            outputs: Schema::Is(match &step.output {
                Some(schema) => documented(&schema.document, ""),
                None => Box::leak(Box::new(
                    json!({ "type": "object", "additionalProperties": true }),
                )),
            }),
            check: Check::External(entry),
        }
    });
    entries.collect()
}

fn leak(text: String) -> &'static str {
    String::leak(text)
}

/// The schema, with the step type's summary as the first line of its manual.
fn documented(schema: &Value, summary: &str) -> &'static Value {
    let mut schema = schema.clone();
    if let Value::Object(map) = &mut schema {
        let own = map
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let text = match (summary, own) {
            ("", own) => own.to_owned(),
            (summary, "") => summary.to_owned(),
            (summary, own) if own.starts_with(summary) => own.to_owned(),
            (summary, own) => format!("{summary}\n\n{own}"),
        };
        if !text.is_empty() {
            map.insert("description".to_owned(), json!(text));
        }
    }
    Box::leak(Box::new(schema))
}

fn class(idempotency: Idempotency) -> RetryClass {
    match idempotency {
        Idempotency::Pure => RetryClass::Read,
        Idempotency::Idempotent => RetryClass::State,
        Idempotency::Keyed => RetryClass::Token,
        Idempotency::Reconcilable => RetryClass::Tag,
        Idempotency::Once => RetryClass::None,
    }
}

/// What the engine may do with a step type: one that can be taken back is a change, one that cannot acts.
fn shape(step: &StepDescriptor) -> Shape {
    match (step.idempotency, step.undo) {
        (Idempotency::Pure, _) => Shape::Query,
        (Idempotency::Idempotent | Idempotency::Keyed, true) => Shape::Modify,
        (Idempotency::Reconcilable, true) => Shape::Create,
        (Idempotency::Once, _) | (_, false) => Shape::Action,
    }
}

impl External for Entry {
    fn call<'a>(&'a self, inputs: Value, ask: Ask, context: &'a Context) -> Answering<'a> {
        Box::pin(self.carry_out(inputs, ask, context))
    }

    fn check(&self, inputs: &Value) -> Result<(), String> {
        let mut inputs = inputs.clone();
        self.step.input.defaults(&mut inputs);
        self.step.input.check(&inputs)
    }
}

impl Entry {
    async fn carry_out(&self, inputs: Value, ask: Ask, context: &Context) -> StepResult<Reply> {
        // Whether an earlier call of it may have changed anything.
        let interrupted = context.recovering && context.touched;
        match ask {
            Ask::Read | Ask::Poll | Ask::Act | Ask::Apply(_) => {
                let outcome = self.ask(inputs, Verb::Run, context).await?;
                self.done(outcome)
            }
            Ask::Undo(_, outputs) => {
                let outcome = self.ask(inputs, Verb::Undo(outputs), context).await?;
                self.done(match outcome {
                    // A step that was undone has no outputs.
                    Outcome::Done(_) => Outcome::Done(Value::Null),
                    outcome => outcome,
                })
            }
            Ask::Observe if !interrupted || self.shape != Shape::Create => {
                Ok(Reply::Differs(Value::Null))
            }
            Ask::Observe => Ok(match self.ask(inputs, Verb::Reconcile, context).await? {
                Outcome::Happened(outputs) => Reply::Adopted(outputs),
                Outcome::InProgress(_) => under_way(),
                Outcome::Unknown(why) => {
                    context.log.line(format!("cannot tell: {why}"));
                    Reply::Unknown
                }
                _ => Reply::Differs(Value::Null),
            }),
            // A step that has sent nothing has done nothing.
            Ask::LookUp if !interrupted => Ok(under_way()),
            Ask::LookUp => Ok(match self.ask(inputs, Verb::Reconcile, context).await? {
                Outcome::Happened(outputs) => Reply::Done(outputs),
                Outcome::InProgress(_) => under_way(),
                Outcome::Unknown(why) => {
                    context.log.line(format!("cannot tell: {why}"));
                    Reply::Unknown
                }
                _ => Reply::Absent,
            }),
            Ask::Repeat => Ok(Reply::Repeat(match self.step.idempotency {
                Idempotency::Pure | Idempotency::Idempotent => Repeat::Harmless,
                Idempotency::Keyed => Repeat::Token,
                Idempotency::Reconcilable => Repeat::LookUp,
                Idempotency::Once => Repeat::Never,
            })),
        }
    }

    fn done(&self, outcome: Outcome) -> StepResult<Reply> {
        match outcome {
            Outcome::Done(outputs) => Ok(Reply::Done(outputs)),
            Outcome::Wait { after, note, .. } => Ok(Reply::Again { after, note }),
            _ => Err(Fault::new(
                FaultKind::Internal,
                format!("`{}` answered what it was not asked", self.step.name),
            )),
        }
    }

    async fn ask(&self, inputs: Value, verb: Verb, context: &Context) -> StepResult<Outcome> {
        let plugin = self.source.plugin().await?;
        let mut setup = self.setup.clone();
        if let Some(allow) = &context.allow {
            let allow = Allow::parse(allow).map_err(|wrong| {
                Fault::new(FaultKind::Invalid, format!("`allow` of the step: {wrong}"))
            })?;
            setup.permissions = Arc::new(setup.permissions.narrowed(allow));
        }
        let step = &self.step.name;
        let ended = plugin
            .call(step, inputs, verb, (setup, context.clone()))
            .await;
        ended
            .answer
            .map_err(|failure| self.fault(failure))
            .or_else(later)
    }

    fn fault(&self, failure: Failure) -> (Fault, Option<(Duration, String)>) {
        let Failure {
            kind,
            code,
            why,
            retry_after,
            details,
            own,
        } = failure;
        let class = match kind {
            Kind::Retryable if code.contains("429") || code.contains("throttl") => {
                FaultKind::Throttled
            }
            Kind::Retryable | Kind::Ambiguous => FaultKind::Transient,
            Kind::Permanent if !own && code == "input" => FaultKind::Invalid,
            Kind::Permanent if !own => FaultKind::Internal,
            Kind::Permanent => permanent(&code),
        };
        let message = why;
        let wait = wait(kind, retry_after).map(|after| (after, message.clone()));
        let fault = Fault {
            executed: match kind {
                Kind::Ambiguous => Executed::Unknown,
                Kind::Retryable | Kind::Permanent => Executed::No,
            },
            origin: Some(Origin {
                service: format!("plugin {}", self.setup.permissions.plugin()),
                action: self.step.name.clone(),
                code: Some(code),
                ..Origin::default()
            }),
            help: details.map(|details| format!("the plugin adds: {details}")),
            ..Fault::new(class, message)
        };
        (fault, wait)
    }
}

/// How long to wait before the next attempt. Who says "at once" is not waited for: that would ask again
/// without end, where the retries of the step are counted.
fn wait(kind: Kind, retry_after: Option<Duration>) -> Option<Duration> {
    retry_after.filter(|after| kind == Kind::Retryable && !after.is_zero())
}

/// Whoever says when to come back is waited for, by a durable timer, within the step's deadline.
fn later((fault, wait): (Fault, Option<(Duration, String)>)) -> StepResult<Outcome> {
    match wait {
        Some((after, note)) => Ok(Outcome::Wait {
            after,
            state: String::new(),
            note,
        }),
        None => Err(fault),
    }
}

/// Running again takes it up.
fn under_way() -> Reply {
    Reply::Again {
        after: Duration::ZERO,
        note: String::new(),
    }
}

/// The class of a permanent error, from its code.
fn permanent(code: &str) -> FaultKind {
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if has(&["denied", "unauthorized", "forbidden", "401", "403"]) {
        FaultKind::Denied
    } else if has(&["not-found", "notfound", "NotFound", "404"]) {
        FaultKind::NotFound
    } else if has(&["unmet", "check", "assert"]) {
        FaultKind::Unmet
    } else {
        FaultKind::Invalid
    }
}

/// Whether every step type may be used as it is: one that cannot be repeated needs a word of the project.
#[must_use]
pub fn needs_once(step: &StepDescriptor, permissions: &Permissions) -> Option<String> {
    (step.idempotency == Idempotency::Once)
        .then(|| permissions.once(&step.name).err())
        .flatten()
        .map(|refusal| refusal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_is_a_retry_and_no_wait() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(wait(Kind::Retryable, second), second);
        assert_eq!(wait(Kind::Retryable, Some(Duration::ZERO)), None);
        assert_eq!(wait(Kind::Ambiguous, second), None);
        assert_eq!(wait(Kind::Permanent, second), None);
    }
}
