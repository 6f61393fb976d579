//! What must be true of a state file after the power came back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use runbook_core::{Event, Journal};
use runbook_runtime::StoreError;
use runbook_runtime::store::{EventRow, Filter, Snapshot};

use crate::cloud::Cloud;
use crate::disk::{Disk, Op};
use crate::image::Image;
use crate::mark::{Call, Mark, Verb};
use crate::world::{Process, Scenario, Trip, all_succeeded, wait_until_closed};

/// A scenario with everything that was written while it ran.
pub struct Recording {
    /// The scenario.
    pub scenario: Scenario,
    /// In order.
    pub ops: Vec<Op>,
    /// The journals at the end.
    journals: BTreeMap<String, Vec<Journal>>,
}

/// What is wrong with an image.
#[derive(Debug)]
pub enum Wrong {
    /// The state file cannot be used.
    Unusable(String),
    /// What the store had promised to keep is gone.
    Lost(String),
    /// The world saw a call whose intent is not on disk.
    Unannounced(String),
    /// It holds something that was never written.
    Invented(String),
    /// The run could not be brought to its end.
    Stuck(String),
    /// Something happened twice.
    Doubled(String),
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<Trip> for Wrong {
    fn from(trip: Trip) -> Self {
        Self::Unusable(format!("{trip:?}"))
    }
}

/// What was promised and done before the power went.
struct Past<'a> {
    /// Last acknowledged event of each run.
    events: BTreeMap<&'a str, u64>,
    /// Acknowledged log lines of each run.
    lines: BTreeMap<&'a str, usize>,
    calls: Vec<Call>,
}

impl<'a> Past<'a> {
    fn of(ops: &'a [Op]) -> Self {
        let mut past = Self {
            events: BTreeMap::new(),
            lines: BTreeMap::new(),
            calls: Vec::new(),
        };
        for op in ops {
            match op {
                Op::Mark(Mark::Acknowledged { run, seq }) => {
                    let last = past.events.entry(run).or_default();
                    *last = (*last).max(*seq);
                }
                Op::Mark(Mark::Logged { run, lines }) => {
                    *past.lines.entry(run).or_default() += lines;
                }
                Op::Mark(Mark::Called(call)) => past.calls.push(call.clone()),
                _ => {}
            }
        }
        past
    }
}

/// The step of an event as calls name it.
fn name_of(event: &Event) -> Option<String> {
    event.subject().map(|(step, item)| match item {
        Some(item) => format!("{step}[{item}]"),
        None => step.to_owned(),
    })
}

/// The journals of a state file; every hash is checked.
///
/// # Errors
/// [`Wrong::Unusable`].
fn journals(path: &Path) -> Result<BTreeMap<String, Vec<Journal>>, Wrong> {
    let snapshot = Snapshot::open(path)?;
    let mut found = BTreeMap::new();
    for run in snapshot.list(&Filter::default())? {
        let verified = snapshot.verify(&run.id)?;
        let rows: Vec<EventRow> = snapshot.events(&run.id, 0)?;
        if verified != run.seq || rows.len() as u64 != run.seq {
            return Err(Wrong::Unusable(format!(
                "run {} says {} events and has {}",
                run.id,
                run.seq,
                rows.len()
            )));
        }
        found.insert(run.id, rows.into_iter().map(|row| row.entry).collect());
    }
    Ok(found)
}

impl Recording {
    /// Carries a scenario out on a recorded disk, to its good end.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn make(
        scenario: Scenario,
        path: &Path,
        prepare: impl FnOnce(&Disk),
    ) -> Result<Self, Wrong> {
        let disk = Disk::enrol(path).map_err(|error| Wrong::Unusable(error.to_string()))?;
        prepare(&disk);
        Cloud::reset(&scenario.name, &[], Some(disk.clone()));
        let ended = scenario.carry_out(path, &disk)?;
        if !all_succeeded(&ended) {
            return Err(Wrong::Stuck(format!("{ended:?}")));
        }
        wait_until_closed(&disk);
        Cloud::reset(&scenario.name, &[], None);
        Self::taken(scenario, path, &disk)
    }

    /// What a disk recorded while a scenario came to its end at `path`, with whatever befell it.
    ///
    /// # Errors
    /// [`Wrong::Unusable`].
    pub fn taken(scenario: Scenario, path: &Path, disk: &Disk) -> Result<Self, Wrong> {
        Ok(Self {
            scenario,
            ops: disk.ops(),
            journals: journals(path)?,
        })
    }

    /// Resumes from an image, to the end, on a recorded disk: a recording that begins with what was
    /// promised and done before the image was left, and the number of those marks.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn again(&self, at: usize, image: &Image, path: &Path) -> Result<(Self, usize), Wrong> {
        let unusable = |error: std::io::Error| Wrong::Unusable(error.to_string());
        image.write(path).map_err(unusable)?;
        let disk = Disk::enrol(path).map_err(unusable)?;
        let calls = Past::of(&self.ops[..at]).calls;
        Cloud::reset(&self.scenario.name, &calls, Some(disk.clone()));
        let ended = self.scenario.go_on(path, Some(&disk))?;
        if !all_succeeded(&ended) {
            return Err(Wrong::Stuck(format!("{ended:?}")));
        }
        wait_until_closed(&disk);
        Cloud::reset(&self.scenario.name, &[], None);
        let mut second = Self::taken(self.scenario.clone(), path, &disk)?;
        let marks = self.ops[..at].iter().filter(|op| matches!(op, Op::Mark(_)));
        let before: Vec<Op> = marks.cloned().collect();
        let count = before.len();
        second.ops.splice(0..0, before);
        Ok((second, count))
    }

    /// Every place at which something becomes durable or is promised: before and after each sync,
    /// delete and mark.
    #[must_use]
    pub fn boundaries(&self) -> Vec<usize> {
        let mut places = BTreeSet::from([0, self.ops.len()]);
        for (at, op) in self.ops.iter().enumerate() {
            match op {
                Op::Sync { .. } | Op::Delete { .. } => places.extend([at, at + 1]),
                Op::Mark(_) => {
                    places.insert(at + 1);
                }
                _ => {}
            }
        }
        places.into_iter().collect()
    }

    /// Checks what a power loss after `at` operations left; the state file stands at `path`. With
    /// `resume`, a new process brings the runs to their end.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn check(&self, at: usize, image: &Image, path: &Path, resume: bool) -> Result<(), Wrong> {
        let past = Past::of(&self.ops[..at]);
        image
            .write(path)
            .map_err(|error| Wrong::Unusable(error.to_string()))?;
        let process = Process::open(path, None)?;
        let found = journals(path)?;
        self.check_promises(&past, &found)?;
        self.check_lines(&past, path)?;
        self.check_intents(&past, &found)?;
        if resume {
            self.check_resumed(&past, &found, &process, path)?;
        }
        Ok(())
    }

    /// What was acknowledged is there, and what is there was written.
    fn check_promises(
        &self,
        past: &Past<'_>,
        found: &BTreeMap<String, Vec<Journal>>,
    ) -> Result<(), Wrong> {
        for (run, seq) in &past.events {
            let there = found.get(*run).map_or(0, |journal| journal.len() as u64);
            if there < *seq {
                return Err(Wrong::Lost(format!(
                    "run {run} has {there} events, {seq} were acknowledged"
                )));
            }
        }
        for (run, journal) in found {
            let written = self.journals.get(run).map_or(&[][..], Vec::as_slice);
            if !written.starts_with(journal) {
                return Err(Wrong::Invented(format!(
                    "the journal of run {run} is not a beginning of what was written"
                )));
            }
        }
        Ok(())
    }

    fn check_lines(&self, past: &Past<'_>, path: &Path) -> Result<(), Wrong> {
        let snapshot = Snapshot::open(path)?;
        for (run, lines) in &past.lines {
            let there = snapshot.logs(run, None)?.len();
            if there < *lines {
                return Err(Wrong::Lost(format!(
                    "run {run} has {there} log lines, {lines} were acknowledged"
                )));
            }
        }
        Ok(())
    }

    /// No call was made before its intent was on disk.
    fn check_intents(
        &self,
        past: &Past<'_>,
        found: &BTreeMap<String, Vec<Journal>>,
    ) -> Result<(), Wrong> {
        for call in &past.calls {
            let journal = found.get(&call.run).map_or(&[][..], Vec::as_slice);
            let announced = journal.iter().any(|entry| {
                let same = name_of(&entry.event).as_ref() == Some(&call.step)
                    && entry.event.attempt() == Some(call.attempt);
                same && match (&entry.event, call.verb) {
                    (Event::Observed { .. }, Verb::Make) => true,
                    (Event::AttemptStarted { token, .. }, verb) => {
                        verb != Verb::Make && *token == call.token
                    }
                    _ => false,
                }
            });
            if !announced {
                return Err(Wrong::Unannounced(format!("{call:?}")));
            }
        }
        Ok(())
    }

    /// The runs end as they did without the power loss, what was finished is not asked for again, and
    /// nothing exists twice.
    fn check_resumed(
        &self,
        past: &Past<'_>,
        found: &BTreeMap<String, Vec<Journal>>,
        process: &Process,
        path: &Path,
    ) -> Result<(), Wrong> {
        let cloud = &self.scenario.name;
        Cloud::reset(cloud, &past.calls, None);
        process.start(&self.scenario, None)?;
        let ended = self.scenario.finish(process, path)?;
        if !all_succeeded(&ended) {
            return Err(Wrong::Stuck(format!("{ended:?}")));
        }
        let book = Cloud::with(cloud, |cloud| cloud.book.clone());
        let later = &book[past.calls.len()..];
        for (run, journal) in found {
            for entry in journal {
                let Event::Succeeded { .. } = entry.event else {
                    continue;
                };
                let name = name_of(&entry.event).unwrap_or_default();
                if let Some(call) = later
                    .iter()
                    .find(|call| call.run == *run && call.step == name)
                {
                    return Err(Wrong::Doubled(format!(
                        "finished, and asked again: {call:?}"
                    )));
                }
            }
        }
        same_end(cloud, &self.journals, &journals(path)?)
    }

    /// Whether a state file holds the same end as the undisturbed run, and the world nothing twice.
    ///
    /// # Errors
    /// [`Wrong`].
    pub fn check_end(&self, path: &Path) -> Result<(), Wrong> {
        same_end(&self.scenario.name, &self.journals, &journals(path)?)
    }
}

/// Runs, steps and outputs are those of the undisturbed run; what must happen once happened once.
fn same_end(
    cloud: &str,
    wanted: &BTreeMap<String, Vec<Journal>>,
    found: &BTreeMap<String, Vec<Journal>>,
) -> Result<(), Wrong> {
    if wanted.keys().ne(found.keys()) {
        return Err(Wrong::Stuck(format!("runs {:?}", found.keys())));
    }
    for (run, journal) in wanted {
        let outputs = |journal: &[Journal]| -> BTreeMap<String, String> {
            let ends = journal.iter().filter_map(|entry| match &entry.event {
                Event::Succeeded { outputs, .. } => {
                    Some((name_of(&entry.event)?, outputs.to_string()))
                }
                _ => None,
            });
            ends.collect()
        };
        let (wanted, found) = (outputs(journal), outputs(&found[run]));
        if wanted != found {
            let wanted: Vec<&String> = wanted.keys().collect();
            return Err(Wrong::Stuck(format!(
                "run {run} has other outputs; steps wanted: {wanted:?}"
            )));
        }
        for step in found.keys() {
            for verb in [Verb::Make, Verb::Strike] {
                let count = Cloud::with(cloud, |cloud| cloud.count(run, step, verb));
                if count > 1 {
                    return Err(Wrong::Doubled(format!(
                        "run {run}, step {step}: {verb:?} {count} times"
                    )));
                }
            }
        }
    }
    Ok(())
}
