//! Step types of the four shapes over the simulated cloud, written as those of AWS are.

use std::time::Duration;

use runbook_core::{Fault, FaultKind, Gate, Work};
use runbook_step::catalog::{action, change, engine, pure, query, wait};
use runbook_step::scope::Scope;
use runbook_step::{
    Action, Args, Catalog, Change, Context, Found, LookUp, Observed, Progress, Query, Repeat,
    RetryClass, StepResult, Wait, expression,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::{Request, Response, Shown, call};

/// Free outputs.
pub type Free = serde_json::Map<String, Value>;

fn free(value: &Value) -> Free {
    value.as_object().cloned().unwrap_or_default()
}

fn odd(response: &Response) -> Fault {
    Fault::new(FaultKind::Internal, format!("the cloud said {response:?}"))
}

async fn yes(context: &Context, request: Request) -> StepResult<bool> {
    match call(context, request).await? {
        Response::Yes(yes) => Ok(yes),
        other => Err(odd(&other)),
    }
}

async fn value(context: &Context, request: Request) -> StepResult<u64> {
    match call(context, request).await? {
        Response::Value(value) | Response::Id(value) => Ok(value),
        other => Err(odd(&other)),
    }
}

/// What carries a name: the one of this step first.
async fn find(context: &Context, name: &str) -> StepResult<Option<Shown>> {
    let name = name.to_owned();
    match call(context, Request::Find { name }).await? {
        Response::Found(found) => Ok(found
            .iter()
            .find(|one| one.token == context.token)
            .or_else(|| found.first())
            .cloned()),
        other => Err(odd(&other)),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {}

impl Args for Read {
    const KIND: &'static str = "sim.read";
    type Client = ();
    type Output = Free;
}

impl Query for Read {
    async fn read(&self, (): &(), context: &Context) -> StepResult<Free> {
        let yes = yes(context, Request::Read).await?;
        Ok(free(&json!({ "value": yes })))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    name: String,
    after: u64,
}

impl Args for Poll {
    const KIND: &'static str = "sim.poll";
    type Client = ();
    type Output = Free;
}

impl Wait for Poll {
    async fn poll(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let request = Request::Poll {
            name: self.name.clone(),
            after: self.after,
        };
        if yes(context, request).await? {
            return Ok(Progress::Done(Free::new()));
        }
        Ok(Progress::Again {
            after: Duration::from_millis(700),
            note: "not yet".to_owned(),
        })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: String,
    /// It takes time to become ready; the service knows its client token.
    slow: bool,
}

impl Args for Create {
    const KIND: &'static str = "sim.create";
    type Client = ();
    type Output = Free;
}

#[derive(Serialize, Deserialize)]
pub struct Absent {}

impl Change for Create {
    type Before = Absent;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Absent, Free>> {
        Ok(match find(context, &self.name).await? {
            Some(found) if found.ready => {
                let output = free(&json!({ "thing_id": found.id.to_string() }));
                if found.token == context.token {
                    Observed::Adopted(output)
                } else {
                    Observed::Same(output)
                }
            }
            _ => Observed::Differs(Absent {}),
        })
    }

    async fn apply(&self, _: &Absent, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let (id, ready) = match find(context, &self.name).await? {
            Some(found) => (found.id, found.ready),
            None => {
                let request = Request::Make {
                    name: self.name.clone(),
                    token: context.token.clone(),
                    dedup: self.slow,
                    slow: self.slow,
                };
                let made = match call(context, request).await? {
                    Response::Id(id) => id,
                    other => return Err(odd(&other)),
                };
                (made, !self.slow)
            }
        };
        if ready {
            return Ok(Progress::Done(free(&json!({ "thing_id": id.to_string() }))));
        }
        Ok(Progress::Again {
            after: Duration::from_millis(900),
            note: "is being made".to_owned(),
        })
    }

    async fn undo(
        &self,
        _: &Absent,
        output: Option<&Free>,
        (): &(),
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let known = output
            .and_then(|output| output.get("thing_id"))
            .and_then(Value::as_str)
            .and_then(|id| id.parse().ok());
        let id = match known {
            Some(id) => Some(id),
            None => find(context, &self.name)
                .await?
                .filter(|found| found.token == context.token)
                .map(|found| found.id),
        };
        if let Some(id) = id {
            yes(context, Request::Delete { id }).await?;
        }
        Ok(Progress::Done(()))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Put {
    name: String,
    value: u64,
}

impl Args for Put {
    const KIND: &'static str = "sim.put";
    type Client = ();
    type Output = Free;
}

#[derive(Serialize, Deserialize)]
pub struct Was {
    value: u64,
}

impl Put {
    async fn get(&self, context: &Context) -> StepResult<u64> {
        let name = self.name.clone();
        value(context, Request::Get { name }).await
    }

    async fn set(&self, context: &Context, to: u64) -> StepResult<u64> {
        let name = self.name.clone();
        value(context, Request::Set { name, value: to }).await
    }
}

impl Change for Put {
    type Before = Was;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Was, Free>> {
        let value = self.get(context).await?;
        Ok(match value == self.value {
            true => Observed::Same(free(&json!({ "value": value }))),
            false => Observed::Differs(Was { value }),
        })
    }

    async fn apply(&self, _: &Was, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let value = self.set(context, self.value).await?;
        Ok(Progress::Done(free(&json!({ "value": value }))))
    }

    async fn undo(
        &self,
        before: &Was,
        _: Option<&Free>,
        (): &(),
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let is = self.get(context).await?;
        if is != before.value && is != self.value {
            return Err(Fault::new(FaultKind::Invalid, "somebody else changed it"));
        }
        if is != before.value {
            self.set(context, before.value).await?;
        }
        Ok(Progress::Done(()))
    }
}

/// Deletes what carries a name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    name: String,
}

impl Args for Remove {
    const KIND: &'static str = "sim.remove";
    type Client = ();
    type Output = Free;
}

impl Change for Remove {
    type Before = Absent;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;
    const IRREVERSIBLE: Option<&'static str> = Some("it is gone");

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Absent, Free>> {
        Ok(match find(context, &self.name).await? {
            Some(_) => Observed::Differs(Absent {}),
            None => Observed::Same(Free::new()),
        })
    }

    async fn apply(&self, _: &Absent, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        if let Some(found) = find(context, &self.name).await? {
            yes(context, Request::Delete { id: found.id }).await?;
        }
        Ok(Progress::Done(Free::new()))
    }

    async fn undo(
        &self,
        _: &Absent,
        _: Option<&Free>,
        (): &(),
        _: &Context,
    ) -> StepResult<Progress<()>> {
        Err(Fault::new(FaultKind::Invalid, "it is gone"))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Act {
    mode: String,
}

impl Args for Act {
    const KIND: &'static str = "sim.act";
    type Client = ();
    type Output = Free;
}

impl Action for Act {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        match self.mode.as_str() {
            "token" => Repeat::Token,
            "harmless" => Repeat::Harmless,
            "look_up" => Repeat::LookUp,
            _ => Repeat::Never,
        }
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let request = Request::Act {
            token: context.token.clone(),
            dedup: self.mode == "token",
        };
        yes(context, request).await?;
        Ok(Progress::Done(Free::new()))
    }

    async fn look_up(&self, (): &(), context: &Context) -> StepResult<LookUp<Free>> {
        let token = context.token.clone();
        Ok(match yes(context, Request::Seen { token }).await? {
            true => LookUp::Done(Free::new()),
            false => LookUp::Absent,
        })
    }
}

fn compute(with: &Value, scope: &Scope) -> StepResult<Value> {
    let text = with["that"].as_str().unwrap_or("false");
    match expression::evaluate(text, scope) {
        Ok(value) => Ok(json!({ "value": value })),
        Err(error) => Err(Fault::new(FaultKind::Invalid, error.to_string())),
    }
}

/// The catalog of the simulation.
pub fn catalog() -> Catalog {
    Catalog::new(vec![
        query::<Read>(),
        wait::<Poll>(),
        change::<Create>(),
        change::<Put>(),
        change::<Remove>(),
        action::<Act>(),
        pure::<Free, Free>("test.compute", compute),
        engine::<Free, Free>("wait", Work::Timer),
        engine::<Free, Free>("approval", Work::Gate(Gate::Approval)),
        engine::<Free, Free>("runbook", Work::Child),
    ])
}
