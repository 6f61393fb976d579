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
    /// What was really done, and not taken back.
    made: BTreeSet<Key>,
    /// What was done and a journal that lost its end knows nothing of.
    ghosts: BTreeSet<Key>,
    /// A person said that it does not matter.
    excused: BTreeSet<Key>,
    /// What the journal knows to be begun: what is done by it counts.
    begun: BTreeSet<Key>,
    lost: BTreeMap<(Key, u32), bool>,
}

impl World {
    pub(crate) fn new(mood: Mood, salt: u64) -> Self {
        Self {
            mood,
            salt,
            made: BTreeSet::new(),
            ghosts: BTreeSet::new(),
            excused: BTreeSet::new(),
            begun: BTreeSet::new(),
            lost: BTreeMap::new(),
        }
    }

    pub(crate) fn note(&mut self, run: &Run, event: &Event) {
        let Some(key) = key_of(run, event) else {
            return;
        };
        let work = run.book().steps[key.step].work;
        match event {
            Event::AttemptStarted { .. } => {
                if matches!(work, Work::Child | Work::Call(Shape::Action)) {
                    self.begun.insert(key);
                }
            }
            Event::Observed { .. } => {
                self.begun.insert(key);
            }
            Event::Succeeded { effect, .. } => {
                if matches!(effect, Effect::Changed | Effect::Adopted) {
                    self.begun.insert(key);
                    self.ghosts.remove(&key);
                    if acts(work) {
                        self.made.insert(key);
                    }
                } else {
                    self.begun.remove(&key);
                }
            }
            Event::Undone { .. } => {
                self.made.remove(&key);
                self.ghosts.remove(&key);
            }
            _ => {}
        }
    }

    /// The end of the journal is gone.
    pub(crate) fn forget(&mut self) {
        self.begun.clear();
    }

    /// What it does not know of any more cannot be taken back.
    pub(crate) fn remember(&mut self) {
        let begun = &self.begun;
        let (made, ghosts) = std::mem::take(&mut self.made)
            .into_iter()
            .partition(|key| begun.contains(key));
        self.made = made;
        self.ghosts.append(&mut { ghosts });
    }

    pub(crate) fn is_made(&self, key: Key) -> bool {
        self.made.contains(&key) || self.ghosts.contains(&key)
    }

    pub(crate) fn excuse(&mut self, key: Key) {
        self.excused.insert(key);
    }

    /// What was done, is not taken back, and matters; or was done and then taken back.
    pub(crate) fn changed(&self) -> impl Iterator<Item = Key> + '_ {
        self.made.difference(&self.excused).copied()
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
                    self.made.insert(key);
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
                self.made.insert(key);
            }
            return failed(FaultKind::Transient, unknown, dice);
        }
        if self.faulty(self.mood.permanent, dice) {
            // A child that failed may have done half of its work.
            if method == Method::Child && dice.chance(50) {
                self.made.insert(key);
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
                self.made.insert(key);
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
