//! The operator: words from another process, at random while the world is unkind, and afterwards what is
//! asked for.

use runbook_core::{InstanceState, Phase, RunStatus};
use runbook_runtime::store::{Filter, Signal};
use serde_json::{Value, json};

use crate::process::{SETTLE, now};
use crate::watch::replay;
use crate::world::World;

async fn say(world: &mut World, run: &str, actor: &str, signal: Signal) {
    let at = now(world.watched.begin);
    world
        .watched
        .trace(&format!("{actor} to {run}: {signal:?}"));
    world.report.signals += 1;
    world.store.signal(run, actor, at, signal).await.unwrap();
}

/// Every run, oldest first.
fn runs(world: &World) -> Vec<(String, RunStatus)> {
    let mut all = world.snapshot().list(&Filter::default()).unwrap();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.into_iter().map(|run| (run.id, run.status)).collect()
}

/// Answers what is asked, as far as the operator can know it.
pub async fn help(world: &mut World) {
    let meddles = world.plan.meddles && !world.is_calm;
    let questions = world.snapshot().questions(None).unwrap();
    for question in questions {
        for actor in ["ann", "bob"] {
            let answer = Signal::Answer {
                step: question.step.clone(),
                item: item(world, &question.run, &question.step, question.item),
                granted: !(meddles && world.dice.chance(20)),
                comment: None,
                form: Value::Null,
            };
            say(world, &question.run, actor, answer).await;
        }
    }
    for (run, status) in runs(world) {
        if status.is_terminal() || status == RunStatus::Pending {
            continue;
        }
        resolve(world, &run).await;
        if status == RunStatus::Paused {
            let often = world.resumed.entry(run.clone()).or_default();
            *often += 1;
            // What never gets better is given up: a child that was rolled back stays so.
            let signal = match *often > 5 {
                true => Signal::Cancel { reason: None },
                false => Signal::Resume,
            };
            say(world, &run, "ann", signal).await;
        }
    }
}

fn item(world: &World, run: &str, step: &str, item: u32) -> Option<u32> {
    let run = replay(world.store.path(), run);
    let index = run.step_index(step)?;
    run.book().steps[index].for_each.as_ref().map(|_| item)
}

/// Says what became of attempts in doubt, once it shows.
async fn resolve(world: &mut World, id: &str) {
    let run = replay(world.store.path(), id);
    for key in run.active().collect::<Vec<_>>() {
        let Some(instance) = run.instance(key) else {
            continue;
        };
        let (InstanceState::Live(Phase::InDoubt { .. }), Some(attempt)) =
            (&instance.state, &instance.attempt)
        else {
            continue;
        };
        if instance.undo.is_some() || now(world.watched.begin) < attempt.flown.plus(2 * SETTLE) {
            continue;
        }
        let done = world.cloud.state().acts.contains_key(&attempt.token);
        let step = &run.book().steps[key.step];
        let resolution = Signal::Resolve {
            step: step.id.clone(),
            item: step
                .for_each
                .as_ref()
                .map(|_| u32::try_from(key.item).unwrap()),
            how: if done { "done" } else { "retry" }.to_owned(),
            outputs: json!({}),
            reason: "looked".to_owned(),
        };
        say(world, id, "ann", resolution).await;
    }
}

/// A word that nobody asked for.
pub async fn meddle(world: &mut World) {
    let all = runs(world);
    if all.is_empty() {
        return;
    }
    let run = world.dice.pick(&all).0.clone();
    let state = replay(world.store.path(), &run);
    let step = world.dice.pick(&state.book().steps).id.clone();
    let reason = "because".to_owned();
    let signal = match world.dice.roll(20) {
        0..=3 => Signal::Pause { reason },
        4..=8 => Signal::Resume,
        9 | 10 => Signal::Skip { step, reason },
        11..=13 => Signal::Retry {
            step,
            downstream: world.dice.chance(50),
            reason,
        },
        14 => Signal::RollBack { reason },
        15 | 16 => Signal::Cancel { reason: None },
        _ => return help(world).await,
    };
    say(world, &run, "eve", signal).await;
}

/// The root has ended; whether the operator wants it to go on.
pub async fn goes_on(world: &mut World) -> bool {
    if world.is_calm || !world.plan.meddles || world.dice.chance(40) {
        return false;
    }
    let root = world.root.clone();
    let state = replay(world.store.path(), &root);
    let step = world.dice.pick(&state.book().steps).id.clone();
    let reason = "once more".to_owned();
    let signal = match world.dice.roll(5) {
        0 | 1 => Signal::Resume,
        2 | 3 => Signal::RollBack { reason },
        _ => Signal::Retry {
            step,
            downstream: world.dice.chance(50),
            reason,
        },
    };
    say(world, &root, "ann", signal).await;
    world.go_on();
    true
}
