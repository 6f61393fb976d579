//! The catalog: one entry for each step type, made from the shape that it implements.
//!
//! Entries are `const` values in one sorted list; everything that can be known of a step type without
//! running it is read from its entry.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use runbook_core::{Fault, FaultKind, Shape, Work};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::{Connect, Context};
pub use crate::external::{Check, External, Run, Schema};
use crate::scope::Scope;
use crate::shape::{
    Action, Args, Change, Found, LookUp, Observed, Progress, Query, Repeat, StepResult, Wait,
};

/// How a repeated call is kept from doubling an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RetryClass {
    /// Reads only.
    Read,
    /// The service drops repeated client tokens.
    Token,
    /// A unique name or natural key: what exists under it is taken over.
    Name,
    /// Writes the wished state; repeatable.
    State,
    /// Tagged at creation; looked up by tag before it is made again.
    Tag,
    /// Cannot be told apart; harmless, or asked of a person.
    None,
}

impl RetryClass {
    /// The name as the manual prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Token => "TOKEN",
            Self::Name => "NAME",
            Self::State => "STATE",
            Self::Tag => "TAG",
            Self::None => "NONE",
        }
    }

    /// One line that says what happens when an answer is lost.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Read => "reads only; read again",
            Self::Token => "the service drops a repeated token; the same request is sent again",
            Self::Name => "found by its name and taken over; never made twice",
            Self::State => "writes the wished state; written again",
            Self::Tag => "found by its tag and taken over; never made twice",
            Self::None => "nothing can tell; may repeat, or becomes in doubt",
        }
    }
}

/// What the engine asks of a step type.
#[derive(Clone, Debug)]
pub enum Ask {
    /// [`Query::read`].
    Read,
    /// [`Wait::poll`].
    Poll,
    /// [`Change::observe`].
    Observe,
    /// [`Change::apply`] with what was observed.
    Apply(Value),
    /// [`Change::undo`] with what was observed and the outputs.
    Undo(Value, Option<Value>),
    /// [`Action::act`].
    Act,
    /// [`Action::look_up`].
    LookUp,
    /// [`Action::repeat`].
    Repeat,
}

/// What a step type answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Outputs; the effect was none, or happened just now.
    Done(Value),
    /// As wished already.
    Same(Value),
    /// Made by an earlier attempt of this step.
    Adopted(Value),
    /// Has to be done; what undo needs.
    Differs(Value),
    /// Not yet.
    Again {
        /// How long to wait.
        after: Duration,
        /// What for.
        note: String,
    },
    /// A look-up found nothing.
    Absent,
    /// A look-up cannot tell.
    Unknown,
    /// Whether it may run again.
    Repeat(Repeat),
}

/// A boxed answer.
pub type Answering<'a> = Pin<Box<dyn Future<Output = StepResult<Reply>> + Send + 'a>>;

/// What the engine does with a step type.
#[derive(Clone, Copy)]
pub enum Form {
    /// The engine itself: timers, gates, child runs.
    Engine(Work),
    /// The engine itself, free of effects: assertions, computed values. Gets `with` as it is written,
    /// since its strings may be expressions, and the names in scope.
    Pure(fn(&Value, &Scope) -> StepResult<Value>),
    /// A call that leaves the process.
    Call {
        /// Its shape.
        shape: Shape,
        /// The code.
        run: Run,
    },
}

/// One entry of the catalog.
#[derive(Clone, Copy)]
pub struct StepKind {
    /// The name in `uses`.
    pub name: &'static str,
    /// Who carries it out.
    pub form: Form,
    /// How a repeated call is kept from doubling the effect.
    pub class: RetryClass,
    /// Deadline of a step that names none; none means that it has none.
    pub timeout: Option<Duration>,
    /// IAM actions that it needs.
    pub iam: &'static [&'static str],
    /// Why it cannot be taken back, for changes that cannot.
    pub irreversible: Option<&'static str>,
    /// JSON Schema of `with`; its description is the manual.
    pub inputs: Schema,
    /// JSON Schema of the outputs.
    pub outputs: Schema,
    /// Checks inputs as the engine will.
    pub check: Check,
}

impl StepKind {
    /// What kind of work it is.
    #[must_use]
    pub fn work(&self) -> Work {
        match self.form {
            Form::Engine(work) => work,
            Form::Pure(_) => Work::Pure,
            Form::Call { shape, .. } => Work::Call(shape),
        }
    }

    /// Whether it is a plugin's.
    #[must_use]
    pub fn is_external(&self) -> bool {
        matches!(
            self.form,
            Form::Call {
                run: Run::External(_),
                ..
            }
        )
    }

    /// JSON Schema of `with`.
    #[must_use]
    pub fn inputs(&self) -> Value {
        self.inputs.value()
    }

    /// JSON Schema of the outputs.
    #[must_use]
    pub fn outputs(&self) -> Value {
        self.outputs.value()
    }

    /// Checks inputs as the engine will.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self, inputs: &Value) -> Result<(), String> {
        match self.check {
            Check::Type(check) => check(inputs),
            Check::External(step) => step.check(inputs),
        }
    }

    /// First line of its manual.
    #[must_use]
    pub fn summary(&self) -> String {
        let schema = self.inputs();
        let text = schema["description"].as_str().unwrap_or_default();
        text.split("\n\n")
            .next()
            .unwrap_or_default()
            .replace('\n', " ")
    }
}

impl std::fmt::Debug for StepKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StepKind")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// JSON Schema (draft 2020-12) of a type.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

fn check_as<T: DeserializeOwned>(inputs: &Value) -> Result<(), String> {
    serde_json::from_value::<T>(inputs.clone())
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn parse<A: Args>(inputs: Value) -> StepResult<A> {
    serde_json::from_value(inputs)
        .map_err(|error| Fault::new(FaultKind::Invalid, format!("wrong input: {error}")))
}

fn give<T: Serialize>(value: &T) -> StepResult<Value> {
    serde_json::to_value(value)
        .map_err(|error| Fault::new(FaultKind::Internal, format!("output is not JSON: {error}")))
}

fn take<T: DeserializeOwned>(value: Value) -> StepResult<T> {
    serde_json::from_value(value).map_err(|error| {
        Fault::new(
            FaultKind::Internal,
            format!("the journal's record does not fit: {error}"),
        )
    })
}

fn progress<T: Serialize>(progress: Progress<T>) -> StepResult<Reply> {
    Ok(match progress {
        Progress::Done(output) => Reply::Done(give(&output)?),
        Progress::Again { after, note } => Reply::Again { after, note },
    })
}

fn mismatch() -> Fault {
    Fault::new(
        FaultKind::Internal,
        "the engine asked a step type for what its shape has not",
    )
}

const fn entry<A: Args>(form: Form, class: RetryClass) -> StepKind {
    StepKind {
        name: A::KIND,
        form,
        class,
        timeout: Some(A::TIMEOUT),
        iam: A::IAM,
        irreversible: None,
        inputs: Schema::Made(schema_of::<A>),
        outputs: Schema::Made(schema_of::<A::Output>),
        check: Check::Type(check_as::<A>),
    }
}

/// The entry of a [`Query`].
#[must_use]
pub const fn query<Q: Query>() -> StepKind {
    fn run<Q: Query>(inputs: Value, _: Ask, context: &Context) -> Answering<'_> {
        Box::pin(async move {
            let args: Q = parse(inputs)?;
            let client = Q::Client::connect(context).await?;
            let output = args.read(&client, context).await?;
            Ok(Reply::Done(give(&output)?))
        })
    }
    let form = Form::Call {
        shape: Shape::Query,
        run: Run::Built(run::<Q>),
    };
    entry::<Q>(form, RetryClass::Read)
}

/// The entry of a [`Wait`].
#[must_use]
pub const fn wait<W: Wait>() -> StepKind {
    fn run<W: Wait>(inputs: Value, _: Ask, context: &Context) -> Answering<'_> {
        Box::pin(async move {
            let args: W = parse(inputs)?;
            let client = W::Client::connect(context).await?;
            progress(args.poll(&client, context).await?)
        })
    }
    let form = Form::Call {
        shape: Shape::Wait,
        run: Run::Built(run::<W>),
    };
    entry::<W>(form, RetryClass::Read)
}

/// The entry of a [`Change`].
#[must_use]
pub const fn change<C: Change>() -> StepKind {
    fn run<C: Change>(inputs: Value, ask: Ask, context: &Context) -> Answering<'_> {
        Box::pin(async move {
            let args: C = parse(inputs)?;
            let client = C::Client::connect(context).await?;
            match ask {
                Ask::Observe => Ok(match args.observe(&client, context).await? {
                    Observed::Same(output) => Reply::Same(give(&output)?),
                    Observed::Adopted(output) => Reply::Adopted(give(&output)?),
                    Observed::Differs(before) => Reply::Differs(give(&before)?),
                }),
                Ask::Apply(before) => {
                    let before: C::Before = take(before)?;
                    progress(args.apply(&before, &client, context).await?)
                }
                Ask::Undo(before, output) => {
                    let before: C::Before = take(before)?;
                    let output = output.map(take::<C::Output>).transpose()?;
                    progress(
                        args.undo(&before, output.as_ref(), &client, context)
                            .await?,
                    )
                }
                Ask::Read | Ask::Poll | Ask::Act | Ask::LookUp | Ask::Repeat => Err(mismatch()),
            }
        })
    }
    let shape = match C::FOUND {
        Found::Creates => Shape::Create,
        Found::Modifies => Shape::Modify,
    };
    let form = Form::Call {
        shape,
        run: Run::Built(run::<C>),
    };
    StepKind {
        irreversible: C::IRREVERSIBLE,
        ..entry::<C>(form, C::CLASS)
    }
}

/// The entry of an [`Action`].
#[must_use]
pub const fn action<A: Action>() -> StepKind {
    fn run<A: Action>(inputs: Value, ask: Ask, context: &Context) -> Answering<'_> {
        Box::pin(async move {
            let args: A = parse(inputs)?;
            if matches!(ask, Ask::Repeat) {
                return Ok(Reply::Repeat(args.repeat()));
            }
            let client = A::Client::connect(context).await?;
            match ask {
                Ask::Act => progress(args.act(&client, context).await?),
                Ask::LookUp => Ok(match args.look_up(&client, context).await? {
                    LookUp::Done(output) => Reply::Done(give(&output)?),
                    LookUp::Absent => Reply::Absent,
                    LookUp::Unknown => Reply::Unknown,
                }),
                Ask::Read
                | Ask::Poll
                | Ask::Observe
                | Ask::Apply(_)
                | Ask::Undo(..)
                | Ask::Repeat => Err(mismatch()),
            }
        })
    }
    let form = Form::Call {
        shape: Shape::Action,
        run: Run::Built(run::<A>),
    };
    entry::<A>(form, A::CLASS)
}

/// The entry of a step type that the engine carries out itself. `I` and `O` give the schemas.
#[must_use]
pub const fn engine<I: JsonSchema + DeserializeOwned, O: JsonSchema>(
    name: &'static str,
    work: Work,
) -> StepKind {
    StepKind {
        name,
        form: Form::Engine(work),
        class: RetryClass::Read,
        timeout: None,
        iam: &[],
        irreversible: None,
        inputs: Schema::Made(schema_of::<I>),
        outputs: Schema::Made(schema_of::<O>),
        check: Check::Type(check_as::<I>),
    }
}

/// The entry of a step type that the engine evaluates without any effect.
#[must_use]
pub const fn pure<I: JsonSchema + DeserializeOwned, O: JsonSchema>(
    name: &'static str,
    run: fn(&Value, &Scope) -> StepResult<Value>,
) -> StepKind {
    StepKind {
        form: Form::Pure(run),
        ..engine::<I, O>(name, Work::Pure)
    }
}

/// All step types of one binary, sorted by name.
#[derive(Clone, Debug)]
pub struct Catalog {
    kinds: Vec<StepKind>,
}

impl Catalog {
    /// A catalog of `kinds`.
    #[must_use]
    pub fn new(mut kinds: Vec<StepKind>) -> Self {
        kinds.sort_by_key(|kind| kind.name);
        Self { kinds }
    }

    /// The entry with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&StepKind> {
        self.kinds
            .binary_search_by_key(&name, |kind| kind.name)
            .ok()
            .map(|index| &self.kinds[index])
    }

    /// Every entry, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &StepKind> {
        self.kinds.iter()
    }
}
