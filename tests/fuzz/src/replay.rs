//! Journals: read, and folded into a run.

use std::sync::{Arc, LazyLock};

use runbook_core::{
    Answer, Command, Corrupt, Doubt, Effect, Event, Executed, Fault, FaultKind, Input, Instance,
    InstanceState, Journal, Kept, Key, Prepared, Resolution, Run, RunStatus, Runbook, SkipReason,
    Timestamp,
};
use serde_json::{Value, json};

use crate::text;

/// One step of every kind that the scheduler tells apart, in every section.
static BOOK: LazyLock<Arc<Runbook>> = LazyLock::new(|| {
    let step = |id: &str, work: Value, rest: Value| {
        let mut step =
            json!({"id": id, "uses": "any", "work": work, "timeout": 1_000_000, "marks": "m"});
        for (key, value) in rest.as_object().into_iter().flatten() {
            step[key] = value.clone();
        }
        step
    };
    let items = json!({"over": "[1]", "max_parallel": 2, "max_failures": {"count": 1}});
    let share = json!({"over": "[1]", "max_parallel": 1, "max_failures": {"percent": 34.0}});
    let book = json!({"name": "fuzz", "steps": [
        step("pure", json!("pure"), json!({})),
        step("timer", json!("timer"), json!({"needs": [0], "on_failure": "pause"})),
        step("gate", json!({"gate": "approval"}), json!({"needs": [0], "on_failure": "continue"})),
        step("create", json!({"call": "create"}), json!({"needs": [1, 2], "for_each": items})),
        step("act", json!({"call": "action"}), json!({"for_each": share, "on_failure": "continue"})),
        step("last", json!({"call": "query"}), json!({"needs": [3, 4]})),
        step("undo", json!({"call": "modify"}), json!({"section": "on_cancel"})),
        step("then", json!({"call": "wait"}), json!({"section": "on_cancel", "needs": [6]})),
        step("tell", json!("child"), json!({"section": "finally"})),
        step("done", json!("pure"), json!({"section": "finally", "needs": [8], "for_each": items})),
    ]});
    Arc::new(serde_json::from_value(book).expect("the runbook is one"))
});

/// Lines of a journal: what is read is written and read back, and the whole is replayed.
pub fn event(data: &[u8]) {
    let Some(text) = text(data) else {
        return;
    };
    let mut run = Run::new(Arc::clone(&BOOK));
    for line in text.lines() {
        let Ok(entry) = serde_json::from_str::<Journal>(line) else {
            continue;
        };
        let written = serde_json::to_string(&entry).expect("an event is JSON");
        let again: Journal = serde_json::from_str(&written).expect("an event is read back");
        assert_eq!(again, entry, "{written}");
        let kind: Value = serde_json::from_str(&written).expect("it is JSON");
        assert_eq!(kind["kind"], entry.event.kind());
        assert_eq!(
            kind["attempt"].as_u64(),
            entry.event.attempt().map(u64::from)
        );
        let _ = fold(&mut run, &entry);
    }
}

/// Bytes as what happens to a run: inputs from a world that keeps no rule, and events that nobody
/// decided. What is decided fits; what does not fit is refused and changes nothing.
pub fn replay(data: &[u8]) {
    let mut run = Run::new(Arc::clone(&BOOK));
    let mut journal = Vec::new();
    for (at, code) in data.chunks_exact(3).take(400).enumerate() {
        let now = Timestamp(1_000 * at as i64 + i64::from(code[2]));
        let code = Code {
            what: code[0],
            step: usize::from(code[1] % 10),
            rest: code[2],
        };
        if code.what < 128 {
            for event in run.decide(now, code.input(&run)) {
                let entry = Journal { at: now, event };
                if let Err(corrupt) = fold(&mut run, &entry) {
                    panic!("{entry:?} was decided and does not fit: {corrupt}");
                }
                journal.push(entry);
            }
        } else {
            let entry = Journal {
                at: now,
                event: code.event(),
            };
            if fold(&mut run, &entry).is_ok() {
                journal.push(entry);
            }
        }
    }
    let again = Run::new(Arc::clone(&BOOK))
        .replay(&journal)
        .expect("what fitted fits again");
    assert_eq!(again, run, "a run follows from its journal");
}

fn fold(run: &mut Run, entry: &Journal) -> Result<(), Corrupt> {
    let before = run.clone();
    match run.evolve(entry) {
        Ok(_) => {
            holds(run);
            Ok(())
        }
        Err(corrupt) => {
            assert_eq!(*run, before, "{entry:?} was refused and left a trace");
            assert!(!corrupt.to_string().is_empty());
            Err(corrupt)
        }
    }
}

/// What holds in every state.
fn holds(run: &Run) {
    let _ = (run.status(), run.next_wake(), run.attempt());
    for (step, state) in run.steps().iter().enumerate() {
        let _ = (state.status(), state.outputs());
        for (item, instance) in state.instances.iter().enumerate() {
            let key = Key { step, item };
            let live = matches!(instance.state, InstanceState::Live(_));
            assert_eq!(
                live,
                run.active().any(|one| one == key),
                "{key:?} {:?}",
                instance.status()
            );
            assert!(
                !live || instance.attempt.is_some(),
                "{key:?} is live without an attempt"
            );
            assert!(
                !live || state.ended.is_none(),
                "{key:?} is live in a step that ended"
            );
            let _ = run.elapsed(key);
        }
    }
    for command in run.commands() {
        match command {
            Command::Prepare { step, item: None } => {
                let state = &run.steps()[step];
                // A step that an operator has run again keeps what it did before.
                let new = |one: &Instance| one.state == InstanceState::Queued;
                assert!(state.ended.is_none() && state.instances.iter().all(new));
            }
            Command::Prepare {
                step,
                item: Some(item),
            } => {
                let state = &run.steps()[step].instances[item].state;
                assert_eq!(*state, InstanceState::Queued);
            }
            Command::Attempt { key, .. } | Command::Wake { key, .. } => {
                assert!(run.instance(key).is_some());
            }
            Command::PrepareUndo { key } => assert!(run.instance(key).is_some()),
            Command::Unwind | Command::Conclude => assert_eq!(run.active().count(), 0),
        }
    }
}

/// Three bytes of an input.
struct Code {
    what: u8,
    step: usize,
    rest: u8,
}

impl Code {
    fn key(&self) -> Key {
        Key {
            step: self.step,
            item: usize::from(self.rest % 4),
        }
    }

    fn fault(&self) -> Fault {
        let kinds = [FaultKind::Transient, FaultKind::Denied, FaultKind::Internal];
        let executed = [Executed::No, Executed::Unknown];
        Fault {
            executed: executed[usize::from(self.rest) / 16 % 2],
            ..Fault::new(kinds[usize::from(self.rest) / 4 % 3], "fuzz")
        }
    }

    fn input(&self, run: &Run) -> Input {
        let actor = || format!("a{}", self.rest % 2);
        let key = self.key();
        let attempt = run.instance(key).and_then(|one| one.attempt.as_ref());
        let number = attempt.map_or(0, |one| one.number);
        let finished = |answer| Input::Finished {
            key,
            number,
            answer,
        };
        let prepared = |item, prepared| Input::Prepared {
            step: self.step,
            item,
            prepared,
        };
        let item = run.book().steps[self.step]
            .for_each
            .as_ref()
            .map(|_| key.item);
        let start = Prepared::Start {
            token: "t".into(),
            inputs: json!({"count": 2}),
            wait: None,
        };
        let resolve = |resolution| Input::Resolve {
            key,
            actor: actor(),
            reason: String::new(),
            resolution,
        };
        if let Some(input) = self.word(key, number) {
            return input;
        }
        match self.what % 29 {
            0 => Input::Drive {
                actor: actor(),
                epoch: u64::from(self.rest),
            },
            1 => prepared(None, Prepared::Skip { saw: Value::Null }),
            // Only a step with a list is asked for one.
            2 if item.is_some() => {
                let items = vec![json!(1); usize::from(self.rest % 5)];
                prepared(None, Prepared::Items(items))
            }
            3 => prepared(item, Prepared::Unfit(self.fault())),
            4 => prepared(None, Prepared::Unfit(self.fault())),
            2 | 5..=8 => prepared(item, start),
            9 => finished(Answer::Observed(json!({}))),
            10 => finished(Answer::Again {
                at: Timestamp(i64::from(self.rest)),
                note: "n".into(),
            }),
            11 => finished(Answer::Failed {
                fault: self.fault(),
                share: 0.5,
            }),
            12 => finished(Answer::Doubt(Doubt { why: "w".into() })),
            13 => Input::Tick,
            14 => Input::Answered {
                key,
                actor: actor(),
                granted: self.rest.is_multiple_of(3),
                comment: None,
                outputs: json!({}),
            },
            15 => Input::Cancel {
                actor: actor(),
                reason: None,
            },
            16 => match self.rest / 4 % 3 {
                0 => resolve(Resolution::Done(json!({}))),
                1 => resolve(Resolution::Retry),
                _ => resolve(Resolution::Skip),
            },
            17 => Input::Reopen { actor: actor() },
            18 => Input::Concluded {
                outputs: json!({}),
                missed: self.rest.is_multiple_of(3),
                broken: self.rest.is_multiple_of(5),
            },
            _ => finished(Answer::Done {
                outputs: json!({}),
                effect: Effect::Changed,
                at: None,
            }),
        }
    }

    /// What an operator says, and the way back; none for anything else.
    fn word(&self, key: Key, number: u32) -> Option<Input> {
        let (actor, reason) = (format!("a{}", self.rest % 2), "why".to_owned());
        let step = self.step;
        Some(match self.what % 29 {
            20 => Input::Pause { actor, reason },
            21 => Input::Unpause { actor },
            22 => Input::Retry {
                step,
                downstream: self.rest.is_multiple_of(2),
                actor,
                reason,
            },
            23 => Input::Skip {
                step,
                actor,
                reason,
            },
            24 => Input::Restore { actor },
            25 => Input::RollBack { actor, reason },
            26 => Input::Unwind,
            27 => Input::UndoPrepared {
                key,
                prepared: match self.rest % 3 {
                    0 => Err(self.fault()),
                    1 => Ok(("u".to_owned(), Some(json!({})))),
                    _ => Ok(("u".to_owned(), None)),
                },
            },
            // Answers to an undo count on from the step's own attempts.
            28 => Input::Finished {
                key,
                number: number + 1 + u32::from(self.rest / 128),
                answer: Answer::Done {
                    outputs: Value::Null,
                    effect: Effect::Changed,
                    at: None,
                },
            },
            _ => return None,
        })
    }

    /// Facts about operators and the way back; none for anything else.
    fn fact(&self, (step, item, attempt): (&str, Option<u32>, u32)) -> Option<Event> {
        let (actor, reason, step) = (String::from("a"), String::new(), step.to_owned());
        let fault = self.rest.is_multiple_of(2).then(|| self.fault());
        let at = Timestamp(i64::from(self.rest));
        Some(match self.what % 34 {
            20 => Event::CancelForced {
                actor,
                reason: None,
            },
            21 => Event::PauseRequested { actor, reason },
            22 => Event::Unpaused { actor },
            23 => Event::RetryRequested {
                step,
                downstream: self.rest.is_multiple_of(2),
                actor,
                reason,
            },
            24 => Event::StepSkipped {
                step,
                actor,
                reason,
            },
            25 => Event::DeadlinePassed { deadline: at },
            26 => Event::Restored { actor },
            27 => Event::RollbackRequested { actor, reason },
            28 => Event::RollbackStarted {},
            29 => Event::UndoStarted {
                step,
                item,
                attempt,
                token: "u".into(),
                inputs: None,
                deadline: at,
            },
            30 => Event::UndoWaiting {
                step,
                item,
                attempt,
                until: at,
                note: reason,
                fault,
            },
            31 => Event::Undone {
                step,
                item,
                attempt,
                left: u32::from(self.rest % 3),
            },
            32 => Event::NotUndone {
                step,
                item,
                why: [Kept::Irreversible, Kept::Declined, Kept::Failed][usize::from(self.rest % 3)],
                message: reason,
                fault,
            },
            33 => Event::Reopened {
                actor,
                steps: Some(Vec::new()),
            },
            _ => return None,
        })
    }

    fn event(&self) -> Event {
        let step = BOOK.steps[self.step].id.clone();
        let item = [
            None,
            Some(0),
            Some(1),
            Some(2),
            Some(u32::MAX),
            None,
            Some(0),
            Some(1),
        ][usize::from(self.rest % 8)];
        let attempt = [1, 2, 0, u32::MAX][usize::from(self.rest / 64)];
        let actor = String::from("a");
        let fault = self.fault();
        let at = Timestamp(if self.rest == 255 {
            i64::MAX
        } else {
            i64::from(self.rest)
        });
        if let Some(event) = self.fact((&step, item, attempt)) {
            return event;
        }
        match self.what % 34 {
            0 => Event::Started {
                actor,
                epoch: u64::MAX,
            },
            1 => Event::Resumed { actor, epoch: 2 },
            2 => Event::Skipped {
                step,
                reason: [SkipReason::Condition, SkipReason::Empty][usize::from(self.rest % 2)],
                saw: Value::Null,
            },
            3 => Event::Expanded {
                step,
                items: vec![json!(1); usize::from(self.rest % 4)],
            },
            4 | 5 => Event::AttemptStarted {
                step,
                item,
                attempt,
                token: "t".into(),
                inputs: (self.what % 34 == 4).then(|| json!({})),
                deadline: at,
            },
            6 => Event::Observed {
                step,
                item,
                attempt,
                before: json!({}),
            },
            7 => Event::Waiting {
                step,
                item,
                attempt,
                until: Some(at),
                note: String::new(),
            },
            8 => Event::Woken {
                step,
                item,
                attempt,
            },
            9 => Event::AttemptFailed {
                step,
                item,
                attempt,
                fault,
                retry_at: at,
            },
            10 => Event::Succeeded {
                step,
                item,
                attempt,
                outputs: json!({}),
                effect: Effect::None,
            },
            11 => Event::Failed {
                step,
                item,
                attempt,
                fault,
            },
            12 => Event::InDoubt {
                step,
                item,
                attempt,
                why: String::new(),
            },
            13 => Event::Resolved {
                step,
                item,
                actor,
                how: "retry".into(),
                reason: String::new(),
            },
            14 => Event::StepCancelled { step, item },
            15 => Event::Answered {
                step,
                item,
                actor,
                granted: true,
                comment: None,
            },
            16 => Event::Marked {
                name: "m".into(),
                reached: at,
                step,
            },
            17 => Event::CancelRequested {
                actor,
                reason: None,
            },
            18 => Event::Reopened { actor, steps: None },
            _ => Event::Finished {
                status: RunStatus::Failed,
                outputs: Value::Null,
            },
        }
    }
}
