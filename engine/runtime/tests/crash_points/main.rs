//! The process dies at every point at which it can die, and the ledger of a cloud that outlives it says
//! what was done. See [`scenario::ALL`] for what is driven and [`case::Case`] for what is done to it.
#![cfg(unix)]
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "modules of one test binary"
)]

mod back;
mod case;
mod check;
mod child;
mod ledger;
#[cfg(target_os = "linux")]
mod owners;
mod scenario;
mod steps;
mod sweep;
mod wire;
mod world;

use runbook_runtime::fail;

use crate::case::Case;
use crate::sweep::{
    Play, calls_on_their_way, copies, creates_by_the_one_that_mends, every_point, every_trouble,
    play, play_waiting, second_crashes, trouble_after_a_crash,
};

/// Seeds beyond the first, for longer searches: `RUNBOOK_SEEDS=20`.
fn seeds() -> u64 {
    let given = std::env::var("RUNBOOK_SEEDS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1)
}

#[test]
#[ignore = "the process that dies; the other tests start it"]
fn the_process_that_dies() {
    if let Some(order) = child::order() {
        child::obey(&order);
    }
}

#[test]
#[ignore = "plays the case that RUNBOOK_CRASH names"]
fn replay() {
    let mut cases: Vec<Box<dyn Play>> = Vec::new();
    if let Ok(text) = std::env::var("RUNBOOK_CRASH") {
        cases.push(Box::new(serde_json::from_str::<Case>(&text).unwrap()));
    }
    #[cfg(target_os = "linux")]
    if let Ok(text) = std::env::var("RUNBOOK_STOP") {
        cases.push(Box::new(
            serde_json::from_str::<owners::Stop>(&text).unwrap(),
        ));
    }
    for case in cases {
        let played = case.play().unwrap_or_else(|why| panic!("{why}"));
        println!("{played:#?}");
    }
}

#[test]
fn a_run_survives_a_crash_at_every_point() {
    let single = play(&every_point(seeds()));
    let double: Vec<Case> = (1..=seeds())
        .flat_map(|seed| second_crashes(seed, seeds()))
        .collect();
    let double = play(&double);
    single.hold();
    double.hold();
    let missed: Vec<&&str> = fail::POINTS
        .iter()
        .filter(|point| !single.points.contains(**point))
        .collect();
    assert!(missed.is_empty(), "no scenario reaches {missed:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_is_continued_after_another_took_over_does_nothing_more() {
    let tally = play_waiting(&owners::stops(seeds()));
    tally.hold();
    assert!(tally.refused > 0 && tally.stops > 2 * tally.refused);
}

#[test]
fn done_but_no_answer() {
    play(&every_trouble(seeds())).hold();
}

#[test]
fn a_crash_and_then_trouble_with_the_look_up() {
    play(&trouble_after_a_crash(seeds())).hold();
}

#[test]
fn a_call_that_arrives_after_its_sender_has_died() {
    play_waiting(&calls_on_their_way()).hold();
}

#[test]
fn what_the_one_that_mends_has_made_is_looked_for_as_long() {
    play_waiting(&creates_by_the_one_that_mends()).hold();
}

#[test]
fn a_copy_of_the_state_file_doubles_nothing() {
    play(&copies(seeds())).hold();
}
