//! Waits, timers, deadlines and questions: what time and people move.

use serde_json::{Value, json};

use crate::run::Life;
use crate::{
    Attempt, Effect, Event, Executed, Fault, FaultKind, Gate, InstanceState, Journal, Key,
    OnFailure, Phase, Run, Section, Timestamp, Work, format_millis,
};

impl Run {
    pub(super) fn ticks(&self, now: Timestamp) -> Vec<Event> {
        if self.is_late(now) {
            return self.deadline_passes();
        }
        let resting = self.resting();
        let due =
            |key: &Key| !resting.contains(key) && self.due(*key).is_some_and(|due| due <= now);
        let mut events = Vec::new();
        for key in self.active.iter().copied().filter(due) {
            events.extend(self.tick(now, key));
            // What this failure means comes before anything else goes on.
            let turns_back = self.book.steps[key.step].on_failure == OnFailure::Rollback;
            if turns_back && matches!(events.last(), Some(Event::Failed { .. })) {
                break;
            }
        }
        events
    }

    /// Whether the run's own deadline has passed and means something.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        self.life == Life::Live
            && self.deadline().is_some_and(|deadline| deadline <= now)
            && !self.halted()
            && self.main_runs()
    }

    /// What only waits fails now; what is in flight ends by itself.
    pub(super) fn deadline_passes(&self) -> Vec<Event> {
        let deadline = self.deadline().unwrap_or_default();
        let mut events = vec![Event::DeadlinePassed { deadline }];
        events.extend(self.waiting().map(|key| self.cut_as_late(key)));
        events
    }

    /// What the failures among `events` end besides: items that were given another chance and have not
    /// started stay failed, and when the way back begins nothing waits any more.
    pub(super) fn halting(&self, now: Timestamp, events: &[Event]) -> Vec<Event> {
        let again = || self.active.iter().any(|key| self.is_given_again(*key));
        let may_halt = |event: &Event| match event {
            Event::Failed { step, .. } => self.step_index(step).is_some_and(|step| {
                let step = &self.book.steps[step];
                step.section == Section::Main
                    && match step.on_failure {
                        OnFailure::Rollback => true,
                        OnFailure::Stop | OnFailure::Pause => again(),
                        OnFailure::Continue => false,
                    }
            }),
            _ => false,
        };
        if self.is_rolling_back() || !events.iter().any(may_halt) {
            return Vec::new();
        }
        let mut after = self.clone();
        for event in events {
            let entry = Journal {
                at: now,
                event: event.clone(),
            };
            if after.evolve(&entry).is_err() {
                return Vec::new();
            }
        }
        if after.rollback_wanted {
            return after.cut_waiting();
        }
        if !after.failed {
            return Vec::new();
        }
        let stays = |key: Key| match &after.instance(key)?.state {
            InstanceState::Live(Phase::Retrying { fault, .. }) => Some(Event::Failed {
                step: after.name(key.step),
                item: after.item(key),
                attempt: after.number(key),
                fault: fault.clone(),
            }),
            _ => None,
        };
        let again = after
            .active
            .iter()
            .filter(|key| after.is_given_again(**key));
        again.filter_map(|key| stays(*key)).collect()
    }

    /// When a step that starts now must be done: its own time, within the run's.
    pub(super) fn deadline_of(&self, now: Timestamp, step: usize) -> Timestamp {
        let own = now.plus(self.book.steps[step].timeout);
        match self.deadline() {
            Some(run) if self.book.steps[step].section == Section::Main => own.min(run),
            Some(_) | None => own,
        }
    }

    fn tick(&self, now: Timestamp, key: Key) -> Vec<Event> {
        let Some(instance) = self.instance(key) else {
            return Vec::new();
        };
        if let Some(undo) = &instance.undo {
            return self.undo_tick(now, key, undo).into_iter().collect();
        }
        let Some(attempt) = &instance.attempt else {
            return Vec::new();
        };
        let (step, item, number) = (self.name(key.step), self.item(key), attempt.number);
        let work = self.book.steps[key.step].work;
        match &instance.state {
            InstanceState::Live(Phase::Waiting { .. }) if matches!(work, Work::Gate(_)) => {
                let fault = Fault::new(FaultKind::Rejected, "nobody answered in time");
                vec![Event::Failed {
                    step,
                    item,
                    attempt: number,
                    fault,
                }]
            }
            InstanceState::Live(Phase::Waiting { until, .. })
                if work == Work::Timer && until.is_none_or(|until| until <= now) =>
            {
                let waited = format_millis(now.since(attempt.first));
                self.done(now, key, json!({ "waited": waited }), Effect::None, None)
            }
            InstanceState::Live(Phase::Retrying { .. }) => self.again(now, key, attempt),
            InstanceState::Live(Phase::Flying | Phase::Waiting { .. })
                if attempt.deadline <= now =>
            {
                vec![Event::Failed {
                    step,
                    item,
                    attempt: number,
                    fault: self.overdue(
                        now,
                        key,
                        instance.state == InstanceState::Live(Phase::Flying),
                    ),
                }]
            }
            InstanceState::Live(Phase::Waiting { .. }) => vec![Event::Woken {
                step,
                item,
                attempt: number,
            }],
            InstanceState::Live(Phase::Flying | Phase::InDoubt { .. })
            | InstanceState::Queued
            | InstanceState::Succeeded { .. }
            | InstanceState::Failed { .. }
            | InstanceState::Cancelled => Vec::new(),
        }
    }

    /// The next attempt is due.
    fn again(&self, now: Timestamp, key: Key, attempt: &Attempt) -> Vec<Event> {
        let (step, item, number) = (self.name(key.step), self.item(key), attempt.number);
        let work = self.book.steps[key.step].work;
        // Nothing was in flight when its time ran out while nobody drove the run.
        if attempt.tries > 0 && attempt.deadline <= now {
            return vec![Event::Failed {
                step,
                item,
                attempt: number,
                fault: self.overdue(now, key, false),
            }];
        }
        // A person had it tried again in a run that has no time left for it.
        if self.deadline_of(now, key.step) <= now {
            return vec![self.cut_as_late(key)];
        }
        let mut events = vec![Event::AttemptStarted {
            step: step.clone(),
            item,
            attempt: number + 1,
            token: attempt.token.clone(),
            inputs: None,
            deadline: if attempt.tries == 0 {
                self.deadline_of(now, key.step)
            } else {
                attempt.deadline
            },
        }];
        if matches!(work, Work::Timer | Work::Gate(_)) {
            events.push(Event::Waiting {
                step,
                item,
                attempt: number + 1,
                // A timer's time has come; a question is asked again and waits for its answer.
                until: (work == Work::Timer).then_some(now),
                note: attempt.note.clone().unwrap_or_default(),
            });
        }
        events
    }

    pub(super) fn overdue(&self, now: Timestamp, key: Key, flying: bool) -> Fault {
        let attempt = self.instance(key).and_then(|one| one.attempt.as_ref());
        let span = attempt.map_or(0, |one| now.since(one.first));
        let mut message = format!("not done after {}", format_millis(span));
        if let Some(note) = attempt.and_then(|one| one.note.as_deref()) {
            message.push_str(&format!("; last seen: {note}"));
        }
        Fault {
            executed: if flying {
                Executed::Unknown
            } else {
                Executed::No
            },
            ..Fault::new(FaultKind::Timeout, message)
        }
    }

    pub(super) fn answered(
        &self,
        now: Timestamp,
        key: Key,
        (actor, granted, comment): (String, bool, Option<String>),
        outputs: Value,
    ) -> Vec<Event> {
        let asked = self.instance(key).filter(|instance| {
            matches!(instance.state, InstanceState::Live(Phase::Waiting { .. }))
                && matches!(self.book.steps[key.step].work, Work::Gate(_))
        });
        let Some(attempt) = asked.and_then(|instance| instance.attempt.as_ref()) else {
            return Vec::new();
        };
        if granted && attempt.grants.contains(&actor) {
            return Vec::new();
        }
        let (step, item) = (self.name(key.step), self.item(key));
        let mut events = vec![Event::Answered {
            step: step.clone(),
            item,
            actor: actor.clone(),
            granted,
            comment: comment.clone(),
        }];
        let wanted = match self.book.steps[key.step].work {
            Work::Gate(Gate::Approval) => attempt.inputs["count"].as_u64().unwrap_or(1),
            Work::Gate(Gate::Manual | Gate::Pause)
            | Work::Pure
            | Work::Timer
            | Work::Child
            | Work::Call(_) => 1,
        };
        if !granted {
            let mut message = format!("rejected by {actor}");
            if let Some(comment) = comment {
                message.push_str(&format!(": {comment}"));
            }
            events.push(Event::Failed {
                step,
                item,
                attempt: attempt.number,
                fault: Fault::new(FaultKind::Rejected, message),
            });
        } else if attempt.grants.len() as u64 + 1 >= wanted {
            events.extend(self.done(now, key, outputs, Effect::None, Some(now)));
        }
        events
    }
}
