//! A world outside that outlives every crash: what was made, and a book of all calls.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use runbook_core::Work;
use runbook_step::catalog::{action, change, engine, query};
use runbook_step::{
    Action, Args, Catalog, Change, Context, Found, Observed, Progress, Query, Repeat, RetryClass,
    StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::disk::Disk;
use crate::mark::{Call, Mark, Verb};

/// Free outputs.
type Free = Map<String, Value>;

/// What one world holds.
#[derive(Debug, Default)]
pub struct Cloud {
    /// Every call, in order.
    pub book: Vec<Call>,
    /// Token of what was made, by run and step.
    made: BTreeMap<String, String>,
    /// Where calls are marked.
    disk: Option<Disk>,
}

static CLOUDS: LazyLock<Mutex<BTreeMap<String, Arc<Mutex<Cloud>>>>> = LazyLock::new(Mutex::default);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn named(name: &str) -> Arc<Mutex<Cloud>> {
    locked(&CLOUDS).entry(name.to_owned()).or_default().clone()
}

impl Cloud {
    /// Looks at the world of this name, or changes it.
    pub fn with<T>(name: &str, see: impl FnOnce(&mut Self) -> T) -> T {
        see(&mut locked(&named(name)))
    }

    /// Makes the world what it was after these calls; from here on calls are marked on `disk`.
    pub fn reset(name: &str, calls: &[Call], disk: Option<Disk>) {
        Self::with(name, |cloud| {
            *cloud = Self::default();
            for call in calls {
                cloud.take(call.clone());
            }
            cloud.disk = disk;
        });
    }

    fn take(&mut self, call: Call) {
        if call.verb == Verb::Make {
            self.made
                .insert(format!("{}/{}", call.run, call.step), call.token.clone());
        }
        self.book.push(call);
    }

    fn call(name: &str, verb: Verb, context: &Context) {
        let call = Call {
            run: context.run.clone(),
            step: context.step.clone(),
            attempt: context.attempt,
            verb,
            token: context.token.clone(),
        };
        Self::with(name, |cloud| {
            if let Some(disk) = &cloud.disk {
                disk.mark(Mark::Called(call.clone()));
            }
            cloud.take(call);
        });
    }

    /// How often this was asked of the world for a step.
    #[must_use]
    pub fn count(&self, run: &str, step: &str, verb: Verb) -> usize {
        let fits = |call: &&Call| call.run == run && call.step == step && call.verb == verb;
        self.book.iter().filter(fits).count()
    }
}

/// Reads, and gives back so many bytes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Read {
    cloud: String,
    #[serde(default)]
    bytes: usize,
}

impl Args for Read {
    const KIND: &'static str = "disk.read";
    type Client = ();
    type Output = Free;
}

impl Query for Read {
    async fn read(&self, (): &(), context: &Context) -> StepResult<Free> {
        Cloud::call(&self.cloud, Verb::Read, context);
        context.log.line(format!("{} is read", context.step));
        // Not one byte repeated: a page that stands in the wrong place must show.
        let seed = context.token.as_bytes();
        let text: String = (0..self.bytes)
            .map(|at| char::from(b'a' + (seed[at % seed.len()] ^ (at / 64 % 256) as u8) % 26))
            .collect();
        let outputs = json!({ "bytes": text, "step": context.step });
        Ok(outputs.as_object().cloned().unwrap_or_default())
    }
}

/// Makes one thing for its token.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Make {
    cloud: String,
}

impl Args for Make {
    const KIND: &'static str = "disk.make";
    type Client = ();
    type Output = Free;
}

/// Nothing was there.
#[derive(Serialize, Deserialize)]
struct Absent {}

impl Change for Make {
    type Before = Absent;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Absent, Free>> {
        Cloud::call(&self.cloud, Verb::Observe, context);
        let key = format!("{}/{}", context.run, context.step);
        let token = Cloud::with(&self.cloud, |cloud| cloud.made.get(&key).cloned());
        Ok(match token {
            None => Observed::Differs(Absent {}),
            Some(token) if token == context.token => Observed::Adopted(thing(context)),
            Some(_) => Observed::Same(thing(context)),
        })
    }

    async fn apply(&self, _: &Absent, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        Cloud::call(&self.cloud, Verb::Make, context);
        Ok(Progress::Done(thing(context)))
    }

    async fn undo(
        &self,
        _: &Absent,
        _: Option<&Free>,
        (): &(),
        _: &Context,
    ) -> StepResult<Progress<()>> {
        Ok(Progress::Done(()))
    }
}

fn thing(context: &Context) -> Free {
    Map::from_iter([("thing_id".to_owned(), json!(context.token))])
}

/// Acts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Act {
    cloud: String,
    #[serde(default)]
    once: bool,
}

impl Args for Act {
    const KIND: &'static str = "disk.act";
    type Client = ();
    type Output = Free;
}

impl Action for Act {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        if self.once {
            Repeat::Never
        } else {
            Repeat::Harmless
        }
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let verb = if self.once { Verb::Strike } else { Verb::Send };
        Cloud::call(&self.cloud, verb, context);
        context.log.line(format!("{} is done", context.step));
        Ok(Progress::Done(Free::new()))
    }
}

/// The step types of these tests.
#[must_use]
pub fn catalog() -> Catalog {
    Catalog::new(vec![
        query::<Read>(),
        change::<Make>(),
        action::<Act>(),
        engine::<Free, Free>("runbook", Work::Child),
    ])
}
