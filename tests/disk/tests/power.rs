//! Power lost at every sync, and between: nothing that was acknowledged is gone, and the runs go on.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "tests; the counts are printed for people"
)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use runbook_disk::{
    Chance, Device, Disk, Image, Mark, Op, Part, Recording, Scenario, Wrong, folder, scenarios,
    seeds,
};

/// Crashes at places that nothing marks, for each seed and scenario.
const BETWEEN: usize = 60;
/// Every so many images is resumed to its end.
const RESUMED: usize = 10;

/// Every so many images is resumed on a disk that loses power again.
const TWICE: usize = 30;
/// Places of the second power loss.
const PLACES_OF_SECOND: usize = 8;

/// A power loss that went wrong, in words that repeat it.
struct Broken {
    seed: u64,
    at: usize,
    wrong: Wrong,
    image: Image,
}

#[derive(Default)]
struct Count {
    images: AtomicUsize,
    resumed: AtomicUsize,
    /// Images of a second power loss, during the recovery from the first.
    twice: AtomicUsize,
}

/// Which crash alone is wanted: `RUNBOOK_CRASH=scenario:seed:position`.
fn wanted(scenario: &str) -> Option<Option<(u64, usize)>> {
    let Ok(text) = std::env::var("RUNBOOK_CRASH") else {
        return Some(None);
    };
    let mut words = text.split(':');
    if words.next() != Some(scenario) {
        return None;
    }
    let mut number = || words.next().unwrap().parse::<u64>().unwrap();
    Some(Some((number(), usize::try_from(number()).unwrap())))
}

/// Places to crash at, in order. Of a long recording only every so many of those where nothing but the log
/// is written: each costs much, and they are all alike.
fn places(recording: &Recording, seed: u64) -> Vec<usize> {
    let ops = &recording.ops;
    let is_long = ops.len() > 1000;
    let rare = |at: &usize| {
        let near = ops[at.saturating_sub(1)..ops.len().min(at + 1)].iter();
        let mut other = near.filter(|op| {
            !matches!(
                op,
                Op::Sync {
                    part: Part::Wal,
                    ..
                } | Op::Mark(_)
            )
        });
        other.any(|op| {
            !matches!(
                op,
                Op::Write {
                    part: Part::Wal,
                    ..
                }
            )
        })
    };
    let boundaries = recording.boundaries().into_iter().enumerate();
    let mut places: Vec<usize> = boundaries
        .filter(|(number, at)| !is_long || number % 4 == 0 || rare(at))
        .map(|(_, at)| at)
        .collect();
    let mut chance = Chance::new(seed);
    places.extend((0..BETWEEN).map(|_| chance.below(ops.len() + 1)));
    places.sort_unstable();
    places
}

/// Takes the power away at every place; those at which something was wrong.
fn crash(recording: &Recording, seed: u64, only: Option<usize>, count: &Count) -> Vec<Broken> {
    let mut device = Device::default();
    let mut done = 0;
    let mut broken = Vec::new();
    let places = only.map_or_else(|| places(recording, seed), |at| vec![at]);
    for (number, at) in places.into_iter().enumerate() {
        for op in &recording.ops[done..at] {
            device.apply(op);
        }
        done = at;
        let mut chance = Chance::new(seed ^ (at as u64) << 20);
        let image = device.crash(&mut chance);
        let resume = only.is_some() || number % RESUMED == 0;
        let mut result = check(recording, at, &image, resume, count);
        if result.is_ok() && (only.is_some() || number % TWICE == TWICE / 2) {
            result = crash_again(recording, at, &image, &mut chance, count);
        }
        if let Err(wrong) = result {
            broken.push(Broken {
                seed,
                at,
                wrong,
                image,
            });
        }
    }
    broken
}

fn check(
    recording: &Recording,
    at: usize,
    image: &Image,
    resume: bool,
    count: &Count,
) -> Result<(), Wrong> {
    let folder = folder().unwrap();
    if at.is_multiple_of(2) {
        // The shared memory may be anything: it belongs to no disk.
        let mut chance = Chance::new(at as u64);
        let junk: Vec<u8> = (0..4096)
            .flat_map(|_| chance.number().to_le_bytes())
            .collect();
        std::fs::write(folder.path().join("state.db-shm"), junk).unwrap();
    }
    count.images.fetch_add(1, Ordering::Relaxed);
    count
        .resumed
        .fetch_add(usize::from(resume), Ordering::Relaxed);
    recording.check(at, image, &folder.path().join("state.db"), resume)
}

/// Resumes, and takes the power away once more while that goes on.
fn crash_again(
    recording: &Recording,
    at: usize,
    image: &Image,
    chance: &mut Chance,
    count: &Count,
) -> Result<(), Wrong> {
    let folder = folder().unwrap();
    let (second, first) = recording.again(at, image, &folder.path().join("state.db"))?;
    let mut places: Vec<usize> = (0..PLACES_OF_SECOND)
        .map(|_| first + chance.below(second.ops.len() + 1 - first))
        .collect();
    places.sort_unstable();
    let mut device = Device::new(image);
    let mut done = 0;
    for place in places {
        for op in &second.ops[done..place] {
            device.apply(op);
        }
        done = place;
        count.twice.fetch_add(1, Ordering::Relaxed);
        let image = device.crash(chance);
        check(&second, place, &image, place % RESUMED == 0, count)?;
    }
    Ok(())
}

/// One line that repeats a failure, and its image kept.
fn report(scenario: &str, broken: &Broken) -> String {
    let kept = std::env::temp_dir().join(format!(
        "runbook-crash-{scenario}-{}-{}",
        broken.seed, broken.at
    ));
    let saved = std::fs::create_dir_all(&kept)
        .and_then(|()| broken.image.write(&kept.join("state.db")))
        .map_or_else(|error| error.to_string(), |()| kept.display().to_string());
    format!(
        "RUNBOOK_CRASH={scenario}:{}:{} cargo test -p runbook-disk --test power: {:?}; its image: {saved}",
        broken.seed, broken.at, broken.wrong
    )
}

fn record(scenario: Scenario, folder: &Path) -> Recording {
    let state = folder.join("state.db");
    Recording::make(scenario, &state, |_| {}).unwrap()
}

#[test]
fn every_acknowledged_commit_survives_a_power_loss_anywhere() {
    let count = Count::default();
    let scenarios = scenarios::all().unwrap();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let count = &count;
        let workers: Vec<_> = scenarios
            .into_iter()
            .map(|scenario| scope.spawn(move || one_scenario(scenario, count)))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
    println!(
        "power loss: {} images of the disk opened and verified, {} of them after a second power loss, {} \
         resumed to the end: nothing lost, nothing doubled",
        count.images.load(Ordering::Relaxed),
        count.twice.load(Ordering::Relaxed),
        count.resumed.load(Ordering::Relaxed)
    );
}

fn one_scenario(scenario: Scenario, count: &Count) -> Vec<String> {
    let name = scenario.name.clone();
    let Some(wanted) = wanted(&name) else {
        return Vec::new();
    };
    let began = std::time::Instant::now();
    let folder = folder().unwrap();
    let recording = record(scenario, folder.path());
    let broken: Vec<Broken> = match wanted {
        Some((seed, at)) => crash(&recording, seed, Some(at), count),
        None => (0..seeds())
            .flat_map(|seed| crash(&recording, seed, None, count))
            .collect(),
    };
    let pages = recording.ops.iter().filter(|op| is_log_page(op)).count();
    println!(
        "{name}: {} operations, {pages} pages of log, {:.1?}",
        recording.ops.len(),
        began.elapsed()
    );
    broken.iter().map(|one| report(&name, one)).collect()
}

fn is_log_page(op: &Op) -> bool {
    matches!(op, Op::Write { part: Part::Wal, bytes, .. } if bytes.len() == 4096)
}

#[test]
fn the_recordings_hold_what_they_are_named_for() {
    let folder = folder().unwrap();
    let recording = record(scenarios::long("long-alone").unwrap(), folder.path());
    let position = |wanted: &dyn Fn(&Op) -> bool| recording.ops.iter().position(wanted);
    let promised = |op: &Op| matches!(op, Op::Mark(Mark::Acknowledged { .. }));
    let last = recording.ops.iter().rposition(promised).unwrap();
    // The log was copied into the database, and begun anew, while the run went on.
    let copied = recording.ops[..last].iter().rposition(|op| {
        matches!(
            op,
            Op::Write {
                part: Part::Database,
                ..
            }
        )
    });
    let anew = recording.ops[..last].iter().rposition(|op| {
        matches!(
            op,
            Op::Write {
                part: Part::Wal,
                offset: 0,
                ..
            }
        )
    });
    assert!(copied > position(&promised), "no checkpoint on the way");
    assert!(anew > copied, "the log was not begun anew");

    let folder = runbook_disk::folder().unwrap();
    let recording = record(scenarios::resumed("resumed-alone").unwrap(), folder.path());
    let opened = recording
        .ops
        .iter()
        .filter(|op| matches!(op, Op::Create { part: Part::Wal }))
        .count();
    assert_eq!(opened, 2, "two processes, each with a log of its own");
}

/// The same harness over a disk that does not sync the log, which is what SQLite does to it under
/// `synchronous = NORMAL` and `OFF`: it must see the loss.
#[test]
fn a_log_that_is_not_synced_is_seen_to_lose_commits() {
    let folder = folder().unwrap();
    let state = folder.path().join("state.db");
    let scenario = scenarios::line("unsynced").unwrap();
    let ignore = |disk: &Disk| disk.ignore_syncs(Part::Wal);
    let recording = Recording::make(scenario, &state, ignore).unwrap();
    let broken = crash(&recording, 0, None, &Count::default());
    let lost = broken
        .iter()
        .filter(|one| matches!(one.wrong, Wrong::Lost(_)))
        .count();
    println!("without syncs of the log: {lost} images lost what was acknowledged");
    assert!(lost > 0, "the harness cannot see a loss");
}

/// What the store's own settings do, seen from below: under FULL every commit syncs the log, under NORMAL
/// none does.
#[test]
fn full_syncs_each_commit_and_normal_does_not() {
    let syncs = |level: &str| {
        let folder = folder().unwrap();
        let path = folder.path().join("state.db");
        let disk = Disk::enrol(&path).unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {level}; CREATE TABLE t (a)"
            ))
            .unwrap();
        let before = disk.ops().len();
        for _ in 0..5 {
            connection.execute("INSERT INTO t VALUES (1)", []).unwrap();
        }
        let is_sync = |op: &&Op| {
            matches!(
                op,
                Op::Sync {
                    part: Part::Wal,
                    ..
                }
            )
        };
        disk.ops()[before..].iter().filter(is_sync).count()
    };
    assert_eq!((syncs("FULL"), syncs("NORMAL")), (5, 0));
}
