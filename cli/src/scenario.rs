//! `--sandbox`: the local AWS, the world that a runbook needs in it, and what is broken there.
//!
//! A file `NAME.sandbox.yaml` beside the runbook says what is run first, which parameters follow from
//! that, and what is broken then. What came of it is derived from the state file and the sandbox alone,
//! so that a killed preparation is resumed like everything else.

mod supply;

use std::path::{Path, PathBuf};

use runbook_runtime::store::{Filter, RunInfo};
use runbook_runtime::{Ended, NewRun};
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

pub(crate) use supply::{Supply, supply};

/// For the crash sweep: a file with the outputs of what was prepared. Where it is missing, a command
/// prepares, writes it, and ends before the run; where it is there, nothing is prepared any more.
pub(crate) const PREPARED: &str = "RUNBOOK_SANDBOX_PREPARED";

/// Outputs of what was prepared, by name.
type Outputs = serde_json::Map<String, Value>;

/// What stands in `NAME.sandbox.yaml`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Runbooks to run first, in this order.
    #[serde(default)]
    pub(crate) prepare: Vec<Preparation>,
    /// Parameters of the run that are not given otherwise; templates over `env` and `prepared`.
    #[serde(default)]
    pub(crate) params: serde_json::Map<String, Value>,
    /// What to break then; strings are templates over `env`.
    #[serde(default)]
    pub(crate) faults: Vec<Value>,
}

/// One runbook to run first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preparation {
    /// What its outputs are called under `prepared`; the runbook's name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) runbook: String,
    /// Templates over `env` and over `prepared`, what came before.
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

impl Preparation {
    fn name(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.runbook)
    }
}

impl Scenario {
    /// The scenario beside a runbook, with its faults as `env` makes them. What it prepares is left out
    /// when that was done already.
    pub(crate) fn beside(runbook: &Path, env: &Value) -> Result<Self, Failure> {
        let mut scenario = Self::read(runbook)?;
        // What parameters follow from was prepared before there could be a run.
        let done = prepared().is_some_and(|file| file.exists());
        if done || !scenario.params.is_empty() {
            scenario.prepare.clear();
        }
        let scope = Scope::new().with("env", env.clone());
        for fault in &mut scenario.faults {
            *fault = template::render(fault, &scope).map_err(|error| wrong(runbook, &error))?;
            kind(fault).map_err(|error| wrong(runbook, &error))?;
        }
        Ok(scenario)
    }

    /// What the file beside a runbook says; nothing when there is none.
    pub(crate) fn read(runbook: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(beside(runbook)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(wrong(runbook, &error)),
        };
        let scenario: Self = serde_yaml::from_str(&text).map_err(|error| wrong(runbook, &error))?;
        let mut names = std::collections::BTreeSet::new();
        for name in scenario.prepare.iter().map(Preparation::name) {
            if !names.insert(name) {
                return Err(wrong(runbook, &format!("it prepares `{name}` twice"))
                    .help("tell them apart: give one of them an `id`"));
            }
        }
        Ok(scenario)
    }
}

fn beside(runbook: &Path) -> PathBuf {
    runbook.with_extension("sandbox.yaml")
}

/// A mistake in the file beside a runbook.
fn wrong(runbook: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{}: {why}", Project::shown(&beside(runbook))))
}

fn prepared() -> Option<PathBuf> {
    std::env::var_os(PREPARED).map(PathBuf::from)
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
        let mut outputs = Outputs::new();
        for preparation in &self.record.scenario.prepare {
            let id = self
                .preparing(driving, root, (preparation, &outputs))
                .await?;
            if let Some(code) = self.first(driving, &id, preparation).await? {
                let line = format!(
                    "\nthe sandbox could not be prepared; `runbook show {id}`, then `runbook resume {}`",
                    root.id
                );
                driving.progress.line(&line);
                return Ok(Some(code));
            }
            supply::note(&mut outputs, preparation, driving, &id)?;
        }
        if !self.record.scenario.prepare.is_empty() && supply::told(&outputs)? {
            return Ok(Some(exit::OK));
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

    /// Drives a preparing run unless it has ended well. An exit code when it does not.
    async fn first(
        &self,
        driving: &Driving,
        id: &str,
        preparation: &Preparation,
    ) -> Result<Option<u8>, Failure> {
        let before = driving.store.snapshot()?.run(id)?;
        if before.status == runbook_core::RunStatus::Succeeded {
            return Ok(None);
        }
        let name = preparation.name();
        driving
            .progress
            .line(&format!("  {} {name}", style::dim("prepare")));
        let ended = driving.go(id, Some(self), How::Chance).await?;
        if !matches!(ended, Ended::Finished { .. }) || code(&ended) != exit::OK {
            return Ok(Some(code(&ended).max(exit::FAILED)));
        }
        Self::summary(driving, id)?;
        Ok(None)
    }

    fn summary(driving: &Driving, id: &str) -> Result<(), Failure> {
        let snapshot = driving.store.snapshot()?;
        let tree = state::outline(&snapshot, snapshot.run(id)?, |run| {
            driving.progress.book(run)
        })?;
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
        (preparation, outputs): (&Preparation, &Outputs),
    ) -> Result<String, Failure> {
        let id = format!("{}.{}", root.id, preparation.name());
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
        let mut new = self.new_run(driving, (preparation, outputs)).await?;
        new.id = Some(id.clone());
        new.parent = Some((root.id.clone(), "prepare".to_owned()));
        Self::start(driving, new).await?;
        Ok(id)
    }

    async fn start(driving: &Driving, new: NewRun) -> Result<String, Failure> {
        let engine = runbook_runtime::Engine::new(
            driving.store.clone(),
            driving.catalog.clone(),
            runbook_runtime::Options::default(),
        );
        Ok(engine.start(new).await?)
    }

    /// The run that a preparation asks for, in the same environment.
    async fn new_run(
        &self,
        driving: &Driving,
        (preparation, outputs): (&Preparation, &Outputs),
    ) -> Result<NewRun, Failure> {
        let mut request = Request {
            file: preparation.runbook.clone(),
            env: self.record.env.clone(),
            sets: self.record.sets.clone(),
            sandbox: true,
            ..Request::default()
        };
        let scope = supply::scope(&driving.project, &request, outputs)?;
        request.params = supply::rendered(&preparation.params, &scope).map_err(|error| {
            Failure::usage(format!(
                "what prepares `{}` of the sandbox: {error}",
                preparation.name()
            ))
        })?;
        let loaded = load(&driving.project, &request)?;
        loaded.plug(&driving.project, &driving.progress).await?;
        Ok(loaded.new_run(crate::drive::actor(), json!({})))
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
            // A key without a slash was given by hand, or by the crash sweep.
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
