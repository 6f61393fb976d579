//! Random runbooks in random worlds, with crashes: what must never happen, and what must.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use runbook_core::{
    Answer, Command, Effect, Event, Fault, FaultKind, Input, Journal, Key, Method, Prepared, Run,
    RunStatus, Runbook, StepStatus, Timestamp, Undoing,
};
use serde_json::{Value, json};

/// A small generator, so that one seed names one world.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

/// How unkind the world is, in percent.
#[derive(Clone, Copy, Debug)]
struct World {
    seed: u64,
    transient: u64,
    permanent: u64,
    again: u64,
    crash: u64,
    repeat: u64,
}

const KIND: World = World {
    seed: 1,
    transient: 0,
    permanent: 0,
    again: 0,
    crash: 0,
    repeat: 0,
};

fn worlds() -> impl Strategy<Value = World> {
    (
        1_u64..,
        0_u64..30,
        0_u64..15,
        0_u64..30,
        0_u64..30,
        0_u64..30,
    )
        .prop_map(|(seed, transient, permanent, again, crash, repeat)| World {
            seed,
            transient,
            permanent,
            again,
            crash,
            repeat,
        })
}

fn runbooks() -> impl Strategy<Value = Runbook> {
    let step = (0_u8..7, any::<[bool; 12]>(), 0_u8..6, 0_u8..10, 1_u32..4);
    proptest::collection::vec(step, 1..12).prop_map(|steps| {
        let works = [
            json!("pure"), json!("timer"), json!({ "call": "query" }), json!({ "call": "create" }),
            json!({ "call": "modify" }), json!({ "call": "action" }), json!({ "call": "wait" }),
        ];
        let mut all: Vec<Value> = Vec::new();
        let count = steps.len();
        for (index, (work, needs, policy, fan, parallel)) in steps.into_iter().enumerate() {
            let last = index + 1 == count && count > 3;
            let needs: Vec<usize> =
                (0..index.min(12)).filter(|&need| needs[need] && !last).collect();
            let mut step = json!({
                "id": format!("s{index}"), "uses": "any", "work": works[work as usize],
                "needs": needs, "timeout": 1_000_000,
                "section": if last { "finally" } else { "main" },
                "on_failure": (["stop", "continue", "rollback"][policy as usize % 3]),
                "retry": { "attempts": 3, "delay": 100, "max_delay": 1000, "backoff": 2.0, "jitter": true,
                           "on": ["transient"] },
            });
            if fan > 6 {
                step["for_each"] = json!({ "over": format!("{fan}"), "max_parallel": parallel,
                                           "max_failures": { "count": u32::from(fan == 9) } });
            }
            all.push(step);
        }
        serde_json::from_value(json!({ "name": "sim", "steps": all })).unwrap()
    })
}

/// A run of a runbook in a world, with the process that drives it.
struct Simulation {
    dice: Dice,
    world: World,
    book: Arc<Runbook>,
    run: Run,
    journal: Vec<Journal>,
    now: i64,
    epoch: u64,
    /// Attempts that the current process has in flight.
    flying: BTreeSet<(Key, u32)>,
    /// Answers that were given once, to be given again later.
    late: Vec<(Key, u32)>,
}

impl Simulation {
    fn new(book: &Runbook, world: World) -> Self {
        let book = Arc::new(book.clone());
        Self {
            dice: Dice(world.seed | 1),
            world,
            run: Run::new(book.clone()),
            book,
            journal: Vec::new(),
            now: 1_000,
            epoch: 0,
            flying: BTreeSet::new(),
            late: Vec::new(),
        }
    }

    fn input(&mut self, input: Input) -> usize {
        let events = self.run.decide(Timestamp(self.now), input);
        let count = events.len();
        for event in events {
            self.check(&event);
            let entry = Journal {
                at: Timestamp(self.now),
                event,
            };
            self.run.evolve(&entry).unwrap();
            self.journal.push(entry);
        }
        count
    }

    /// What must never be written.
    fn check(&self, event: &Event) {
        let Event::AttemptStarted {
            step,
            item,
            attempt,
            ..
        } = event
        else {
            return;
        };
        let index = self.run.step_index(step).unwrap();
        for &need in &self.book.steps[index].needs {
            assert!(
                self.run.steps()[need].ended.is_some(),
                "{step} starts before what it needs"
            );
        }
        let key = Key {
            step: index,
            item: item.unwrap_or(0) as usize,
        };
        if let Some(instance) = self.run.instance(key) {
            assert_ne!(
                instance.status(),
                StepStatus::Running,
                "{step} has two live attempts"
            );
            assert!(
                !instance.status().is_terminal(),
                "{step} starts again after its end"
            );
            if let Some(last) = &instance.attempt {
                assert_eq!(last.number + 1, *attempt);
            }
        }
    }

    fn drive(&mut self) {
        self.epoch += 1;
        self.flying.clear();
        let epoch = self.epoch;
        self.input(Input::Drive {
            actor: "sim".into(),
            epoch,
        });
    }

    /// The process dies and another one takes over: replay, and the same work.
    fn crash(&mut self) {
        let text = serde_json::to_string(&self.journal).unwrap();
        let journal: Vec<Journal> = serde_json::from_str(&text).unwrap();
        let replayed = Run::new(self.book.clone()).replay(&journal).unwrap();
        assert_eq!(replayed, self.run);
        assert_eq!(replayed.commands(), self.run.commands());
        self.run = replayed;
        self.drive();
    }

    fn step(&mut self) {
        let commands = self.run.commands();
        assert!(
            !commands.is_empty(),
            "a live run without work: {:?}",
            self.run.status()
        );
        let index = usize::try_from(self.dice.roll(commands.len() as u64)).unwrap();
        match commands[index] {
            Command::Prepare { step, item } => self.prepare(step, item),
            Command::Attempt {
                key,
                number,
                method,
            } => self.attempt(key, number, method),
            Command::Wake { at, .. } => {
                assert_eq!(self.early(at), 0, "something happened before its time");
                self.now = self.now.max(at.0);
                self.input(Input::Tick);
            }
            Command::Unwind => {
                self.input(Input::Unwind);
            }
            Command::PrepareUndo { key } => {
                let prepared = Ok((format!("undo/{}/{}", key.step, key.item), None));
                self.input(Input::UndoPrepared { key, prepared });
            }
            Command::Conclude => {
                self.input(Input::Concluded {
                    outputs: json!({}),
                    missed: false,
                    broken: false,
                });
            }
        }
    }

    /// A tick just before the earliest due time means nothing.
    fn early(&mut self, at: Timestamp) -> usize {
        let due = self.run.next_wake().unwrap();
        assert!(due <= at);
        if due.0 - 1 < self.now {
            return 0;
        }
        self.run.decide(Timestamp(due.0 - 1), Input::Tick).len()
    }

    fn prepare(&mut self, step: usize, item: Option<usize>) {
        let looped = self.book.steps[step].for_each.as_ref();
        let prepared = match (looped, item) {
            (Some(for_each), None) => {
                let count: usize = for_each.over.parse().unwrap();
                Prepared::Items(vec![Value::Null; count - 6])
            }
            (None, None) if self.dice.chance(10) => Prepared::Skip { saw: json!({}) },
            _ => {
                let timer = self.book.steps[step].work == runbook_core::Work::Timer;
                let until = Timestamp(self.now + 50);
                Prepared::Start {
                    token: format!("{step}/{item:?}"),
                    inputs: json!({}),
                    wait: timer.then(|| (Some(until), "time".to_owned())),
                }
            }
        };
        self.input(Input::Prepared {
            step,
            item,
            prepared,
        });
    }

    fn attempt(&mut self, key: Key, number: u32, method: Method) {
        self.flying.insert((key, number));
        let roll = self.dice.roll(100);
        let world = self.world;
        let fault = |kind| Answer::Failed {
            fault: Fault::new(kind, "no"),
            share: 0.5,
        };
        let answer = if method == Method::Observe && self.dice.chance(80) {
            Answer::Observed(json!({ "was": number }))
        } else if roll < world.transient {
            fault(FaultKind::Transient)
        } else if roll < world.transient + world.permanent {
            fault(FaultKind::Denied)
        } else if roll < world.transient + world.permanent + world.again {
            Answer::Again {
                at: Timestamp(self.now + 70),
                note: "not yet".into(),
            }
        } else {
            Answer::Done {
                outputs: json!({ "n": number }),
                effect: Effect::Changed,
                at: None,
            }
        };
        self.input(Input::Finished {
            key,
            number,
            answer,
        });
        self.late.push((key, number));
    }

    /// An answer that came before comes again; where its attempt is over nobody believes it.
    fn repeat(&mut self) {
        let Some(&(key, number)) = self.late.last() else {
            return;
        };
        let over = self.run.instance(key).is_none_or(|instance| {
            let flying = match &instance.undo {
                Some(Undoing::Flying(attempt)) => Some(attempt.number),
                Some(_) => None,
                None => (instance.status() == StepStatus::Running)
                    .then(|| instance.attempt.as_ref().map(|attempt| attempt.number))
                    .flatten(),
            };
            flying != Some(number)
        });
        if over {
            let answer = Answer::Done {
                outputs: json!("late"),
                effect: Effect::None,
                at: None,
            };
            assert_eq!(
                self.input(Input::Finished {
                    key,
                    number,
                    answer
                }),
                0
            );
        }
    }

    fn play(mut self) -> Self {
        self.drive();
        for _ in 0..20_000 {
            if self.run.status().is_terminal() {
                self.ended();
                return self;
            }
            self.step();
            if self.dice.chance(self.world.repeat) {
                self.repeat();
            }
            if self.dice.chance(self.world.crash) {
                self.crash();
            }
        }
        panic!(
            "a run with finite faults does not end: {:?}",
            self.run.status()
        );
    }

    fn ended(&mut self) {
        assert!(
            self.run.commands().is_empty(),
            "a run that has ended has work"
        );
        assert_eq!(self.run.active().count(), 0);
        assert_eq!(self.input(Input::Tick), 0);
        let finally = self.book.steps.iter().zip(self.run.steps());
        for (step, state) in finally {
            if step.section == runbook_core::Section::Finally {
                assert!(state.ended.is_some(), "`finally` did not run");
            }
        }
        let mut ends: BTreeMap<(String, Option<u32>), usize> = BTreeMap::new();
        for entry in &self.journal {
            if let Event::Succeeded { step, item, .. } | Event::Failed { step, item, .. } =
                &entry.event
            {
                *ends.entry((step.clone(), *item)).or_default() += 1;
            }
        }
        assert!(ends.values().all(|count| *count == 1), "a step ended twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_run_ends_and_a_restart_knows_the_same(book in runbooks(), world in worlds()) {
        Simulation::new(&book, world).play();
    }

    #[test]
    fn without_faults_a_run_succeeds(book in runbooks(), seed in 1_u64..) {
        let end = Simulation::new(&book, World { seed, ..KIND }).play();
        prop_assert_eq!(end.run.status(), RunStatus::Succeeded);
    }

    #[test]
    fn crashes_alone_do_not_change_how_a_run_ends(book in runbooks(), seed in 1_u64..) {
        let end = Simulation::new(&book, World { seed, crash: 40, repeat: 40, ..KIND }).play();
        prop_assert_eq!(end.run.status(), RunStatus::Succeeded);
        prop_assert!(end.run.steps().iter().all(|step| step.ended.is_some()));
    }

    #[test]
    fn a_cancelled_run_ends_as_cancelled(book in runbooks(), world in worlds(), after in 0_usize..20) {
        let mut simulation = Simulation::new(&book, world);
        simulation.drive();
        for _ in 0..after {
            if simulation.run.status().is_terminal() {
                return Ok(());
            }
            simulation.step();
        }
        if simulation.run.status().is_terminal() {
            return Ok(());
        }
        simulation.input(Input::Cancel { actor: "ann".into(), reason: None });
        let back = simulation.run.is_rolling_back();
        let end = simulation.play();
        let wanted = if back { RunStatus::RolledBack } else { RunStatus::Cancelled };
        prop_assert_eq!(end.run.status(), wanted);
    }

    #[test]
    fn a_failed_run_that_gets_another_chance_ends_well_in_a_kind_world(book in runbooks(), seed in 1_u64..) {
        let harsh = World { seed, permanent: 20, ..KIND };
        let mut end = Simulation::new(&book, harsh).play();
        if end.run.status() != RunStatus::Failed {
            return Ok(());
        }
        end.world = World { seed, ..KIND };
        end.input(Input::Reopen { actor: "ann".into() });
        // What was retried may end a second time; only what succeeded may not.
        let succeeded = |run: &Run| run.steps().iter().filter(|step| step.ended == Some(StepStatus::Succeeded)).count();
        let before = succeeded(&end.run);
        end.drive();
        for _ in 0..20_000 {
            if end.run.status().is_terminal() {
                break;
            }
            end.step();
        }
        prop_assert!(matches!(end.run.status(), RunStatus::Succeeded | RunStatus::SucceededWithWarnings));
        prop_assert!(succeeded(&end.run) >= before.saturating_sub(1));
    }
}
