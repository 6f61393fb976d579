//! `runbook bench`: the engine beside the limits of this machine, measured in the same run and printed
//! as ratios. Everything happens in a folder of its own that is removed at the end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use runbook_core::Runbook;
use runbook_runtime::store::Signal;
use runbook_runtime::{Definition, Engine, NewRun, Notice, Options, Store, Watch, now};
use runbook_step::catalog::{engine, query};
use runbook_step::{Args, Catalog, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::ui::{self, out};

/// Does nothing, durably.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Noop {}

/// Nothing.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Nothing {}

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
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What was measured.
struct Figures {
    syncs: f64,
    commits: f64,
    chain: f64,
    parallel: f64,
    resume: Duration,
    resumed: usize,
    memory_mib: Option<f64>,
    steps: usize,
}

/// Measures and prints.
pub(crate) async fn run(args: &BenchArgs) -> Result<u8, Failure> {
    let folder = Folder(std::env::temp_dir().join(format!("runbook-bench-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0)?;
    let steps = args.steps.max(10);
    let syncs = syncs(&folder.0, steps)?;
    let commits = commits(&folder.0, steps)?;
    let chain = rate(&folder.0, "chain", steps, true).await?;
    let parallel = rate(&folder.0, "parallel", steps, false).await?;
    let resumed = steps * 10;
    let resume = resume(&folder.0, resumed).await?;
    let figures = Figures {
        syncs,
        commits,
        chain,
        parallel,
        resume,
        resumed,
        memory_mib: peak_memory(),
        steps,
    };
    if args.json {
        ui::json(&figures.to_json());
    } else {
        out(&figures.to_string());
    }
    Ok(0)
}

impl Figures {
    fn to_json(&self) -> Value {
        json!({
            "steps": self.steps,
            "fdatasync_per_s": self.syncs,
            "wal_commits_per_s": self.commits,
            "chain_steps_per_s": self.chain,
            "chain_to_commits": self.chain / self.commits,
            "parallel_steps_per_s": self.parallel,
            "parallel_to_chain": self.parallel / self.chain,
            "resume_steps": self.resumed,
            "resume_ms": self.resume.as_secs_f64() * 1e3,
            "peak_memory_mib": self.memory_mib,
        })
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "this machine")?;
        writeln!(f, "  fdatasync of 4 KiB            {:>9.0} /s", self.syncs)?;
        writeln!(
            f,
            "  SQLite commits, one sync each {:>9.0} /s",
            self.commits
        )?;
        writeln!(f, "the engine, {} durable steps", self.steps)?;
        writeln!(
            f,
            "  one after another             {:>9.0} /s   {:.2} of single commits",
            self.chain,
            self.chain / self.commits
        )?;
        writeln!(
            f,
            "  at once                       {:>9.0} /s   {:.1} times the chain",
            self.parallel,
            self.parallel / self.chain
        )?;
        let resume = self.resume.as_secs_f64() * 1e3;
        writeln!(
            f,
            "  resume {:>6} finished steps  {resume:>9.0} ms to the first new step",
            self.resumed
        )?;
        if let Some(memory) = self.memory_mib {
            writeln!(f, "  peak memory of all of this    {memory:>9.0} MiB")?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn per_second(count: usize, start: Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}

fn syncs(folder: &Path, count: usize) -> Result<f64, Failure> {
    let mut file = File::create(folder.join("sync"))?;
    let page = [7_u8; 4096];
    file.write_all(&page.repeat(count.min(2_000)))?;
    file.sync_all()?;
    let mut file = File::options().write(true).open(folder.join("sync"))?;
    let start = Instant::now();
    for _ in 0..count.min(2_000) {
        file.write_all(&page)?;
        file.sync_data()?;
    }
    Ok(per_second(count.min(2_000), start))
}

/// The limit of any engine that makes each step durable on its own: one row, one commit, one sync.
fn commits(folder: &Path, count: usize) -> Result<f64, Failure> {
    let wrong = |error: runbook_runtime::RawError| Failure::new(1, error.to_string());
    let raw = runbook_runtime::RawCommits::open(&folder.join("raw.db")).map_err(wrong)?;
    let start = Instant::now();
    for number in 0..count {
        raw.commit(number).map_err(wrong)?;
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

fn noop(id: usize, needs: &[usize]) -> Value {
    json!({ "id": format!("s{id}"), "uses": "bench.noop", "work": { "call": "query" },
            "with": {}, "needs": needs, "timeout": 600_000 })
}

fn book(steps: Vec<Value>) -> Result<Runbook, Failure> {
    serde_json::from_value(json!({ "name": "bench", "steps": steps }))
        .map_err(|error| Failure::new(1, error.to_string()))
}

fn new_run(runbook: Runbook) -> NewRun {
    let definition = Definition {
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        file: None,
        runbook,
        children: BTreeMap::new(),
        environment: "bench".to_owned(),
        env: json!({}),
        aws: runbook_step::Aws::default(),
        tags: BTreeMap::new(),
        secrets: BTreeMap::new(),
    };
    NewRun {
        id: None,
        definition: Arc::new(definition),
        params: json!({}),
        secrets: BTreeMap::new(),
        overrides: Value::Null,
        actor: "bench".to_owned(),
        meta: json!({}),
        parent: None,
        idempotency_key: None,
    }
}

async fn rate(folder: &Path, name: &str, count: usize, chain: bool) -> Result<f64, Failure> {
    let needs = |id: usize| {
        if chain && id > 0 {
            vec![id - 1]
        } else {
            Vec::new()
        }
    };
    let book = book((0..count).map(|id| noop(id, &needs(id))).collect())?;
    let store = Store::open(&folder.join(format!("{name}.db")))?;
    let engine = Engine::new(store, catalog(), Options::default());
    let id = engine.start(new_run(book)).await?;
    let (_go, stop) = watch::channel(Watch::Go);
    let start = Instant::now();
    engine.drive(&id, "bench", stop).await?;
    Ok(per_second(count, start))
}

/// A run with many finished steps stops at a question. How long from opening its file, the answer given,
/// until the first new step is on disk?
async fn resume(folder: &Path, count: usize) -> Result<Duration, Failure> {
    let path = folder.join("resume.db");
    let mut steps: Vec<Value> = (0..count).map(|id| noop(id, &[])).collect();
    steps.push(
        json!({ "id": "gate", "uses": "approval", "work": { "gate": "approval" },
                       "with": { "message": "go on?" }, "needs": (0..count).collect::<Vec<_>>(),
                       "timeout": 1_u64 << 50 }),
    );
    steps.push(noop(count + 1, &[count]));
    let id = {
        let engine = Engine::new(Store::open(&path)?, catalog(), Options::default());
        let id = engine.start(new_run(book(steps)?)).await?;
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
        id
    };
    let first = Arc::new(Mutex::new(None));
    let seen = first.clone();
    let start = Instant::now();
    let options = Options {
        watcher: Arc::new(move |notice| {
            if let (Notice::Events { .. }, Ok(mut first)) = (notice, seen.lock()) {
                first.get_or_insert_with(|| start.elapsed());
            }
        }),
        ..Options::default()
    };
    let engine = Engine::new(Store::open(&path)?, catalog(), options);
    let (_go, stop) = watch::channel(Watch::Go);
    engine.drive(&id, "bench", stop).await?;
    let took = first.lock().ok().and_then(|first| *first);
    Ok(took.unwrap_or_else(|| start.elapsed()))
}

/// Largest resident size of this process so far, where the system tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
