//! A step type, and the way from JSON to it and back.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::bindings::host::types;
use crate::error::{StepError, StepResult, forget_changes};

/// How often a step may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// No effect at all.
    Pure,
    /// Repeating is a no-op.
    Idempotent,
    /// Repeating with the same idempotency key is a no-op.
    Keyed,
    /// Not safe to repeat, but [`Step::reconcile`] can tell what happened.
    /// Needs `exports: [recovery]`.
    Reconcilable,
    /// Never repeated without a person.
    Once,
}

impl Idempotency {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Idempotent => "idempotent",
            Self::Keyed => "keyed",
            Self::Reconcilable => "reconcilable",
            Self::Once => "once",
        }
    }
}

/// What a call ends with when it does not fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// The step is finished.
    Done(T),
    /// The engine stores `state`, holds nothing, and calls again later;
    /// [`crate::context::resume`] then returns the state.
    Wait {
        /// Time until the next call.
        after_ms: u64,
        /// What the next call has to know.
        state: Value,
        /// What is being waited for, for people.
        note: String,
    },
}

impl<T> Outcome<T> {
    /// Comes back after `after_ms` with `state`.
    pub fn wait(after_ms: u64, state: impl Serialize, note: impl Into<String>) -> StepResult<Self> {
        Ok(Self::Wait {
            after_ms,
            state: serde_json::to_value(state)?,
            note: note.into(),
        })
    }
}

/// Did the effect of the interrupted attempt happen?
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict<T> {
    /// Yes, and these are the outputs that were lost.
    Happened(T),
    /// No: the step may run again.
    DidNotHappen,
    /// It goes on in the remote system: `run` is called with this state.
    InProgress(Value),
    /// Cannot tell; the reason is for the operator.
    Unknown(String),
}

/// One thing that `run` would do, for the person who reviews a plan.
#[derive(Clone, Debug, Serialize)]
pub struct Effect {
    /// One sentence: `would set A app.example.com to 192.0.2.7`.
    pub summary: String,
    /// What it is now, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Effect {
    /// An effect of which only the sentence is known.
    pub fn new(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            before: None,
            after: None,
        }
    }
}

/// A step type. The doc comments of `Input` and `Output` become its manual.
pub trait Step {
    /// Its name: what stands after the slash in `uses: plugin:NAME/TYPE`.
    const NAME: &'static str;
    /// One line for people.
    const SUMMARY: &'static str;
    /// How often it may be repeated.
    const IDEMPOTENCY: Idempotency;
    /// How long it usually takes.
    const TYPICAL_MS: Option<u64> = None;

    /// Whether there is an [`Step::undo`] (`exports: [compensation]`).
    const UNDO: bool = false;
    /// Whether there is a [`Step::plan`] (`exports: [preview]`).
    const PLAN: bool = false;
    /// Why a finished `run` can never be taken back, if so: shown before it runs,
    /// and by the default [`Step::undo`].
    const IRREVERSIBLE: Option<&'static str> = None;

    /// What `with:` holds.
    type Input: DeserializeOwned + JsonSchema;
    /// What later steps can use.
    type Output: Serialize + DeserializeOwned + JsonSchema;

    /// Does it.
    fn run(input: Self::Input) -> StepResult<Outcome<Self::Output>>;

    /// Examples of `with:` for the manual.
    fn examples() -> Vec<Value> {
        Vec::new()
    }

    /// Finds out whether an interrupted `run` had its effect
    /// (`exports: [recovery]`).
    fn reconcile(_input: Self::Input) -> StepResult<Verdict<Self::Output>> {
        Ok(Verdict::Unknown(format!(
            "step `{}` cannot find out what happened",
            Self::NAME
        )))
    }

    /// Takes a finished `run` back with [`Step::UNDO`].
    fn undo(_input: Self::Input, _output: Self::Output) -> StepResult<Outcome<Value>> {
        Err(StepError::permanent(
            "no-undo",
            format!("step `{}` cannot be undone", Self::NAME),
        ))
    }

    /// Says what `run` would do with [`Step::PLAN`].
    fn plan(_input: Self::Input) -> StepResult<Vec<Effect>> {
        Ok(Vec::new())
    }
}

/// A step type without its types: what the plugin looks up by name.
#[derive(Clone, Copy)]
pub struct Entry {
    /// [`Step::NAME`].
    pub name: &'static str,
    /// Whether the types can only work with `recovery`, `compensation`, `preview`.
    pub needs: [bool; 3],
    /// Its part of the descriptor.
    pub describe: fn() -> Value,
    /// `steps.run`.
    pub run: fn(&str) -> StepResult<types::Outcome>,
    /// `recovery.reconcile`.
    pub reconcile: fn(&str) -> StepResult<types::Verdict>,
    /// `compensation.undo`.
    pub undo: fn(&str, &str) -> StepResult<types::Outcome>,
    /// `preview.plan`.
    pub plan: fn(&str) -> StepResult<String>,
}

/// The entry of one step type.
pub const fn entry<S: Step>() -> Entry {
    Entry {
        name: S::NAME,
        needs: [
            matches!(S::IDEMPOTENCY, Idempotency::Reconcilable),
            S::UNDO,
            S::PLAN,
        ],
        describe: crate::descriptor::step::<S>,
        run: run::<S>,
        reconcile: reconcile::<S>,
        undo: undo::<S>,
        plan: plan::<S>,
    }
}

/// Stops the build of a plugin whose steps need what it does not export.
pub const fn check(entries: &[Entry], exports: &[&str]) {
    let mut at = 0;
    while at < entries.len() {
        let [recovery, compensation, preview] = entries[at].needs;
        assert!(
            !recovery || has(exports, "recovery"),
            "a step is reconcilable: add `recovery` to `exports` of `plugin!`"
        );
        assert!(
            !compensation || has(exports, "compensation"),
            "a step has UNDO: add `compensation` to `exports` of `plugin!`"
        );
        assert!(
            !preview || has(exports, "preview"),
            "a step has PLAN: add `preview` to `exports` of `plugin!`"
        );
        at += 1;
    }
}

const fn has(list: &[&str], text: &str) -> bool {
    let mut at = 0;
    while at < list.len() {
        if same(list[at].as_bytes(), text.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

/// `==`, which is not there yet where the compiler itself computes.
const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Finds a step type, or says which ones there are.
pub fn find(entries: &[Entry], name: &str) -> StepResult<Entry> {
    forget_changes();
    entries
        .iter()
        .find(|entry| entry.name == name)
        .copied()
        .ok_or_else(|| {
            let known: Vec<_> = entries.iter().map(|entry| entry.name).collect();
            StepError::permanent(
                "unknown-step",
                format!(
                    "there is no step type `{name}`; this plugin has {}",
                    known.join(", ")
                ),
            )
        })
}

fn run<S: Step>(input: &str) -> StepResult<types::Outcome> {
    outcome(S::run(parse("input", input)?)?)
}

fn reconcile<S: Step>(input: &str) -> StepResult<types::Verdict> {
    Ok(match S::reconcile(parse("input", input)?)? {
        Verdict::Happened(output) => types::Verdict::Happened(serde_json::to_string(&output)?),
        Verdict::DidNotHappen => types::Verdict::DidNotHappen,
        Verdict::InProgress(state) => types::Verdict::InProgress(state.to_string()),
        Verdict::Unknown(reason) => types::Verdict::Unknown(reason),
    })
}

fn undo<S: Step>(input: &str, output: &str) -> StepResult<types::Outcome> {
    outcome(S::undo(parse("input", input)?, parse("output", output)?)?)
}

fn plan<S: Step>(input: &str) -> StepResult<String> {
    Ok(serde_json::to_string(&S::plan(parse("input", input)?)?)?)
}

fn outcome<T: Serialize>(outcome: Outcome<T>) -> StepResult<types::Outcome> {
    Ok(match outcome {
        Outcome::Done(output) => types::Outcome::Done(serde_json::to_string(&output)?),
        Outcome::Wait {
            after_ms,
            state,
            note,
        } => types::Outcome::Wait(types::Pause {
            after_ms,
            state: state.to_string(),
            note,
        }),
    })
}

fn parse<T: DeserializeOwned>(what: &str, json: &str) -> StepResult<T> {
    serde_json::from_str(json)
        .map_err(|error| StepError::permanent(format!("bad-{what}"), format!("{what}: {error}")))
}
