//! What an input means, as facts to journal. Changes nothing.

use serde_json::{Value, json};

use crate::run::Life;
use crate::{
    Answer, Doubt, Effect, Event, Executed, Fault, FaultKind, Gate, Input, InstanceState, Key,
    Phase, Prepared, Resolution, Run, RunStatus, Section, SkipReason, Timestamp, Work,
    format_millis,
};

impl Run {
    /// What `input` means at `now`, as facts to journal.
    #[must_use]
    pub fn decide(&self, now: Timestamp, input: Input) -> Vec<Event> {
        match input {
            Input::Drive { actor, epoch } => self.drive(actor, epoch),
            Input::Prepared {
                step,
                item,
                prepared,
            } => self.prepared(now, step, item, prepared),
            Input::Finished {
                key,
                number,
                answer,
            } => self.finished_attempt(now, key, number, answer),
            Input::Tick => self
                .active
                .iter()
                .filter(|key| self.due(**key).is_some_and(|due| due <= now))
                .flat_map(|&key| self.tick(now, key))
                .collect(),
            Input::Answered {
                key,
                actor,
                granted,
                comment,
                outputs,
            } => self.answered(now, key, (actor, granted, comment), outputs),
            Input::Cancel { actor, reason } => self.cancel(actor, reason),
            Input::Resolve {
                key,
                actor,
                reason,
                resolution,
            } => self.resolve(now, key, (actor, reason), resolution),
            Input::Reopen { actor } if self.may_reopen() => vec![Event::Reopened { actor }],
            Input::Reopen { .. } => Vec::new(),
            Input::Concluded {
                outputs,
                missed,
                broken,
            } => self.conclude(outputs, missed, broken),
        }
    }

    fn drive(&self, actor: String, epoch: u64) -> Vec<Event> {
        match self.life {
            Life::Pending => vec![Event::Started { actor, epoch }],
            Life::Live | Life::Paused => vec![Event::Resumed { actor, epoch }],
            Life::Ended(_) => Vec::new(),
        }
    }

    pub(crate) fn name(&self, step: usize) -> String {
        self.book.steps[step].id.clone()
    }

    /// The item as the journal writes it: none for plain steps.
    #[expect(clippy::cast_possible_truncation, reason = "lists are far shorter")]
    pub(crate) fn item(&self, key: Key) -> Option<u32> {
        self.book.steps[key.step]
            .for_each
            .as_ref()
            .map(|_| key.item as u32)
    }

    fn prepared(
        &self,
        now: Timestamp,
        step: usize,
        item: Option<usize>,
        prepared: Prepared,
    ) -> Vec<Event> {
        let startable = match item {
            None => self.ready.contains(&step),
            Some(item) => self.fanning.contains(&step) && self.steps[step].next == item,
        };
        // One that was made ready in the same turn as a failure does not start any more.
        let held = self.book.steps[step].section == Section::Main && self.halted();
        if !startable || held || self.life != Life::Live {
            return Vec::new();
        }
        let key = Key {
            step,
            item: item.unwrap_or(0),
        };
        match prepared {
            Prepared::Skip { saw } => vec![Event::Skipped {
                step: self.name(step),
                reason: SkipReason::Condition,
                saw,
            }],
            Prepared::Items(items) if items.is_empty() => vec![Event::Skipped {
                step: self.name(step),
                reason: SkipReason::Empty,
                saw: Value::Null,
            }],
            Prepared::Items(items) => vec![Event::Expanded {
                step: self.name(step),
                items,
            }],
            Prepared::Unfit(fault) => vec![Event::Failed {
                step: self.name(step),
                item: item.and_then(|_| self.item(key)),
                attempt: 0,
                fault,
            }],
            Prepared::Start {
                token,
                inputs,
                wait,
            } => {
                let item = item.and_then(|_| self.item(key));
                let mut events = vec![Event::AttemptStarted {
                    step: self.name(step),
                    item,
                    attempt: 1,
                    token,
                    inputs: Some(inputs),
                    deadline: now.plus(self.book.steps[step].timeout),
                }];
                if let Some((until, note)) = wait {
                    events.push(Event::Waiting {
                        step: self.name(step),
                        item,
                        attempt: 1,
                        until,
                        note,
                    });
                }
                events
            }
        }
    }

    fn finished_attempt(
        &self,
        now: Timestamp,
        key: Key,
        number: u32,
        answer: Answer,
    ) -> Vec<Event> {
        // A superseded attempt may answer late; it is not believed.
        let live = self.instance(key).is_some_and(|instance| {
            instance.state == InstanceState::Live(Phase::Flying)
                && instance.attempt.as_ref().map(|attempt| attempt.number) == Some(number)
        });
        if !live {
            return Vec::new();
        }
        let (step, item, attempt) = (self.name(key.step), self.item(key), number);
        match answer {
            Answer::Done {
                outputs,
                effect,
                at,
            } => self.done(now, key, outputs, effect, at),
            Answer::Observed(before) => vec![Event::Observed {
                step,
                item,
                attempt,
                before,
            }],
            Answer::Again { .. } if self.cut_short(key.step) => {
                vec![Event::StepCancelled { step, item }]
            }
            Answer::Again { at, note } => vec![Event::Waiting {
                step,
                item,
                attempt,
                until: Some(at),
                note,
            }],
            Answer::Failed { fault, share } => vec![self.failed(now, key, fault, share)],
            Answer::Doubt(Doubt { why }) => vec![Event::InDoubt {
                step,
                item,
                attempt,
                why,
            }],
        }
    }

    pub(crate) fn number(&self, key: Key) -> u32 {
        self.instance(key)
            .and_then(|instance| instance.attempt.as_ref())
            .map_or(0, |attempt| attempt.number)
    }

    fn done(
        &self,
        now: Timestamp,
        key: Key,
        outputs: Value,
        effect: Effect,
        at: Option<Timestamp>,
    ) -> Vec<Event> {
        let mut events = vec![Event::Succeeded {
            step: self.name(key.step),
            item: self.item(key),
            attempt: self.number(key),
            outputs,
            effect,
        }];
        if let Some(name) = &self.book.steps[key.step].marks {
            events.push(Event::Marked {
                name: name.clone(),
                reached: at.unwrap_or(now),
                step: self.name(key.step),
            });
        }
        events
    }

    fn failed(&self, now: Timestamp, key: Key, fault: Fault, share: f64) -> Event {
        let (step, item, attempt) = (self.name(key.step), self.item(key), self.number(key));
        let retry = &self.book.steps[key.step].retry;
        let state = self.instance(key).and_then(|one| one.attempt.as_ref());
        let (tries, deadline) = state.map_or((0, now), |one| (one.tries, one.deadline));
        let retry_at = now.plus(retry.delay_after(tries, share));
        let again = retry.on.contains(&fault.kind)
            && tries < retry.attempts
            && retry_at < deadline
            && !self.cut_short(key.step);
        if again {
            Event::AttemptFailed {
                step,
                item,
                attempt,
                fault,
                retry_at,
            }
        } else {
            Event::Failed {
                step,
                item,
                attempt,
                fault,
            }
        }
    }

    fn tick(&self, now: Timestamp, key: Key) -> Vec<Event> {
        let Some(instance) = self.instance(key) else {
            return Vec::new();
        };
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
                        now.plus(self.book.steps[key.step].timeout)
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

    fn overdue(&self, now: Timestamp, key: Key, flying: bool) -> Fault {
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

    fn answered(
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

    /// Cancelling cuts the main steps short only; what cleans up is carried out.
    fn cut_short(&self, step: usize) -> bool {
        self.cancelled && self.book.steps[step].section == Section::Main
    }

    fn cancel(&self, actor: String, reason: Option<String>) -> Vec<Event> {
        if self.cancelled || matches!(self.life, Life::Ended(_)) {
            return Vec::new();
        }
        let mut events = vec![Event::CancelRequested { actor, reason }];
        // What is in flight ends by itself; what only waits ends now.
        for &key in &self.active {
            let main = self.book.steps[key.step].section == Section::Main;
            let waits = main
                && self.instance(key).is_some_and(|instance| {
                    matches!(
                        instance.state,
                        InstanceState::Live(Phase::Waiting { .. } | Phase::Retrying { .. })
                    )
                });
            if waits {
                events.push(Event::StepCancelled {
                    step: self.name(key.step),
                    item: self.item(key),
                });
            }
        }
        events
    }

    fn resolve(
        &self,
        now: Timestamp,
        key: Key,
        (actor, reason): (String, String),
        resolution: Resolution,
    ) -> Vec<Event> {
        let in_doubt = self.instance(key).is_some_and(|instance| {
            matches!(instance.state, InstanceState::Live(Phase::InDoubt { .. }))
        });
        if !in_doubt {
            return Vec::new();
        }
        let how = match resolution {
            Resolution::Done(_) => "done",
            Resolution::Retry => "retry",
            Resolution::Skip => "skip",
        };
        let mut events = vec![Event::Resolved {
            step: self.name(key.step),
            item: self.item(key),
            actor,
            how: how.to_owned(),
            reason,
        }];
        match resolution {
            Resolution::Done(outputs) => {
                events.extend(self.done(now, key, outputs, Effect::Changed, None));
            }
            Resolution::Skip => {
                events.extend(self.done(now, key, Value::Null, Effect::None, None));
            }
            Resolution::Retry => {}
        }
        events
    }

    fn conclude(&self, outputs: Value, missed: bool, broken: bool) -> Vec<Event> {
        if self.life != Life::Live || self.current_section().is_some() || !self.active.is_empty() {
            return Vec::new();
        }
        let status = if self.cancelled {
            RunStatus::Cancelled
        } else if self.failed || broken {
            RunStatus::Failed
        } else if missed {
            RunStatus::ObjectiveMissed
        } else if self.warned {
            RunStatus::SucceededWithWarnings
        } else {
            RunStatus::Succeeded
        };
        vec![Event::Finished { status, outputs }]
    }
}
