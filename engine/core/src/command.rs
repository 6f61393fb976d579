//! The work that should be in flight. Depends on the state alone.

use std::collections::BTreeSet;

use crate::run::{Life, Stage};
use crate::{InstanceState, Key, Phase, Run, Section, Shape, Timestamp, Work};

/// How an attempt is to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By the engine itself; free of effects.
    Evaluate,
    /// A query reads.
    Read,
    /// A change looks at what is there.
    Observe,
    /// A change is made; what was there before is on disk.
    Apply,
    /// An action acts.
    Act,
    /// A wait asks whether it is over.
    Poll,
    /// A child run is driven.
    Child,
    /// A change is taken back by its own type.
    Undo,
    /// A step is taken back by another step type.
    UndoWith,
    /// A child run is rolled back.
    UndoChild,
}

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Evaluate `when` and `for_each` of a step (no item), or render the inputs of an item.
    Prepare {
        /// The step.
        step: usize,
        /// The item of a `for_each`.
        item: Option<usize>,
    },
    /// Carry an attempt out.
    Attempt {
        /// Which.
        key: Key,
        /// Its number.
        number: u32,
        /// How.
        method: Method,
    },
    /// Give a tick at a time.
    Wake {
        /// For whom.
        key: Key,
        /// When.
        at: Timestamp,
    },
    /// Nothing is in flight any more: begin the way back.
    Unwind,
    /// Make the undo of an item ready.
    PrepareUndo {
        /// Which.
        key: Key,
    },
    /// Every step has ended: render the outputs and end the run.
    Conclude,
}

impl Run {
    /// The work that should be in flight, given the state alone; a restarted process asks for the
    /// same work.
    #[must_use]
    pub fn commands(&self) -> Vec<Command> {
        if !matches!(self.life, Life::Live | Life::Paused) {
            return Vec::new();
        }
        let resting = self.resting();
        let mut commands: Vec<Command> = self
            .active
            .iter()
            .filter(|key| !resting.contains(key))
            .filter_map(|&key| self.fly(key))
            .collect();
        if self.life == Life::Paused {
            return commands;
        }
        match self.current_stage() {
            Stage::Section(section) => self.startable(section, &mut commands),
            Stage::Unwind => commands.push(Command::Unwind),
            Stage::Undo => self.undoable(&mut commands),
            Stage::End if self.active.is_empty() => commands.push(Command::Conclude),
            // What is under way ends first, whoever started it.
            Stage::End => {}
        }
        commands
    }

    /// When the earliest deadline, timer, expiry or retry of an active item is due.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        let resting = self.resting();
        let awake = self.active.iter().filter(|key| !resting.contains(key));
        let items = awake.filter_map(|&key| self.due(key)).min();
        let counts = self.life == Life::Live && !self.halted() && self.main_runs();
        let run = self.deadline().filter(|_| counts);
        items.into_iter().chain(run).min()
    }

    pub(crate) fn due(&self, key: Key) -> Option<Timestamp> {
        let instance = self.instance(key)?;
        if let Some(undo) = &instance.undo {
            return undo.due();
        }
        let deadline = instance.attempt.as_ref()?.deadline;
        match &instance.state {
            InstanceState::Live(Phase::Flying) => Some(deadline),
            InstanceState::Live(Phase::Waiting { until, .. }) => {
                Some(until.map_or(deadline, |until| until.min(deadline)))
            }
            InstanceState::Live(Phase::Retrying { at, .. }) => Some(*at),
            InstanceState::Live(Phase::InDoubt { .. })
            | InstanceState::Queued
            | InstanceState::Succeeded { .. }
            | InstanceState::Failed { .. }
            | InstanceState::Cancelled => None,
        }
    }

    fn fly(&self, key: Key) -> Option<Command> {
        let instance = self.instance(key)?;
        if let Some(undo) = &instance.undo {
            return self.fly_back(key, undo);
        }
        let attempt = instance.attempt.as_ref()?;
        match &instance.state {
            InstanceState::Live(Phase::Flying) => Some(Command::Attempt {
                key,
                number: attempt.number,
                method: self.method(key)?,
            }),
            InstanceState::Live(Phase::Waiting { .. } | Phase::Retrying { .. }) => {
                Some(Command::Wake {
                    key,
                    at: self.due(key)?,
                })
            }
            InstanceState::Live(Phase::InDoubt { .. })
            | InstanceState::Queued
            | InstanceState::Succeeded { .. }
            | InstanceState::Failed { .. }
            | InstanceState::Cancelled => None,
        }
    }

    fn method(&self, key: Key) -> Option<Method> {
        let observed = self.instance(key)?.attempt.as_ref()?.before.is_some();
        Some(match self.book.steps[key.step].work {
            Work::Pure | Work::Timer | Work::Gate(_) => Method::Evaluate,
            Work::Child => Method::Child,
            Work::Call(Shape::Query) => Method::Read,
            Work::Call(Shape::Modify | Shape::Create) if observed => Method::Apply,
            Work::Call(Shape::Modify | Shape::Create) => Method::Observe,
            Work::Call(Shape::Action) => Method::Act,
            Work::Call(Shape::Wait) => Method::Poll,
        })
    }

    fn startable(&self, section: Section, commands: &mut Vec<Command>) {
        if section == Section::Main && self.halted() {
            return;
        }
        let here = |step: &usize| self.book.steps[*step].section == section;
        for step in self.ready.iter().copied().filter(here) {
            commands.push(Command::Prepare { step, item: None });
        }
        for step in self.fanning.iter().copied().filter(here) {
            let state = &self.steps[step];
            let end = self.window(step);
            let queued = |item: &usize| state.instances[*item].state == InstanceState::Queued;
            for item in (state.next..end).filter(queued) {
                commands.push(Command::Prepare {
                    step,
                    item: Some(item),
                });
            }
        }
    }

    /// The first item of a loop that may not start yet.
    fn window(&self, step: usize) -> usize {
        let state = &self.steps[step];
        let total = state.instances.len();
        match &self.book.steps[step].for_each {
            Some(for_each) if state.failed <= for_each.max_failures.of(total) => {
                for_each.window(total, state.next, state.live, state.done)
            }
            Some(_) | None => state.next,
        }
    }

    /// Whether a step, or an item of a loop, may start now.
    pub(crate) fn may_start(&self, step: usize, item: Option<usize>) -> bool {
        let section = self.book.steps[step].section;
        let startable = match item {
            None => self.ready.contains(&step),
            Some(item) => {
                self.fanning.contains(&step)
                    && self.steps[step].next == item
                    && item < self.window(step)
            }
        };
        let held = section == Section::Main && self.halted();
        self.life == Life::Live
            && startable
            && !held
            && self.current_stage() == Stage::Section(section)
    }

    /// Whether an item was given another chance and has not started since.
    pub(crate) fn is_given_again(&self, key: Key) -> bool {
        self.instance(key).is_some_and(|one| {
            matches!(one.state, InstanceState::Live(Phase::Retrying { .. }))
                && one
                    .attempt
                    .as_ref()
                    .is_some_and(|attempt| attempt.tries == 0)
        })
    }

    /// Items that were given another chance and may not start yet: the run is held, what they need has
    /// not ended, or as many items as may are in an attempt.
    #[must_use]
    pub fn resting(&self) -> BTreeSet<Key> {
        let mut resting = BTreeSet::new();
        let mut again: Vec<Key> = Vec::new();
        let mut rest = |again: &mut Vec<Key>| {
            let Some(step) = again.first().map(|key| key.step) else {
                return;
            };
            let state = &self.steps[step];
            let held = self.life == Life::Paused || self.blocked[step] > 0;
            let room = match &self.book.steps[step].for_each {
                _ if held => 0,
                Some(for_each) => for_each
                    .at_once(state.instances.len(), state.next)
                    .saturating_sub(state.live - again.len()),
                None => 1,
            };
            resting.extend(again.drain(..).skip(room));
            again.clear();
        };
        for &key in self.active.iter().filter(|key| self.is_given_again(**key)) {
            if again.first().is_some_and(|first| first.step != key.step) {
                rest(&mut again);
            }
            again.push(key);
        }
        rest(&mut again);
        resting
    }
}
