//! What an input means, as facts to journal. Changes nothing.

mod waits;

use serde_json::Value;

use crate::run::{Life, Stage};
use crate::{
    Answer, Doubt, Effect, Event, Fault, FaultKind, Input, Instance, InstanceState, Key, Phase,
    Prepared, Resolution, Run, RunStatus, Section, SkipReason, Timestamp,
};

impl Run {
    /// What `input` means at `now`, as facts to journal.
    #[must_use]
    pub fn decide(&self, now: Timestamp, input: Input) -> Vec<Event> {
        let mut events = self.meaning(now, input);
        events.extend(self.halting(now, &events));
        events
    }

    fn meaning(&self, now: Timestamp, input: Input) -> Vec<Event> {
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
            Input::Noted { key, number, note } => self.noted(key, number, note),
            Input::Tick => self.ticks(now),
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
            Input::Reopen { actor } => self.reopens(actor),
            Input::Pause { actor, reason } => self.pause(actor, reason),
            Input::Unpause { actor } => self.unpause(actor),
            Input::Retry {
                step,
                downstream,
                actor,
                reason,
            } => self.retry(step, downstream, actor, reason),
            Input::Skip {
                step,
                actor,
                reason,
            } => self.skip(step, actor, reason),
            Input::Restore { actor } => vec![Event::Restored { actor }],
            Input::RollBack { actor, reason } => self.roll_back(actor, reason),
            Input::Unwind => self.unwind_begins(),
            Input::UndoPrepared { key, prepared } => self.undo_prepared(now, key, prepared),
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
        // One that was made ready in the same turn as a failure does not start any more.
        if !self.may_start(step, item) {
            return Vec::new();
        }
        if self.is_late(now) {
            return self.deadline_passes();
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
                let attempt = self.instance(key).map_or(0, Instance::last_number) + 1;
                let mut events = vec![Event::AttemptStarted {
                    step: self.name(step),
                    item,
                    attempt,
                    token,
                    inputs: Some(inputs),
                    deadline: self.deadline_of(now, step),
                }];
                if let Some((until, note)) = wait {
                    events.push(Event::Waiting {
                        step: self.name(step),
                        item,
                        attempt,
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
        if self.instance(key).is_some_and(|one| one.undo.is_some()) {
            return self
                .undo_answer(now, key, number, &answer)
                .into_iter()
                .collect();
        }
        // A superseded attempt may answer late; it is not believed.
        let live = self.instance(key).filter(|instance| {
            instance.state == InstanceState::Live(Phase::Flying)
                && instance.attempt.as_ref().map(|attempt| attempt.number) == Some(number)
        });
        let Some(live) = live else {
            return Vec::new();
        };
        let overdue = live.attempt.as_ref().is_some_and(|one| one.overdue);
        let (step, item, attempt) = (self.name(key.step), self.item(key), number);
        match answer {
            Answer::Done {
                outputs,
                effect,
                at,
            } => self.done(now, key, outputs, effect, at),
            // It was looked at once more; nothing new begins after the deadline.
            Answer::Observed(_) | Answer::Again { .. } if overdue => vec![Event::Failed {
                step,
                item,
                attempt,
                fault: self.overdue(now, key, false),
            }],
            Answer::Observed(before) => vec![Event::Observed {
                step,
                item,
                attempt,
                before,
            }],
            Answer::Again { .. } if self.cut_short(key.step) => vec![self.cut(key)],
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
            && !state.is_some_and(|one| one.overdue)
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

    /// Cancelling cuts the main steps short only; what cleans up is carried out.
    fn cut_short(&self, step: usize) -> bool {
        (self.cancelled || self.late || self.rollback_wanted)
            && self.book.steps[step].section == Section::Main
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
                // Nobody knows that it was reached: a skipped step sets no mark.
                let done = self.done(now, key, Value::Null, Effect::None, None);
                events.extend(done.into_iter().take(1));
            }
            // Nothing begins again in a run that is being ended.
            Resolution::Retry if self.cut_short(key.step) => events.push(self.cut(key)),
            // What it needs was tried again meanwhile, and failed.
            Resolution::Retry if self.needs_failed(key.step) => events.push(Event::Failed {
                step: self.name(key.step),
                item: self.item(key),
                attempt: self.number(key),
                fault: Fault::new(FaultKind::Unmet, "what it needs has failed"),
            }),
            Resolution::Retry => {}
        }
        events
    }

    fn needs_failed(&self, step: usize) -> bool {
        let needs = &self.book.steps[step].needs;
        needs.iter().any(|need| self.has_failed_for_good(*need))
    }

    fn conclude(&self, outputs: Value, missed: bool, broken: bool) -> Vec<Event> {
        let over = self.current_stage() == Stage::End && self.active.is_empty();
        if self.life != Life::Live || !over {
            return Vec::new();
        }
        let status = if self.rollback.is_some() {
            RunStatus::RolledBack
        } else if self.cancelled {
            RunStatus::Cancelled
        } else if self.failed || broken || self.broken() {
            RunStatus::Failed
        } else if missed {
            RunStatus::ObjectiveMissed
        } else if self.has_warnings() {
            RunStatus::SucceededWithWarnings
        } else {
            RunStatus::Succeeded
        };
        vec![Event::Finished { status, outputs }]
    }
}
