//! A run in a world, with the process that drives it, and the people who meddle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runbook_core::{
    Command, Fault, FaultKind, Input, Journal, Key, Method, Prepared, Run, RunStatus, Runbook,
    Section, Timestamp, Work,
};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::people::is_word;
use crate::track::{At, Track, built_on};
use crate::world::{Mood, World};

/// What happened, for the summary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) events: u64,
    pub(crate) crashes: u64,
    pub(crate) words: u64,
    pub(crate) rollbacks: u64,
    pub(crate) restores: u64,
}

/// How often people and the process's own death interfere, in percent of the turns.
#[derive(Clone, Copy)]
pub(crate) struct Trouble {
    pub(crate) crash: u64,
    pub(crate) word: u64,
    pub(crate) late: u64,
    pub(crate) restore: bool,
}

pub(crate) struct Sim {
    pub(crate) dice: Dice,
    pub(crate) book: Arc<Runbook>,
    pub(crate) run: Run,
    pub(crate) journal: Vec<Journal>,
    /// Lengths of the journal after each input.
    commits: Vec<usize>,
    pub(crate) track: Track,
    pub(crate) world: World,
    pub(crate) now: i64,
    epoch: u64,
    /// What the process has in flight.
    flying: BTreeMap<Key, (u32, Method)>,
    /// What was in flight, or was answered, and may answer late.
    late: Vec<(Key, u32)>,
    pub(crate) trouble: Trouble,
    /// People answer every question before it expires.
    patient: bool,
    pub(crate) counts: Counts,
}

impl Sim {
    pub(crate) fn new(mut dice: Dice, book: Runbook, mood: Mood, trouble: Trouble) -> Self {
        let book = Arc::new(book);
        Self {
            world: World::new(mood, dice.roll(u64::MAX)),
            dice,
            run: Run::new(book.clone()),
            book,
            journal: Vec::new(),
            commits: Vec::new(),
            track: Track::default(),
            now: 1_000,
            epoch: 0,
            flying: BTreeMap::new(),
            late: Vec::new(),
            trouble,
            patient: false,
            counts: Counts::default(),
        }
    }

    /// Gives an input; every event that it means is checked, folded in twice and written down.
    pub(crate) fn input(&mut self, input: Input) -> usize {
        let word = is_word(&input);
        let now = Timestamp(self.now);
        let events = self.run.decide(now, input);
        let count = events.len();
        for event in events {
            self.track.check(&self.run, now, &event);
            self.track.note(&self.run, &event);
            self.world.note(&self.run, &event);
            let entry = Journal { at: now, event };
            if let Err(error) = self.run.evolve(&entry) {
                panic!("its own event does not fit: {error}");
            }
            self.world.see(&self.run);
            self.journal.push(entry);
        }
        self.counts.events += count as u64;
        self.commits.push(self.journal.len());
        if count > 0 {
            if word {
                self.counts.words += 1;
                self.track.reread(&self.run);
            }
            self.track.paused = self.run.is_paused();
        }
        self.agree();
        count
    }

    /// The run and the second account of it agree.
    fn agree(&mut self) {
        let active: BTreeSet<Key> = self.run.active().collect();
        let undoing = self.track.back.iter().filter(|(_, back)| {
            use crate::track::Back::{Flying, Waiting};
            matches!(back, Flying | Waiting(_))
        });
        let mut wanted: BTreeSet<Key> = self.track.live.keys().copied().collect();
        wanted.extend(undoing.map(|(key, _)| *key));
        assert_eq!(active, wanted, "what is active");
        if self.track.forced && !self.run.is_rolling_back() {
            assert!(
                self.run.commands().is_empty() && active.is_empty(),
                "a forced cancel"
            );
        }
        // What is no longer wanted is dropped by the process, and may answer all the same.
        let wanted = self.attempts();
        let late = &mut self.late;
        self.flying.retain(|key, (number, _)| {
            let keeps = wanted.get(key).is_some_and(|(one, _)| one == number);
            if !keeps {
                late.push((*key, *number));
            }
            keeps
        });
    }

    fn attempts(&self) -> BTreeMap<Key, (u32, Method)> {
        let of = |command: &Command| match command {
            Command::Attempt {
                key,
                number,
                method,
            } => Some((*key, (*number, *method))),
            _ => None,
        };
        let commands = self.run.commands();
        let found: Vec<(Key, (u32, Method))> = commands.iter().filter_map(of).collect();
        let count = found.len();
        let map: BTreeMap<_, _> = found.into_iter().collect();
        assert_eq!(map.len(), count, "two attempts of one item");
        map
    }

    pub(crate) fn drive(&mut self) {
        self.epoch += 1;
        let epoch = self.epoch;
        self.input(Input::Drive {
            actor: "sim".into(),
            epoch,
        });
    }

    /// The journal gives the same run, with the same work.
    pub(crate) fn replay(&self) -> Run {
        let text = serde_json::to_string(&self.journal).unwrap();
        let journal: Vec<Journal> = serde_json::from_str(&text).unwrap();
        let replayed = Run::new(self.book.clone()).replay(&journal).unwrap();
        assert_eq!(replayed, self.run, "replay gives another run");
        assert_eq!(
            replayed.commands(),
            self.run.commands(),
            "replay gives other work"
        );
        assert_eq!(replayed.next_wake(), self.run.next_wake());
        replayed
    }

    /// The process dies, time passes, another one takes over.
    pub(crate) fn crash(&mut self) {
        self.counts.crashes += 1;
        self.run = self.replay();
        for (key, (number, method)) in std::mem::take(&mut self.flying) {
            self.world.lose(key, method, &mut self.dice);
            self.late.push((key, number));
        }
        if self.dice.chance(40) {
            self.now += i64::try_from(self.dice.roll(3_000)).unwrap();
        }
        self.drive();
    }

    /// The machine is gone, and with it the end of the journal.
    pub(crate) fn restore(&mut self) {
        let keep = self.dice.below(self.commits.len());
        self.commits.truncate(keep + 1);
        let keep = self.commits[keep];
        self.counts.restores += 1;
        for (key, (_, method)) in std::mem::take(&mut self.flying) {
            self.world.lose(key, method, &mut self.dice);
        }
        self.late.clear();
        self.journal.truncate(keep);
        self.run = Run::new(self.book.clone());
        self.track = Track::default();
        self.world.forget();
        self.world.see(&self.run);
        for entry in &self.journal {
            self.track.note(&self.run, &entry.event);
            self.world.note(&self.run, &entry.event);
            self.run.evolve(entry).unwrap();
            self.world.see(&self.run);
            self.track.reread(&self.run);
        }
        self.world.remember();
        self.input(Input::Restore {
            actor: "ann".into(),
        });
        self.drive();
    }

    /// One turn of the process.
    pub(crate) fn turn(&mut self) {
        let commands = self.run.commands();
        self.is_not_stuck(&commands);
        // Some processes take the whole list in hand, others one of it.
        let whole = self.dice.chance(30);
        let from = self.dice.below(commands.len().max(1));
        let count = if whole { commands.len() } else { 1 };
        for command in commands.into_iter().cycle().skip(from).take(count) {
            self.carry_out(command);
        }
        if self.dice.chance(60) {
            self.land();
        }
        if self.dice.chance(self.trouble.late) {
            self.answer_late();
        }
    }

    /// A live run has work, unless it waits for a person.
    fn is_not_stuck(&self, commands: &[Command]) {
        let doubt = self.track.live.values().any(|at| *at == At::Doubt);
        assert!(
            !commands.is_empty() || doubt || self.run.is_paused(),
            "a run without work: {:?}",
            self.run.status()
        );
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Prepare { step, item } => self.prepare(step, item),
            Command::Attempt {
                key,
                number,
                method,
            } => {
                if self.attempts().get(&key) == Some(&(number, method)) {
                    self.flying.insert(key, (number, method));
                }
            }
            Command::Wake { .. } => self.pass_time(),
            Command::Unwind => {
                self.counts.rollbacks += u64::from(self.input(Input::Unwind) > 0);
            }
            Command::PrepareUndo { key } => {
                let prepared = match self.dice.chance(self.world.mood.permanent / 3) {
                    true => Err(unfit()),
                    false => Ok((format!("undo/{}/{}", key.step, key.item), None)),
                };
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

    fn prepare(&mut self, step: usize, item: Option<usize>) {
        let here = &self.book.steps[step];
        let prepared = if self.dice.chance(self.world.mood.permanent / 3) {
            Prepared::Unfit(unfit())
        } else if item.is_none() && self.dice.chance(self.world.mood.skip) {
            Prepared::Skip { saw: json!({}) }
        } else if let (Some(for_each), None) = (&here.for_each, item) {
            Prepared::Items(vec![Value::Null; for_each.over.parse().unwrap()])
        } else {
            let until = Timestamp(self.now + 50);
            let asks = self.dice.chance(30) && self.world.mood.permanent > 0;
            let wait = match here.work {
                Work::Timer => Some((Some(until), "time".to_owned())),
                Work::Gate(_) => Some((asks.then_some(until.plus(900)), "a person".to_owned())),
                Work::Pure | Work::Child | Work::Call(_) => None,
            };
            Prepared::Start {
                token: format!("{step}/{item:?}"),
                inputs: json!({ "count": 1 + step % 2 }),
                wait,
            }
        };
        self.input(Input::Prepared {
            step,
            item,
            prepared,
        });
    }

    /// Time goes to when something is due, or on by a little; before, nothing happens.
    fn pass_time(&mut self) {
        let due = self.run.next_wake();
        if let Some(due) = due
            && due.0 > self.now
        {
            let early = self.run.decide(Timestamp(due.0 - 1), Input::Tick);
            assert!(early.is_empty(), "something happened before its time");
        }
        match due {
            // Nobody waits for a deadline that is centuries away.
            Some(due)
                if due.0 < self.now + 1_000_000
                    && self.flying.is_empty()
                    && !(self.patient && self.is_asking())
                    && self.dice.chance(70) =>
            {
                self.now = self.now.max(due.0);
            }
            _ => self.now += i64::try_from(self.dice.roll(60)).unwrap(),
        }
        let count = self.input(Input::Tick);
        assert!(
            count > 0 || due.is_none_or(|due| due.0 > self.now),
            "something was due and nothing happened"
        );
    }

    /// One thing in flight is answered, or never will be.
    fn land(&mut self) {
        let keys: Vec<Key> = self.flying.keys().copied().collect();
        if keys.is_empty() {
            return;
        }
        let key = self.dice.pick(&keys);
        let (number, method) = self.flying[&key];
        if self.world.is_lost(key, number, &mut self.dice) {
            self.now += 20;
            self.input(Input::Tick);
            return;
        }
        self.flying.remove(&key);
        let at = Timestamp(self.now);
        let unsure = self.is_recovering(key);
        let answer = self.world.answer(key, method, at, unsure, &mut self.dice);
        self.late.push((key, number));
        self.input(Input::Finished {
            key,
            number,
            answer,
        });
    }

    fn is_recovering(&self, key: Key) -> bool {
        let attempt = self.run.instance(key).and_then(|one| one.attempt.as_ref());
        attempt.is_some_and(|one| one.unsure || one.epoch < self.epoch)
    }

    /// An answer comes again, or of an attempt that is over: nobody believes it.
    fn answer_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let (key, number) = self.dice.pick(&self.late.clone());
        if self
            .attempts()
            .get(&key)
            .is_some_and(|(one, _)| *one == number)
        {
            return;
        }
        let at = Timestamp(self.now);
        let method = Method::Apply;
        let answer = self.world.any_answer(key, method, at, &mut self.dice);
        let count = self.input(Input::Finished {
            key,
            number,
            answer,
        });
        assert_eq!(count, 0, "a stale answer of {key:?} is believed");
    }

    /// Plays with all its trouble for a while, then lets the run end.
    pub(crate) fn play(&mut self, turns: u64) {
        self.patient = false;
        for _ in 0..turns {
            if self.run.status().is_terminal() {
                break;
            }
            self.turn();
            if self.dice.chance(self.trouble.word) {
                self.word();
            }
            if self.dice.chance(self.trouble.crash) {
                self.crash();
            }
        }
        self.patient = true;
        for _ in 0..6_000 {
            if self.run.status().is_terminal() {
                self.ended();
                return;
            }
            self.turn();
            self.help(20);
            // What was lost in this process is known only when it dies.
            if self.dice.chance(3) {
                self.crash();
            }
        }
        panic!(
            "a run with finite faults does not end: {:?}",
            self.run.status()
        );
    }

    /// What holds when a run has ended.
    pub(crate) fn ended(&mut self) {
        self.replay();
        assert!(
            self.run.commands().is_empty(),
            "a run that has ended has work"
        );
        assert_eq!(
            self.run.active().count(),
            0,
            "a run that has ended has active items"
        );
        assert_eq!(self.run.next_wake(), None);
        assert_eq!(self.input(Input::Tick), 0);
        for (step, state) in self.book.steps.iter().zip(self.run.steps()) {
            let due = match step.section {
                Section::Main => false,
                Section::Finally => !self.run.is_forced(),
                // A rollback goes further than what cleans up after a cancel.
                Section::OnCancel => {
                    let back = self.run.status() == RunStatus::RolledBack;
                    self.run.is_cancelled() && !self.run.is_forced() && !back
                }
            };
            assert!(!due || state.ended.is_some(), "{} did not run", step.id);
        }
        if self.run.status() == RunStatus::RolledBack {
            self.rolled_back();
        }
    }

    /// Everything that took effect is taken back, or stays by name; and what it was built on with it.
    fn rolled_back(&self) {
        use runbook_core::Undoing::{Done, Kept};
        let undo = |key: Key| self.run.instance(key).and_then(|one| one.undo.as_ref());
        for key in self.world.changed() {
            if self.book.steps[key.step].section != Section::Main {
                continue;
            }
            let undo = undo(key);
            assert!(
                matches!(undo, Some(Kept { .. })),
                "{key:?} took effect and is forgotten: {undo:?}"
            );
        }
        let items = |step: usize| 0..self.run.steps()[step].instances.len();
        let keys = (0..self.book.steps.len())
            .flat_map(|step| items(step).map(move |item| Key { step, item }));
        for key in keys.filter(|key| matches!(undo(*key), Some(Done { .. }))) {
            for on in built_on(&self.book, key.step) {
                let items = &self.run.steps()[on].instances;
                let bars = |one: &runbook_core::Instance| matches!(&one.undo, Some(Kept { why, .. }) if why.bars());
                assert!(!items.iter().any(bars), "s{on} stays and {key:?} does not");
            }
        }
    }

    /// The last lines of the journal, for a seed that failed.
    pub(crate) fn story(&self) -> String {
        let line = |entry: &Journal| {
            let text = serde_json::to_string(entry).unwrap();
            format!("  {}\n", text.chars().take(200).collect::<String>())
        };
        let steps = self.book.steps.iter().map(|step| {
            format!(
                "  {} {:?} {:?} needs {:?} {:?} {:?} {:?} irreversible {}\n",
                step.id,
                step.section,
                step.work,
                step.needs,
                step.on_failure,
                step.undo,
                step.for_each,
                step.irreversible.is_some()
            )
        });
        steps.chain(self.journal.iter().map(line)).collect()
    }
}

fn unfit() -> Fault {
    Fault::new(FaultKind::Invalid, "unfit")
}
