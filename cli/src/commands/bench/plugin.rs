//! What a plugin's step costs beside a step of the binary, in one process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use runbook_step::catalog::{Ask, Form, query};
use runbook_step::{Catalog, Context, StepKind};
use runbook_wasm::digest::Digest;
use runbook_wasm::entry;
use runbook_wasm::grant::{Ceiling, Layers, Permissions};
use runbook_wasm::host::{Cache, Live, Plugin, Runtime, Setup};
use runbook_wasm::limits::Limits;
use serde_json::{Value, json};

use super::measure::{self, Measured, Noop, Shape};

/// A component that does nothing, from `plugins/compat/idle`.
const IDLE: &[u8] = include_bytes!("idle.wasm");

/// Calls of each kind, and loads.
const CALLS: usize = 2_000;
const LOADS: usize = 20;

/// Milliseconds, microseconds and mebibytes, as `bench` prints them.
pub(crate) async fn figures(folder: &Path, steps: usize) -> Measured<Value> {
    let cache = Cache::new(Some(folder.join("compiled")));
    let start = Instant::now();
    let runtime = Runtime::new(cache)?;
    Plugin::load(&runtime, IDLE.into()).await?;
    let compile = start.elapsed();
    if !runtime.is_compiled(&Digest::of(IDLE)) {
        return Err("the compiled plugin was not kept".into());
    }
    let mut loads = Vec::new();
    for _ in 0..LOADS {
        let start = Instant::now();
        Plugin::load(&runtime, IDLE.into()).await?;
        loads.push(start.elapsed());
    }
    let plugin = Plugin::load(&runtime, IDLE.into()).await?;
    let kind = step_type(&plugin).ok_or("the idle plugin has no step type")?;
    let own = calls(&query::<Noop>()).await?;
    let foreign = calls(&kind).await?;
    let catalog = Arc::new(Catalog::new(vec![query::<Noop>(), kind]));
    let chain = |uses| measure::rate_of(folder, steps, (Shape::Chain, uses), catalog.clone());
    let built = chain("bench.noop").await?;
    let plugged = chain(kind.name).await?;
    let at = (Shape::Parallel, kind.name);
    let parallel = measure::rate_of(folder, steps, at, catalog.clone()).await?;
    Ok(json!({
        "compile_ms": ms(compile),
        "load_ms": ms(median(loads)),
        "call_us": us(foreign),
        "own_call_us": us(own),
        "chain_us": 1e6 / plugged,
        "own_chain_us": 1e6 / built,
        "parallel_steps_per_s": parallel,
        "peak_memory_mib": measure::peak_memory(),
    }))
}

fn step_type(plugin: &Plugin) -> Option<StepKind> {
    let name = &plugin.descriptor().name;
    let layers = Layers {
        plugin: name.clone(),
        environment: Ceiling {
            allow: vec![name.clone()],
            ..Ceiling::default()
        },
        ..Layers::default()
    };
    let setup = Setup {
        permissions: Arc::new(Permissions::new(layers)),
        limits: Limits::default(),
        config: "{}".into(),
        dry_run: false,
        transport: Arc::new(Live::new(None)),
    };
    let source: Arc<dyn entry::Source> = Arc::new(plugin.clone());
    entry::entries(plugin.descriptor(), &source, &setup)
        .first()
        .copied()
}

/// The median of many calls of a step type, as the worker makes them.
async fn calls(kind: &StepKind) -> Measured<Duration> {
    let Form::Call { run, .. } = kind.form else {
        return Err("the step type calls nothing".into());
    };
    let context = Context::default();
    let mut took = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        run.call(json!({}), Ask::Read, &context)
            .await
            .map_err(|fault| fault.to_string())?;
        took.push(start.elapsed());
    }
    Ok(median(took))
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn us(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}
