//! `runbook bench`: the engine beside the limits of this machine, measured in the same run and printed
//! as ratios. Everything happens in a folder of its own that is removed at the end. What a process is
//! measured by, its memory and its start, is measured in processes of their own.

mod measure;
#[cfg(feature = "plugins")]
mod plugin;
#[cfg(not(feature = "plugins"))]
#[path = "bench/no_plugin.rs"]
mod plugin;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use self::measure::{Folder, Measured, Shape};
use crate::args::{BenchArgs, BenchPart};
use crate::failure::Failure;
use crate::ui::{self, out};

/// What was measured.
struct Figures {
    steps: usize,
    syncs: f64,
    commits: f64,
    chain: f64,
    parallel: f64,
    /// Steps a second of many runs at once.
    many: f64,
    /// Length of a chain and microseconds a step.
    scale: Vec<(usize, f64)>,
    /// Milliseconds.
    resume: f64,
    /// Milliseconds.
    first_step: f64,
    /// Steps of the long run that memory and resuming are measured with.
    long: usize,
    memory_chain: Option<f64>,
    memory_parallel: Option<f64>,
    memory_resume: Option<f64>,
    /// What [`plugin::figures`] tells.
    plugin: Value,
}

/// Steps of each of the many runs.
const LENGTH: usize = 10;

/// How often the rates are measured.
const ROUNDS: usize = 3;

impl From<Box<dyn std::error::Error + Send + Sync>> for Failure {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::new(crate::exit::FAILED, format!("cannot measure: {error}"))
    }
}

/// Measures and prints.
pub(crate) async fn run(args: &BenchArgs) -> Result<u8, Failure> {
    if let Some(part) = args.part {
        return alone(args, part).await;
    }
    let figures = figures(args).await?;
    if args.json {
        ui::json(&figures.to_json());
    } else {
        out(&figures.to_string());
    }
    Ok(0)
}

async fn figures(args: &BenchArgs) -> Measured<Figures> {
    let folder = Folder::new()?;
    let here = folder.path();
    let steps = args.steps.max(10);
    let long = steps * 10;
    let [syncs, commits, chain, parallel, many] = rates(&folder, steps).await?;
    let mut scale = Vec::new();
    for length in [10, 1_000, 10_000, 100_000] {
        if length <= long || args.long {
            let rate = measure::rate(&folder.sub("scale")?, length, Shape::Chain).await?;
            scale.push((length, 1e6 / rate));
        }
    }
    let state = here.join("resume.db");
    let id = measure::prepare_resume(&state, long).await?;
    let resumed = part(here, BenchPart::Resume, &[&state.to_string_lossy(), &id])?;
    let memory = |shape, name| -> Measured<Option<f64>> {
        let folder = folder.sub(name)?;
        let told = part(&folder, shape, &["--steps", &long.to_string()])?;
        Ok(told["peak_memory_mib"].as_f64())
    };
    Ok(Figures {
        steps,
        syncs,
        commits,
        chain,
        parallel,
        many,
        scale,
        resume: resumed["ms"].as_f64().unwrap_or_default(),
        first_step: first_step(&folder.sub("first")?)?,
        long,
        memory_chain: memory(BenchPart::Chain, "memory-chain")?,
        memory_parallel: memory(BenchPart::Parallel, "memory-parallel")?,
        memory_resume: resumed["peak_memory_mib"].as_f64(),
        plugin: {
            let folder = folder.sub("plugin")?;
            part(&folder, BenchPart::Plugin, &["--steps", &steps.to_string()])?
        },
    })
}

/// A second: syncs, commits, and steps one after another, at once, and of many runs. Disks are not the same
/// from one second to the next: each is measured in turn, [`ROUNDS`] times, and the median counts.
async fn rates(folder: &Folder, steps: usize) -> Measured<[f64; 5]> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let here = folder.sub(&format!("round-{round}"))?;
        rounds.push([
            measure::syncs(&here, steps.min(2_000))?,
            measure::commits(&here, steps)?,
            measure::rate(&here, steps, Shape::Chain).await?,
            measure::rate(&here, steps, Shape::Parallel).await?,
            measure::many(&here, steps, LENGTH).await?,
        ]);
    }
    Ok(std::array::from_fn(|which| {
        let mut figures: Vec<f64> = rounds.iter().map(|round| round[which]).collect();
        figures.sort_by(f64::total_cmp);
        figures[ROUNDS / 2]
    }))
}

/// One measurement in this process, which was started for it.
async fn alone(args: &BenchArgs, part: BenchPart) -> Result<u8, Failure> {
    let start = Instant::now();
    let folder = std::env::current_dir()?;
    if matches!(part, BenchPart::Plugin) {
        ui::json(&plugin::figures(&folder, args.steps).await?);
        return Ok(0);
    }
    let took = match (part, args.rest.as_slice()) {
        (BenchPart::Resume, [state, id]) => {
            measure::resume(Path::new(state), id, start)
                .await?
                .as_secs_f64()
                * 1e3
        }
        (BenchPart::Resume, _) => return Err(Failure::usage("`resume` takes a file and a run")),
        (BenchPart::Chain, _) => measure::rate(&folder, args.steps, Shape::Chain).await?,
        (BenchPart::Parallel | BenchPart::Plugin, _) => {
            measure::rate(&folder, args.steps, Shape::Parallel).await?
        }
    };
    ui::json(&json!({ "ms": took, "peak_memory_mib": measure::peak_memory() }));
    Ok(0)
}

/// Measures one part in a process of its own.
fn part(folder: &Path, part: BenchPart, args: &[&str]) -> Measured<Value> {
    let name = match part {
        BenchPart::Resume => "resume",
        BenchPart::Chain => "chain",
        BenchPart::Parallel => "parallel",
        BenchPart::Plugin => "plugin",
    };
    let told = Command::new(std::env::current_exe()?)
        .args(["bench", "--part", name])
        .args(args)
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()?;
    if !told.status.success() {
        return Err(format!("measuring {name} in a process of its own: {}", told.status).into());
    }
    Ok(serde_json::from_slice(&told.stdout)?)
}

/// Milliseconds from the start of a process until it has run one durable step and ended.
fn first_step(folder: &Path) -> Measured<f64> {
    let file = folder.join("first.yaml");
    std::fs::write(
        &file,
        "name: first\nsteps:\n  - id: one\n    uses: let\n    with: { answer: \"42\" }\n",
    )?;
    let mut took = Vec::new();
    for number in 0..5 {
        let start = Instant::now();
        let ended = Command::new(std::env::current_exe()?)
            .arg("run")
            .arg(&file)
            .arg("--state")
            .arg(folder.join(format!("first-{number}.db")))
            .current_dir(folder)
            .env_remove("RUNBOOK_ENV")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if !ended.success() {
            return Err(format!("a run of one step: {ended}").into());
        }
        took.push(start.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    Ok(took[took.len() / 2])
}

impl Figures {
    fn to_json(&self) -> Value {
        let scale: Vec<Value> = self
            .scale
            .iter()
            .map(|(steps, us)| json!({ "steps": steps, "us_per_step": us }))
            .collect();
        json!({
            "steps": self.steps,
            "fdatasync_per_s": self.syncs,
            "wal_commits_per_s": self.commits,
            "chain_steps_per_s": self.chain,
            "chain_to_commits": self.chain / self.commits,
            "parallel_steps_per_s": self.parallel,
            "parallel_to_chain": self.parallel / self.chain,
            "many_runs": self.steps,
            "many_runs_length": LENGTH,
            "many_steps_per_s": self.many,
            "many_to_parallel": self.many / self.parallel,
            "chain_by_length": scale,
            "resume_steps": self.long,
            "resume_ms": self.resume,
            "first_step_ms": self.first_step,
            "peak_memory_steps": self.long,
            "peak_memory_chain_mib": self.memory_chain,
            "peak_memory_parallel_mib": self.memory_parallel,
            "peak_memory_resume_mib": self.memory_resume,
            "plugin": self.plugin,
        })
    }
}

impl Figures {
    fn plugin_lines(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.plugin.is_null() {
            return Ok(());
        }
        let figure = |name: &str| self.plugin[name].as_f64().unwrap_or_default();
        writeln!(f, "a plugin that does nothing, in a process of its own")?;
        for (what, name, unit) in [
            ("compiled, once", "compile_ms", "ms"),
            ("loaded, compiled before", "load_ms", "ms"),
            ("a call of its step, median", "call_us", "µs"),
            ("a call of a step of our own", "own_call_us", "µs"),
            ("a step of a chain", "chain_us", "µs"),
            ("a step of our own in a chain", "own_chain_us", "µs"),
            ("steps at once", "parallel_steps_per_s", "/s"),
            ("memory", "peak_memory_mib", "MiB"),
        ] {
            writeln!(f, "  {what:<34} {:>8.1} {unit}", figure(name))?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let row = |f: &mut std::fmt::Formatter<'_>, what: &str, figure: f64, unit: &str| {
            writeln!(f, "  {what:<34} {figure:>8.0} {unit}")
        };
        let (chain, parallel) = (self.chain / self.commits, self.parallel / self.chain);
        let many = self.many / self.parallel;
        writeln!(f, "this machine")?;
        row(f, "fdatasync of 4 KiB", self.syncs, "/s")?;
        row(f, "SQLite commits, one sync each", self.commits, "/s")?;
        writeln!(f, "the engine, {} durable steps", self.steps)?;
        let unit = format!("/s   {chain:.2} of single commits");
        row(f, "one after another", self.chain, &unit)?;
        let unit = format!("/s   {parallel:.1} times the chain");
        row(f, "at once", self.parallel, &unit)?;
        let runs = format!("{} runs of {LENGTH}, at once", self.steps);
        let unit = format!("/s   {many:.2} of one run's");
        row(f, &runs, self.many, &unit)?;
        writeln!(f, "one step of a chain")?;
        for (steps, us) in &self.scale {
            row(f, &format!("of {steps}"), *us, "µs")?;
        }
        writeln!(f, "processes of their own")?;
        row(f, "a run of one step, start to end", self.first_step, "ms")?;
        let what = format!("resume {} steps, to the first new", self.long);
        row(f, &what, self.resume, "ms")?;
        for (what, memory) in [
            ("one after another", self.memory_chain),
            ("at once", self.memory_parallel),
            ("resumed", self.memory_resume),
        ] {
            if let Some(memory) = memory {
                let what = format!("memory, {} {what}", self.long);
                row(f, &what, memory, "MiB")?;
            }
        }
        self.plugin_lines(f)
    }
}
