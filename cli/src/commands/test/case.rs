//! Carries one case out: a run in an account of its own, disturbed once, and resumed until it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use runbook_runtime::store::Snapshot;
use runbook_sandbox::{
    Calls, Fault, Filter, Handle, Inventory, Kind, Lifecycles, Options, Verdict as Fate,
};
use tokio::process::Command;

use super::plan::{Calm, Case, changes};
use super::verdict::{Verdict, counted, difference, doubts, repeated};
use crate::args::TestArgs;
use crate::failure::Failure;
use crate::load;
use crate::project::Project;
use crate::scenario::{self, PREPARED, Scenario};
use crate::{crash, exit, state};

/// Resumes before a case counts as stuck.
const PATIENCE: usize = 8;

/// How long one command of a case may take before the case counts as stuck.
const LONGEST: Duration = Duration::from_secs(900);

/// Of the accounts and folders, the one in which the world is prepared, and that of the undisturbed
/// run; the cases come after them.
const SEED: usize = 0;
const CALM: usize = 1;
/// Place of the first case.
pub(super) const FIRST: usize = 2;

/// Operations whose effect no inventory shows.
const UNSEEN: [&str; 1] = ["Publish"];

/// A case and what came of it.
pub(super) struct Played {
    pub(super) case: Case,
    pub(super) verdict: Verdict,
    /// Where it was disturbed, if it came that far.
    pub(super) reached: Option<String>,
}

/// The place where the cases of one file are played.
pub(super) struct Bench {
    folder: PathBuf,
    options: Options,
    handle: Handle,
    run: Vec<String>,
    /// What a prepared world gave, when there is something to prepare.
    prepared: Option<PathBuf>,
    /// Processes that tell what is in an account, as many as were needed at once.
    inventories: Mutex<Vec<Inventory>>,
    /// First of a row of accounts that nobody has used.
    account: u64,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Bench {
    pub(super) async fn new(
        project: &Project,
        args: &TestArgs,
        file: &str,
    ) -> Result<Self, Failure> {
        let path = load::find(project, file)?;
        let prepared = !Scenario::read(&path)?.prepare.is_empty();
        let options = scenario::options(&project.sandbox());
        let handle = scenario::ensure(&options).await?;
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let folder = std::env::temp_dir().join(format!(
            "runbook-sweep-{}-{}",
            std::process::id(),
            since.as_millis()
        ));
        std::fs::create_dir_all(&folder)?;
        let run = command(args, &path);
        Ok(Self {
            prepared: prepared.then(|| folder.join("prepared.json")),
            inventories: Mutex::default(),
            folder,
            options,
            handle,
            run,
            // Twelve digits that move on with the clock: no two sweeps share an account.
            account: 400_000_000_000
                + u64::try_from(since.as_millis() / 10).unwrap_or(0) % 500_000_000_000,
        })
    }

    fn account(&self, place: usize) -> String {
        format!("{:012}", self.account + place as u64)
    }

    fn state(&self, place: usize) -> PathBuf {
        self.folder.join(place.to_string()).join("state.db")
    }

    async fn call(
        &self,
        place: usize,
        args: &[String],
        extra: &[(&str, String)],
    ) -> Result<Output, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        if let Some(file) = &self.prepared {
            command.env(PREPARED, file);
        }
        let ended = command
            .args(args)
            .env("RUNBOOK_STATE", self.state(place))
            .env("RUNBOOK_SANDBOX_DIR", &self.options.dir)
            .env("RUNBOOK_SANDBOX_ACCOUNT", self.account(place))
            .envs(extra.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        match tokio::time::timeout(LONGEST, ended).await {
            Ok(output) => Ok(output?),
            Err(_) => Err(Failure::new(
                exit::FAILED,
                format!(
                    "`runbook {}` did not end within {} minutes in account {}",
                    args.join(" "),
                    LONGEST.as_secs() / 60,
                    self.account(place)
                ),
            )),
        }
    }

    async fn inventory(&self, place: usize) -> Result<String, Failure> {
        let free = self.pool().pop();
        let mut inventory = match free {
            Some(inventory) => inventory,
            None => Inventory::start(&self.handle, &self.options).await?,
        };
        let found = inventory.of(&self.account(place)).await?;
        self.pool().push(inventory);
        Ok(found)
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Vec<Inventory>> {
        self.inventories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each of the operations that leave no trace had an effect. A repeat with the same token
    /// has none: whoever is told twice drops the second one.
    async fn unseen(&self, place: usize) -> Result<Vec<(&'static str, usize)>, Failure> {
        let mut counts = Vec::new();
        for operation in UNSEEN {
            let mut filter = Filter::account(self.account(place));
            filter.operation = Some(operation.to_owned());
            let mut done = self.handle.ledger(&filter).await?;
            done.retain(|one| one.verdict == Fate::Forwarded && one.status < 300);
            let tokens: BTreeSet<_> = done.iter().filter_map(|one| one.token.as_ref()).collect();
            let without = done.iter().filter(|one| one.token.is_none()).count();
            counts.push((operation, tokens.len() + without));
        }
        Ok(counts)
    }

    async fn prepare(&self, place: usize) -> Result<(), Failure> {
        if let Some(folder) = self.state(place).parent() {
            std::fs::create_dir_all(folder)?;
        }
        let account = self.account(place);
        self.handle
            .set_lifecycles(Some(&account), Lifecycles::INSTANT)
            .await?;
        if self.prepared.is_some() && place != SEED {
            self.handle.copy(&self.account(SEED), &account).await?;
        }
        Ok(())
    }

    /// Ends what a case leaves behind in the sandbox and on disk.
    async fn tidy(&self, place: usize) -> Result<(), Failure> {
        self.handle.clear(Some(&self.account(place)), None).await?;
        if let Some(folder) = self.state(place).parent() {
            std::fs::remove_dir_all(folder)?;
        }
        Ok(())
    }

    /// Prepares the world that every run of this sweep gets a copy of.
    pub(super) async fn seed(&self) -> Result<(), Failure> {
        if self.prepared.is_none() {
            return Ok(());
        }
        self.prepare(SEED).await?;
        let output = self.call(SEED, &self.run, &[]).await?;
        if code(&output) == exit::OK {
            return Ok(());
        }
        Err(Failure::new(
            exit::FAILED,
            format!(
                "the world of the run could not be prepared:\n{}",
                tail(&output)
            ),
        ))
    }

    /// The undisturbed run.
    pub(super) async fn calm(&self) -> Result<Calm, Failure> {
        self.prepare(CALM).await?;
        let log = self.log(CALM);
        let extra = [(crash::LOG, log.display().to_string())];
        let output = self.call(CALM, &self.run, &extra).await?;
        let code = code(&output);
        if !is_end(code) {
            return Err(Failure::new(
                exit::FAILED,
                format!(
                    "the undisturbed run ended with exit code {code}; nothing can be compared with it:\n{}",
                    tail(&output)
                ),
            ));
        }
        let snapshot = Snapshot::open(&self.state(CALM))?;
        let root = state::find(&snapshot, None)?;
        let started = root.started.unwrap_or(root.created);
        let text = std::fs::read_to_string(&log)?;
        let reached = text.lines().enumerate().filter_map(|(index, line)| {
            let (at, name) = line.split_once(' ')?;
            let own = at.parse::<i64>().ok()? >= started.0;
            own.then(|| (index + 1, name.to_owned()))
        });
        let account = self.account(CALM);
        let ledger = self.handle.ledger(&Filter::account(&account)).await?;
        let mut before: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut calls = Vec::new();
        for entry in ledger {
            if entry.verdict != Fate::Forwarded || !changes(&entry.operation) {
                continue;
            }
            let count = before
                .entry((entry.service.clone(), entry.operation.clone()))
                .or_default();
            if entry.at.as_millisecond() >= started.0 {
                calls.push((entry.service, entry.operation, *count));
            }
            *count += 1;
        }
        Ok(Calm {
            code,
            inventory: self.inventory(CALM).await?,
            unseen: self.unseen(CALM).await?,
            points: reached.collect(),
            calls,
        })
    }

    /// One disturbed run, resumed until it ends. What keeps it from being played is a verdict too: the
    /// other cases have theirs.
    pub(super) async fn play(&self, case: Case, place: usize, calm: &Calm) -> Played {
        let (verdict, reached) = match self.judge(&case, place, calm).await {
            Ok(found) => found,
            Err(failure) => {
                let words = format!("  it could not be played: {}", failure.message);
                (Verdict::Stuck(words), None)
            }
        };
        Played {
            case,
            verdict,
            reached,
        }
    }

    async fn judge(
        &self,
        case: &Case,
        place: usize,
        calm: &Calm,
    ) -> Result<(Verdict, Option<String>), Failure> {
        let verdict = self.disturb(case, place, calm).await?;
        let reached = match case {
            Case::Crash { number, .. } => self.died(place, *number),
            Case::Lost { .. } => self.lost(place).await?.then(|| case.place()),
        };
        self.tidy(place).await?;
        Ok((verdict, reached))
    }

    fn log(&self, place: usize) -> PathBuf {
        self.folder.join(place.to_string()).join("points")
    }

    /// Where the process died: two runs need not come by the same places in the same order, and one
    /// that came by fewer has not died.
    fn died(&self, place: usize, number: usize) -> Option<String> {
        let text = std::fs::read_to_string(self.log(place)).ok()?;
        let last = text.lines().nth(number.checked_sub(1)?)?;
        Some(last.split_once(' ')?.1.to_owned())
    }

    /// Whether an answer was lost: the ledger knows, whatever became of the fault.
    async fn lost(&self, place: usize) -> Result<bool, Failure> {
        let filter = Filter::account(self.account(place));
        let ledger = self.handle.ledger(&filter).await?;
        Ok(ledger.iter().any(|one| one.answer_dropped))
    }

    async fn disturb(&self, case: &Case, place: usize, calm: &Calm) -> Result<Verdict, Failure> {
        self.prepare(place).await?;
        let extra = match case {
            Case::Crash { number, .. } => vec![
                (crash::POINT, number.to_string()),
                (crash::LOG, self.log(place).display().to_string()),
            ],
            Case::Lost { .. } => {
                self.lose(case, place).await?;
                Vec::new()
            }
        };
        let mut output = self.call(place, &self.run, &extra).await?;
        for _ in 0..PATIENCE {
            let code = code(&output);
            if is_end(code) {
                return self.compare(place, calm).await;
            }
            let Some(run) = root(&self.state(place)) else {
                // It died before anything was recorded: nothing has happened.
                output = self.call(place, &self.run, &[]).await?;
                continue;
            };
            if code == exit::WAITING
                && let Some(steps) = doubts(&self.state(place))?
            {
                return Ok(Verdict::InDoubt(steps));
            }
            let resume = ["resume".to_owned(), run, "--json".to_owned()];
            output = self.call(place, &resume, &[]).await?;
        }
        Ok(Verdict::Stuck(format!(
            "  it ends with exit code {} and the undisturbed run with {}:\n{}",
            code(&output),
            calm.code,
            tail(&output)
        )))
    }

    async fn lose(&self, case: &Case, place: usize) -> Result<(), Failure> {
        let Case::Lost {
            service,
            operation,
            skip,
            ..
        } = case
        else {
            return Ok(());
        };
        let fault = Fault {
            key: loss(place),
            account: Some(self.account(place)),
            fault: Kind::LostAnswer {
                on: Calls {
                    service: Some(service.clone()),
                    operation: Some(operation.clone()),
                    skip: *skip,
                    times: Some(1),
                    ..Calls::default()
                },
            },
        };
        self.handle.fault(&fault).await?;
        Ok(())
    }

    async fn compare(&self, place: usize, calm: &Calm) -> Result<Verdict, Failure> {
        let found = self.inventory(place).await?;
        if let Some(text) = difference(&calm.inventory, &found) {
            return Ok(Verdict::Differs(text));
        }
        for ((operation, wanted), (_, found)) in calm.unseen.iter().zip(self.unseen(place).await?) {
            if let Some(text) = counted(operation, *wanted, found) {
                return Ok(Verdict::Differs(text));
            }
        }
        Ok(match repeated(&self.state(place))? {
            Some(text) => Verdict::Differs(text),
            None => Verdict::Same,
        })
    }
}

/// Key of the fault that loses an answer. It has no slash: a run ends the faults of earlier runs in its
/// account when it begins, which it knows by theirs.
fn loss(place: usize) -> String {
    format!("sweep-{place}")
}

/// The command that runs a file as the sweep was asked to.
fn command(args: &TestArgs, path: &Path) -> Vec<String> {
    let mut run = vec!["run".to_owned(), path.display().to_string()];
    run.extend(["--sandbox".to_owned(), "--json".to_owned()]);
    run.extend(given(args));
    run
}

/// Environment, parameters and overrides, as they are typed.
pub(super) fn given(args: &TestArgs) -> Vec<String> {
    let env = args.env.iter().map(|env| ("--env", env));
    let params = args.params.iter().map(|param| ("--param", param));
    let sets = args.sets.iter().map(|set| ("--set", set));
    env.chain(params)
        .chain(sets)
        .flat_map(|(option, value)| [option.to_owned(), value.clone()])
        .collect()
}

/// The exit code; a process that was ended by a signal has none of its own.
fn code(output: &Output) -> u8 {
    output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

/// Whether a run came to its end. An objective is measured with the clock, and what was prepared once
/// grows older from case to case: a recovery point that was young enough at first is not at last.
fn is_end(code: u8) -> bool {
    matches!(code, exit::OK | exit::MISSED)
}

fn tail(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().rev().take(6).collect();
    let lines: Vec<String> = lines.iter().rev().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

fn root(path: &Path) -> Option<String> {
    let snapshot = Snapshot::open(path).ok()?;
    Some(state::find(&snapshot, None).ok()?.id)
}

#[cfg(test)]
mod tests {
    use super::is_end;
    use crate::exit;

    #[test]
    fn a_world_that_grew_old_is_no_failure() {
        assert!(is_end(exit::OK) && is_end(exit::MISSED));
        assert!(!is_end(exit::FAILED) && !is_end(exit::WAITING));
    }
}
