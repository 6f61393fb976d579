//! One step type for each way to keep a repeated call from doubling its effect, all of them over the
//! same cloud.

use std::time::Duration;

use runbook_core::{Gate, Work};
use runbook_step::catalog::{action, change, engine, pure, query};
use runbook_step::scope::Scope;
use runbook_step::{
    Action, Args, Catalog, Change, Context, Fault, FaultKind, Found, LookUp, Observed, Progress,
    Query, Repeat, RetryClass, StepKind, StepResult, expression,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{Call, Mode, Op, Reply};

/// Free outputs.
pub type Free = serde_json::Map<String, Value>;

/// What every step takes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    name: String,
    #[serde(default)]
    value: Value,
    /// The first so many calls that change something are throttled.
    #[serde(default)]
    throttle: u32,
    /// The call that changes something is refused for good.
    #[serde(default)]
    deny: bool,
    /// Not done at once: asks to be asked again.
    #[serde(default)]
    slow: bool,
    /// Bytes of ballast in the outputs.
    #[serde(default)]
    ballast: usize,
}

impl Given {
    fn call(&self, op: Op, mode: Mode, context: &Context) -> Call {
        let mut call = Call::new(op, mode, context, &self.name);
        if op.changes() {
            call.value = self.value.clone();
            call.throttle = self.throttle;
            call.deny = self.deny;
        }
        call
    }

    fn outputs(&self, reply: &Reply) -> Free {
        let mut outputs = Free::new();
        outputs.insert("thing_id".to_owned(), json!(reply.id));
        outputs.insert("value".to_owned(), reply.value.clone());
        if self.ballast > 0 {
            outputs.insert("ballast".to_owned(), json!("x".repeat(self.ballast)));
        }
        outputs
    }

    async fn find(&self, mode: Mode, context: &Context) -> StepResult<Option<Reply>> {
        let reply = self.call(Op::Find, mode, context).send().await?;
        Ok(reply.id.is_some().then_some(reply))
    }

    async fn observe(&self, mode: Mode, context: &Context) -> StepResult<Observed<Value, Free>> {
        Ok(match self.find(mode, context).await? {
            None => Observed::Differs(Value::Null),
            Some(reply) if reply.token.as_ref() == Some(&context.token) => {
                Observed::Adopted(self.outputs(&reply))
            }
            Some(reply) => Observed::Same(self.outputs(&reply)),
        })
    }

    async fn act(&self, mode: Mode, context: &Context) -> StepResult<Progress<Free>> {
        let reply = self.call(Op::Act, mode, context).send().await?;
        Ok(Progress::Done(self.outputs(&reply)))
    }
}

/// A step type of this cloud: the same inputs, another name.
macro_rules! kind {
    ($name:ident, $kind:literal) => {
        #[derive(Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Given);

        impl Args for $name {
            const KIND: &'static str = $kind;
            type Client = ();
            type Output = Free;
        }
    };
}

kind!(Tagged, "cloud.tag");
kind!(Named, "cloud.name");
kind!(Stated, "cloud.state");
kind!(Tokened, "cloud.token");
kind!(LookedUp, "cloud.look_up");
kind!(Blind, "cloud.none");
kind!(Removing, "cloud.remove");
kind!(Reading, "cloud.read");

impl Change for Tagged {
    type Before = Value;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Value, Free>> {
        self.0.observe(Mode::Tag, context).await
    }

    async fn apply(&self, _: &Value, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        // One that is asked again looks for what it made; the others leave that to the engine.
        if self.0.slow
            && let Some(reply) = self.0.find(Mode::Tag, context).await?
        {
            return Ok(Progress::Done(self.0.outputs(&reply)));
        }
        let reply = self.0.call(Op::Create, Mode::Tag, context).send().await?;
        if self.0.slow {
            return Ok(Progress::Again {
                after: Duration::from_millis(3),
                note: "pending".to_owned(),
            });
        }
        Ok(Progress::Done(self.0.outputs(&reply)))
    }

    async fn undo(
        &self,
        _: &Value,
        _: Option<&Free>,
        (): &(),
        context: &Context,
    ) -> StepResult<Progress<()>> {
        self.0.call(Op::Delete, Mode::Tag, context).send().await?;
        Ok(Progress::Done(()))
    }
}

impl Change for Named {
    type Before = Value;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Name;

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Value, Free>> {
        self.0.observe(Mode::Name, context).await
    }

    async fn apply(&self, _: &Value, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let reply = self.0.call(Op::Create, Mode::Name, context).send().await?;
        if reply.refused.is_none() {
            return Ok(Progress::Done(self.0.outputs(&reply)));
        }
        let fault = || Fault::new(FaultKind::Conflict, "the name is taken and does not show");
        let found = self.0.find(Mode::Name, context).await?.ok_or_else(fault)?;
        Ok(Progress::Done(self.0.outputs(&found)))
    }

    async fn undo(
        &self,
        _: &Value,
        _: Option<&Free>,
        (): &(),
        context: &Context,
    ) -> StepResult<Progress<()>> {
        self.0.call(Op::Delete, Mode::Name, context).send().await?;
        Ok(Progress::Done(()))
    }
}

impl Change for Stated {
    type Before = Value;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Value, Free>> {
        let reply = self.0.call(Op::Get, Mode::State, context).send().await?;
        Ok(if reply.id.is_some() && reply.value == self.0.value {
            Observed::Same(self.0.outputs(&reply))
        } else {
            Observed::Differs(reply.value)
        })
    }

    async fn apply(&self, _: &Value, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let reply = self.0.call(Op::Put, Mode::State, context).send().await?;
        Ok(Progress::Done(self.0.outputs(&reply)))
    }

    async fn undo(
        &self,
        before: &Value,
        _: Option<&Free>,
        (): &(),
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let mut call = self.0.call(Op::Restore, Mode::State, context);
        call.value = before.clone();
        call.send().await?;
        Ok(Progress::Done(()))
    }
}

impl Action for Tokened {
    const CLASS: RetryClass = RetryClass::Token;

    fn repeat(&self) -> Repeat {
        Repeat::Token
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        self.0.act(Mode::Token, context).await
    }
}

impl Action for LookedUp {
    const CLASS: RetryClass = RetryClass::Tag;

    fn repeat(&self) -> Repeat {
        Repeat::LookUp
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        self.0.act(Mode::LookUp, context).await
    }

    async fn look_up(&self, (): &(), context: &Context) -> StepResult<LookUp<Free>> {
        let call = self.0.call(Op::LookUp, Mode::LookUp, context);
        let reply = call.send().await?;
        Ok(match reply.id {
            Some(_) => LookUp::Done(self.0.outputs(&reply)),
            None => LookUp::Absent,
        })
    }
}

impl Action for Blind {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        Repeat::Never
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        self.0.act(Mode::None, context).await
    }
}

/// Takes back what another step made.
impl Action for Removing {
    const CLASS: RetryClass = RetryClass::State;

    fn repeat(&self) -> Repeat {
        Repeat::Harmless
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        self.0.call(Op::Delete, Mode::State, context).send().await?;
        Ok(Progress::Done(Free::new()))
    }
}

impl Query for Reading {
    async fn read(&self, (): &(), context: &Context) -> StepResult<Free> {
        let reply = self.0.call(Op::Read, Mode::Read, context).send().await?;
        Ok(self.0.outputs(&reply))
    }
}

fn compute(with: &Value, scope: &Scope) -> StepResult<Value> {
    let text = with["that"].as_str().unwrap_or("false");
    match expression::evaluate(text, scope) {
        Ok(value) => Ok(json!({ "value": value })),
        Err(error) => Err(Fault::new(FaultKind::Invalid, error.to_string())),
    }
}

/// Every step type that a scenario may use.
pub fn catalog() -> Catalog {
    Catalog::new(kinds())
}

fn kinds() -> Vec<StepKind> {
    vec![
        change::<Tagged>(),
        change::<Named>(),
        change::<Stated>(),
        action::<Tokened>(),
        action::<LookedUp>(),
        action::<Blind>(),
        action::<Removing>(),
        query::<Reading>(),
        pure::<Free, Free>("compute", compute),
        engine::<Free, Free>("wait", Work::Timer),
        engine::<Free, Free>("approval", Work::Gate(Gate::Approval)),
        engine::<Free, Free>("runbook", Work::Child),
    ]
}
