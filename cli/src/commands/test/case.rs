//! Carries one case out: a run in an account of its own, disturbed once, and resumed until it ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use runbook_core::{Event, StepStatus};
use runbook_runtime::store::{Filter as Runs, Snapshot};
use runbook_sandbox::{Calls, Fault, Filter, Handle, Kind, Lifecycles, Options, Verdict as Fate};
use tokio::process::Command;

use super::plan::{Calm, Case, changes};
use crate::args::TestArgs;
use crate::failure::Failure;
use crate::project::Project;
use crate::{crash, exit, scenario, state};

/// Resumes before a case counts as stuck.
const PATIENCE: usize = 8;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same end and the same world as undisturbed.
    Same,
    /// A step waits for a person's word, since nothing can tell what became of it.
    InDoubt(String),
    /// Something is doubled, missing or different.
    Differs(String),
    /// It does not come to the same end.
    Stuck(String),
}

impl Verdict {
    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::Stuck(_))
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::InDoubt(_) => "in_doubt",
            Self::Differs(_) => "differs",
            Self::Stuck(_) => "stuck",
        }
    }

    pub(super) fn words(&self) -> &str {
        match self {
            Self::Same => "",
            Self::InDoubt(text) | Self::Differs(text) | Self::Stuck(text) => text,
        }
    }
}

/// The place where the cases of one file are played.
pub(super) struct Bench {
    folder: PathBuf,
    options: Options,
    handle: Handle,
    run: Vec<String>,
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
        let path = crate::load::find(project, file)?;
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
        let mut run = vec![
            "run".to_owned(),
            path.display().to_string(),
            "--sandbox".to_owned(),
            "--json".to_owned(),
        ];
        if let Some(env) = &args.env {
            run.extend(["--env".to_owned(), env.clone()]);
        }
        for param in &args.params {
            run.extend(["--param".to_owned(), param.clone()]);
        }
        for set in &args.sets {
            run.extend(["--set".to_owned(), set.clone()]);
        }
        Ok(Self {
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
        let output = Command::new(std::env::current_exe()?)
            .args(args)
            .env("RUNBOOK_STATE", self.state(place))
            .env("RUNBOOK_SANDBOX_DIR", &self.options.dir)
            .env("RUNBOOK_SANDBOX_ACCOUNT", self.account(place))
            .envs(extra.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        Ok(output)
    }

    async fn prepare(&self, place: usize) -> Result<(), Failure> {
        if let Some(folder) = self.state(place).parent() {
            std::fs::create_dir_all(folder)?;
        }
        let account = self.account(place);
        self.handle
            .set_lifecycles(Some(&account), Lifecycles::INSTANT)
            .await?;
        Ok(())
    }

    /// The undisturbed run.
    pub(super) async fn calm(&self) -> Result<Calm, Failure> {
        self.prepare(0).await?;
        let log = self.folder.join("points");
        let extra = [(crash::LOG, log.display().to_string())];
        let output = self.call(0, &self.run, &extra).await?;
        let code = code(&output);
        if !matches!(code, exit::OK | exit::MISSED) {
            return Err(Failure::new(
                exit::FAILED,
                format!(
                    "the undisturbed run ended with exit code {code}; nothing can be compared with it:\n{}",
                    tail(&output)
                ),
            ));
        }
        let snapshot = Snapshot::open(&self.state(0))?;
        let root = state::find(&snapshot, None)?;
        let started = root.started.unwrap_or(root.created);
        let text = std::fs::read_to_string(&log)?;
        let reached = text.lines().enumerate().filter_map(|(index, line)| {
            let (at, name) = line.split_once(' ')?;
            let own = at.parse::<i64>().ok()? >= started.0;
            own.then(|| (index + 1, name.to_owned()))
        });
        let account = self.account(0);
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
            inventory: self.handle.inventory(&self.options, Some(&account)).await?,
            points: reached.collect(),
            calls,
        })
    }

    /// One disturbed run, resumed until it ends.
    pub(super) async fn play(
        &self,
        case: &Case,
        place: usize,
        calm: &Calm,
    ) -> Result<Verdict, Failure> {
        self.prepare(place).await?;
        let extra = match case {
            Case::Crash { number, .. } => vec![(crash::POINT, number.to_string())],
            Case::Lost { .. } => {
                self.lose(case, place).await?;
                Vec::new()
            }
        };
        let mut output = self.call(place, &self.run, &extra).await?;
        for _ in 0..PATIENCE {
            let code = code(&output);
            if code == calm.code {
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
            key: format!("sweep/{place}"),
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
        let account = self.account(place);
        let found = self.handle.inventory(&self.options, Some(&account)).await?;
        if let Some(text) = difference(&calm.inventory, &found) {
            return Ok(Verdict::Differs(text));
        }
        Ok(match repeated(&self.state(place))? {
            Some(text) => Verdict::Differs(text),
            None => Verdict::Same,
        })
    }
}

/// The exit code; a process that was ended by a signal has none of its own.
fn code(output: &Output) -> u8 {
    output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
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

fn all(snapshot: &Snapshot) -> Result<Vec<state::Loaded>, Failure> {
    let runs = snapshot.list(&Runs::default())?;
    runs.into_iter()
        .map(|info| state::load(snapshot, info))
        .collect()
}

/// The steps in doubt of any run, if there are some.
fn doubts(path: &Path) -> Result<Option<String>, Failure> {
    let snapshot = Snapshot::open(path)?;
    let mut names = Vec::new();
    for loaded in all(&snapshot)? {
        for (step, state) in loaded.run.book().steps.iter().zip(loaded.run.steps()) {
            if state.status() == StepStatus::InDoubt {
                names.push(format!("{} {}", loaded.info.id, step.id));
            }
        }
    }
    Ok((!names.is_empty()).then(|| names.join(", ")))
}

/// A step that succeeded more than once, if there is one.
fn repeated(path: &Path) -> Result<Option<String>, Failure> {
    let snapshot = Snapshot::open(path)?;
    for info in snapshot.list(&Runs::default())? {
        let mut ends: BTreeMap<(String, Option<u32>), usize> = BTreeMap::new();
        for row in snapshot.events(&info.id, 0)? {
            if let Event::Succeeded { step, item, .. } = &row.entry.event {
                *ends.entry((step.clone(), *item)).or_default() += 1;
            }
        }
        if let Some(((step, _), count)) = ends.iter().find(|(_, count)| **count > 1) {
            return Ok(Some(format!(
                "  step `{step}` of run {} succeeded {count} times",
                info.id
            )));
        }
    }
    Ok(None)
}

/// The lines that only one of two inventories has.
fn difference(wanted: &str, found: &str) -> Option<String> {
    if wanted == found {
        return None;
    }
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for line in wanted.lines() {
        *counts.entry(line).or_default() -= 1;
    }
    for line in found.lines() {
        *counts.entry(line).or_default() += 1;
    }
    let lines: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count != 0)
        .take(12)
        .map(|(line, count)| {
            format!(
                "  {} {line}",
                if *count > 0 { "more:   " } else { "missing:" }
            )
        })
        .collect();
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn what_only_one_world_has_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let text = difference("a\nb\n", "a\na\n").unwrap();
        assert!(
            text.contains("more:    a") && text.contains("missing: b"),
            "{text}"
        );
    }
}
