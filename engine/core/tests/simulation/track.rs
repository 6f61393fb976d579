//! A second account of a run, kept from its events alone and by other rules than the core's: what it
//! cannot explain must not be written.

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::{
    Effect, Event, ForEach, Kept, Key, OnFailure, Run, Runbook, Section, Shape, StepStatus,
    Timestamp, Work,
};

/// Where an item is, as far as its events say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum At {
    Flying,
    Waiting(Option<Timestamp>),
    Retrying(Timestamp),
    Doubt,
}

/// How far an item is taken back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Back {
    Flying,
    Waiting(Timestamp),
    Done,
    Kept(Kept),
}

#[derive(Clone, Default)]
pub(crate) struct Track {
    pub(crate) live: BTreeMap<Key, At>,
    pub(crate) numbers: BTreeMap<Key, u32>,
    pub(crate) back: BTreeMap<Key, Back>,
    /// Items that ended, and of them those that failed.
    ended: BTreeSet<Key>,
    failed: BTreeSet<Key>,
    /// What may have been changed outside, as far as the journal can know.
    pub(crate) possible: BTreeSet<Key>,
    /// Live items that an operator gave another chance and that have not started since.
    again: BTreeSet<Key>,
    pub(crate) paused: bool,
    pub(crate) cancelled: bool,
    pub(crate) forced: bool,
    late: bool,
    rolling: bool,
    pub(crate) over: bool,
    /// An operator gave ended work another chance: batches are no longer in order.
    pub(crate) meddled: bool,
}

/// The items that may be in flight at once when this item starts, counted anew.
fn allowed(for_each: &ForEach, total: usize, item: usize) -> (usize, usize) {
    let Some((last, batches)) = for_each.ramp.split_last() else {
        return (for_each.max_parallel.max(1) as usize, 0);
    };
    let mut start = 0;
    for size in batches {
        let size = size.of(total).max(1);
        if item < start + size {
            return (size, start);
        }
        start += size;
    }
    (last.of(total).max(1), start)
}

pub(crate) fn key_of(run: &Run, event: &Event) -> Option<Key> {
    let (step, item) = event.subject()?;
    Some(Key {
        step: run.step_index(step)?,
        item: item.unwrap_or(0) as usize,
    })
}

impl Track {
    fn main_may_run(&self, run: &Run) -> bool {
        !self.cancelled && !self.late && !self.rolling && !run.has_failed()
    }

    /// What must never be written, before it is folded into `run`.
    pub(crate) fn check(&self, run: &Run, now: Timestamp, event: &Event) {
        let book = run.book();
        match event {
            Event::AttemptStarted {
                attempt,
                inputs,
                deadline,
                ..
            } => {
                let key = key_of(run, event).unwrap();
                self.check_start(run, now, key, inputs.is_some());
                let last = self.numbers.get(&key).copied().unwrap_or(0);
                assert!(
                    *attempt > last,
                    "attempt number {attempt} of {key:?} was used"
                );
                // The last look at what was in flight when nothing drove the run has time of its own.
                let attempt = run.instance(key).and_then(|one| one.attempt.as_ref());
                let last_look = attempt.is_some_and(|one| one.overdue);
                if let Some(run) = run.deadline()
                    && !last_look
                    && book.steps[key.step].section == Section::Main
                {
                    assert!(*deadline <= run, "a step may outlive the run's deadline");
                }
            }
            Event::Noted { .. } => {
                let key = key_of(run, event).unwrap();
                let flies = matches!(self.live.get(&key), Some(At::Flying));
                assert!(flies, "{key:?} notes something and is not in flight");
            }
            Event::Woken { .. } => {
                let key = key_of(run, event).unwrap();
                let Some(At::Waiting(until)) = self.live.get(&key) else {
                    panic!("{key:?} is woken and did not wait");
                };
                assert!(until.is_none_or(|until| until <= now), "woken too early");
            }
            Event::Expanded { .. } | Event::Skipped { .. } => {
                let key = key_of(run, event).unwrap();
                self.check_time_of(run, key);
                self.check_needs(run, key.step);
            }
            Event::UndoStarted { attempt, .. } => {
                let key = key_of(run, event).unwrap();
                let last = self.numbers.get(&key).copied().unwrap_or(0);
                assert!(*attempt > last, "undo number {attempt} of {key:?} was used");
                self.check_undo(run, now, key);
            }
            Event::NotUndone { .. } => {
                let key = key_of(run, event).unwrap();
                assert!(
                    self.possible.contains(&key),
                    "{key:?} had no effect to keep"
                );
            }
            Event::RollbackStarted {} => {
                assert!(self.live.is_empty(), "the way back begins beside live work");
            }
            Event::Finished { .. } => {
                assert!(self.live.is_empty(), "a run ends beside live work");
                let busy = |back: &Back| matches!(back, Back::Flying | Back::Waiting(_));
                assert!(
                    !self.back.values().any(busy),
                    "a run ends beside live undos"
                );
            }
            _ => {}
        }
    }

    fn check_needs(&self, run: &Run, step: usize) {
        let book = run.book();
        for &need in &book.steps[step].needs {
            let state = &run.steps()[need];
            let step = &book.steps[need];
            let tolerated = step.section != Section::Main || step.on_failure == OnFailure::Continue;
            match state.ended {
                None => panic!("a step starts before what it needs"),
                Some(StepStatus::Failed) => assert!(tolerated, "a step starts after a failure"),
                Some(_) => {}
            }
        }
    }

    /// Whether the section of this item is due, and the run not held.
    fn check_time_of(&self, run: &Run, key: Key) {
        let book = run.book();
        assert!(!self.over && !self.forced, "something starts after the end");
        assert!(!self.paused, "something starts in a held run");
        if book.steps[key.step].section == Section::Main {
            assert!(self.main_may_run(run), "something starts in a halted run");
            return;
        }
        let main = |key: &&Key| book.steps[key.step].section == Section::Main;
        assert!(self.live.keys().find(main).is_none(), "cleans up too early");
        let stopped = book.steps.iter().zip(run.steps()).any(|(step, state)| {
            step.section == Section::Main
                && step.on_failure != OnFailure::Continue
                && state.ended == Some(StepStatus::Failed)
        });
        if self.main_may_run(run) && !stopped {
            let open = book.steps.iter().zip(run.steps());
            let mut open = open.filter(|(step, _)| step.section == Section::Main);
            assert!(
                open.all(|(_, state)| state.ended.is_some()),
                "cleans up too early"
            );
        }
    }

    fn check_start(&self, run: &Run, now: Timestamp, key: Key, first: bool) {
        let book = run.book();
        let step = &book.steps[key.step];
        assert!(
            !self.ended.contains(&key),
            "{key:?} starts again after its end"
        );
        if step.section == Section::Main && run.deadline().is_some_and(|at| at <= now) {
            panic!("{key:?} starts after the run's deadline");
        }
        if first || self.again.contains(&key) {
            assert!(!self.paused, "{key:?} starts in a held run");
            self.check_needs(run, key.step);
            if let Some(for_each) = &step.for_each {
                self.check_window(run, key, for_each, first);
            }
        }
        if first {
            assert!(
                !self.live.contains_key(&key),
                "{key:?} has two live attempts"
            );
            self.check_time_of(run, key);
        } else {
            let Some(At::Retrying(at)) = self.live.get(&key) else {
                panic!("{key:?} is repeated and did not fail");
            };
            assert!(*at <= now, "{key:?} is repeated too early");
            if step.section == Section::Main {
                let ending = self.cancelled || self.late || self.rolling;
                assert!(!ending, "{key:?} is repeated in a run that is being ended");
            }
        }
    }

    fn check_window(&self, run: &Run, key: Key, for_each: &ForEach, first: bool) {
        let total = run.steps()[key.step].instances.len();
        let here = |one: &&Key| one.step == key.step && !self.again.contains(*one);
        let live = self.live.keys().filter(here).count();
        let (size, start) = allowed(for_each, total, key.item);
        if self.meddled {
            let largest = (0..=total).map(|item| allowed(for_each, total, item).0);
            assert!(live < largest.max().unwrap(), "too many items in flight");
            return;
        }
        assert!(live < size, "{live} of {size} items in flight and one more");
        if first {
            let before = self
                .live
                .keys()
                .any(|one| one.step == key.step && one.item < start);
            assert!(!before, "a batch starts before the last one ended");
            let failed = self.failed.iter().filter(|one| one.step == key.step);
            let tolerated = for_each.max_failures.of(total);
            assert!(
                failed.count() <= tolerated,
                "an item starts after too many failures"
            );
        }
    }

    fn check_undo(&self, run: &Run, now: Timestamp, key: Key) {
        let book = run.book();
        assert!(self.rolling && !self.over, "an undo without a rollback");
        assert_eq!(book.steps[key.step].section, Section::Main);
        assert!(
            self.possible.contains(&key),
            "{key:?} had no effect to take back"
        );
        match self.back.get(&key) {
            None => {}
            Some(Back::Waiting(at)) => assert!(*at <= now, "an undo is repeated too early"),
            Some(other) => panic!("an undo starts while {other:?}"),
        }
        for on in built_on(book, key.step) {
            let mut items = self.back.iter().filter(|(one, _)| one.step == on);
            let bars = items.any(|(_, back)| matches!(back, Back::Kept(why) if why.bars()));
            assert!(!bars, "s{on} was built on {key:?} and stays");
            let mut open = self.possible.iter().filter(|one| one.step == on);
            let settled = open.all(|one| {
                matches!(self.back.get(one), Some(Back::Done | Back::Kept(_)))
                    || !run.instance(*one).is_some_and(|_| self.counts(run, *one))
            });
            assert!(
                settled,
                "s{on} was built on {key:?} and is not taken back yet"
            );
        }
    }

    /// Whether an item's possible effect is still one, now that it ended.
    fn counts(&self, run: &Run, key: Key) -> bool {
        run.rollback_preview().iter().any(|(one, _)| *one == key)
    }

    /// Folds an event in that was checked; `before` is the run before it.
    pub(crate) fn note(&mut self, before: &Run, event: &Event) {
        let key = key_of(before, event).unwrap_or(Key { step: 0, item: 0 });
        let work = before.book().steps[key.step].work;
        match event {
            Event::AttemptStarted { attempt, .. } => {
                self.live.insert(key, At::Flying);
                self.numbers.insert(key, *attempt);
                self.again.remove(&key);
                if matches!(work, Work::Child | Work::Call(Shape::Action)) {
                    self.possible.insert(key);
                }
            }
            Event::Observed { .. } => {
                self.possible.insert(key);
            }
            Event::Waiting { until, .. } => {
                self.live.insert(key, At::Waiting(*until));
            }
            Event::Woken { .. } => {
                self.live.insert(key, At::Flying);
            }
            Event::AttemptFailed { retry_at, .. } => {
                self.live.insert(key, At::Retrying(*retry_at));
            }
            Event::InDoubt { .. } => {
                self.live.insert(key, At::Doubt);
            }
            Event::Resolved { how, .. } if how == "retry" => {
                self.live.insert(key, At::Retrying(Timestamp(0)));
                self.again.insert(key);
            }
            Event::Succeeded { effect, .. } => {
                if matches!(effect, Effect::Changed | Effect::Adopted) {
                    self.possible.insert(key);
                }
                self.end(key);
            }
            Event::Failed { .. } => {
                self.failed.insert(key);
                self.end(key);
            }
            Event::StepCancelled { .. } => self.end(key),
            Event::UndoStarted { attempt, .. } => {
                self.numbers.insert(key, *attempt);
                self.back.insert(key, Back::Flying);
            }
            Event::UndoWaiting { until, .. } => {
                self.back.insert(key, Back::Waiting(*until));
            }
            Event::Undone { left: 0, .. } => {
                self.back.insert(key, Back::Done);
            }
            // An earlier generation is next.
            Event::Undone { .. } => {
                self.back.remove(&key);
            }
            Event::NotUndone { why, .. } => {
                self.back.insert(key, Back::Kept(*why));
            }
            Event::StepSkipped { .. } => {
                self.meddled = true;
                if before.steps()[key.step].ended == Some(StepStatus::Failed) {
                    self.late = false;
                    self.over = false;
                }
            }
            _ => self.note_run(event),
        }
    }

    fn end(&mut self, key: Key) {
        self.live.remove(&key);
        self.again.remove(&key);
        self.ended.insert(key);
    }

    fn note_run(&mut self, event: &Event) {
        match event {
            Event::CancelRequested { .. } => {
                self.cancelled = true;
                self.paused = false;
            }
            Event::CancelForced { .. } => self.forced = true,
            Event::DeadlinePassed { .. } => self.late = true,
            Event::RollbackRequested { .. } => {
                self.rolling = true;
                self.paused = false;
                self.over = false;
                // What was let go of for good is taken up again, to the end.
                self.forced = false;
            }
            Event::RollbackStarted {} => {
                self.rolling = true;
                // What failed to be taken back gets another chance.
                self.back
                    .retain(|_, back| !matches!(back, Back::Kept(Kept::Failed | Kept::Behind)));
            }
            Event::Reopened { steps: None, .. } | Event::RetryRequested { .. } => {
                self.meddled = true;
                self.late = false;
                self.over = false;
            }
            Event::Finished { .. } => self.over = true,
            _ => {}
        }
    }

    /// After an operator's word: what may start again is read off the run, since it is the word that
    /// says so and not an event of its own.
    pub(crate) fn reread(&mut self, run: &Run) {
        self.paused = run.is_paused();
        for (step, state) in run.steps().iter().enumerate() {
            for (item, instance) in state.instances.iter().enumerate() {
                let key = Key { step, item };
                match instance.status() {
                    StepStatus::Retrying => {
                        self.ended.remove(&key);
                        self.failed.remove(&key);
                        if instance.attempt.as_ref().is_some_and(|one| one.tries == 0) {
                            self.again.insert(key);
                        }
                        self.live.entry(key).or_insert(At::Retrying(Timestamp(0)));
                    }
                    StepStatus::Pending => {
                        self.ended.remove(&key);
                        self.failed.remove(&key);
                    }
                    StepStatus::Cancelled => {
                        self.live.remove(&key);
                        self.again.remove(&key);
                        self.ended.insert(key);
                    }
                    _ => {}
                }
            }
            // A list that is made again has no items yet.
            if state.instances.is_empty() {
                self.ended.retain(|key| key.step != step);
                self.failed.retain(|key| key.step != step);
            }
            let count = state.instances.len();
            if state.ended.is_none() {
                self.ended
                    .retain(|key| key.step != step || key.item < count);
            }
        }
    }
}

/// Every main step that was built on this one.
pub(crate) fn built_on(book: &Runbook, step: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for (index, other) in book.steps.iter().enumerate().skip(step + 1) {
        if other
            .needs
            .iter()
            .any(|need| *need == step || found.contains(need))
        {
            found.insert(index);
        }
    }
    found
}
