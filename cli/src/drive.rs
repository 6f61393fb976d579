//! Drives one run in front of a person: Ctrl-C, questions, and what is said at the end.

use std::sync::Arc;

use runbook_core::RunStatus;
use runbook_runtime::store::{Filter, Store};
use runbook_runtime::{Ended, Engine, GatePolicy, Options, Watch};
use runbook_step::Catalog;
use tokio::sync::watch;

use crate::exit;
use crate::failure::Failure;
use crate::plugged;
use crate::project::Project;
use crate::prompt::{self, Desk};
use crate::scenario::World;
use crate::state;
use crate::ui::next::next;
use crate::ui::progress::{Mode, Progress};
use crate::ui::{out, say, show, style};

/// How long the sandbox may hide what it has made: only as long as a call of a killed process may
/// still be on its way.
const SANDBOX_SETTLE_MS: u64 = 2_000;

/// A command that drives runs.
pub(crate) struct Driving {
    pub(crate) project: Project,
    pub(crate) store: Store,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) progress: Arc<Progress>,
    desk: Arc<Desk>,
    stop: watch::Sender<Watch>,
}

/// How a run is taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// What failed or is held gets another chance.
    Chance,
    /// Nothing but what its journal and its operators say.
    AsItStands,
    /// Its journal may be older than the world.
    Restored,
}

/// Who acts, for the record.
pub(crate) fn actor() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .or_else(user_id)
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The number of the user, where no variable names them.
fn user_id() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("Uid:"))?;
    Some(format!("uid {}", line.split_whitespace().nth(1)?))
}

impl Driving {
    pub(crate) fn new(project: &Project, json: bool) -> Result<Self, Failure> {
        let (stop, _) = watch::channel(Watch::Go);
        let store = Store::open(project.state())?;
        let progress = Progress::new(Mode::choose(json));
        let driving = Self {
            project: project.clone(),
            desk: Desk::new(store.clone(), progress.clone()),
            store,
            catalog: Arc::new(runbook_steps::catalog()),
            progress,
            stop,
        };
        driving.listen();
        Ok(driving)
    }

    /// Ctrl-C once: finish the steps in hand. Twice: stop now. Both leave a resumable run.
    fn listen(&self) {
        let (stop, progress) = (self.stop.clone(), self.progress.clone());
        tokio::spawn(async move {
            loop {
                interrupted().await;
                if *stop.borrow() == Watch::Go {
                    stop.send_replace(Watch::Drain);
                    progress.line("  finishing the steps in hand; Ctrl-C again stops at once, and both can be resumed");
                } else {
                    stop.send_replace(Watch::Now);
                }
            }
        });
    }

    /// Whether somebody asked to stop.
    pub(crate) fn stopping(&self) -> bool {
        *self.stop.borrow() != Watch::Go
    }

    fn engine(&self, world: Option<&World>, id: &str) -> Result<Engine, Failure> {
        let interactive = self.progress.mode() == Mode::Live && prompt::possible();
        let mut options = Options {
            gates: if interactive {
                GatePolicy::Hold
            } else {
                GatePolicy::Park
            },
            watcher: self.watcher(interactive),
            ..Options::default()
        };
        if let Some(world) = world {
            options.settle = SANDBOX_SETTLE_MS;
            options.endpoint = Some(world.endpoint());
            if !world.asks() {
                options.gates = GatePolicy::Grant("sandbox".to_owned());
            }
        }
        Ok(Engine::new(
            self.store.clone(),
            self.catalog_of(id)?,
            options,
        ))
    }

    /// The step types of the binary, and those of the plugins that the run has pinned.
    fn catalog_of(&self, id: &str) -> Result<Arc<Catalog>, Failure> {
        let snapshot = self.store.snapshot()?;
        let definition = snapshot.definition(&snapshot.run(id)?)?;
        if definition.plugins.is_empty() {
            return Ok(self.catalog.clone());
        }
        let mut kinds: Vec<_> = self.catalog.iter().copied().collect();
        kinds.extend(plugged::for_driving(&self.project, &definition)?);
        Ok(Arc::new(Catalog::new(kinds)))
    }

    /// For a run whose sandbox is gone: what it began there must never reach the environment itself.
    fn nowhere(&self) -> Engine {
        let keys = runbook_step::Keys {
            id: "none".to_owned(),
            secret: "none".to_owned(),
        };
        let options = Options {
            settle: SANDBOX_SETTLE_MS,
            // Nothing listens on the discard port of this machine.
            endpoint: Some(("http://127.0.0.1:9".to_owned(), keys)),
            watcher: self.progress.watcher(),
            ..Options::default()
        };
        Engine::new(self.store.clone(), self.catalog.clone(), options)
    }

    fn watcher(&self, interactive: bool) -> runbook_runtime::Watcher {
        let shown = self.progress.watcher();
        if !interactive {
            return shown;
        }
        let desk = self.desk.clone();
        Arc::new(move |notice| {
            shown(notice);
            desk.notice(notice);
        })
    }

    /// Drives a run to wherever it gets.
    pub(crate) async fn go(
        &self,
        id: &str,
        world: Option<&World>,
        how: How,
    ) -> Result<Ended, Failure> {
        let engine = self.engine(world, id)?;
        let stop = self.stop.subscribe();
        let ended = match how {
            How::Chance if self.is_stuck(id)? => engine.reopen(id, &actor(), stop).await,
            How::Chance => engine.drive(id, &actor(), stop).await,
            How::Restored => engine.restore(id, &actor(), stop).await,
            How::AsItStands => engine.drive(id, &actor(), stop).await,
        };
        self.progress.clear();
        ended.map_err(|error| {
            let failure = Failure::from(error);
            match failure.help {
                Some(_) => failure,
                None => failure.help(format!(
                    "`runbook resume {id}` goes on from what was recorded"
                )),
            }
        })
    }

    /// Whether a run, or one below it, has failed or is held.
    fn is_stuck(&self, id: &str) -> Result<bool, Failure> {
        let snapshot = self.store.snapshot()?;
        let mut open = vec![snapshot.run(id)?];
        while let Some(info) = open.pop() {
            if matches!(info.status, RunStatus::Failed | RunStatus::Paused) {
                return Ok(true);
            }
            let below = Filter {
                parent: Some(info.id),
                ..Filter::default()
            };
            let children = snapshot.list(&below)?.into_iter();
            open.extend(children.filter(|one| one.role == "child"));
        }
        Ok(false)
    }

    /// Says what becomes of a word to a run that another process drives.
    pub(crate) fn recorded(&self, root: &str) -> Result<(), Failure> {
        match state::silent_since(&self.store.snapshot()?, root)? {
            None => say(&format!(
                "recorded; the process that drives run {root} takes it\n"
            )),
            Some(at) => say(&format!(
                "recorded; but the process that drives run {root} was not heard of since {}\nnext: runbook resume {root}\n",
                style::time(at)
            )),
        }
        Ok(())
    }

    /// Drives a root run, with its world when it has one, and says how it ended. What failed or is held
    /// gets another chance.
    pub(crate) async fn root(&self, id: &str) -> Result<u8, Failure> {
        self.drive(id, How::Chance).await
    }

    /// The same for a run whose operator has said what is to be done.
    pub(crate) async fn as_it_stands(&self, id: &str) -> Result<u8, Failure> {
        self.drive(id, How::AsItStands).await
    }

    /// The same for a run of a restored state file.
    pub(crate) async fn restored(&self, id: &str) -> Result<u8, Failure> {
        self.drive(id, How::Restored).await
    }

    async fn drive(&self, id: &str, how: How) -> Result<u8, Failure> {
        let info = self.store.snapshot()?.run(id)?;
        self.head(&info);
        let world = World::of_run(&info).await?;
        if let Some(world) = &world
            && let Some(code) = world.prepare(self, &info).await?
        {
            return Ok(code);
        }
        let ended = self.go(id, world.as_ref(), how).await?;
        self.foot(id, &ended, world.as_ref())
    }

    /// Carries a recorded cancellation out, with the sandbox where it is still there.
    pub(crate) async fn cancelled(&self, id: &str) -> Result<u8, Failure> {
        let info = self.store.snapshot()?.run(id)?;
        self.head(&info);
        let world = World::of_run(&info).await.ok().flatten();
        let sandboxed = info.meta.get("sandbox").is_some_and(|one| !one.is_null());
        let engine = if sandboxed && world.is_none() {
            self.nowhere()
        } else {
            self.engine(world.as_ref(), id)?
        };
        let ended = engine.drive(id, &actor(), self.stop.subscribe()).await?;
        self.progress.clear();
        self.foot(id, &ended, None)
    }

    fn head(&self, info: &runbook_runtime::store::RunInfo) {
        let place = if info.meta.get("sandbox").is_some_and(|one| !one.is_null()) {
            format!("{} in the sandbox", info.environment)
        } else {
            info.environment.clone()
        };
        let line = format!(
            "run {}  {}  {place}",
            style::bold(&info.id),
            style::bold(&info.runbook)
        );
        self.progress.line(&line);
        self.progress.line("");
    }

    /// The last lines: how it ended, how long it took, what was reached, what to type next.
    fn foot(&self, id: &str, ended: &Ended, world: Option<&World>) -> Result<u8, Failure> {
        let snapshot = self.store.snapshot()?;
        let tree = state::outline(&snapshot, snapshot.run(id)?, |run| self.progress.book(run))?;
        let root = &tree[0];
        let code = code(ended);
        if self.progress.mode() == Mode::Json {
            out(&format!("{}\n", result_json(root, code)));
            return Ok(code);
        }
        let say = |text: &str| self.progress.line(text);
        say("");
        let took = match (root.run.started(), root.run.finished()) {
            (Some(started), Some(finished)) => {
                format!(" in {}", style::span(finished.since(started)))
            }
            _ => String::new(),
        };
        let status = show::status_words(&root.info, false);
        let word = if *ended == Ended::Interrupted {
            style::red("interrupted")
        } else {
            status
        };
        say(&format!("{word}  {}  run {id}{took}", root.info.runbook));
        let measures = root.measures();
        for (step, why) in root.stays() {
            say(&format!("  {} {step}: {why}", style::red("stays")));
        }
        if matches!(ended, Ended::Finished { .. }) && !measures.is_empty() {
            say(show::measures(&measures).trim_end());
        }
        if let Some(held) = root.held() {
            say(&format!("  held by {held}"));
        }
        let tally = match tree.as_slice() {
            // One alone may be large.
            [one] => show::tally(std::slice::from_ref(&one.run)),
            tree => show::tally(&tree.iter().map(|one| one.run.clone()).collect::<Vec<_>>()),
        };
        say(&format!("  {tally}"));
        if let Some(serde_json::Value::Object(outputs)) = &root.info.outputs {
            for (name, value) in outputs {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                say(&format!("  {name:<16} {text}"));
            }
        }
        let questions: Vec<(String, String)> = snapshot
            .questions(Some(&root.info.family))?
            .into_iter()
            .map(|one| (one.run, one.step))
            .collect();
        let next = next(&tree, false, &questions);
        if !next.is_empty() {
            say("");
            say(&format!("next: {}", next.join("\n      ")));
        } else if world.is_some() {
            say("");
            say(&style::dim(&format!(
                "the sandbox keeps running until `runbook sandbox stop`; `runbook show {id}` tells the whole story"
            )));
        }
        Ok(code)
    }
}

fn result_json(root: &state::Loaded, code: u8) -> serde_json::Value {
    serde_json::json!({
        "kind": "result",
        "run": root.info.id,
        "runbook": root.info.runbook,
        "status": root.info.status,
        "exit_code": code,
        "outputs": root.info.outputs,
        "objectives": root.measures().iter().map(|measure| serde_json::json!({
            "objective": measure.objective,
            "target_ms": measure.target,
            "actual_ms": measure.actual,
            "met": measure.met(),
        })).collect::<Vec<_>>(),
    })
}

/// The exit code of an end.
pub(crate) fn code(ended: &Ended) -> u8 {
    match ended {
        Ended::Finished { status, .. } => match status {
            RunStatus::Succeeded | RunStatus::SucceededWithWarnings => exit::OK,
            RunStatus::ObjectiveMissed => exit::MISSED,
            RunStatus::Pending
            | RunStatus::Running
            | RunStatus::Waiting
            | RunStatus::Paused
            | RunStatus::Failed
            | RunStatus::Cancelled
            | RunStatus::RollingBack
            | RunStatus::RolledBack => exit::FAILED,
        },
        Ended::Waiting | Ended::Paused => exit::WAITING,
        Ended::Interrupted => exit::INTERRUPTED,
    }
}

#[cfg(unix)]
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
