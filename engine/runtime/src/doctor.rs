//! Looks a state file over: is the file whole, are the journals what was written, and do the state rows
//! say what the events say? What can be derived from the events can be written again.

mod derive;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use runbook_core::RunStatus;
use thiserror::Error;

use crate::store::{Filter, RunInfo, Shown, Snapshot, Store, StoreError, beside};
use derive::{Whole, derive};

/// What a finding is about, and by that what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// SQLite finds its file broken. Only a backup helps.
    Damaged,
    /// A run's record cannot be trusted: its journal, a definition or a blob was changed or is missing,
    /// or the journal does not fit its runbook. Only a backup helps.
    Record,
    /// State rows do not say what the events say. [`rebuild`] writes them again.
    Rows,
    /// A lock is held by a run that has ended, or not held by one that has not. [`rebuild`] mends it.
    Lock,
    /// Two live runs need the same lock. A person has to end one.
    Clash,
    /// A live run that nobody drives; no problem of the file.
    Interrupted,
    /// A run asks a person something; no problem of the file.
    Asks,
    /// SQLite's journal mode is not the one that the engine writes with; the next writer sets it.
    Setting,
}

impl Kind {
    /// Whether something is wrong with the file.
    #[must_use]
    pub fn is_problem(self) -> bool {
        self <= Self::Clash
    }

    /// Whether [`rebuild`] mends it.
    #[must_use]
    pub fn is_mendable(self) -> bool {
        matches!(self, Self::Rows | Self::Lock)
    }

    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Record => "record",
            Self::Rows => "rows",
            Self::Lock => "lock",
            Self::Clash => "clash",
            Self::Interrupted => "interrupted",
            Self::Asks => "asks",
            Self::Setting => "setting",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub kind: Kind,
    /// The run, when it is about one. For [`Kind::Interrupted`] the one to resume.
    pub run: Option<String>,
    /// The step that asks.
    pub step: Option<String>,
    /// What it is; a lowercase fragment.
    pub message: String,
}

/// What came of an examination.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The state file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Size of its write-ahead log in bytes.
    pub wal_bytes: u64,
    /// Runs in the file.
    pub runs: u64,
    /// Events in the file.
    pub events: u64,
    /// Runs whose journals and rows were looked at.
    pub examined: u64,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong with the file.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.findings.iter().any(|one| one.kind.is_problem())
    }

    /// Whether something of this kind was found.
    #[must_use]
    pub fn has(&self, kind: Kind) -> bool {
        self.findings.iter().any(|one| one.kind == kind)
    }

    /// The runs of findings of these kinds.
    #[must_use]
    pub fn runs_with(&self, wanted: impl Fn(Kind) -> bool) -> BTreeSet<String> {
        let findings = self.findings.iter().filter(|one| wanted(one.kind));
        findings.filter_map(|one| one.run.clone()).collect()
    }

    fn add(&mut self, kind: Kind, run: Option<&str>, message: impl Into<String>) {
        self.findings.push(Finding {
            kind,
            run: run.map(str::to_owned),
            step: None,
            message: message.into(),
        });
    }

    /// What could not even be read.
    fn unreadable(&mut self, run: Option<&str>, error: StoreError) {
        match error {
            StoreError::Corrupt { run, reason } => self.add(Kind::Record, Some(&run), reason),
            other => self.add(Kind::Damaged, run, other.to_string()),
        }
    }
}

/// Rows that differ are named one by one up to this many for each run.
const NAMED: usize = 8;

/// Examines a state file, or one run of it with the runs below it. Writes nothing; a live process may
/// go on writing meanwhile.
///
/// # Errors
/// [`StoreError`] when there is no state file of ours, or no such run.
pub fn examine(path: &Path, only: Option<&str>) -> Result<Report, StoreError> {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let mut report = Report {
        path: path.to_path_buf(),
        bytes: size(path),
        wal_bytes: size(&beside(path, "-wal")),
        ..Report::default()
    };
    let snapshot = match Snapshot::open(path) {
        Ok(snapshot) => snapshot,
        Err(error @ StoreError::Failed { .. }) => {
            report.add(Kind::Damaged, None, error.to_string());
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let only = match only {
        Some(name) => Some(snapshot.find(name)?.id),
        None => None,
    };
    if let Err(error) = look(&snapshot, only.as_deref(), &mut report) {
        report.unreadable(None, error);
    }
    report.findings.sort_by_key(|one| one.kind);
    Ok(report)
}

fn look(snapshot: &Snapshot, only: Option<&str>, report: &mut Report) -> Result<(), StoreError> {
    snapshot.hold()?;
    match snapshot.complaints() {
        Ok(found) => {
            for line in found {
                report.add(Kind::Damaged, None, line);
            }
        }
        Err(error) => report.unreadable(None, error),
    }
    let mode = snapshot.journal_mode()?;
    if mode != "wal" {
        let message =
            format!("SQLite's journal mode is `{mode}`; the next command that writes sets `wal`");
        report.add(Kind::Setting, None, message);
    }
    (report.runs, report.events) = snapshot.sizes()?;
    let mut runs = snapshot.list(&Filter::default())?;
    if let Some(root) = only {
        let below = format!("{root}.");
        runs.retain(|one| one.id == root || one.id.starts_with(&below));
    }
    let chosen: BTreeSet<&str> = runs.iter().map(|one| one.id.as_str()).collect();
    for (table, hash, users) in snapshot.altered()? {
        let message = format!(
            "the {table} {} was changed: its text has another hash",
            short(&hash)
        );
        for user in users.iter().filter(|one| chosen.contains(one.as_str())) {
            report.add(Kind::Record, Some(user), message.clone());
        }
        if users.is_empty() && only.is_none() {
            report.add(Kind::Record, None, message);
        }
    }
    let mut locks = BTreeMap::new();
    for info in runs.iter().rev() {
        report.examined += 1;
        match one_run(snapshot, info, report) {
            Ok(lock) => {
                if let Some((key, _)) = lock {
                    locks.insert(info.id.as_str(), key);
                }
            }
            Err(error) => report.unreadable(Some(&info.id), error),
        }
    }
    check_locks(snapshot, &chosen, &locks, report)?;
    snapshot.release()?;
    idle(snapshot, &runs, report)
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// The lock that a live run with a whole record holds, and since when.
type Lock = Option<(String, i64)>;

fn one_run(snapshot: &Snapshot, info: &RunInfo, report: &mut Report) -> Result<Lock, StoreError> {
    let id = Some(info.id.as_str());
    snapshot.verify(&info.id)?;
    let end = snapshot.end(&info.id)?;
    if !end.fits || end.last == 0 {
        let message = if end.last < end.seq {
            format!(
                "events are missing at its end: its row knows {}, its journal has {}",
                end.seq, end.last
            )
        } else {
            "its last event is not the one whose hash its row keeps".to_owned()
        };
        report.add(Kind::Record, id, message);
        return Ok(None);
    }
    let whole = derive(snapshot, info)?;
    if end.seq != end.last {
        let message = format!(
            "its row counts {} events, its journal has {}",
            end.seq, end.last
        );
        report.add(Kind::Rows, id, message);
    }
    if end.epoch < end.written {
        let message = format!(
            "its row says epoch {}, its events go up to {}",
            end.epoch, end.written
        );
        report.add(Kind::Rows, id, message);
    }
    let found = differences(&snapshot.shown(&info.id)?, &whole);
    let more = found.len().saturating_sub(NAMED);
    for message in found.into_iter().take(NAMED) {
        report.add(Kind::Rows, id, message);
    }
    if more > 0 {
        report.add(Kind::Rows, id, format!("{more} more rows differ"));
    }
    Ok(whole.derived.lock)
}

/// What the state rows say and the events do not, one line a row.
fn differences(have: &Shown, whole: &Whole) -> Vec<String> {
    let want = &whole.shown;
    let mut found = Vec::new();
    for (name, columns) in want {
        let Some(row) = have.get(name) else {
            found.push(format!("the row of its {name} is missing"));
            continue;
        };
        let other = row.iter().zip(columns).find(|((column, have), (_, want))| {
            have != want && !(*column == "request" && whole.unsure.contains(name))
        });
        if let Some(((column, have), (_, want))) = other {
            found.push(format!(
                "the row of its {name} says {column} {}, the events say {}",
                cut(have),
                cut(want)
            ));
        }
    }
    for name in have.keys().filter(|name| !want.contains_key(*name)) {
        found.push(format!("the row of its {name} follows from no event"));
    }
    found
}

/// A value on a line.
fn cut(text: &str) -> String {
    let line = text.replace('\n', " ");
    if line.chars().count() <= 60 {
        return format!("`{line}`");
    }
    let short: String = line.chars().take(59).collect();
    format!("`{short}…`")
}

fn check_locks(
    snapshot: &Snapshot,
    chosen: &BTreeSet<&str>,
    wanted: &BTreeMap<&str, String>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let live = snapshot.live()?;
    let held = snapshot.locks()?;
    for (key, run) in &held {
        if !live.contains_key(run) && chosen.contains(run.as_str()) {
            let message = format!("it has ended, and still holds the lock `{key}`");
            report.add(Kind::Lock, Some(run), message);
        }
    }
    for (run, key) in wanted {
        // What a run below an ended root held was freed with the root.
        if live
            .get(*run)
            .is_some_and(|family| !live.contains_key(family))
        {
            continue;
        }
        let holder = held.iter().find(|(one, _)| one == key).map(|(_, run)| run);
        match holder.and_then(|holder| Some((holder, live.get(holder)?))) {
            None => {
                let message = format!("it has not ended, and does not hold its lock `{key}`");
                report.add(Kind::Lock, Some(run), message);
            }
            Some((holder, family)) if live.get(*run) != Some(family) => {
                let message =
                    format!("it goes on without its lock `{key}`, which run {holder} holds");
                report.add(Kind::Clash, Some(run), message);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Runs that go on only when somebody types something. One whose record is broken should not.
fn idle(snapshot: &Snapshot, runs: &[RunInfo], report: &mut Report) -> Result<(), StoreError> {
    let broken = report.runs_with(|kind| kind == Kind::Record);
    for info in runs.iter().filter(|one| one.role != "child").rev() {
        if info.status.is_terminal()
            || broken.contains(&info.id)
            || snapshot.is_driven(&info.id)
            || snapshot.is_driven(&info.family)
        {
            continue;
        }
        // Its owner may have let go of it since it was read.
        let status = snapshot.run(&info.id)?.status;
        let mut asked = false;
        for question in snapshot.questions(Some(&info.family))? {
            asked = true;
            if broken.contains(&question.run) {
                continue;
            }
            let named = report.findings.iter().any(|one| {
                one.kind == Kind::Asks
                    && one.run.as_deref() == Some(question.run.as_str())
                    && one.step.as_deref() == Some(question.step.as_str())
            });
            if !named {
                report.findings.push(Finding {
                    kind: Kind::Asks,
                    run: Some(question.run),
                    step: Some(question.step.clone()),
                    message: format!("it waits for an answer to `{}`", question.step),
                });
            }
        }
        let word = match status {
            RunStatus::Pending | RunStatus::Running | RunStatus::RollingBack => "was interrupted",
            RunStatus::Waiting if !asked => "waits, and nobody drives it",
            RunStatus::Paused => "is paused",
            RunStatus::Waiting
            | RunStatus::Succeeded
            | RunStatus::SucceededWithWarnings
            | RunStatus::ObjectiveMissed
            | RunStatus::Failed
            | RunStatus::Cancelled
            | RunStatus::RolledBack => continue,
        };
        let place = format!("{} {}", info.runbook, info.environment);
        let message = format!("it {word} ({})", place.trim_end());
        report.add(Kind::Interrupted, Some(&info.family), message);
    }
    Ok(())
}

/// State rows could not be written again. Nothing was written.
#[derive(Debug, Error)]
pub enum RebuildError {
    /// A live process drives the run.
    #[error("run {run} is being driven: its rows are not written under its feet")]
    Driven {
        /// The run.
        run: String,
    },
    /// Nothing is written into a broken file.
    #[error("the file itself is damaged; nothing was written into it")]
    Damaged,
    /// The store failed or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Derives the rows of the runs that `report` complains of again, all in one transaction; the runs that
/// were mended. What no event says (the service's ids of requests) stays as it is. Runs whose record is
/// broken are left alone.
///
/// # Errors
/// [`RebuildError`]; nothing was written.
pub async fn rebuild(store: &Store, report: &Report) -> Result<Vec<String>, RebuildError> {
    if report.has(Kind::Damaged) {
        return Err(RebuildError::Damaged);
    }
    let broken = report.runs_with(|kind| kind == Kind::Record);
    let runs = report.runs_with(Kind::is_mendable);
    let runs: Vec<String> = runs.difference(&broken).cloned().collect();
    if runs.is_empty() {
        return Ok(runs);
    }
    let snapshot = store.snapshot()?;
    let mut held: BTreeSet<String> = runs.iter().cloned().collect();
    for run in &runs {
        // Who drives the root drives what is below it.
        held.insert(snapshot.run(run)?.family);
    }
    let held: Vec<String> = held.into_iter().collect();
    let still = match store.still(&held)? {
        Ok(still) => still,
        Err(run) => return Err(RebuildError::Driven { run }),
    };
    let mut derived = Vec::new();
    for run in &runs {
        let whole = derive(&snapshot, &snapshot.run(run)?)?;
        derived.push(whole.kept(&snapshot.effects(run)?));
    }
    store.replace(&still, derived).await?;
    Ok(runs)
}
