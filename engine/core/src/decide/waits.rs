//! Waits, timers, deadlines and questions: what time and people move.

use serde_json::{Value, json};

use crate::run::Life;
use crate::{
    Effect, Event, Executed, Fault, FaultKind, Gate, InstanceState, Key, Phase, Run, Section,
    Timestamp, Work, format_millis,
};

impl Run {
    pub(super) fn ticks(&self, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        let late = self.deadline().filter(|deadline| *deadline <= now);
        if let Some(deadline) = late
            && self.life == Life::Live
            && !self.halted()
            && self.main_runs()
        {
            events.push(Event::DeadlinePassed { deadline });
            let waiting = self.cut_waiting();
            let cut = |event: Event| match event {
                Event::StepCancelled { step, item } => Some((step, item)),
                _ => None,
            };
            events.extend(waiting.into_iter().filter_map(cut).map(|(step, item)| {
                let key = Key {
                    step: self.step_index(&step).unwrap_or_default(),
                    item: item.unwrap_or(0) as usize,
                };
                Event::Failed {
                    step,
                    item,
                    attempt: self.number(key),
                    fault: Fault::new(FaultKind::Timeout, "the deadline of the run passed"),
                }
            }));
            return events;
        }
        let due = |key: &&Key| self.due(**key).is_some_and(|due| due <= now);
        events.extend(
            self.active
                .iter()
                .filter(due)
                .flat_map(|&key| self.tick(now, key)),
        );
        events
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
            InstanceState::Live(Phase::Retrying { .. }) => {
                let started = Event::AttemptStarted {
                    step,
                    item,
                    attempt: number + 1,
                    token: attempt.token.clone(),
                    inputs: None,
                    deadline: if attempt.tries == 0 {
                        self.deadline_of(now, key.step)
                    } else {
                        attempt.deadline
                    },
                };
                let again = Event::Waiting {
                    step: self.name(key.step),
                    item: self.item(key),
                    attempt: number + 1,
                    // A timer's time has come; a question is asked again and waits for its answer.
                    until: (work == Work::Timer).then_some(now),
                    note: attempt.note.clone().unwrap_or_default(),
                };
                let waits = matches!(work, Work::Timer | Work::Gate(_));
                std::iter::once(started)
                    .chain(waits.then_some(again))
                    .collect()
            }
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
