//! What must hold when a drive is over, and at the end of a world.

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::{Effect, Event, FaultKind, InstanceState, Key, Run, RunStatus, Section};
use runbook_runtime::store::{EffectState, EventRow, Filter, RunInfo};
use runbook_runtime::{DriveError, Ended, doctor};
use serde_json::Value;

use crate::watch::replay;
use crate::world::World;

/// Nothing of a process that has let go is on its way.
pub fn in_flight(world: &World, process: usize, word: &Result<Ended, DriveError>) {
    let state = world.cloud.state();
    let left: Vec<_> = state
        .flying
        .iter()
        .filter(|((who, _), count)| *who == process && **count > 0)
        .map(|((_, run), _)| run.clone())
        .collect();
    drop(state);
    if !left.is_empty() {
        world.watched.violation(format!(
            "p{process} said {word:?} with calls of {left:?} in flight"
        ));
    }
}

/// A run with its journal.
struct Whole {
    info: RunInfo,
    run: Run,
    events: Vec<EventRow>,
}

pub fn the_end(world: &mut World) {
    let snapshot = world.snapshot();
    let path = world.store.path().to_path_buf();
    let report = doctor::examine(&path, None).unwrap();
    for finding in report.findings.iter().filter(|one| one.kind.is_problem()) {
        world.watched.violation(format!("the doctor: {finding:?}"));
    }
    let mut all = Vec::new();
    let mut infos = snapshot.list(&Filter::default()).unwrap();
    infos.sort_by(|a, b| a.id.cmp(&b.id));
    for info in infos {
        if let Err(error) = snapshot.verify(&info.id) {
            world
                .watched
                .violation(format!("the chain of {}: {error}", info.id));
        }
        all.push(Whole {
            run: replay(&path, &info.id),
            events: snapshot.events(&info.id, 0).unwrap(),
            info,
        });
    }
    world.report.runs = all.len() as u64;
    for one in &all {
        ended(world, one, &all);
        once(world, one);
        confirmed(world, one);
        intents(world, one);
        panics(world, one);
    }
    doubled(world, &all);
    taken_back(world, &all);
}

/// A known fault: a run that lets go of a child, by its deadline or by a second cancel, leaves it behind.
fn left_behind(one: &Whole, all: &[Whole]) -> bool {
    let parent = all
        .iter()
        .find(|other| Some(&other.info.id) == one.info.parent.as_ref());
    parent.is_some_and(|parent| {
        let lets_go = parent.events.iter().any(|row| match &row.entry.event {
            Event::Failed { fault, .. } => fault.kind == FaultKind::Timeout,
            Event::CancelForced { .. } => true,
            _ => false,
        });
        lets_go || left_behind(parent, all)
    })
}

fn ended(world: &World, one: &Whole, all: &[Whole]) {
    let id = &one.info.id;
    let status = one.run.status();
    if !status.is_terminal() && !left_behind(one, all) {
        world
            .watched
            .violation(format!("{id} is {} at the end", status.name()));
    }
    if status.is_terminal() && one.run.active().count() > 0 {
        world
            .watched
            .violation(format!("{id} has ended with work in hand"));
    }
    if !world.plan.is_harsh() && !matches!(status, RunStatus::Succeeded) {
        world
            .watched
            .violation(format!("{id} ended as {} without a fault", status.name()));
    }
}

/// A finished step runs again only by an operator's word.
fn once(world: &World, one: &Whole) {
    let mut finished: BTreeSet<(String, Option<u32>)> = BTreeSet::new();
    for row in &one.events {
        match &row.entry.event {
            Event::Succeeded { step, item, .. } if !finished.insert((step.clone(), *item)) => {
                world
                    .watched
                    .violation(format!("{} {step} finished twice", one.info.id));
            }
            Event::AttemptStarted { step, item, .. }
                if finished.contains(&(step.clone(), *item)) =>
            {
                world
                    .watched
                    .violation(format!("{} {step} runs again", one.info.id));
            }
            Event::RetryRequested { .. } | Event::Reopened { .. } | Event::StepSkipped { .. } => {
                finished.clear();
            }
            _ => {}
        }
    }
}

/// What the journal says was done was done.
fn confirmed(world: &World, one: &Whole) {
    let state = world.cloud.state();
    let mut wrong = Vec::new();
    for (step, here) in one.run.book().steps.iter().zip(one.run.steps()) {
        for instance in &here.instances {
            let InstanceState::Succeeded {
                outputs, effect, ..
            } = &instance.state
            else {
                continue;
            };
            if !matches!(effect, Effect::Changed | Effect::Adopted) {
                continue;
            }
            let Some(attempt) = &instance.attempt else {
                continue;
            };
            let there = match step.uses.as_str() {
                "sim.create" => {
                    let id = outputs["thing_id"]
                        .as_str()
                        .and_then(|id| id.parse::<u64>().ok());
                    let mut made = state.resources.iter();
                    made.any(|thing| Some(thing.id) == id && thing.token == attempt.token)
                }
                "sim.act" => state.acts.contains_key(&attempt.token),
                _ => true,
            };
            if !there {
                wrong.push(format!(
                    "{} {} finished and the cloud knows nothing of it",
                    one.info.id, step.id
                ));
            }
        }
    }
    drop(state);
    wrong
        .into_iter()
        .for_each(|what| world.watched.violation(what));
}

/// Every intent has an outcome.
fn intents(world: &World, one: &Whole) {
    if !one.run.status().is_terminal() {
        return;
    }
    let mut last = BTreeMap::new();
    let mut rows = world.snapshot().effects(&one.info.id).unwrap();
    // A later attempt knows what became of an earlier one's call.
    rows.sort_by_key(|row| row.attempt);
    for row in rows {
        last.insert((row.step.clone(), row.item, row.call), row);
    }
    for row in last
        .values()
        .filter(|row| row.state == EffectState::Intended)
    {
        world.watched.violation(format!(
            "{} {}[{}] attempt {}: intended, and nothing more",
            one.info.id, row.step, row.item, row.attempt
        ));
    }
}

fn panics(world: &World, one: &Whole) {
    for row in &one.events {
        let text = serde_json::to_string(&row.entry).unwrap();
        if text.contains("panicked") {
            world.watched.violation(format!("{}: {text}", one.info.id));
        }
    }
}

/// Whose token it is, with the request.
fn owners(all: &[Whole]) -> BTreeMap<String, (usize, Key, Value)> {
    let mut owners = BTreeMap::new();
    for (at, one) in all.iter().enumerate() {
        for row in &one.events {
            if let Event::AttemptStarted {
                step,
                item,
                token,
                inputs: Some(inputs),
                ..
            } = &row.entry.event
            {
                let key = Key {
                    step: one.run.step_index(step).unwrap(),
                    item: item.unwrap_or(0) as usize,
                };
                owners.insert(token.clone(), (at, key, inputs.clone()));
            }
        }
    }
    owners
}

fn doubled(world: &World, all: &[Whole]) {
    let owners = owners(all);
    let state = world.cloud.state();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for thing in &state.resources {
        if !seen.insert(&thing.token) {
            wrong.push(format!("doubled: two of {} ({})", thing.name, thing.token));
        }
    }
    for (token, acts) in &state.acts {
        let owner = owners.get(token);
        let mode = owner.map(|(_, _, inputs)| &inputs["mode"]);
        // A known fault of the core: `finally` runs again under the same token when a run is reopened.
        let again = owner.is_some_and(|(at, key, _)| {
            all[*at].run.book().steps[key.step].section != Section::Main
        });
        if acts.len() > 1 && !again && mode.and_then(Value::as_str) != Some("harmless") {
            wrong.push(format!("doubled: {} acts of {token}", acts.len()));
        }
    }
    drop(state);
    wrong
        .into_iter()
        .for_each(|what| world.watched.violation(what));
}

/// After a rollback nothing is left that is not named.
fn taken_back(world: &World, all: &[Whole]) {
    let owners = owners(all);
    let state = world.cloud.state();
    let mut wrong = Vec::new();
    for thing in state.resources.iter().filter(|thing| !thing.deleted) {
        let Some((at, key, _)) = owners.get(&thing.token) else {
            wrong.push(format!("lost: {} is nobody's", thing.name));
            continue;
        };
        if all[*at].run.status() == RunStatus::RolledBack && !named(&all[*at], *key) {
            wrong.push(format!("lost: {} was not taken back", thing.name));
        }
    }
    for (at, key, inputs) in owners.values() {
        let one = &all[*at];
        let step = &one.run.book().steps[key.step];
        let name = inputs["name"].as_str().unwrap_or_default();
        let is = state.values.get(name).copied().unwrap_or(0);
        if step.uses == "sim.put"
            && step.section == Section::Main
            && one.run.status() == RunStatus::RolledBack
            && is != 0
            && !named(one, *key)
        {
            wrong.push(format!("lost: {name} is {is} after the rollback"));
        }
    }
    drop(state);
    wrong
        .into_iter()
        .for_each(|what| world.watched.violation(what));
}

/// Whether the journal says that the item stays.
fn named(one: &Whole, key: Key) -> bool {
    let id = &one.run.book().steps[key.step].id;
    one.events.iter().any(|row| {
        matches!(&row.entry.event, Event::NotUndone { step, item, .. }
            if step == id && item.unwrap_or(0) as usize == key.item)
    })
}
