//! What is outside: it carries calls out, loses answers, and remembers what was really done.

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::{
    Answer, Doubt, Effect, Event, Executed, Fault, FaultKind, Key, Method, Run, Shape, Timestamp,
    Work,
};
use serde_json::json;

use crate::dice::Dice;
use crate::track::key_of;

/// How unkind the world is, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mood {
    pub(crate) transient: u64,
    pub(crate) permanent: u64,
    pub(crate) again: u64,
    /// Answers that never come.
    pub(crate) lost: u64,
    pub(crate) skip: u64,
    /// Faults that are left; the world is kind when there are none.
    pub(crate) faults: u64,
}

pub(crate) struct World {
    pub(crate) mood: Mood,
    salt: u64,
    /// What was really done.
    made: BTreeSet<Deed>,
    /// What was done and a journal that lost its end knows nothing of.
    ghosts: BTreeSet<Deed>,
    /// A person said that it does not matter.
    excused: BTreeSet<Deed>,
    /// What the journal knows to be begun: what is done by it counts.
    begun: BTreeSet<Deed>,
    /// How often something of an item was taken back.
    undone: BTreeMap<Key, usize>,
    lost: BTreeMap<(Key, u32), bool>,
    /// In which generation each step is, and whether it is a child run.
    steps: Vec<(u32, bool)>,
}

/// What one generation of an item does.
type Deed = (Key, u32);

impl World {
    pub(crate) fn new(mood: Mood, salt: u64) -> Self {
        Self {
            mood,
            salt,
            made: BTreeSet::new(),
            ghosts: BTreeSet::new(),
            excused: BTreeSet::new(),
            begun: BTreeSet::new(),
            undone: BTreeMap::new(),
            lost: BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    /// Looks in which generation the steps are.
    pub(crate) fn see(&mut self, run: &Run) {
        let steps = run.book().steps.iter().zip(run.steps());
        self.steps = steps
            .map(|(step, state)| (state.generation, step.work == Work::Child))
            .collect();
    }

    fn deed(&self, key: Key) -> Deed {
        (key, self.steps.get(key.step).map_or(0, |step| step.0))
    }

    pub(crate) fn note(&mut self, run: &Run, event: &Event) {
        let Some(key) = key_of(run, event) else {
            return;
        };
        let work = run.book().steps[key.step].work;
        let deed = self.deed(key);
        match event {
            Event::AttemptStarted { .. } => {
                if matches!(work, Work::Child | Work::Call(Shape::Action)) {
                    self.begun.insert(deed);
                }
            }
            Event::Observed { .. } => {
                self.begun.insert(deed);
            }
            Event::Succeeded { effect, .. } => {
                if matches!(effect, Effect::Changed | Effect::Adopted) {
                    self.begun.insert(deed);
                    self.ghosts.remove(&deed);
                    if acts(work) {
                        self.made.insert(deed);
                    }
                } else {
                    self.begun.remove(&deed);
                }
            }
            Event::Undone { .. } => *self.undone.entry(key).or_default() += 1,
            _ => {}
        }
    }

    /// The end of the journal is gone.
    pub(crate) fn forget(&mut self) {
        self.begun.clear();
        self.undone.clear();
    }

    /// What it does not know of any more cannot be taken back.
    pub(crate) fn remember(&mut self) {
        let begun = &self.begun;
        let (made, ghosts) = std::mem::take(&mut self.made)
            .into_iter()
            .partition(|deed| begun.contains(deed));
        self.made = made;
        self.ghosts.append(&mut { ghosts });
    }

    pub(crate) fn is_made(&self, key: Key) -> bool {
        let mut deeds = self.made.union(&self.ghosts);
        deeds.any(|(one, _)| *one == key) && !self.undone.contains_key(&key)
    }

    pub(crate) fn excuse(&mut self, key: Key) {
        self.excused.insert(self.deed(key));
    }

    /// What was done, is not taken back as often as it was done, and matters.
    pub(crate) fn changed(&self) -> impl Iterator<Item = Key> + '_ {
        let mut times: BTreeMap<Key, usize> = BTreeMap::new();
        for (key, _) in self.made.difference(&self.excused) {
            let count = times.entry(*key).or_default();
            // A child run goes back with all its generations.
            *count = if self.steps[key.step].1 {
                1
            } else {
                *count + 1
            };
        }
        times
            .into_iter()
            .filter(|(key, count)| self.undone.get(key).is_none_or(|undone| undone < count))
            .map(|(key, _)| key)
    }

    fn faulty(&mut self, percent: u64, dice: &mut Dice) -> bool {
        let hit = self.mood.faults > 0 && dice.chance(percent);
        self.mood.faults -= u64::from(hit);
        hit
    }

    /// Whether this attempt is never answered. It may be carried out all the same.
    pub(crate) fn is_lost(&mut self, key: Key, number: u32, dice: &mut Dice) -> bool {
        if let Some(lost) = self.lost.get(&(key, number)) {
            return *lost;
        }
        let lost = self.faulty(self.mood.lost, dice);
        self.lost.insert((key, number), lost);
        lost
    }

    /// A call is in flight and nobody will hear of it.
    pub(crate) fn lose(&mut self, key: Key, method: Method, dice: &mut Dice) {
        self.lost.retain(|(one, _), _| *one != key);
        if dice.chance(50) {
            match method {
                Method::Apply | Method::Act | Method::Child => {
                    self.made.insert(self.deed(key));
                }
                Method::Evaluate
                | Method::Read
                | Method::Observe
                | Method::Poll
                | Method::Undo
                | Method::UndoWith
                | Method::UndoChild => {}
            }
        }
    }

    pub(crate) fn answer(
        &mut self,
        key: Key,
        method: Method,
        now: Timestamp,
        recovering: bool,
        dice: &mut Dice,
    ) -> Answer {
        let acts = matches!(method, Method::Apply | Method::Act | Method::Child);
        if self.faulty(self.mood.transient, dice) {
            let unknown = dice.chance(30);
            if unknown && acts && dice.chance(50) {
                self.made.insert(self.deed(key));
            }
            return failed(FaultKind::Transient, unknown, dice);
        }
        if self.faulty(self.mood.permanent, dice) {
            // A child that failed may have done half of its work.
            if method == Method::Child && dice.chance(50) {
                self.made.insert(self.deed(key));
            }
            return failed(FaultKind::Denied, false, dice);
        }
        if self.faulty(self.mood.again, dice) {
            return Answer::Again {
                at: now.plus(dice.roll(90)),
                note: "not yet".into(),
            };
        }
        match method {
            Method::Observe if self.is_made(key) && dice.chance(50) => done(Effect::Adopted),
            Method::Observe if !self.is_made(key) && dice.chance(15) => done(Effect::Unchanged),
            Method::Observe => Answer::Observed(json!({ "salt": self.salt })),
            Method::Act if recovering && dice.chance(40) => Answer::Doubt(Doubt {
                why: "nothing can tell".into(),
            }),
            Method::Child if !self.is_made(key) && dice.chance(20) => done(Effect::Unchanged),
            Method::Apply | Method::Act | Method::Child => {
                self.made.insert(self.deed(key));
                done(Effect::Changed)
            }
            Method::Evaluate | Method::Read | Method::Poll => done(Effect::None),
            Method::Undo | Method::UndoWith | Method::UndoChild => done(Effect::Changed),
        }
    }

    /// Anything that could be said; of an attempt that is over.
    pub(crate) fn any_answer(&self, _: Key, _: Method, now: Timestamp, dice: &mut Dice) -> Answer {
        match dice.roll(5) {
            0 => done(Effect::Changed),
            1 => failed(FaultKind::Denied, true, dice),
            2 => Answer::Observed(json!("late")),
            3 => Answer::Again {
                at: now,
                note: "late".into(),
            },
            _ => Answer::Doubt(Doubt { why: "late".into() }),
        }
    }
}

fn acts(work: Work) -> bool {
    matches!(
        work,
        Work::Child | Work::Call(Shape::Modify | Shape::Create | Shape::Action)
    )
}

fn done(effect: Effect) -> Answer {
    Answer::Done {
        outputs: json!({ "done": true }),
        effect,
        at: None,
    }
}

fn failed(kind: FaultKind, unknown: bool, dice: &mut Dice) -> Answer {
    let executed = if unknown {
        Executed::Unknown
    } else {
        Executed::No
    };
    Answer::Failed {
        fault: Fault {
            executed,
            ..Fault::new(kind, "no")
        },
        share: [0.0, 0.5, 1.0][dice.below(3)],
    }
}
