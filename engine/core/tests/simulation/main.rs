//! Random runbooks in random worlds, with people who meddle and processes that die: what must never
//! happen, and what must. `RUNBOOK_SEEDS=n` plays more of them, `RUNBOOK_SEED=n` one of them again.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod book;
mod dice;
mod people;
mod sim;
mod track;
mod world;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use book::{Taste, runbook};
use dice::Dice;
use runbook_core::{Input, RunStatus};
use sim::{Counts, Sim, Trouble};
use world::Mood;

const KIND: Mood = Mood {
    transient: 0,
    permanent: 0,
    again: 0,
    lost: 0,
    skip: 10,
    faults: 0,
};

const QUIET: Trouble = Trouble {
    crash: 0,
    word: 0,
    late: 0,
    restore: false,
};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays every seed of a scenario. One that fails prints the line that plays it again.
fn play(scenario: &str, seeds: u64, one: impl Fn(Dice, &mut Option<Sim>)) {
    let only = number("RUNBOOK_SEED");
    let seeds = match only {
        Some(seed) => seed..seed + 1,
        None => 0..number("RUNBOOK_SEEDS").unwrap_or(seeds),
    };
    let mut sum = Counts::default();
    let mut played = 0_u64;
    for seed in seeds {
        let mut kept = None;
        let outcome = catch_unwind(AssertUnwindSafe(|| one(Dice::new(seed), &mut kept)));
        if let (Some(sim), true) = (&kept, only.is_some()) {
            let _ = writeln!(std::io::stderr(), "{}", sim.story());
        }
        if outcome.is_err() {
            panic!("RUNBOOK_SEED={seed} cargo test -p runbook-core --test simulation {scenario}");
        }
        let counts = kept.map(|sim| sim.counts).unwrap_or_default();
        sum.events += counts.events;
        sum.crashes += counts.crashes;
        sum.words += counts.words;
        sum.rollbacks += counts.rollbacks;
        sum.restores += counts.restores;
        played += 1;
    }
    let mut out = std::io::stderr();
    let _ = writeln!(
        out,
        "{scenario}: {played} graphs, {} events, {} crashes, {} operator words, {} rollbacks, {} restored",
        sum.events, sum.crashes, sum.words, sum.rollbacks, sum.restores
    );
}

fn mood(dice: &mut Dice) -> Mood {
    Mood {
        transient: dice.roll(30),
        permanent: dice.roll(20),
        again: dice.roll(30),
        lost: dice.roll(15),
        skip: dice.roll(20),
        faults: dice.roll(40),
    }
}

/// Everything at once: faults, crashes, lost and late answers, deadlines, and people.
#[test]
fn whatever_happens_a_run_keeps_its_promises() {
    play("whatever_happens", 3_000, |mut dice, kept| {
        let book = runbook(&mut dice, Taste { deadlines: true });
        let mood = mood(&mut dice);
        let trouble = Trouble {
            crash: dice.roll(12),
            word: dice.roll(25),
            late: dice.roll(30),
            restore: dice.chance(10),
        };
        let lives = dice.roll(4);
        let sim = kept.insert(Sim::new(dice, book, mood, trouble));
        sim.drive();
        let turns = sim.dice.roll(150);
        sim.play(turns);
        // A run that has ended is taken up again.
        for _ in 0..lives {
            sim.world.mood.faults = sim.dice.roll(20);
            match sim.dice.roll(4) {
                0 => {
                    sim.input(Input::RollBack {
                        actor: "ann".into(),
                        reason: "not wanted".into(),
                    });
                }
                1 if sim.trouble.restore => sim.restore(),
                _ => {
                    for _ in 0..4 {
                        sim.word();
                    }
                }
            }
            sim.drive();
            let turns = sim.dice.roll(100);
            sim.play(turns);
        }
    });
}

/// Nothing goes wrong: everything succeeds.
#[test]
fn without_faults_a_run_succeeds() {
    play("without_faults", 500, |mut dice, kept| {
        let book = runbook(&mut dice, Taste { deadlines: false });
        let sim = kept.insert(Sim::new(dice, book, KIND, QUIET));
        sim.drive();
        sim.play(0);
        assert_eq!(sim.run.status(), RunStatus::Succeeded);
    });
}

/// Crashes, lost answers and late ones alone do not change how a run ends.
#[test]
fn crashes_alone_do_not_change_how_a_run_ends() {
    play("crashes_alone", 500, |mut dice, kept| {
        let book = runbook(&mut dice, Taste { deadlines: false });
        let mood = Mood {
            lost: 20,
            again: 20,
            faults: 40,
            ..KIND
        };
        let trouble = Trouble {
            crash: 25,
            late: 40,
            ..QUIET
        };
        let sim = kept.insert(Sim::new(dice, book, mood, trouble));
        sim.drive();
        sim.play(100);
        assert_eq!(sim.run.status(), RunStatus::Succeeded);
    });
}

/// What failed is tried again in a kind world until the run succeeds.
#[test]
fn a_failed_run_that_gets_another_chance_ends_well_in_a_kind_world() {
    play("a_failed_run", 500, |mut dice, kept| {
        let book = runbook(&mut dice, Taste { deadlines: false });
        let mood = mood(&mut dice);
        let sim = kept.insert(Sim::new(dice, book, mood, QUIET));
        sim.drive();
        sim.play(100);
        if sim.run.status() != RunStatus::Failed {
            return;
        }
        sim.world.mood = KIND;
        sim.input(Input::Reopen {
            actor: "ann".into(),
        });
        sim.drive();
        sim.play(0);
        let status = sim.run.status();
        let good = [RunStatus::Succeeded, RunStatus::SucceededWithWarnings];
        assert!(good.contains(&status), "{status:?}");
    });
}
