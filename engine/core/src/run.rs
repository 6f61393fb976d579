//! The state of one run: only [`Run::evolve`](crate::Run::evolve) changes it.

mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use step::{Attempt, Instance, InstanceState, Key, Made, Phase, StepRun};

use crate::undo::Rollback;
use crate::{Millis, OnFailure, RunStatus, Runbook, Section, StepStatus, Timestamp, Work};

/// Whether the run may start more work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Life {
    Pending,
    Live,
    Paused,
    Ended(RunStatus),
}

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Steps of this section may start.
    Section(Section),
    /// Nothing is in flight: the way back begins.
    Unwind,
    /// Items are taken back.
    Undo,
    /// Everything has ended.
    End,
}

/// A named point in time that the run reached.
pub(crate) type Mark = (String, Timestamp);

/// The state of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub(crate) book: Arc<Runbook>,
    pub(crate) index: Arc<BTreeMap<String, usize>>,
    pub(crate) dependents: Arc<Vec<Vec<usize>>>,
    pub(crate) life: Life,
    pub(crate) epoch: u64,
    pub(crate) started: Option<Timestamp>,
    pub(crate) finished: Option<Timestamp>,
    pub(crate) resumes: u32,
    pub(crate) steps: Vec<StepRun>,
    /// Needs that have not ended, for each step.
    pub(crate) blocked: Vec<usize>,
    /// Steps whose needs have ended and that have not started.
    pub(crate) ready: BTreeSet<usize>,
    /// Steps with items that have not started.
    pub(crate) fanning: BTreeSet<usize>,
    /// Items in an attempt.
    pub(crate) active: BTreeSet<Key>,
    /// Steps that have not ended, for each section.
    pub(crate) open: [usize; 3],
    pub(crate) failed: bool,
    pub(crate) cancelled: bool,
    /// A second cancel: nothing cleans up.
    pub(crate) forced: bool,
    /// The operator who holds the run.
    pub(crate) paused_by: Option<String>,
    /// The run's own deadline passed.
    pub(crate) late: bool,
    /// What the journal does not know of may have happened.
    pub(crate) restored: bool,
    /// When failed work last got another chance.
    pub(crate) reopened: Option<Timestamp>,
    /// When held or failed child runs last got another chance.
    pub(crate) stirred: Option<Timestamp>,
    /// What succeeded is to be taken back, once nothing is in flight.
    pub(crate) rollback_wanted: bool,
    pub(crate) rollback: Option<Rollback>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) outputs: Value,
}

pub(crate) fn section_index(section: Section) -> usize {
    match section {
        Section::Main => 0,
        Section::OnCancel => 1,
        Section::Finally => 2,
    }
}

impl Run {
    /// A run of `book` to which nothing has happened.
    #[must_use]
    pub fn new(book: Arc<Runbook>) -> Self {
        let count = book.steps.len();
        let mut dependents = vec![Vec::new(); count];
        let mut open = [0; 3];
        for (index, step) in book.steps.iter().enumerate() {
            open[section_index(step.section)] += 1;
            for &need in &step.needs {
                dependents[need].push(index);
            }
        }
        let blocked: Vec<usize> = book.steps.iter().map(|step| step.needs.len()).collect();
        let ready = (0..count).filter(|&index| blocked[index] == 0).collect();
        let index = book
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| (step.id.clone(), index))
            .collect();
        Self {
            index: Arc::new(index),
            dependents: Arc::new(dependents),
            life: Life::Pending,
            epoch: 0,
            started: None,
            finished: None,
            resumes: 0,
            steps: vec![StepRun::default(); count],
            blocked,
            ready,
            fanning: BTreeSet::new(),
            active: BTreeSet::new(),
            open,
            failed: false,
            cancelled: false,
            forced: false,
            paused_by: None,
            late: false,
            restored: false,
            reopened: None,
            stirred: None,
            rollback_wanted: false,
            rollback: None,
            marks: Vec::new(),
            outputs: Value::Null,
            book,
        }
    }

    /// The runbook.
    #[must_use]
    pub fn book(&self) -> &Arc<Runbook> {
        &self.book
    }

    /// Index of the step with this id.
    #[must_use]
    pub fn step_index(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The steps, in the order of the runbook.
    #[must_use]
    pub fn steps(&self) -> &[StepRun] {
        &self.steps
    }

    /// One item of one step.
    #[must_use]
    pub fn instance(&self, key: Key) -> Option<&Instance> {
        self.steps.get(key.step)?.instances.get(key.item)
    }

    /// The inputs of an item's last attempt. Those of a pure step are its `with` as it stands.
    #[must_use]
    pub fn inputs(&self, key: Key) -> Option<&Value> {
        let attempt = self.instance(key)?.attempt.as_ref()?;
        let step = self.book.steps.get(key.step)?;
        Some(match step.work {
            Work::Pure => &step.with,
            Work::Timer | Work::Gate(_) | Work::Child | Work::Call(_) => &attempt.inputs,
        })
    }

    /// The items that are in an attempt.
    pub fn active(&self) -> impl Iterator<Item = Key> + '_ {
        self.active.iter().copied()
    }

    /// When the first owner began.
    #[must_use]
    pub fn started(&self) -> Option<Timestamp> {
        self.started
    }

    /// When it ended.
    #[must_use]
    pub fn finished(&self) -> Option<Timestamp> {
        self.finished
    }

    /// How often it was driven: 1 for an undisturbed run.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.resumes + 1
    }

    /// Its outputs, once it ended.
    #[must_use]
    pub fn outputs(&self) -> &Value {
        &self.outputs
    }

    /// The named points in time that it reached, in the order of the journal.
    pub fn marks(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.marks.iter().map(|(name, at)| (name.as_str(), *at))
    }

    /// Whether an operator asked for its end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// Whether a step failed for good.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether a main step has not ended.
    #[must_use]
    pub fn is_main_open(&self) -> bool {
        self.open[section_index(Section::Main)] > 0
    }

    /// The name of its state.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match self.life {
            Life::Pending => RunStatus::Pending,
            Life::Paused => RunStatus::Paused,
            Life::Ended(status) => status,
            Life::Live if self.is_rolling_back() => RunStatus::RollingBack,
            Life::Live => {
                let sleeping = |key: &Key| match &self.steps[key.step].instances[key.item].state {
                    InstanceState::Live(Phase::Waiting { .. } | Phase::InDoubt { .. }) => true,
                    InstanceState::Live(Phase::Flying | Phase::Retrying { .. })
                    | InstanceState::Queued
                    | InstanceState::Succeeded { .. }
                    | InstanceState::Failed { .. }
                    | InstanceState::Cancelled => false,
                };
                if !self.active.is_empty() && self.active.iter().all(sleeping) {
                    RunStatus::Waiting
                } else {
                    RunStatus::Running
                }
            }
        }
    }

    /// Whether a rollback was asked for.
    #[must_use]
    pub fn is_rolling_back(&self) -> bool {
        self.rollback_wanted || self.rollback.is_some()
    }

    /// Whether an operator or a failed step holds the run.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.life == Life::Paused
    }

    /// The operator who holds the run; none when a failed step does.
    #[must_use]
    pub fn paused_by(&self) -> Option<&str> {
        self.paused_by.as_deref().filter(|_| self.is_paused())
    }

    /// Whether it went on from a restored copy: its journal may be older than the world.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// Whether a second cancel let everything go.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        self.forced
    }

    /// When failed work, of this run or of its child runs, last got another chance.
    #[must_use]
    pub fn reopened(&self) -> Option<Timestamp> {
        self.reopened.max(self.stirred)
    }

    /// Whether main steps may not start any more.
    pub(crate) fn halted(&self) -> bool {
        self.failed || self.cancelled || self.late || self.is_rolling_back()
    }

    /// When the main steps must have ended; an operator who gives failed work another chance gives the
    /// run its time again.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        Some(self.reopened.or(self.started)?.plus(self.book.timeout?))
    }

    /// Whether main steps are in flight or may start.
    pub(crate) fn main_runs(&self) -> bool {
        let main = |step: usize| self.book.steps[step].section == Section::Main;
        let startable = !self.halted()
            && (self.ready.iter().any(|&step| main(step))
                || self.fanning.iter().any(|&step| main(step)));
        startable || self.active.iter().any(|key| main(key.step))
    }

    /// What may be done now.
    pub(crate) fn current_stage(&self) -> Stage {
        match &self.rollback {
            Some(rollback) if !rollback.is_over() => return Stage::Undo,
            Some(_) => {}
            None if self.main_runs() => return Stage::Section(Section::Main),
            None if self.rollback_wanted && self.active.is_empty() => return Stage::Unwind,
            // What cleans up and is in flight ends first.
            None if self.rollback_wanted => return Stage::Section(Section::Main),
            None => {}
        }
        if self.forced {
            return Stage::End;
        }
        if self.cancelled && self.rollback.is_none() && self.open[1] > 0 {
            Stage::Section(Section::OnCancel)
        } else if self.open[2] > 0 {
            Stage::Section(Section::Finally)
        } else {
            Stage::End
        }
    }

    /// Whether a failure was tolerated: of a step, or of items of a loop.
    pub(crate) fn has_warnings(&self) -> bool {
        let counts = |state: &StepRun| match state.ended {
            Some(StepStatus::Failed) => true,
            Some(StepStatus::Succeeded) => state.failed > 0,
            Some(_) | None => false,
        };
        self.steps.iter().any(counts)
    }

    /// The main step whose failure ended or holds the run, if any did.
    pub(crate) fn broken(&self) -> bool {
        self.late
            || self
                .book
                .steps
                .iter()
                .zip(&self.steps)
                .any(|(step, state)| {
                    state.ended == Some(StepStatus::Failed)
                        && step.section == Section::Main
                        && step.on_failure != OnFailure::Continue
                })
    }

    /// When the last attempt of an item began and how long the item took, once it ended.
    #[must_use]
    pub fn elapsed(&self, key: Key) -> Option<Millis> {
        let instance = self.instance(key)?;
        let first = instance.attempt.as_ref()?.first;
        match &instance.state {
            InstanceState::Succeeded { at, .. } | InstanceState::Failed { at, .. } => {
                Some(at.since(first))
            }
            InstanceState::Queued | InstanceState::Live(_) | InstanceState::Cancelled => None,
        }
    }
}
