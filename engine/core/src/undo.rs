//! The way back: what took effect is taken back, newest first, and what is built on something that
//! stays stays too. Independent branches do not wait for one another.

mod made;
mod plan;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::{Life, Stage};
use crate::{
    Answer, Command, Event, Executed, Fault, FaultKind, Instance, Kept, Key, Method, Run, Timestamp,
};

/// The attempt that an undo is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UndoAttempt {
    /// Counts on from the attempts of the step, so that no late answer is taken for another one's.
    pub number: u32,
    /// Attempts of this undo.
    pub tries: u32,
    /// The same on every attempt.
    pub token: String,
    /// Rendered inputs of an undo by another step type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Value>,
    /// When the undo with all its retries must be done.
    pub deadline: Timestamp,
    /// When it last went into flight.
    pub flown: Timestamp,
    /// Fencing epoch in which it last went into flight.
    pub epoch: u64,
    /// An earlier attempt may have had its effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
    /// What the undo put down last, to find it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
}

/// How far an item is taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undoing {
    /// A call is in flight.
    Flying(UndoAttempt),
    /// It is due again at a time.
    Waiting {
        /// The attempt that is not done.
        attempt: UndoAttempt,
        /// When to go on.
        until: Timestamp,
        /// What it waits for, or why it failed.
        note: String,
    },
    /// Taken back.
    Done {
        /// When.
        at: Timestamp,
    },
    /// It stays.
    Kept {
        /// The reason's class.
        why: Kept,
        /// The reason.
        message: String,
    },
}

impl Undoing {
    /// The attempt that is under way.
    #[must_use]
    pub fn attempt(&self) -> Option<&UndoAttempt> {
        match self {
            Self::Flying(attempt) | Self::Waiting { attempt, .. } => Some(attempt),
            Self::Done { .. } | Self::Kept { .. } => None,
        }
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Flying(attempt) => Some(attempt.deadline),
            Self::Waiting { until, .. } => Some(*until),
            Self::Done { .. } | Self::Kept { .. } => None,
        }
    }
}

/// How an item that took effect is taken back.
enum Need {
    /// By a call.
    Call(Method),
    /// Not at all.
    Stays(Kept, String),
}

/// How far the way back is: the forward graph, turned around.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rollback {
    /// Steps built on this one that are not settled.
    held: Vec<usize>,
    /// Items of this step that are not settled.
    left: Vec<usize>,
    /// The step that stays and was built on this one.
    barred: Vec<Option<String>>,
    /// Steps whose items may be taken back.
    ready: BTreeSet<usize>,
    /// Main steps that are not settled.
    open: usize,
}

impl Rollback {
    pub(crate) fn is_over(&self) -> bool {
        self.open == 0
    }
}

/// Undos of one step in flight at once, where no `for_each` says otherwise.
const PARALLEL: usize = 10;

impl Run {
    pub(crate) fn undoable(&self, commands: &mut Vec<Command>) {
        let Some(rollback) = &self.rollback else {
            return;
        };
        for &step in &rollback.ready {
            let instances = &self.steps[step].instances;
            let live = instances
                .iter()
                .filter(|one| {
                    one.undo
                        .as_ref()
                        .is_some_and(|undo| undo.attempt().is_some())
                })
                .count();
            let limit = self.book.steps[step]
                .for_each
                .as_ref()
                .map_or(PARALLEL, |one| (one.max_parallel as usize).max(1));
            let waiting = (0..instances.len())
                .rev()
                .map(|item| Key { step, item })
                .filter(|key| instances[key.item].undo.is_none() && self.need(*key).is_some());
            commands.extend(
                waiting
                    .take(limit.saturating_sub(live))
                    .map(|key| Command::PrepareUndo { key }),
            );
        }
    }

    pub(crate) fn fly_back(&self, key: Key, undo: &Undoing) -> Option<Command> {
        match undo {
            Undoing::Flying(attempt) => {
                let Some(Need::Call(method)) = self.need(key) else {
                    return None;
                };
                Some(Command::Attempt {
                    key,
                    number: attempt.number,
                    method,
                })
            }
            Undoing::Waiting { until, .. } => Some(Command::Wake { key, at: *until }),
            Undoing::Done { .. } | Undoing::Kept { .. } => None,
        }
    }

    pub(crate) fn roll_back(&self, actor: String, reason: String) -> Vec<Event> {
        let retried = self
            .rollback
            .as_ref()
            .is_some_and(|rollback| rollback.is_over() && matches!(self.life, Life::Ended(_)));
        if (self.is_rolling_back() && !retried) || self.life == Life::Pending {
            return Vec::new();
        }
        let mut events = vec![Event::RollbackRequested { actor, reason }];
        events.extend(self.cut_waiting());
        events
    }

    pub(crate) fn unwind_begins(&self) -> Vec<Event> {
        if self.life == Life::Live && self.current_stage() == Stage::Unwind {
            vec![Event::RollbackStarted {}]
        } else {
            Vec::new()
        }
    }

    /// Whether the way back has come to this item, and it took effect.
    pub(crate) fn may_undo(&self, key: Key) -> bool {
        self.rollback
            .as_ref()
            .is_some_and(|rollback| rollback.ready.contains(&key.step))
            && self.need(key).is_some()
    }

    pub(crate) fn undo_prepared(
        &self,
        now: Timestamp,
        key: Key,
        prepared: Result<(String, Option<Value>), Fault>,
    ) -> Vec<Event> {
        let Some(rollback) = &self.rollback else {
            return Vec::new();
        };
        let untouched = self.instance(key).is_some_and(|one| one.undo.is_none());
        if !self.may_be_taken_back(key.step) || !untouched {
            return Vec::new();
        }
        let (step, item) = (self.name(key.step), self.item(key));
        let stays = |why, message, fault| {
            vec![Event::NotUndone {
                step: step.clone(),
                item,
                why,
                message,
                fault,
            }]
        };
        let need = self.need(key);
        if let (Some(_), Some(built)) = (&need, &rollback.barred[key.step]) {
            return stays(Kept::Behind, behind_text(built), None);
        }
        match (need, prepared) {
            (None, _) => Vec::new(),
            (Some(Need::Stays(why, message)), _) => stays(why, message, None),
            (Some(Need::Call(_)), Err(fault)) => {
                stays(Kept::Failed, fault.message.clone(), Some(fault))
            }
            (Some(Need::Call(_)), Ok((token, inputs))) => vec![Event::UndoStarted {
                step,
                item,
                attempt: self.instance(key).map_or(0, Instance::last_number) + 1,
                token,
                inputs,
                deadline: now.plus(self.book.steps[key.step].timeout),
            }],
        }
    }

    /// What the answer to an undo means; none when it is not the one that is waited for.
    pub(crate) fn undo_answer(
        &self,
        now: Timestamp,
        key: Key,
        number: u32,
        answer: &Answer,
    ) -> Option<Event> {
        let undo = self.instance(key)?.undo.as_ref()?;
        let Undoing::Flying(attempt) = undo else {
            return None;
        };
        if attempt.number != number {
            return None;
        }
        let (step, item) = (self.name(key.step), self.item(key));
        let kept = |message: String, fault| Event::NotUndone {
            step: step.clone(),
            item,
            why: Kept::Failed,
            message,
            fault,
        };
        let wait = |until, note, fault| Event::UndoWaiting {
            step: step.clone(),
            item,
            attempt: number,
            until,
            note,
            fault,
        };
        Some(match answer {
            Answer::Done { .. } => Event::Undone {
                step,
                item,
                attempt: number,
                left: self.left_behind(key),
            },
            Answer::Again { at, note } => wait((*at).min(attempt.deadline), note.clone(), None),
            Answer::Failed { fault, share } => {
                let retry = &self.book.steps[key.step].retry;
                let at = now.plus(retry.delay_after(attempt.tries, *share));
                let again = retry.on.contains(&fault.kind)
                    && attempt.tries < retry.attempts
                    && at < attempt.deadline;
                if again {
                    wait(at, fault.message.clone(), Some(fault.clone()))
                } else {
                    kept(fault.message.clone(), Some(fault.clone()))
                }
            }
            Answer::Doubt(doubt) => kept(doubt.why.clone(), None),
            Answer::Observed(_) => return None,
        })
    }

    pub(crate) fn undo_tick(&self, now: Timestamp, key: Key, undo: &Undoing) -> Option<Event> {
        let (step, item) = (self.name(key.step), self.item(key));
        let attempt = undo.attempt()?;
        if attempt.deadline <= now {
            let message = "its undo was not done in time".to_owned();
            let fault = Fault {
                executed: Executed::Unknown,
                ..Fault::new(FaultKind::Timeout, message.clone())
            };
            return Some(Event::NotUndone {
                step,
                item,
                why: Kept::Failed,
                message,
                fault: Some(fault),
            });
        }
        matches!(undo, Undoing::Waiting { .. }).then(|| Event::UndoStarted {
            step,
            item,
            attempt: attempt.number + 1,
            token: attempt.token.clone(),
            inputs: None,
            deadline: attempt.deadline,
        })
    }

    pub(crate) fn end_undo(&mut self, key: Key, end: Undoing) {
        self.steps[key.step].instances[key.item].undo = Some(end);
        self.active.remove(&key);
        let Some(rollback) = &mut self.rollback else {
            return;
        };
        rollback.left[key.step] -= 1;
        if rollback.left[key.step] == 0 {
            self.free(key.step);
        }
    }

    /// The newest generation is taken back, and the one before it is next. A stray call of the undo
    /// that is done, if there may be one, can come after the next undo, which is then repeated later.
    fn next_generation(&mut self, key: Key, stray: Option<Timestamp>) {
        let work = self.book.steps[key.step].work;
        let instance = &mut self.steps[key.step].instances[key.item];
        instance.undo = None;
        instance.taken_back += 1;
        if stray.is_some()
            && let Some(next) = instance.earlier_back(work)
        {
            instance.earlier[next].unsure = true;
            instance.earlier[next].at = stray;
        }
        self.active.remove(&key);
    }

    /// Generations of an item that are left to take back when the undo in flight is done.
    pub(crate) fn left_behind(&self, key: Key) -> u32 {
        let work = self.book.steps[key.step].work;
        let left = self.instance(key).map_or(0, |one| one.left(work));
        u32::try_from(left.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Whether everything that was built on a step is settled, and the step is not.
    fn may_be_taken_back(&self, step: usize) -> bool {
        let rollback = self.rollback.as_ref();
        rollback.is_some_and(|rollback| rollback.ready.contains(&step))
    }

    /// Folds a fact about an undo, one that fits, into the state.
    pub(crate) fn evolve_undo(&mut self, at: Timestamp, event: &Event, key: Key) {
        let epoch = self.epoch;
        let instance = &mut self.steps[key.step].instances[key.item];
        match (event, &instance.undo) {
            (Event::UndoStarted { .. }, _) => self.undo_started(at, event, key),
            (
                Event::UndoWaiting {
                    until, note, fault, ..
                },
                Some(Undoing::Flying(attempt)),
            ) => {
                let unknown = fault
                    .as_ref()
                    .is_some_and(|fault| fault.executed == Executed::Unknown);
                let mut attempt = attempt.clone();
                // What an earlier owner had in flight may have happened, whatever the look at it found.
                attempt.unsure |= unknown || attempt.epoch < epoch;
                instance.undo = Some(Undoing::Waiting {
                    attempt,
                    until: *until,
                    note: note.clone(),
                });
            }
            (Event::Undone { left: 0, .. }, Some(Undoing::Flying(_))) => {
                self.end_undo(key, Undoing::Done { at });
            }
            (Event::Undone { .. }, Some(Undoing::Flying(attempt))) => {
                let stray = attempt.unsure || attempt.epoch < epoch;
                self.next_generation(key, stray.then_some(at));
            }
            (Event::NotUndone { why, message, .. }, _) => {
                let end = Undoing::Kept {
                    why: *why,
                    message: message.clone(),
                };
                self.end_undo(key, end);
            }
            _ => {}
        }
    }

    /// An undo goes into flight, for the first time or again.
    fn undo_started(&mut self, at: Timestamp, event: &Event, key: Key) {
        let Event::UndoStarted {
            attempt: number,
            token,
            inputs,
            deadline,
            ..
        } = event
        else {
            return;
        };
        let (epoch, restored) = (self.epoch, self.restored);
        let instance = &mut self.steps[key.step].instances[key.item];
        let last = instance.undo.as_ref().and_then(Undoing::attempt).cloned();
        instance.attempts = *number;
        instance.undo = Some(Undoing::Flying(UndoAttempt {
            number: *number,
            tries: last.as_ref().map_or(0, |last| last.tries) + 1,
            token: token.clone(),
            inputs: inputs
                .clone()
                .or_else(|| last.as_ref().and_then(|last| last.inputs.clone())),
            deadline: *deadline,
            flown: at,
            epoch,
            unsure: restored || last.as_ref().is_some_and(|last| last.unsure),
            kept: last.and_then(|last| last.kept),
        }));
        self.active.insert(key);
    }
}

fn behind_text(built: &str) -> String {
    format!("`{built}` was built on it and stays")
}
