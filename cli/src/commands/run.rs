//! `runbook run`.

use std::time::Duration;

use runbook_runtime::{Engine, NewRun, Options, StartError, StoreError, new_run_id, now};
use serde_json::{Value, json};

use crate::args::RunArgs;
use crate::drive::{Driving, actor};
use crate::failure::Failure;
use crate::load::{Ready, Request, load, params, typed};
use crate::project::Project;
use crate::scenario::{self, Record, Scenario, Supply, World};
use crate::{exit, prompt};

/// Starts a run and drives it. Everything is checked before the first step.
pub(crate) async fn run(project: &Project, args: &RunArgs) -> Result<u8, Failure> {
    let most = args.wait.as_deref().map(patience).transpose()?;
    let mut request = Request {
        file: args.file.clone(),
        env: args.env.clone(),
        sets: args.sets.clone(),
        params: params(args.params_file.as_deref())?,
        typed: typed(&args.params)?,
        sandbox: args.sandbox,
    };
    let supply = if args.sandbox {
        scenario::supply(project, args, &mut request).await?
    } else {
        Supply::Nothing
    };
    let supplied = match supply {
        Supply::Nothing => None,
        Supply::Ready(driving) => Some(driving),
        Supply::Ended(code) => return Ok(code),
    };
    // A request that is refused leaves nothing behind, not even a state file.
    let ready = load(project, &request)?;
    if !args.sandbox {
        confirm(&ready, args)?;
    }
    let driving = supplied.map_or_else(|| Driving::new(project, args.json), Ok)?;
    ready.plug(project, &driving.progress).await?;
    let meta = if args.sandbox {
        sandbox(project, &ready, args).await?
    } else {
        json!({})
    };
    let engine = Engine::new(
        driving.store.clone(),
        driving.catalog.clone(),
        Options::default(),
    );
    let mut new = ready.new_run(actor(), meta);
    new.idempotency_key.clone_from(&args.idempotency_key);
    let id = match most {
        None => engine.start(new).await?,
        Some(most) => queued(&driving, &engine, new, most).await?,
    };
    driving.root(&id).await
}

/// How long a start waits for its lock, in milliseconds.
fn patience(text: &str) -> Result<u64, Failure> {
    runbook_step::duration::parse(text).map_err(|error| Failure::usage(format!("--wait: {error}")))
}

/// How often a waiting start looks whether the lock is free.
const LOOK: Duration = Duration::from_millis(500);

/// Starts a run as soon as its lock is free, in the order of arrival.
async fn queued(
    driving: &Driving,
    engine: &Engine,
    mut new: NewRun,
    most: u64,
) -> Result<String, Failure> {
    let end = now().plus(most);
    let id = new_run_id();
    new.id = Some(id.clone());
    let mut told = false;
    loop {
        let held = match engine.start(new.clone()).await {
            Err(StartError::Store(held @ StoreError::Locked { .. })) => held,
            started => {
                driving.store.leave_queue(&id).await?;
                return Ok(started?);
            }
        };
        let StoreError::Locked { key, run, .. } = &held else {
            return Err(held.into());
        };
        if now() >= end || driving.stopping() {
            driving.store.leave_queue(&id).await?;
            return Err(held.into());
        }
        if !told {
            told = true;
            driving
                .progress
                .line(&format!("  waits for lock `{key}`, held by run {run}"));
        }
        driving.store.queue(key, &id, now()).await?;
        tokio::time::sleep(LOOK).await;
    }
}

/// Starts the sandbox and notes down what this run has to find in it.
async fn sandbox(project: &Project, ready: &Ready, args: &RunArgs) -> Result<Value, Failure> {
    let scenario = Scenario::beside(&ready.path, &ready.definition.env)?;
    let dir = project.sandbox();
    let (_, status) = World::begin(&dir).await?;
    let record = Record {
        dir,
        account: std::env::var("RUNBOOK_SANDBOX_ACCOUNT").ok(),
        world: status.world,
        ask: args.ask,
        scenario,
        env: args.env.clone(),
        sets: args.sets.clone(),
    };
    Ok(json!({ "sandbox": record }))
}

/// A protected environment is named a second time.
fn confirm(ready: &Ready, args: &RunArgs) -> Result<(), Failure> {
    let name = &ready.definition.environment;
    if !ready.protected || args.confirm.as_deref() == Some(name) {
        return Ok(());
    }
    if let Some(other) = &args.confirm {
        return Err(Failure::new(
            exit::REFUSED,
            format!("--confirm names `{other}` and the environment is `{name}`; nothing was done"),
        ));
    }
    if !args.json && prompt::possible() {
        let question = format!(
            "{} is protected. Type its name to go on: ",
            crate::ui::style::bold(name)
        );
        if prompt::line(&question).as_deref() == Some(name) {
            return Ok(());
        }
    }
    Err(Failure::new(
        exit::REFUSED,
        format!("environment `{name}` is protected and was not confirmed; nothing was done"),
    )
    .help(format!(
        "add --confirm {name}, or try it with --sandbox first"
    )))
}
