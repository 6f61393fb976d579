//! What must hold of a journal and a ledger, wherever the process died.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use runbook_core::{Effect, Event, RunStatus, Section, Work};
use runbook_runtime::Store;
use runbook_runtime::store::{EffectRow, EffectState, EventRow, Filter, Snapshot};

use crate::child::RUN;
use crate::ledger::Entry;
use crate::scenario::Scenario;
use crate::wire::{Mode, Op};
use crate::world::World;

/// A step or an item of one run.
type Key = (String, String, Option<u32>);

/// What is on disk.
#[derive(Default)]
pub struct Journals {
    runs: BTreeMap<String, (RunStatus, Vec<EventRow>, Vec<EffectRow>)>,
}

/// How an undisturbed run ends, and every run that was disturbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    statuses: BTreeMap<String, RunStatus>,
    succeeded: BTreeSet<Key>,
    inventory: Vec<String>,
}

/// What was known when a process died: these tokens were done with, after so many calls.
pub struct Mark {
    finished: BTreeSet<String>,
    calls: usize,
}

fn say<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

impl Journals {
    /// Reads them; a process may have died before there were any.
    pub fn read(state: &Path) -> Result<Self, String> {
        let mut runs = BTreeMap::new();
        if !Store::exists(state) {
            return Ok(Self { runs });
        }
        let snapshot = Snapshot::open(state).map_err(say)?;
        for run in snapshot.list(&Filter::default()).map_err(say)? {
            let count = snapshot.verify(&run.id).map_err(say)?;
            let events = snapshot.events(&run.id, 0).map_err(say)?;
            if count != events.len() as u64 || count != run.seq {
                return Err(format!(
                    "{} has {count} events and says {}",
                    run.id, run.seq
                ));
            }
            let effects = snapshot.effects(&run.id).map_err(say)?;
            runs.insert(run.id, (run.status, events, effects));
        }
        Ok(Self { runs })
    }

    fn events(&self) -> impl Iterator<Item = (Key, &Event)> {
        self.runs.iter().flat_map(|(run, (_, events, _))| {
            events.iter().filter_map(|row| {
                let (step, item) = row.entry.event.subject()?;
                Some(((run.clone(), step.to_owned(), item), &row.entry.event))
            })
        })
    }

    /// Tokens of recorded intents.
    fn tokens(&self) -> BTreeMap<Key, String> {
        self.events()
            .filter_map(|(key, event)| match event {
                Event::AttemptStarted { token, .. } => Some((key, token.clone())),
                _ => None,
            })
            .collect()
    }

    fn succeeded(&self) -> BTreeMap<Key, Effect> {
        self.events()
            .filter_map(|(key, event)| match event {
                Event::Succeeded { effect, .. } => Some((key, *effect)),
                _ => None,
            })
            .collect()
    }

    /// How many attempts were in doubt, and of which steps.
    pub fn doubts(&self) -> Vec<Key> {
        self.events()
            .filter(|(_, event)| matches!(event, Event::InDoubt { .. }))
            .map(|(key, _)| key)
            .collect()
    }

    pub fn status(&self) -> Option<RunStatus> {
        self.runs.get(RUN).map(|one| one.0)
    }

    fn reopened(&self) -> bool {
        self.runs.values().any(|(_, events, _)| {
            let reopened = |row: &EventRow| matches!(row.entry.event, Event::Reopened { .. });
            events.iter().any(reopened)
        })
    }

    /// What is finished now and must not start again.
    pub fn mark(&self, world: &World) -> Mark {
        let tokens = self.tokens();
        let finished = self.succeeded().into_keys();
        let finished = finished.filter(|key| !may_restart(world.scenario, key));
        Mark {
            finished: finished
                .filter_map(|key| tokens.get(&key).cloned())
                .collect(),
            calls: world.ledger.entries().len(),
        }
    }

    /// What a person would see at the end.
    pub fn outcome(&self, world: &World) -> Outcome {
        Outcome {
            statuses: self
                .runs
                .iter()
                .map(|(run, one)| (run.clone(), one.0))
                .collect(),
            succeeded: self.succeeded().into_keys().collect(),
            inventory: world.ledger.inventory(),
        }
    }
}

/// `finally` runs again when a run has been given another chance.
fn may_restart(scenario: &Scenario, (_, step, _): &Key) -> bool {
    let book = (scenario.book)();
    let step = book.steps.iter().find(|one| one.id == *step);
    scenario.reopen > 0 && step.is_some_and(|one| one.section != Section::Main)
}

fn calls_out(scenario: &Scenario, (_, step, _): &Key) -> bool {
    let books = std::iter::once((scenario.book)()).chain((scenario.children)().into_values());
    let mut steps = books.flat_map(|book| book.steps);
    steps.any(|one| one.id == *step && matches!(one.work, Work::Call(_)))
}

/// At any moment: no call without its intent on disk, no effect of a change whose `observed` is not.
pub fn intents(world: &World, journals: &Journals) -> Result<(), String> {
    // What cleans up runs again with a token of its own when its run was given another chance.
    let intended = |(_, event): (Key, &Event)| match event {
        Event::AttemptStarted { token, .. } => Some(token.clone()),
        _ => None,
    };
    let tokens: BTreeSet<String> = journals.events().filter_map(intended).collect();
    let observed: BTreeSet<Key> = journals
        .events()
        .filter(|(_, event)| matches!(event, Event::Observed { .. }))
        .map(|(key, _)| key)
        .collect();
    for entry in world.ledger.entries() {
        let call = &entry.call;
        if !tokens.contains(&call.token) {
            return Err(format!(
                "a call without an intent on disk: {}",
                show(&entry)
            ));
        }
        let change = matches!(call.op, Op::Create | Op::Put);
        let seen = |key: &Key| key.0 == call.run && called(key) == call.step;
        if change && !observed.iter().any(seen) {
            return Err(format!(
                "changed before `observed` was on disk: {}",
                show(&entry)
            ));
        }
    }
    Ok(())
}

/// The step as a call names it.
fn called((_, step, item): &Key) -> String {
    item.map_or_else(|| step.clone(), |item| format!("{step}[{item}]"))
}

fn show(entry: &Entry) -> String {
    let call = &entry.call;
    format!(
        "{:?} {} attempt {} of process {}",
        call.op, call.step, call.attempt, entry.drive
    )
}

/// Nothing that was finished when a process died was called again.
pub fn finished_stay(world: &World, journals: &Journals, marks: &[Mark]) -> Result<(), String> {
    let entries = world.ledger.entries();
    for mark in marks {
        let again = entries[mark.calls..]
            .iter()
            .find(|one| mark.finished.contains(&one.call.token));
        if let Some(entry) = again {
            return Err(format!("called after it was finished: {}", show(entry)));
        }
    }
    let mut done = BTreeSet::new();
    for (key, event) in journals.events() {
        match event {
            Event::Succeeded { .. } if !may_restart(world.scenario, &key) => {
                if !done.insert(key.clone()) {
                    return Err(format!("succeeded twice: {}", called(&key)));
                }
            }
            Event::AttemptStarted { .. } if done.contains(&key) => {
                return Err(format!("started after it was finished: {}", called(&key)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Tokens with more than one effective call of a kind, those of `but` left out.
pub fn doubled(world: &World, but: &[Mode]) -> Vec<String> {
    let mut effects: BTreeMap<(String, Op), Vec<Entry>> = BTreeMap::new();
    for entry in world.ledger.entries() {
        if entry.effective && !but.contains(&entry.call.mode) {
            let key = (entry.call.token.clone(), entry.call.op);
            effects.entry(key).or_default().push(entry);
        }
    }
    let twice = effects.into_values().filter(|all| all.len() > 1);
    twice
        .map(|all| {
            let all: Vec<String> = all.iter().map(show).collect();
            format!("doubled: {}", all.join(", then "))
        })
        .collect()
}

/// Steps that say that they changed something, and the ledger knows nothing of it.
pub fn lost(world: &World, journals: &Journals) -> Vec<String> {
    let tokens = journals.tokens();
    let effective: BTreeSet<String> = world
        .ledger
        .entries()
        .into_iter()
        .filter(|one| one.effective)
        .map(|one| one.call.token)
        .collect();
    let changed = |effect: &Effect| matches!(effect, Effect::Changed | Effect::Adopted);
    journals
        .succeeded()
        .into_iter()
        .filter(|(key, effect)| changed(effect) && calls_out(world.scenario, key))
        .filter(|(key, _)| {
            tokens
                .get(key)
                .is_none_or(|token| !effective.contains(token))
        })
        .map(|(key, _)| format!("lost: {} succeeded without an effect", called(&key)))
        .collect()
}

/// The table of effects agrees with the ledger once the run has ended.
pub fn effects(world: &World, journals: &Journals) -> Result<(), String> {
    let entries = world.ledger.entries();
    let happened = |token: &str, attempt: Option<u32>| {
        let fits = |one: &&Entry| {
            one.effective
                && one.call.token == token
                && attempt.is_none_or(|attempt| one.call.attempt == attempt)
        };
        entries.iter().any(|one| fits(&one))
    };
    for (_, _, rows) in journals.runs.values() {
        let mut last: BTreeMap<&str, &EffectRow> = BTreeMap::new();
        for row in rows {
            let newest = last.entry(&row.token).or_insert(row);
            if row.attempt >= newest.attempt {
                *newest = row;
            }
            let what = format!("{}[{}] attempt {}", row.step, row.item, row.attempt);
            match row.state {
                EffectState::Absent if happened(&row.token, Some(row.attempt)) => {
                    return Err(format!("{what} is `absent` and happened"));
                }
                EffectState::Confirmed if !happened(&row.token, None) => {
                    return Err(format!("{what} is `confirmed` and did not happen"));
                }
                _ => {}
            }
        }
        let open = last.values().find(|row| row.state == EffectState::Intended);
        if let Some(row) = open {
            return Err(format!(
                "{} ended and its effect is still `intended`",
                row.step
            ));
        }
    }
    for token in entries.iter().filter(|one| one.effective) {
        let known = |row: &EffectRow| {
            row.token == token.call.token
                && matches!(row.state, EffectState::Confirmed | EffectState::InDoubt)
        };
        if !journals
            .runs
            .values()
            .any(|(_, _, rows)| rows.iter().any(known))
        {
            return Err(format!("the journal does not know of {}", show(token)));
        }
    }
    Ok(())
}

/// Only a step that nothing can tell anything of was in doubt.
pub fn doubts_are_blind(world: &World, journals: &Journals) -> Result<(), String> {
    let entries = world.ledger.entries();
    let tokens = journals.tokens();
    for key in journals.doubts() {
        let blind = |one: &Entry| one.call.mode == Mode::None || !one.call.op.changes();
        let token = tokens.get(&key);
        let mine = entries.iter().filter(|one| Some(&one.call.token) == token);
        if !mine.clone().all(blind) {
            return Err(format!(
                "{} was in doubt and could be looked up",
                called(&key)
            ));
        }
    }
    Ok(())
}

/// The end of a disturbed run is that of an undisturbed one.
pub fn same_end(world: &World, journals: &Journals, wanted: &Outcome) -> Result<(), String> {
    if journals.status() != Some(world.scenario.ends) {
        return Err(format!("ended as {:?}", journals.status()));
    }
    if journals.reopened() != (world.scenario.reopen > 0) && world.manner.reopen == 0 {
        return Err("reopened where nobody asked for it".to_owned());
    }
    let found = journals.outcome(world);
    if found == *wanted {
        return Ok(());
    }
    Err(format!("ended otherwise: {found:?} in place of {wanted:?}"))
}
