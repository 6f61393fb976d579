//! Step types whose effects are files, so that a test can count them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runbook_core::Work;
use runbook_step::catalog::{action, change, engine, pure, query, wait};
use runbook_step::scope::Scope;
use runbook_step::{
    Action, Args, Catalog, Change, Context, Executed, Fault, FaultKind, Found, Observed, Progress,
    Query, Repeat, RetryClass, StepResult, Wait, expression,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Free outputs.
pub type Free = serde_json::Map<String, Value>;

fn free(value: Value) -> Free {
    value.as_object().cloned().unwrap_or_default()
}

/// One line in the cloud's book of calls.
pub fn note(cloud: &Path, line: &str) {
    let mut book = std::fs::File::options()
        .create(true)
        .append(true)
        .open(cloud.join("calls"))
        .unwrap();
    writeln!(book, "{line}").unwrap();
}

/// The calls that reached the cloud.
pub fn calls(cloud: &Path) -> Vec<String> {
    std::fs::read_to_string(cloud.join("calls"))
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Reads, and gives back what it was given.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Echo {
    #[serde(default)]
    value: Value,
    /// Book of calls.
    #[serde(default)]
    cloud: Option<PathBuf>,
    /// Fails this often with this class before it succeeds.
    #[serde(default)]
    failures: u32,
    #[serde(default)]
    permanent: bool,
}

impl Args for Echo {
    const KIND: &'static str = "test.echo";
    type Client = ();
    type Output = Free;
}

impl Query for Echo {
    async fn read(&self, (): &(), context: &Context) -> StepResult<Free> {
        if let Some(cloud) = &self.cloud {
            note(cloud, &format!("{} {}", context.step, context.attempt));
        }
        if self.permanent {
            return Err(Fault::new(FaultKind::Denied, "not yours"));
        }
        if context.attempt <= self.failures {
            return Err(Fault::new(FaultKind::Transient, "the line is bad"));
        }
        Ok(free(
            json!({ "value": self.value, "attempt": context.attempt }),
        ))
    }
}

/// Counts how often it was asked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    cloud: PathBuf,
}

impl Args for Count {
    const KIND: &'static str = "test.count";
    type Client = ();
    type Output = Free;
}

impl Query for Count {
    async fn read(&self, (): &(), context: &Context) -> StepResult<Free> {
        note(&self.cloud, &context.step);
        Ok(free(json!({ "count": calls(&self.cloud).len() })))
    }
}

/// Makes one file for its token.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    cloud: PathBuf,
    name: String,
    /// Makes it, and then loses the answer on the first attempt.
    #[serde(default)]
    lose_answer: bool,
    /// Makes it, and then hangs.
    #[serde(default)]
    hang: bool,
    /// Asks to be polled once more.
    #[serde(default)]
    slow: bool,
    /// Makes it, and then fails for good.
    #[serde(default)]
    breaks: bool,
}

impl Args for Create {
    const KIND: &'static str = "test.create";
    type Client = ();
    type Output = Free;
}

#[derive(Serialize, Deserialize)]
pub struct Absent {}

impl Create {
    fn made(&self) -> Option<PathBuf> {
        std::fs::read_dir(&self.cloud)
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                name.starts_with(&format!("{}-", self.name))
            })
    }
}

impl Change for Create {
    type Before = Absent;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Tag;

    async fn observe(&self, (): &(), context: &Context) -> StepResult<Observed<Absent, Free>> {
        let Some(path) = self.made() else {
            return Ok(Observed::Differs(Absent {}));
        };
        let token = std::fs::read_to_string(&path).unwrap();
        let output = free(json!({ "file_id": path }));
        Ok(if token == context.token {
            Observed::Adopted(output)
        } else {
            Observed::Same(output)
        })
    }

    async fn apply(&self, _: &Absent, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        if let Some(path) = self.made()
            && self.slow
        {
            return Ok(Progress::Done(free(json!({ "file_id": path }))));
        }
        let path = self
            .cloud
            .join(format!("{}-{}", self.name, rand::random::<u64>()));
        std::fs::write(&path, &context.token).unwrap();
        note(&self.cloud, &format!("create {}", self.name));
        if self.hang {
            std::future::pending::<()>().await;
        }
        if self.lose_answer && context.attempt == 1 {
            return Err(Fault {
                executed: Executed::Unknown,
                ..Fault::new(FaultKind::Transient, "connection reset")
            });
        }
        if self.breaks {
            return Err(Fault::new(FaultKind::Denied, "made, and not to be read"));
        }
        if self.slow {
            return Ok(Progress::Again {
                after: Duration::from_millis(20),
                note: "pending".to_owned(),
            });
        }
        Ok(Progress::Done(free(json!({ "file_id": path }))))
    }

    async fn undo(
        &self,
        _: &Absent,
        _: Option<&Free>,
        (): &(),
        _: &Context,
    ) -> StepResult<Progress<()>> {
        note(&self.cloud, &format!("undo {}", self.name));
        if self.cloud.join(format!("stuck.{}", self.name)).exists() {
            return Err(Fault::new(FaultKind::Unmet, "somebody uses it"));
        }
        if self.cloud.join(format!("deaf.{}", self.name)).exists() {
            std::future::pending::<()>().await;
        }
        if let Some(path) = self.made() {
            std::fs::remove_file(path).unwrap();
        }
        Ok(Progress::Done(()))
    }
}

/// Acts; may or may not run again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Act {
    cloud: PathBuf,
    #[serde(default)]
    repeatable: bool,
    #[serde(default)]
    hang: bool,
    #[serde(default)]
    panic: bool,
    /// Ends when this file is there.
    #[serde(default)]
    hold: Option<PathBuf>,
    /// Written into the book of calls instead of the step's name.
    #[serde(default)]
    say: Option<String>,
}

impl Args for Act {
    const KIND: &'static str = "test.act";
    type Client = ();
    type Output = Free;
}

impl Action for Act {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        if self.repeatable {
            Repeat::Harmless
        } else {
            Repeat::Never
        }
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Free>> {
        let said = self.say.as_deref().unwrap_or(&context.step);
        note(&self.cloud, &format!("act {said}"));
        context.log.line("acting");
        assert!(!self.panic, "as asked");
        if self.hang {
            std::future::pending::<()>().await;
        }
        while self.hold.as_ref().is_some_and(|file| !file.exists()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Progress::Done(free(json!({ "by": context.step }))))
    }
}

/// Stops the thread that it runs on until a file is there, unless it repeats a lost attempt.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    cloud: PathBuf,
    file: PathBuf,
}

impl Args for Stall {
    const KIND: &'static str = "test.stall";
    type Client = ();
    type Output = Free;
}

impl Query for Stall {
    async fn read(&self, (): &(), context: &Context) -> StepResult<Free> {
        note(&self.cloud, &format!("stall {}", context.step));
        while !context.recovering && !self.file.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Free::new())
    }
}

/// Waits until the cloud holds a file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Until {
    file: PathBuf,
}

impl Args for Until {
    const KIND: &'static str = "test.until";
    type Client = ();
    type Output = Free;
}

impl Wait for Until {
    async fn poll(&self, (): &(), _: &Context) -> StepResult<Progress<Free>> {
        if self.file.exists() {
            return Ok(Progress::Done(Free::new()));
        }
        Ok(Progress::Again {
            after: Duration::from_millis(10),
            note: "no file yet".to_owned(),
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

fn computed_at(with: &Value, scope: &Scope) -> StepResult<Value> {
    compute(with, scope).map(|outputs| json!({ "at": outputs["value"] }))
}

/// The catalog of the tests.
pub fn catalog() -> Catalog {
    Catalog::new(vec![
        query::<Echo>(),
        query::<Count>(),
        query::<Stall>(),
        change::<Create>(),
        action::<Act>(),
        wait::<Until>(),
        pure::<Free, Free>("test.compute", compute),
        pure::<Free, Free>("test.computed", computed_at),
        engine::<Free, Free>("wait", Work::Timer),
        engine::<Free, Free>("approval", Work::Gate(runbook_core::Gate::Approval)),
        engine::<Free, Free>("manual", Work::Gate(runbook_core::Gate::Manual)),
        engine::<Free, Free>("runbook", Work::Child),
    ])
}
