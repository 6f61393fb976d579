//! What is measured, and over what. Knows nothing of the command line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use runbook_core::Runbook;
use runbook_runtime::store::Signal;
use runbook_runtime::{Definition, Engine, NewRun, Notice, Options, RawCommits, Store, Watch, now};
use runbook_step::catalog::{engine, query};
use runbook_step::{Args, Catalog, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// What was measured, or why it could not be.
pub(crate) type Measured<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Does nothing, durably.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Noop {}

/// Nothing.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Nothing {}

impl Args for Noop {
    const KIND: &'static str = "bench.noop";
    type Client = ();
    type Output = Nothing;
}

impl Query for Noop {
    async fn read(&self, (): &(), _: &Context) -> StepResult<Nothing> {
        Ok(Nothing {})
    }
}

type Free = Map<String, Value>;

/// A folder that is removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new one below the system's temporary folder, named after this process.
    pub(crate) fn new() -> Measured<Self> {
        let folder = std::env::temp_dir().join(format!("runbook-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A folder in it.
    pub(crate) fn sub(&self, name: &str) -> Measured<PathBuf> {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How the steps of a measured run depend on one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each needs the one before it.
    Chain,
    /// None needs another.
    Parallel,
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn per_second(count: usize, start: Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}

/// `fdatasync` of 4 KiB within a file, a second.
pub(crate) fn syncs(folder: &Path, count: usize) -> Measured<f64> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let page = [7_u8; 4096];
    file.write_all(&page.repeat(count))?;
    file.sync_all()?;
    let mut file = File::options().write(true).open(&path)?;
    let start = Instant::now();
    for _ in 0..count {
        file.write_all(&page)?;
        file.sync_data()?;
    }
    Ok(per_second(count, start))
}

/// The limit of any engine that makes each step durable on its own: one row, one commit, one sync, a
/// second.
pub(crate) fn commits(folder: &Path, count: usize) -> Measured<f64> {
    let raw = RawCommits::open(&folder.join(format!("raw-{count}.db")))?;
    let start = Instant::now();
    for number in 0..count {
        raw.commit(number)?;
    }
    Ok(per_second(count, start))
}

fn catalog() -> Arc<Catalog> {
    Arc::new(Catalog::new(vec![
        query::<Noop>(),
        engine::<Free, Free>(
            "approval",
            runbook_core::Work::Gate(runbook_core::Gate::Approval),
        ),
    ]))
}

fn noop(id: usize, needs: &[usize]) -> String {
    call("bench.noop", id, needs)
}

fn call(uses: &str, id: usize, needs: &[usize]) -> String {
    format!(
        r#"{{"id":"s{id}","uses":"{uses}","work":{{"call":"query"}},"with":{{}},"needs":{needs:?},"timeout":600000}}"#
    )
}

fn steps(count: usize, shape: Shape) -> Vec<String> {
    steps_of("bench.noop", count, shape)
}

fn steps_of(uses: &str, count: usize, shape: Shape) -> Vec<String> {
    let before = |id: usize| match shape {
        Shape::Chain if id > 0 => id - 1..id,
        Shape::Chain | Shape::Parallel => 0..0,
    };
    (0..count)
        .map(|id| call(uses, id, &before(id).collect::<Vec<_>>()))
        .collect()
}

/// From text, as the store reads it: a tree of values would be most of the memory that is measured.
fn book(steps: &[String]) -> Measured<Runbook> {
    let text = format!(r#"{{"name":"bench","steps":[{}]}}"#, steps.join(","));
    Ok(serde_json::from_str(&text)?)
}

fn definition(runbook: Runbook) -> Arc<Definition> {
    Arc::new(Definition {
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        file: None,
        runbook,
        children: BTreeMap::new(),
        environment: "bench".to_owned(),
        env: json!({}),
        aws: runbook_step::Aws::default(),
        tags: BTreeMap::new(),
        secrets: BTreeMap::new(),
        plugins: BTreeMap::new(),
    })
}

fn new_run(definition: Arc<Definition>) -> NewRun {
    NewRun {
        id: None,
        definition,
        params: json!({}),
        secrets: BTreeMap::new(),
        overrides: Value::Null,
        actor: "bench".to_owned(),
        meta: json!({}),
        parent: None,
        idempotency_key: None,
    }
}

/// Durable steps of one run, a second.
pub(crate) async fn rate(folder: &Path, count: usize, shape: Shape) -> Measured<f64> {
    rate_of(folder, count, (shape, "bench.noop"), catalog()).await
}

/// The same, of steps of one type.
pub(crate) async fn rate_of(
    folder: &Path,
    count: usize,
    (shape, uses): (Shape, &str),
    catalog: Arc<Catalog>,
) -> Measured<f64> {
    let book = book(&steps_of(uses, count, shape))?;
    let name = uses.replace(|one: char| !one.is_ascii_alphanumeric(), "-");
    let store = Store::open(&folder.join(format!("{shape:?}-{count}-{name}.db")))?;
    let engine = Engine::new(store, catalog, Options::default());
    let id = engine.start(new_run(definition(book))).await?;
    let (_go, stop) = watch::channel(Watch::Go);
    let start = Instant::now();
    tokio::spawn(async move { engine.drive(&id, "bench", stop).await }).await??;
    Ok(per_second(count, start))
}

/// Durable steps, a second, of many runs that are driven at the same time, each a chain.
pub(crate) async fn many(folder: &Path, runs: usize, length: usize) -> Measured<f64> {
    let book = definition(book(&steps(length, Shape::Chain))?);
    let store = Store::open(&folder.join("many.db"))?;
    let engine = Engine::new(store, catalog(), Options::default());
    let mut ids = Vec::with_capacity(runs);
    for _ in 0..runs {
        ids.push(engine.start(new_run(book.clone())).await?);
    }
    let (_go, stop) = watch::channel(Watch::Go);
    let start = Instant::now();
    let mut driven = tokio::task::JoinSet::new();
    for id in ids {
        let (engine, stop) = (engine.clone(), stop.clone());
        driven.spawn(async move { engine.drive(&id, "bench", stop).await });
    }
    while let Some(one) = driven.join_next().await {
        one??;
    }
    Ok(per_second(runs * length, start))
}

/// Makes a run with `count` finished steps that stopped at a question, and answers it. Its id.
pub(crate) async fn prepare_resume(path: &Path, count: usize) -> Measured<String> {
    let mut steps = steps(count, Shape::Parallel);
    let all = (0..count).collect::<Vec<_>>();
    steps.push(format!(
        r#"{{"id":"gate","uses":"approval","work":{{"gate":"approval"}},"with":{{"message":"go on?"}},"needs":{all:?},"timeout":1000000000000}}"#
    ));
    steps.push(noop(count + 1, &[count]));
    let engine = Engine::new(Store::open(path)?, catalog(), Options::default());
    let id = engine.start(new_run(definition(book(&steps)?))).await?;
    let (_go, stop) = watch::channel(Watch::Go);
    engine.drive(&id, "bench", stop).await?;
    let yes = Signal::Answer {
        step: "gate".to_owned(),
        item: None,
        granted: true,
        comment: None,
        form: Value::Null,
    };
    engine.store().signal(&id, "bench", now(), yes).await?;
    Ok(id)
}

/// How long from `start` until the first new step of a run that [`prepare_resume`] made is on disk.
pub(crate) async fn resume(path: &Path, id: &str, start: Instant) -> Measured<Duration> {
    let first = Arc::new(Mutex::new(None));
    let seen = first.clone();
    let options = Options {
        watcher: Arc::new(move |notice| {
            if let (Notice::Events { .. }, Ok(mut first)) = (notice, seen.lock()) {
                first.get_or_insert_with(|| start.elapsed());
            }
        }),
        ..Options::default()
    };
    let engine = Engine::new(Store::open(path)?, catalog(), options);
    let (_go, stop) = watch::channel(Watch::Go);
    engine.drive(id, "bench", stop).await?;
    let took = first.lock().ok().and_then(|first| *first);
    Ok(took.unwrap_or_else(|| start.elapsed()))
}

/// Largest resident size of this process so far in MiB, where the system tells.
pub(crate) fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
