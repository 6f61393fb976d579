//! Kill -9 at random moments of the preparation and of the failover: `resume` finishes, and the world is
//! the one of an undisturbed run.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{Person, sandbox};

const RUN: &[&str] = &["run", "prod-failover.yaml", "--env", "prod", "--sandbox"];

/// Kills in all.
const KILLS: usize = 40;
/// Runs that share them; two at a time.
const RUNS: usize = 8;

/// A small generator: one seed, one schedule.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn a_run_that_is_killed_anywhere_ends_as_if_it_had_not_been() {
    sandbox();
    let calm = Person::new(200);
    calm.instant();
    let begun = std::time::Instant::now();
    calm.types(RUN).exits(0);
    let span = begun.elapsed();
    let expected = calm.inventory();

    let kills = std::thread::scope(|scope| {
        let halves: Vec<_> = (0..2)
            .map(|half| {
                let expected = &expected;
                scope.spawn(move || {
                    let runs = (0..RUNS).filter(move |number| number % 2 == half);
                    runs.map(|number| disturbed(number, span, expected))
                        .sum::<usize>()
                })
            })
            .collect();
        halves
            .into_iter()
            .map(|half| half.join().unwrap())
            .sum::<usize>()
    });
    assert!(kills >= KILLS, "only {kills} kills met a live process");
}

/// One run, killed at seeded moments until it has had its share; the number of kills.
fn disturbed(number: usize, span: Duration, expected: &str) -> usize {
    let seed = 0x5eed_0000 + u64::try_from(number).unwrap();
    let mut dice = Dice(seed);
    let person = Person::new(201 + u32::try_from(number).unwrap());
    person.instant();
    // Enough for the share, spread over the whole of the run: it ends while the last ones are due.
    let slice = u64::try_from(span.as_millis()).unwrap() / u64::try_from(KILLS / RUNS).unwrap();
    let mut kills = 0;
    let mut schedule = Vec::new();
    let mut args: Vec<String> = RUN.iter().map(|&arg| arg.to_owned()).collect();
    while kills < KILLS / RUNS {
        let moment = 20 + dice.below(slice.max(1));
        schedule.push(moment);
        let arguments: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut child = person.begins(&arguments);
        std::thread::sleep(Duration::from_millis(moment));
        if child.try_wait().unwrap().is_some() {
            // It ended before its moment: the next run has a world that needs no change.
            args = RUN.iter().map(|&arg| arg.to_owned()).collect();
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        // A process that died before its run was recorded has done nothing: start it again.
        if let Some(run) = person.runs().first() {
            args = vec!["resume".to_owned(), run.clone()];
        }
    }
    let run = match person.runs().first() {
        Some(run) => run.clone(),
        None => {
            person.types(RUN).exits(0);
            person.runs()[0].clone()
        }
    };
    let said = person.types(&["resume", &run]);
    assert_eq!(
        said.code,
        0,
        "seed {seed:#x}, moments {schedule:?}:\n{}",
        said.all()
    );
    assert_eq!(person.shown(&run)["status"], "succeeded", "seed {seed:#x}");
    once(&person, &run, seed);
    let found = person.inventory();
    assert_eq!(found, expected, "seed {seed:#x}, moments {schedule:?}");
    kills
}

/// No step of the run, nor of any run below it, succeeded twice.
fn once(person: &Person, run: &str, seed: u64) {
    let all = person
        .types(&["list", "--all", "--json", "-n", "1000"])
        .exits(0);
    let all: Vec<serde_json::Value> = serde_json::from_str(&all.out).unwrap();
    for one in all {
        let id = one["id"].as_str().unwrap();
        if id != run && !id.starts_with(&format!("{run}.")) {
            continue;
        }
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for line in person.types(&["events", id, "--json"]).exits(0).out.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            if event["kind"] == "succeeded" {
                *ends
                    .entry(format!("{}[{}]", event["step"], event["item"]))
                    .or_default() += 1;
            }
        }
        assert!(
            ends.values().all(|count| *count == 1),
            "seed {seed:#x}, run {id}: {ends:?}"
        );
    }
}
