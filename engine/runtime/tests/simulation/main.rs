//! The whole engine in one seeded world: core, store and worker under one scheduler, with simulated
//! time, a simulated cloud and a simulated operator. Processes die at commits, stand still while others
//! take over, and calls arrive after their caller has died.
//!
//! `RUNBOOK_SEED=N` plays one world and prints what happens; `RUNBOOK_SEEDS=N` plays so many, from
//! `RUNBOOK_FIRST` on; `RUNBOOK_SMALL=N` sweeps so many small graphs. A failure prints the line that plays
//! its world again.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "modules of one test binary"
)]

mod books;
mod check;
mod cloud;
mod dice;
mod operator;
mod plan;
mod process;
mod steps;
mod watch;
mod world;

use std::time::{Duration, Instant};

use plan::Plan;
use world::{Report, play};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays one world; a broken promise ends the test with the line that plays it again.
fn sound(plan: &Plan, loud: bool) -> Report {
    let report = play(plan.clone(), loud);
    assert!(
        report.violations.is_empty(),
        "{} cargo test -p runbook-runtime --test simulation: {plan:?}: {:#?}",
        plan.line(),
        report.violations
    );
    report
}

/// How long worlds are played by default.
const SPAN: Duration = Duration::from_secs(15);

#[test]
fn whatever_happens_nothing_is_lost_and_nothing_doubled() {
    if let Some(seed) = number("RUNBOOK_SEED") {
        sound(&Plan::named(seed), true);
        return;
    }
    let begin = Instant::now();
    let count = number("RUNBOOK_SEEDS");
    let mut sum = Report::default();
    let mut seeds = 0;
    let first = number("RUNBOOK_FIRST").unwrap_or(1);
    for seed in first.. {
        let over = match count {
            Some(count) => seed >= first + count,
            None => begin.elapsed() > SPAN,
        };
        if over {
            break;
        }
        let one = sound(&Plan::of(seed), false);
        seeds += 1;
        sum.runs += one.runs;
        sum.crashes += one.crashes;
        sum.takeovers += one.takeovers;
        sum.signals += one.signals;
        sum.calls += one.calls;
        sum.events += one.events;
        sum.known += one.known;
    }
    println!(
        "{seeds} seeds, {} runs, {} events, {} crashes, {} takeovers, {} signals, {} calls, doubled 0, lost 0, ended by known faults {}",
        sum.runs, sum.events, sum.crashes, sum.takeovers, sum.signals, sum.calls, sum.known
    );
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 1..=8 {
        let (one, two) = (play(Plan::of(seed), false), play(Plan::of(seed), false));
        assert_eq!(one.hash, two.hash, "seed {seed} is two worlds");
    }
}

#[test]
fn a_small_graph_survives_a_crash_at_every_moment_of_every_commit() {
    let seeds = number("RUNBOOK_SMALL").unwrap_or(3);
    for seed in 1..=seeds {
        let quiet = sound(&Plan::small(seed, Vec::new()), false);
        assert!(quiet.moments > 0);
        for at in 0..quiet.moments {
            sound(&Plan::small(seed, vec![at]), false);
        }
    }
}

#[test]
fn a_create_is_not_doubled_by_two_deaths_however_far_apart() {
    let quiet = sound(&Plan::single(1, Vec::new()), false);
    for first in 0..quiet.moments {
        for second in first + 6..first + 12 {
            // The seed says how long the cloud hides what it made.
            for seed in 5..=7 {
                sound(&Plan::single(seed, vec![first, second]), false);
            }
        }
    }
}
