//! Which events a state has a place for: those that [`Run::decide`] could have said of it.
//!
//! Asked before anything is changed, so that a journal that cannot be leaves the state as it is.

use crate::run::{Life, Stage};
use crate::{Corrupt, Event, InstanceState, Key, Phase, Run, RunStatus, Section, Undoing, Work};

impl Run {
    /// Whether the state has a place for an event about the run itself.
    pub(crate) fn fits_run(&self, event: &Event) -> Result<(), Corrupt> {
        let ended = matches!(self.life, Life::Ended(_));
        let fits = match event {
            Event::Started { .. } => self.life == Life::Pending,
            Event::Resumed { .. } => matches!(self.life, Life::Live | Life::Paused),
            Event::CancelRequested { .. } => !self.cancelled && !ended && !self.is_rolling_back(),
            Event::CancelForced { .. } => self.cancelled && !ended && !self.is_rolling_back(),
            Event::PauseRequested { .. } => self.life == Life::Live && !self.halted(),
            Event::Unpaused { .. } => {
                self.life == Life::Paused && (self.paused_by.is_some() || !self.held_by_failure())
            }
            Event::Reopened { steps: Some(_), .. } => self.life == Life::Live,
            Event::Reopened { steps: None, .. } => self.may_reopen(),
            Event::DeadlinePassed { .. } => {
                self.life == Life::Live && !self.halted() && self.deadline().is_some()
            }
            Event::RollbackRequested { .. } => {
                !self.roll_back(String::new(), String::new()).is_empty()
            }
            Event::RollbackStarted {} => {
                self.life == Life::Live && self.current_stage() == Stage::Unwind
            }
            Event::Finished { .. } => {
                let over = self.forced || self.current_stage() == Stage::End;
                self.life == Life::Live && self.active.is_empty() && over
            }
            _ => true,
        };
        if fits {
            return Ok(());
        }
        Err(Corrupt {
            kind: event.kind(),
            step: "none".to_owned(),
            state: self.status().name().to_owned(),
        })
    }

    /// Whether the state has a place for an event about a step or an item.
    pub(crate) fn fits_step(&self, event: &Event, key: Key) -> Result<(), Corrupt> {
        let step = &self.book.steps[key.step];
        let ours = |event: &Event| event.attempt() == Some(self.number(key));
        let fits = match event {
            Event::Skipped { .. } => self.starts(key.step),
            Event::Expanded { items, .. } => {
                self.starts(key.step) && step.for_each.is_some() && !items.is_empty()
            }
            Event::AttemptStarted {
                attempt, inputs, ..
            } => match (inputs, self.phase(key)) {
                (Some(_), None) => {
                    let last = self.instance(key).map_or(0, crate::Instance::last_number);
                    // The first release counted from 1 again when a run was given another chance.
                    let fits = *attempt == 1 || last.checked_add(1) == Some(*attempt);
                    fits && self.item_starts(key)
                }
                (None, Some(Phase::Retrying { .. })) => {
                    self.number(key).checked_add(1) == Some(*attempt)
                }
                (Some(_) | None, _) => false,
            },
            Event::Observed { .. }
            | Event::Waiting { .. }
            | Event::AttemptFailed { .. }
            | Event::InDoubt { .. } => self.phase(key) == Some(&Phase::Flying) && ours(event),
            Event::Woken { .. } => self.waits(key) && ours(event),
            Event::Noted { attempt, .. } => self.may_note(key, *attempt),
            Event::Succeeded { .. } => self.phase(key).is_some() && ours(event),
            Event::Failed { attempt, .. } => match self.phase(key) {
                Some(_) => ours(event),
                None => {
                    let all = step.for_each.is_some() && key.item == 0 && self.starts(key.step);
                    *attempt == 0 && (all || self.item_starts(key))
                }
            },
            Event::Resolved { .. } => matches!(self.phase(key), Some(Phase::InDoubt { .. })),
            Event::StepCancelled { .. } => {
                (self.cancelled || self.is_rolling_back()) && self.phase(key).is_some()
            }
            Event::Answered { .. } => self.waits(key) && matches!(step.work, Work::Gate(_)),
            Event::RetryRequested { downstream, .. } => {
                let (actor, reason) = (String::new(), String::new());
                !self.retry(key.step, *downstream, actor, reason).is_empty()
            }
            Event::StepSkipped { .. } => {
                !self.skip(key.step, String::new(), String::new()).is_empty()
            }
            Event::UndoStarted { .. }
            | Event::UndoWaiting { .. }
            | Event::Undone { .. }
            | Event::NotUndone { .. } => self.fits_undo(event, key),
            _ => true,
        };
        if fits {
            return Ok(());
        }
        Err(Corrupt {
            kind: event.kind(),
            step: format!("{}[{}]", step.id, key.item),
            state: self.item_state(key).to_owned(),
        })
    }

    fn fits_undo(&self, event: &Event, key: Key) -> bool {
        let Some(instance) = self.instance(key) else {
            return false;
        };
        let ready = self.may_undo(key);
        match (event, &instance.undo) {
            (Event::UndoStarted { attempt, .. }, None) => {
                ready && instance.last_number().checked_add(1) == Some(*attempt)
            }
            (Event::UndoStarted { attempt, .. }, Some(Undoing::Waiting { attempt: last, .. })) => {
                last.number.checked_add(1) == Some(*attempt)
            }
            (Event::UndoWaiting { attempt, .. }, Some(Undoing::Flying(last))) => {
                last.number == *attempt
            }
            // An older build took back the first generation alone, and left nothing to do.
            (Event::Undone { attempt, left, .. }, Some(Undoing::Flying(last))) => {
                last.number == *attempt && (*left == 0 || *left == self.left_behind(key))
            }
            (Event::NotUndone { .. }, None) => ready,
            (Event::NotUndone { .. }, Some(Undoing::Flying(_) | Undoing::Waiting { .. })) => true,
            _ => false,
        }
    }

    /// Whether failed steps may get another chance. What cleans up starts over then, so none of it may be
    /// under way.
    pub(crate) fn may_reopen(&self) -> bool {
        matches!(self.life, Life::Paused | Life::Ended(RunStatus::Failed))
            && self
                .active
                .iter()
                .all(|key| self.book.steps[key.step].section == Section::Main)
    }

    /// Whether the step may start, or end without having started.
    fn starts(&self, step: usize) -> bool {
        self.life == Life::Live && self.ready.contains(&step)
    }

    /// Whether the item is the next of its step to start.
    fn item_starts(&self, key: Key) -> bool {
        if self.book.steps[key.step].for_each.is_none() {
            return key.item == 0 && self.starts(key.step);
        }
        let state = &self.steps[key.step];
        self.life == Life::Live && self.fanning.contains(&key.step) && state.next == key.item
    }

    fn phase(&self, key: Key) -> Option<&Phase> {
        match &self.instance(key)?.state {
            InstanceState::Live(phase) => Some(phase),
            InstanceState::Queued
            | InstanceState::Succeeded { .. }
            | InstanceState::Failed { .. }
            | InstanceState::Cancelled => None,
        }
    }

    fn waits(&self, key: Key) -> bool {
        matches!(self.phase(key), Some(Phase::Waiting { .. }))
    }

    fn item_state(&self, key: Key) -> &'static str {
        match self.instance(key).map(|one| &one.state) {
            None => "not started",
            Some(InstanceState::Queued) => "queued",
            Some(InstanceState::Live(Phase::Flying)) => "in flight",
            Some(InstanceState::Live(Phase::Waiting { .. })) => "waiting",
            Some(InstanceState::Live(Phase::Retrying { .. })) => "retrying",
            Some(InstanceState::Live(Phase::InDoubt { .. })) => "in doubt",
            Some(InstanceState::Succeeded { .. }) => "succeeded",
            Some(InstanceState::Failed { .. }) => "failed",
            Some(InstanceState::Cancelled) => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use crate::{Journal, Run};

    /// The journal of a plain step `a` and a loop `b`, as far as it fits.
    fn fold(lines: &[serde_json::Value]) -> Result<Run, String> {
        let book = json!({"name": "x", "steps": [
            {"id": "a", "uses": "any", "work": {"call": "query"}, "timeout": 1000},
            {"id": "b", "uses": "any", "work": {"call": "query"}, "timeout": 1000,
             "for_each": {"over": "[1]", "max_parallel": 2}},
            {"id": "c", "uses": "any", "work": "pure", "timeout": 1000, "section": "finally"},
        ]});
        let mut run = Run::new(Arc::new(serde_json::from_value(book).unwrap()));
        for line in lines {
            let mut line = line.clone();
            line["at"] = json!(1);
            let entry: Journal = serde_json::from_value(line).unwrap();
            let before = run.clone();
            if let Err(corrupt) = run.evolve(&entry) {
                assert_eq!(run, before, "what is refused leaves no trace");
                return Err(corrupt.to_string());
            }
        }
        Ok(run)
    }

    #[test]
    fn what_cleans_up_may_count_from_one_again() {
        let fault = json!({"kind": "denied", "message": "no"});
        let start = |step: &str| {
            json!({"kind": "attempt_started", "step": step, "attempt": 1, "token": "t",
                   "inputs": {}, "deadline": 9})
        };
        let failed = json!({"kind": "failed", "step": "a", "attempt": 1, "fault": fault});
        let cleaned = json!({"kind": "succeeded", "step": "c", "attempt": 1, "outputs": null});
        let end = json!({"kind": "finished", "status": "failed"});
        let again = json!({"kind": "attempt_started", "step": "a", "attempt": 2, "token": "t",
                           "deadline": 9});
        let failed_again = json!({"kind": "failed", "step": "a", "attempt": 2, "fault": fault});
        let lines = [
            json!({"kind": "started", "actor": "ann", "epoch": 1}),
            start("a"),
            failed,
            start("c"),
            cleaned.clone(),
            end.clone(),
            json!({"kind": "reopened", "actor": "ann"}),
            json!({"kind": "resumed", "actor": "ann", "epoch": 2}),
            again,
            failed_again,
            start("c"),
            cleaned,
            end,
        ];
        assert!(fold(&lines).is_ok(), "{:?}", fold(&lines));
    }

    #[test]
    fn what_cannot_have_happened_is_refused() {
        let begun = json!({"kind": "started", "actor": "ann", "epoch": 1});
        let start = |step: &str, item: Option<u32>, attempt: u32| {
            json!({"kind": "attempt_started", "step": step, "item": item, "attempt": attempt,
                   "token": "t", "inputs": {}, "deadline": 9})
        };
        let done = json!({"kind": "succeeded", "step": "a", "attempt": 1, "outputs": {}});
        let fault = json!({"kind": "denied", "message": "no"});
        let failed = |attempt: u32| json!({"kind": "failed", "step": "a", "attempt": attempt, "fault": fault});
        let skipped = json!({"kind": "skipped", "step": "a", "reason": "condition"});
        let expanded = |step: &str| json!({"kind": "expanded", "step": step, "items": [1, 2]});
        let reopened = json!({"kind": "reopened", "actor": "ann"});
        let a = start("a", None, 1);
        for (lines, at) in [
            (vec![begun.clone()], "running"),
            (vec![a.clone(), done.clone(), failed(1)], "succeeded"),
            (vec![a.clone(), done.clone(), skipped.clone()], "succeeded"),
            (vec![skipped.clone(), skipped.clone()], "not started"),
            (vec![a.clone(), a.clone()], "in flight"),
            (vec![start("a", None, u32::MAX)], "not started"),
            (vec![start("a", Some(u32::MAX), 1)], "not started"),
            (vec![a.clone(), failed(2)], "in flight"),
            (vec![expanded("a")], "not started"),
            (vec![expanded("b"), start("b", Some(1), 1)], "queued"),
            (vec![expanded("b"), expanded("b")], "queued"),
            (
                vec![json!({"kind": "step_cancelled", "step": "b", "item": 0})],
                "not started",
            ),
            (vec![start("c", None, 1), reopened.clone()], "running"),
            (vec![reopened.clone()], "running"),
        ] {
            let lines: Vec<_> = std::iter::once(begun.clone()).chain(lines).collect();
            let why = fold(&lines).map(|run| run.status()).unwrap_err();
            assert!(why.ends_with(&format!("the state {at}")), "{why}");
            assert!(fold(&lines[..lines.len() - 1]).is_ok(), "{why}");
        }
    }
}
