//! `--sandbox`: the local AWS, the world that a runbook needs in it, and what is broken there.
//!
//! A file `NAME.sandbox.yaml` beside the runbook says what is run first and what is broken then. What
//! came of it is derived from the state file and the sandbox alone, so that a killed preparation is
//! resumed like everything else.

use std::path::Path;

use runbook_runtime::Ended;
use runbook_runtime::store::{Filter, RunInfo};
use runbook_sandbox::{Fault, Handle, Kind, Options, Progress as Stage, Status};
use runbook_step::scope::Scope;
use runbook_step::{Keys, template};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::drive::{Driving, How, code};
use crate::failure::Failure;
use crate::load::{Request, load};
use crate::project::Project;
use crate::ui::{say, style};
use crate::{exit, state};

/// What stands in `NAME.sandbox.yaml`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Runbooks to run first, in this order.
    #[serde(default)]
    pub(crate) prepare: Vec<Preparation>,
    /// What to break then; strings are templates over `env`.
    #[serde(default)]
    pub(crate) faults: Vec<Value>,
}

/// One runbook to run first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preparation {
    pub(crate) runbook: String,
    #[serde(default)]
    pub(crate) params: serde_json::Map<String, Value>,
}

/// What a run in the sandbox has to find again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) dir: std::path::PathBuf,
    pub(crate) account: Option<String>,
    /// Which world: another one has nothing of what the run has made.
    pub(crate) world: String,
    pub(crate) ask: bool,
    pub(crate) scenario: Scenario,
    pub(crate) env: Option<String>,
    pub(crate) sets: Vec<String>,
}

/// A running sandbox with the world of one run.
pub(crate) struct World {
    handle: Handle,
    record: Record,
}

impl Scenario {
    /// The scenario beside a runbook; an empty one when there is none.
    pub(crate) fn beside(runbook: &Path, env: &Value) -> Result<Self, Failure> {
        let path = runbook.with_extension("sandbox.yaml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(Failure::usage(format!(
                    "{}: {error}",
                    Project::shown(&path)
                )));
            }
        };
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("{}: {error}", Project::shown(&path)))
        };
        let mut scenario: Self = serde_yaml::from_str(&text).map_err(|error| wrong(&error))?;
        let scope = Scope::new().with("env", env.clone());
        for fault in &mut scenario.faults {
            *fault = template::render(fault, &scope).map_err(|error| wrong(&error))?;
            kind(fault).map_err(|error| wrong(&error))?;
        }
        Ok(scenario)
    }
}

fn kind(fault: &Value) -> Result<Kind, serde_json::Error> {
    serde_json::from_value(fault.clone())
}

/// The sandbox of a project.
pub(crate) fn options(dir: &Path) -> Options {
    let mut options = Options::for_state(dir);
    options.idle = std::env::var("RUNBOOK_SANDBOX_IDLE")
        .ok()
        .and_then(|seconds| seconds.parse().ok())
        .map(std::time::Duration::from_secs);
    options
}

/// Starts the sandbox unless it runs.
pub(crate) async fn ensure(options: &Options) -> Result<Handle, Failure> {
    let mut daemon = std::process::Command::new(std::env::current_exe()?);
    daemon.args(["sandbox", "serve", "--dir"]).arg(&options.dir);
    if let Some(port) = options.port {
        daemon.args(["--port", &port.to_string()]);
    }
    if let Some(idle) = options.idle {
        daemon.args(["--idle", &idle.as_secs().to_string()]);
    }
    let told = |stage: Stage| {
        if stage != Stage::Ready {
            say(&style::dim(&format!("sandbox: {stage}\n")));
        }
    };
    Ok(runbook_sandbox::ensure(options, daemon, &told).await?)
}

impl World {
    /// Starts the sandbox for a new run.
    pub(crate) async fn begin(dir: &Path) -> Result<(Handle, Status), Failure> {
        let handle = ensure(&options(dir)).await?;
        let status = handle.status().await?;
        Ok((handle, status))
    }

    /// The world of a run that was started with `--sandbox`.
    pub(crate) async fn of_run(info: &RunInfo) -> Result<Option<Self>, Failure> {
        let Some(record) = info.meta.get("sandbox").filter(|one| !one.is_null()) else {
            return Ok(None);
        };
        let record: Record = serde_json::from_value(record.clone())
            .map_err(|error| Failure::new(exit::FAILED, format!("run {}: {error}", info.id)))?;
        let ended = info.status.is_terminal() && info.status != runbook_core::RunStatus::Failed;
        let gone = || {
            Failure::new(
                exit::FAILED,
                format!(
                    "the sandbox in which run {} worked is gone, with all that it made",
                    info.id
                ),
            )
            .help(format!(
                "start anew: `runbook run {} --sandbox`; `runbook cancel {}` ends this one",
                info.runbook, info.id
            ))
        };
        let handle = match Handle::find(&options(&record.dir)).await {
            Ok(handle) => handle,
            Err(_) if ended => return Ok(None),
            Err(_) => return Err(gone()),
        };
        if handle.status().await?.world != record.world {
            return if ended { Ok(None) } else { Err(gone()) };
        }
        Ok(Some(Self { handle, record }))
    }

    /// Where AWS calls go, and the keys for it.
    pub(crate) fn endpoint(&self) -> (String, Keys) {
        let variables = self.handle.env(self.record.account.as_deref());
        let value = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        let keys = Keys {
            id: value("AWS_ACCESS_KEY_ID"),
            secret: value("AWS_SECRET_ACCESS_KEY"),
        };
        (self.handle.url().to_owned(), keys)
    }

    /// Whether approvals are asked for although nothing real is at stake.
    pub(crate) fn asks(&self) -> bool {
        self.record.ask
    }

    /// Builds the world and breaks it, or goes on with that. An exit code when it could not be done.
    pub(crate) async fn prepare(
        &self,
        driving: &Driving,
        root: &RunInfo,
    ) -> Result<Option<u8>, Failure> {
        if root.started.is_some() {
            return Ok(None);
        }
        self.mend(&root.id).await?;
        for preparation in &self.record.scenario.prepare {
            let id = self.preparing(driving, root, preparation).await?;
            let before = driving.store.snapshot()?.run(&id)?;
            if before.status == runbook_core::RunStatus::Succeeded {
                continue;
            }
            driving.progress.line(&format!(
                "  {} {}",
                style::dim("prepare"),
                preparation.runbook
            ));
            let ended = driving.go(&id, Some(self), How::Chance).await?;
            if !matches!(ended, Ended::Finished { .. }) || code(&ended) != exit::OK {
                let line = format!(
                    "\nthe sandbox could not be prepared; `runbook show {id}`, then `runbook resume {}`",
                    root.id
                );
                driving.progress.line(&line);
                return Ok(Some(code(&ended).max(exit::FAILED)));
            }
            Self::summary(driving, &id)?;
        }
        if driving.stopping() {
            driving.progress.line(&format!(
                "\ninterrupted; `runbook resume {}` goes on",
                root.id
            ));
            return Ok(Some(exit::INTERRUPTED));
        }
        self.break_it(driving, &root.id).await?;
        Ok(None)
    }

    fn summary(driving: &Driving, id: &str) -> Result<(), Failure> {
        let snapshot = driving.store.snapshot()?;
        let tree = state::tree(&snapshot, snapshot.run(id)?)?;
        let took = tree[0]
            .run
            .finished()
            .zip(tree[0].run.started())
            .map(|(finished, started)| crate::ui::style::span(finished.since(started)))
            .unwrap_or_default();
        let runs: Vec<_> = tree.into_iter().map(|one| one.run).collect();
        driving
            .progress
            .line(&format!("  {}  {took}\n", crate::ui::show::tally(&runs)));
        Ok(())
    }

    /// The preparing run, made once under a derived id.
    async fn preparing(
        &self,
        driving: &Driving,
        root: &RunInfo,
        preparation: &Preparation,
    ) -> Result<String, Failure> {
        let id = format!("{}.{}", root.id, preparation.runbook);
        let below = Filter {
            parent: Some(root.id.clone()),
            ..Filter::default()
        };
        if driving
            .store
            .snapshot()?
            .list(&below)?
            .iter()
            .any(|one| one.id == id)
        {
            return Ok(id);
        }
        let request = Request {
            file: preparation.runbook.clone(),
            env: self.record.env.clone(),
            sets: self.record.sets.clone(),
            params: preparation.params.clone().into_iter().collect(),
            sandbox: true,
            ..Request::default()
        };
        let loaded = load(&driving.project, &request)?;
        loaded.plug(&driving.project, &driving.progress).await?;
        let engine = runbook_runtime::Engine::new(
            driving.store.clone(),
            driving.catalog.clone(),
            runbook_runtime::Options::default(),
        );
        let mut new = loaded.new_run(crate::drive::actor(), json!({}));
        new.id = Some(id.clone());
        new.parent = Some((root.id.clone(), "prepare".to_owned()));
        engine.start(new).await?;
        Ok(id)
    }

    fn key(root: &str, number: usize) -> String {
        format!("{root}/{number}")
    }

    /// Ends what earlier runs have broken.
    async fn mend(&self, root: &str) -> Result<(), Failure> {
        let account = self.record.account.as_deref();
        let account_name = account.unwrap_or(runbook_sandbox::DEFAULT_ACCOUNT);
        for active in self.handle.faults().await? {
            let ours = active
                .fault
                .account
                .as_deref()
                .unwrap_or(runbook_sandbox::DEFAULT_ACCOUNT)
                == account_name;
            let scenario = active.fault.key.contains('/');
            if ours && scenario && !active.fault.key.starts_with(&format!("{root}/")) {
                self.handle.clear(account, Some(&active.fault.key)).await?;
                self.calm(root, &active.fault.fault).await?;
            }
        }
        Ok(())
    }

    /// An alarm that was raised on purpose goes back by hand: nothing evaluates it here.
    async fn calm(&self, root: &str, kind: &Kind) -> Result<(), Failure> {
        let Kind::Alarm { name, region, .. } = kind else {
            return Ok(());
        };
        let fault = Fault {
            key: format!("{root}/calm/{name}"),
            account: self.record.account.clone(),
            fault: Kind::Alarm {
                name: name.clone(),
                state: runbook_sandbox::AlarmState::Ok,
                region: region.clone(),
            },
        };
        self.handle.fault(&fault).await?;
        self.handle
            .clear(self.record.account.as_deref(), Some(&fault.key))
            .await?;
        Ok(())
    }

    async fn break_it(&self, driving: &Driving, root: &str) -> Result<(), Failure> {
        for (number, fault) in self.record.scenario.faults.iter().enumerate() {
            let kind = kind(fault)
                .map_err(|error| Failure::usage(format!("fault {}: {error}", number + 1)))?;
            let fault = Fault {
                key: Self::key(root, number),
                account: self.record.account.clone(),
                fault: kind,
            };
            let active = self.handle.fault(&fault).await?;
            driving.progress.line(&format!(
                "  {} {}",
                style::red("break"),
                told(&active.fault.fault)
            ));
        }
        if !self.record.scenario.faults.is_empty() {
            driving.progress.line("");
        }
        Ok(())
    }
}

/// A fault in words.
fn told(kind: &Kind) -> String {
    match kind {
        Kind::UnhealthyTargets {
            target_group,
            reason,
            ..
        } => {
            let reason = reason.as_deref().unwrap_or("Target.Timeout");
            format!("targets of {target_group} fail their health checks ({reason})")
        }
        Kind::Alarm {
            name,
            state,
            region,
        } => format!("alarm {name} in {region} is {}", state.as_str()),
        Kind::ZoneDown { zone } => format!("zone {zone} is down"),
        Kind::RegionDown { region } => format!("region {region} is down"),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}
