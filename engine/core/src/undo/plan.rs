//! What has to be taken back, how, and in which order.

use std::collections::BTreeSet;

use super::{Need, Rollback, Undoing, behind_text};
use crate::{Kept, Key, Method, Run, Section, Shape, Timestamp, Undo, Work};

impl Run {
    /// Whether this item took effect and has to be taken back, and how; the first answer counts for
    /// previews too.
    pub(super) fn need(&self, key: Key) -> Option<Need> {
        let step = &self.book.steps[key.step];
        let instance = self.instance(key)?;
        if step.section != Section::Main {
            return None;
        }
        if instance.generations(step.work) == 0 {
            return None;
        }
        Some(match (&step.undo, step.work) {
            (
                _,
                Work::Pure | Work::Timer | Work::Gate(_) | Work::Call(Shape::Query | Shape::Wait),
            ) => {
                return None;
            }
            (Undo::None, _) => Need::Stays(Kept::Declined, "its author said `undo: none`".into()),
            (Undo::With { .. }, Work::Call(_)) => Need::Call(Method::UndoWith),
            (_, Work::Child) => Need::Call(Method::UndoChild),
            (Undo::Own, Work::Call(Shape::Action)) => Need::Stays(
                Kept::NoUndo,
                format!(
                    "{} cannot be taken back and the step has no `undo`",
                    step.uses
                ),
            ),
            (Undo::Own, Work::Call(_)) => match &step.irreversible {
                Some(why) => Need::Stays(Kept::Irreversible, why.clone()),
                None => Need::Call(Method::Undo),
            },
        })
    }

    /// What a rollback would do now, newest first: the item, and why it stays if it does. An item that
    /// was run again and changed something each time is there as often as it is taken back.
    #[must_use]
    pub fn rollback_preview(&self) -> Vec<(Key, Option<(Kept, String)>)> {
        // The trial is a copy of everything; most long runs have nothing that could be taken back.
        if !self.book.steps.iter().any(|step| can_act(step.work)) {
            return Vec::new();
        }
        let mut trial = self.clone();
        trial.unwind();
        let mut rows = Vec::new();
        while let Some(rollback) = &trial.rollback
            && let Some(&step) = rollback.ready.iter().next_back()
        {
            let behind = rollback.barred[step].clone();
            for item in 0..trial.steps[step].instances.len() {
                let key = Key { step, item };
                if trial.steps[step].instances[item].undo.is_some() {
                    continue;
                }
                let stays = match (trial.need(key), &behind) {
                    (None, _) => continue,
                    (Some(_), Some(built)) => Some((Kept::Behind, behind_text(built))),
                    (Some(Need::Stays(why, message)), None) => Some((why, message)),
                    (Some(Need::Call(_)), None) => None,
                };
                let end = match &stays {
                    Some((why, message)) => Undoing::Kept {
                        why: *why,
                        message: message.clone(),
                    },
                    None => Undoing::Done {
                        at: Timestamp::default(),
                    },
                };
                let times = match stays {
                    None => trial.steps[step].instances[item].left(self.book.steps[step].work),
                    Some(_) => 1,
                };
                rows.extend(std::iter::repeat_n((key, stays), times));
                trial.end_undo(key, end);
            }
        }
        rows
    }

    /// Turns the graph around and begins at its ends.
    pub(crate) fn unwind(&mut self) {
        let count = self.steps.len();
        let main = |step: usize| self.book.steps[step].section == Section::Main;
        // What failed to be taken back gets another chance.
        for instance in self.steps.iter_mut().flat_map(|step| &mut step.instances) {
            if let Some(Undoing::Kept {
                why: Kept::Failed | Kept::Behind,
                ..
            }) = &instance.undo
            {
                instance.undo = None;
            }
        }
        let left = (0..count)
            .map(|step| {
                let items = 0..self.steps[step].instances.len();
                items
                    .filter(|&item| {
                        let key = Key { step, item };
                        self.steps[step].instances[item].undo.is_none() && self.need(key).is_some()
                    })
                    .count()
            })
            .collect();
        let held: Vec<usize> = self.dependents.iter().map(Vec::len).collect();
        let free: Vec<usize> = (0..count)
            .filter(|&step| main(step) && held[step] == 0)
            .collect();
        self.rollback_wanted = false;
        self.rollback = Some(Rollback {
            held,
            left,
            barred: vec![None; count],
            ready: BTreeSet::new(),
            open: (0..count).filter(|&step| main(step)).count(),
        });
        for step in free {
            self.free(step);
        }
    }

    /// Everything that was built on `step` is settled.
    pub(super) fn free(&mut self, step: usize) {
        let mut freed = vec![step];
        while let Some(step) = freed.pop() {
            let Some(rollback) = &mut self.rollback else {
                return;
            };
            if rollback.left[step] > 0 {
                rollback.ready.insert(step);
                continue;
            }
            rollback.ready.remove(&step);
            rollback.open -= 1;
            let stays = self.steps[step]
                .instances
                .iter()
                .any(|one| matches!(&one.undo, Some(Undoing::Kept { why, .. }) if why.bars()));
            let id = &self.book.steps[step].id;
            let bar = match &rollback.barred[step] {
                Some(built) => Some(built.clone()),
                None => stays.then(|| id.clone()),
            };
            for &need in &self.book.steps[step].needs {
                if let Some(bar) = &bar {
                    rollback.barred[need].get_or_insert_with(|| bar.clone());
                }
                rollback.held[need] -= 1;
                if rollback.held[need] == 0 {
                    freed.push(need);
                }
            }
        }
    }
}

/// Whether work of this kind can leave something to take back.
fn can_act(work: Work) -> bool {
    match work {
        Work::Pure | Work::Timer | Work::Gate(_) | Work::Call(Shape::Query | Shape::Wait) => false,
        Work::Child | Work::Call(Shape::Modify | Shape::Create | Shape::Action) => true,
    }
}
