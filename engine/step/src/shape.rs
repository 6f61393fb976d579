//! The four shapes of steps, as a step type implements them.

use std::future::Future;
use std::time::Duration;

use runbook_core::Fault;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::catalog::RetryClass;
use crate::context::{Connect, Context};

/// What a call of a step type gives.
pub type StepResult<T> = Result<T, Fault>;

/// The typed inputs of a step type, and what the catalog says of it. The doc comments of the struct
/// and its fields are the manual.
pub trait Args: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The step type's name, such as `aws.ec2.vpc.ensure`.
    const KIND: &'static str;
    /// Deadline of a step that names none, with all its retries.
    const TIMEOUT: Duration = Duration::from_secs(300);
    /// IAM actions that it needs, such as `ec2:DescribeVpcs`.
    const IAM: &'static [&'static str] = &[];
    /// What it calls; `()` when it needs no client.
    type Client: Connect;
    /// Its outputs.
    type Output: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
}

/// Done, or not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// Done.
    Done(T),
    /// Not yet: the engine asks again after `after`, by a durable timer. A change is asked through
    /// `apply` again, with the same `before`.
    Again {
        /// How long to wait.
        after: Duration,
        /// What it waits for, for people: `2 of 3 targets healthy`.
        note: String,
    },
}

/// A step that only reads; after a crash it reads again.
pub trait Query: Args {
    /// Reads.
    fn read(
        &self,
        client: &Self::Client,
        context: &Context,
    ) -> impl Future<Output = StepResult<Self::Output>> + Send;
}

/// What a change found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed<B, O> {
    /// Everything is as wished already: nothing to do, nothing to undo.
    Same(O),
    /// What this step wished for exists and carries this step's own token: an attempt whose answer
    /// was lost made it.
    Adopted(O),
    /// It has to be done. What is needed to take it back; on disk before `apply` begins.
    Differs(B),
}

/// Whether a change makes something new or modifies what exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It creates: after an interruption the engine observes again (until AWS can be trusted to show
    /// what exists) and adopts, before it creates again.
    Creates,
    /// It modifies: after an interruption it applies again.
    Modifies,
}

/// A step that changes something and can take it back.
pub trait Change: Args {
    /// What `undo` needs to know of the time before.
    type Before: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Creates or modifies.
    const FOUND: Found;
    /// How a repeated call is kept from doubling the effect.
    const CLASS: RetryClass;
    /// Why it cannot be taken back, for those that cannot.
    const IRREVERSIBLE: Option<&'static str> = None;

    /// Looks whether there is anything to do. Reads only.
    fn observe(
        &self,
        client: &Self::Client,
        context: &Context,
    ) -> impl Future<Output = StepResult<Observed<Self::Before, Self::Output>>> + Send;

    /// Does it. Repeatable: called again with the same `before` after a crash, an unknown outcome or
    /// an [`Progress::Again`]. One that creates finds what it already created first.
    fn apply(
        &self,
        before: &Self::Before,
        client: &Self::Client,
        context: &Context,
    ) -> impl Future<Output = StepResult<Progress<Self::Output>>> + Send;

    /// Takes it back. Repeatable. `output` is absent when the step failed on the way. Refuses with
    /// [`runbook_core::FaultKind::Conflict`] when the world changed since.
    fn undo(
        &self,
        before: &Self::Before,
        output: Option<&Self::Output>,
        client: &Self::Client,
        context: &Context,
    ) -> impl Future<Output = StepResult<Progress<()>>> + Send;
}

/// Whether an action may run again when nobody knows whether it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The service drops the second call with the same token.
    Token,
    /// Running twice does no harm: a notification that carries run and step id.
    Harmless,
    /// The effect can be looked up.
    LookUp,
    /// Nothing can tell: the step becomes in doubt.
    Never,
}

/// What a look-up of an effect found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUp<T> {
    /// It happened.
    Done(T),
    /// It did not.
    Absent,
    /// Cannot tell.
    Unknown,
}

/// A step that acts and cannot take it back.
pub trait Action: Args {
    /// How a repeated call is kept from doubling the effect.
    const CLASS: RetryClass;

    /// Whether it may run again after an unknown outcome.
    fn repeat(&self) -> Repeat;

    /// Acts. [`Context::token`] is the same on every attempt.
    fn act(
        &self,
        client: &Self::Client,
        context: &Context,
    ) -> impl Future<Output = StepResult<Progress<Self::Output>>> + Send;

    /// Whether the effect happened; asked only of [`Repeat::LookUp`].
    fn look_up(
        &self,
        _client: &Self::Client,
        _context: &Context,
    ) -> impl Future<Output = StepResult<LookUp<Self::Output>>> + Send {
        async { Ok(LookUp::Unknown) }
    }
}

/// A step that polls until something holds.
pub trait Wait: Args {
    /// Asks once.
    fn poll(
        &self,
        client: &Self::Client,
        context: &Context,
    ) -> impl Future<Output = StepResult<Progress<Self::Output>>> + Send;
}
