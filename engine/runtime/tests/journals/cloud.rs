//! A cloud in memory that lives as long as the process, and step types over it.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use runbook_core::{Gate, Note, Work};
use runbook_step::catalog::{action, change, engine, query};
use runbook_step::{
    Action, Args, Catalog, Change, Context, Fault, FaultKind, Found, Observed, Progress, Query,
    Repeat, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Free outputs.
pub type Free = serde_json::Map<String, Value>;

/// What is there, by token.
static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Every call: `run step operation`.
static CALLS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whether steps that are told to hang do so.
static HANGS: AtomicBool = AtomicBool::new(false);

pub fn hang(on: bool) {
    HANGS.store(on, Ordering::SeqCst);
}

/// Something is there that another process made.
pub fn made(token: &str) {
    MADE.lock().unwrap().insert(token.to_owned());
}

/// Another cloud, in which nothing was called.
pub fn forget() {
    MADE.lock().unwrap().clear();
    CALLS.lock().unwrap().clear();
}

/// The calls of a run and its children: `step operation`.
pub fn calls(run: &str) -> Vec<String> {
    let all = CALLS.lock().unwrap();
    let mine = all.iter().filter_map(|line| line.strip_prefix(run));
    mine.map(|line| line.trim_start().to_owned()).collect()
}

/// What every step takes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Given {
    #[serde(default)]
    value: Value,
    /// The first so many attempts are throttled.
    #[serde(default)]
    throttle: u32,
    #[serde(default)]
    deny: bool,
    /// Its undo is throttled up to this attempt.
    #[serde(default)]
    sticky: u32,
    /// Asks to be asked again once it has begun.
    #[serde(default)]
    slow: bool,
    /// Has its effect and never answers.
    #[serde(default)]
    hang: bool,
    /// Puts down what it calls and where it is.
    #[serde(default)]
    noting: bool,
}

impl Given {
    fn note(context: &Context, op: &str) {
        let line = format!("{} {} {op}", context.run, context.step);
        CALLS.lock().unwrap().push(line);
    }

    fn outputs(&self, context: &Context) -> Free {
        let mut outputs = Free::new();
        outputs.insert("value".to_owned(), self.value.clone());
        outputs.insert("made".to_owned(), json!(context.step));
        outputs
    }

    async fn act(&self, context: &Context) -> StepResult<Progress<Free>> {
        if self.deny {
            return Err(Fault::new(FaultKind::Denied, "not yours"));
        }
        if context.attempt <= self.throttle {
            return Err(Fault::new(FaultKind::Throttled, "slow down"));
        }
        if self.noting {
            for note in notes() {
                context.notes.keep(note).await?;
            }
        }
        Self::note(context, "act");
        made(&context.token);
        if self.hang && HANGS.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(Progress::Done(self.outputs(context)))
    }
}

fn notes() -> [Note; 3] {
    [
        Note::Checkpoint {
            state: "about to call".to_owned(),
        },
        Note::Call {
            call: 1,
            request: json!({ "http": "POST https://api.example/" }),
            changes: true,
        },
        Note::Returned {
            call: 1,
            outcome: json!({ "status": 200 }),
        },
    ]
}

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

kind!(Making, "cloud.make");
kind!(Acting, "cloud.act");
kind!(Reading, "cloud.read");

impl Change for Making {
    type Before = Value;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Value, Free>> {
        Given::note(context, "observe");
        Ok(if MADE.lock().unwrap().contains(&context.token) {
            Observed::Adopted(self.0.outputs(context))
        } else {
            Observed::Differs(Value::Null)
        })
    }

    async fn apply(&self, _: &Value, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let begun = MADE.lock().unwrap().contains(&context.token);
        if begun && self.0.slow {
            return Ok(Progress::Done(self.0.outputs(context)));
        }
        match self.0.act(context).await? {
            Progress::Done(_) if self.0.slow => Ok(Progress::Again {
                after: Duration::from_millis(2),
                note: "pending".to_owned(),
            }),
            done => Ok(done),
        }
    }

    async fn undo(
        &self,
        _: &Value,
        _: Option<&Free>,
        (): &(),
        context: &Context,
    ) -> StepResult<Progress<()>> {
        Given::note(context, "undo");
        if context.attempt <= self.0.sticky {
            return Err(Fault::new(FaultKind::Throttled, "slow down"));
        }
        MADE.lock().unwrap().remove(&context.token);
        Ok(Progress::Done(()))
    }
}

impl Action for Acting {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        Repeat::Never
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        self.0.act(context).await
    }
}

impl Query for Reading {
    async fn read(&self, (): &(), context: &Context) -> StepResult<Free> {
        Given::note(context, "read");
        Ok(self.0.outputs(context))
    }
}

/// Every step type of the recorded runs.
pub fn catalog() -> Catalog {
    Catalog::new(vec![
        change::<Making>(),
        action::<Acting>(),
        query::<Reading>(),
        engine::<Free, Free>("wait", Work::Timer),
        engine::<Free, Free>("approval", Work::Gate(Gate::Approval)),
        engine::<Free, Free>("runbook", Work::Child),
    ])
}
