//! A disk that fills up, fails, or is slow: the engine stops with the right word, schedules nothing more,
//! and goes on when the trouble is over.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "tests; the counts are printed for people"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use runbook_disk::{
    Call, Chance, Cloud, Device, Disk, Mark, Op, Part, Process, Recording, Scenario, Trip, Trouble,
    When, all_succeeded, folder, scenarios, seeds, wait_until_closed,
};
use runbook_runtime::StoreError;

/// A state file with its world and the end that it should come to.
struct Scene {
    recording: Recording,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new(scenario: Scenario) -> Self {
        let folder = folder().unwrap();
        let state = folder.path().join("undisturbed.db");
        Self {
            recording: Recording::make(scenario, &state, |_| {}).unwrap(),
            folder,
        }
    }

    fn scenario(&self) -> &Scenario {
        &self.recording.scenario
    }

    /// A new state file and a new world.
    fn fresh(&self, name: &str) -> (PathBuf, Disk) {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let state = folder.join("state.db");
        let disk = Disk::enrol(&state).unwrap();
        Cloud::reset(&self.scenario().name, &[], Some(disk.clone()));
        (state, disk)
    }

    /// Numbers of the operations to disturb, counted from 1.
    fn numbers(&self, wanted: impl Fn(&Op) -> bool) -> Vec<usize> {
        let count = self.recording.ops.iter().filter(|op| wanted(op)).count();
        (1..=count).collect()
    }

    /// Numbers of the operations on the database itself while the runs were under way: the log is copied
    /// into it.
    fn copying(&self, wanted: impl Fn(&Op) -> bool) -> Vec<usize> {
        let ops = &self.recording.ops;
        let called = |op: &Op| matches!(op, Op::Mark(Mark::Called(_)));
        let (first, last) = (
            ops.iter().position(called).unwrap(),
            ops.iter().rposition(called).unwrap(),
        );
        let places = ops.iter().enumerate().filter(|(_, op)| wanted(op));
        let numbers = places.zip(1..).map(|((at, _), number)| (at, number));
        numbers
            .filter(|(at, _)| (first..last).contains(at))
            .map(|(_, number)| number)
            .collect()
    }

    /// After the trouble: another process, the same command, the same end.
    fn ends_well(&self, state: &Path, disk: &Disk, at: &str) {
        wait_until_closed(disk);
        disk.mend();
        let ended = self
            .scenario()
            .go_on(state, Some(disk))
            .unwrap_or_else(|trip| panic!("{at}: {trip:?}"));
        assert!(all_succeeded(&ended), "{at}: {ended:?}");
        wait_until_closed(disk);
        if let Err(wrong) = self.recording.check_end(state) {
            panic!("{at}: {wrong:?}");
        }
    }
}

/// Where the first failure stands.
fn failure(ops: &[Op]) -> Option<usize> {
    ops.iter()
        .position(|op| matches!(op, Op::WriteFailed { .. } | Op::SyncFailed { .. }))
}

/// Whether a run had ended for its driver before the failure: what fails after that fails while the
/// process closes the file, and there is nobody left to tell.
fn was_over(ops: &[Op], at: usize) -> bool {
    ops[at..].iter().all(|op| !matches!(op, Op::Mark(_)))
        && ops[..at]
            .iter()
            .any(|op| matches!(op, Op::Mark(Mark::Called(_))))
}

/// After the failure no call is made that was not intended before it, nothing is promised, and nobody
/// writes on through the handle that failed.
fn check_silence(ops: &[Op], at: usize, label: &str) {
    let (failed, part, was_sync) = match ops[at] {
        Op::WriteFailed { part, handle } => (handle, part, false),
        Op::SyncFailed { part, handle } => (handle, part, true),
        _ => panic!("{label}: no failure"),
    };
    for op in &ops[at + 1..] {
        match op {
            Op::Mark(mark) => panic!("{label}: after the failure: {mark:?}"),
            Op::Write { part, handle, .. } if *handle == failed && *part == Part::Wal => {
                panic!("{label}: the failed handle is written through again")
            }
            // An empty file that cannot be begun is put back by SQLite's own rollback; it holds nothing.
            Op::Sync { handle, .. } if *handle == failed && was_sync && part != Part::Database => {
                panic!("{label}: the failed sync of the {part:?} is tried again")
            }
            _ => {}
        }
    }
}

fn fitting(trouble: Trouble, error: &StoreError) -> bool {
    match trouble {
        Trouble::Full => matches!(error, StoreError::Full { .. }),
        Trouble::Broken => matches!(error, StoreError::Failed { .. }),
    }
}

/// Lets each of these operations fail in turn; how often it met a run that was under way.
fn disturb(
    scene: &Scene,
    numbers: &[usize],
    trouble: Trouble,
    when: impl Fn(usize) -> When,
) -> usize {
    let mut met = 0;
    for number in numbers {
        let label = format!("{:?} {trouble:?}", when(*number));
        let (state, disk) = scene.fresh(&label.replace([' ', '(', ')', ','], "-"));
        disk.fail(when(*number), trouble);
        let ended = scene.scenario().carry_out(&state, &disk);
        wait_until_closed(&disk);
        let ops = disk.ops();
        let at = failure(&ops).unwrap_or_else(|| panic!("{label}: it was never reached"));
        match &ended {
            Ok(ended) => {
                assert!(all_succeeded(ended), "{label}: {ended:?}");
                assert!(was_over(&ops, at), "{label}: the failure was passed over");
            }
            Err(trip) => {
                let error = trip.store().unwrap_or_else(|| panic!("{label}: {trip:?}"));
                assert!(fitting(trouble, error), "{label}: {error:?}");
                assert!(error.help().is_some(), "{label}: no word of what to do");
                check_silence(&ops, at, &label);
                met += 1;
            }
        }
        scene.ends_well(&state, &disk, &label);
    }
    met
}

fn is_write(op: &Op) -> bool {
    matches!(op, Op::Write { .. })
}

fn is_sync(op: &Op) -> bool {
    matches!(op, Op::Sync { .. })
}

#[test]
fn a_disk_that_is_full_at_any_write_stops_the_engine() {
    let scene = Scene::new(scenarios::short("full").unwrap());
    let numbers = scene.numbers(is_write);
    let met = disturb(&scene, &numbers, Trouble::Full, When::Write);
    assert!(met > 20, "only {met}");
    println!(
        "full disk: {} writes refused, each resumed to the same end",
        numbers.len()
    );
}

#[test]
fn a_write_that_fails_anywhere_stops_the_engine() {
    let scene = Scene::new(scenarios::short("broken").unwrap());
    let numbers = scene.numbers(is_write);
    let met = disturb(&scene, &numbers, Trouble::Broken, When::Write);
    assert!(met > 20, "only {met}");
    println!(
        "broken disk: {} writes failed, each resumed to the same end",
        numbers.len()
    );
}

#[test]
fn a_sync_that_fails_anywhere_stops_the_engine_and_is_not_tried_again() {
    let scene = Scene::new(scenarios::short("sync").unwrap());
    let numbers = scene.numbers(is_sync);
    for trouble in [Trouble::Broken, Trouble::Full] {
        let met = disturb(&scene, &numbers, trouble, When::Sync);
        assert!(met > 4, "only {met}");
    }
    println!(
        "failed syncs: {}, each resumed to the same end",
        2 * numbers.len()
    );
}

/// Runs side by side share commits, and a child shares its parent's store: each of them hears the cause,
/// not only the one whose write it was.
#[test]
fn a_full_disk_is_named_to_everyone_who_waits() {
    for scenario in [
        scenarios::wide("full-wide"),
        scenarios::family("full-family"),
    ] {
        let scene = Scene::new(scenario.unwrap());
        let mut met = 0;
        for number in scene.numbers(is_write).into_iter().step_by(13) {
            let label = format!("{} write {number}", scene.scenario().name);
            let (state, disk) = scene.fresh(&format!("{number}"));
            disk.fail(When::Write(number), Trouble::Full);
            if let Err(trip) = scene.scenario().carry_out(&state, &disk) {
                let error = trip.store().unwrap_or_else(|| panic!("{label}: {trip:?}"));
                assert!(fitting(Trouble::Full, error), "{label}: {error:?}");
                met += 1;
            }
            scene.ends_well(&state, &disk, &label);
        }
        assert!(met > 5, "only {met}");
    }
}

/// The log is copied into the database while a run goes on. When that fails, the state file is as good as
/// before, but the disk is not: nothing more is written to it.
#[test]
fn a_checkpoint_that_fails_stops_the_engine() {
    let scene = Scene::new(scenarios::long("checkpoint").unwrap());
    let syncs = scene.copying(|op| {
        matches!(
            op,
            Op::Sync {
                part: Part::Database,
                ..
            }
        )
    });
    let writes = scene.copying(|op| {
        matches!(
            op,
            Op::Write {
                part: Part::Database,
                ..
            }
        )
    });
    let some = [
        writes[0],
        writes[writes.len() / 2],
        writes[writes.len() - 1],
    ];
    let places = syncs
        .iter()
        .map(|number| When::SyncOf(Part::Database, *number))
        .chain(some.map(|number| When::WriteTo(Part::Database, number)));
    let mut met = 0;
    for when in places {
        for trouble in [Trouble::Broken, Trouble::Full] {
            let label = format!("{when:?} {trouble:?}");
            let (state, disk) = scene.fresh(&format!("{met}"));
            disk.fail(when, trouble);
            let ended = scene.scenario().carry_out(&state, &disk);
            wait_until_closed(&disk);
            let Err(trip) = ended else {
                panic!("{label}: the failure was passed over")
            };
            let error = trip.store().unwrap();
            assert!(fitting(trouble, error), "{label}: {error:?}");
            let ops = disk.ops();
            let at = failure(&ops).unwrap();
            let more = ops[at + 1..]
                .iter()
                .any(|op| matches!(op, Op::Write { .. } | Op::Sync { .. }));
            assert!(!more, "{label}: it was written to after the failure");
            scene.ends_well(&state, &disk, &label);
            met += 1;
        }
    }
    assert!(met >= 8, "only {met}");
}

/// A sync that failed may have been the only chance: Linux then counts the pages as clean, shows them to
/// every reader, and does not write them again. Who opens the file next must not build upon them.
#[test]
fn what_a_failed_sync_left_behind_is_not_built_upon() {
    let mut images = 0;
    let scene = Scene::new(scenarios::short("clean").unwrap());
    for number in scene.numbers(|op| {
        matches!(
            op,
            Op::Sync {
                part: Part::Wal,
                ..
            }
        )
    }) {
        let (state, disk) = scene.fresh(&format!("{number}"));
        disk.fail(When::SyncOf(Part::Wal, number), Trouble::Broken);
        let _ = scene.scenario().carry_out(&state, &disk);
        let at = failure(&disk.ops()).unwrap();
        wait_until_closed(&disk);
        disk.mend();
        let process = open_and_see(&state, &disk);
        process.start(scene.scenario(), Some(&disk)).unwrap();
        scene.scenario().finish(&process, &state).unwrap();
        drop(process);
        wait_until_closed(&disk);
        scene.recording.check_end(&state).unwrap();
        let recording = Recording::taken(scene.scenario().clone(), &state, &disk).unwrap();
        let places = recording
            .boundaries()
            .into_iter()
            .filter(|place| *place > at);
        let mut device = Device::default();
        let mut done = 0;
        for place in places {
            for op in &recording.ops[done..place] {
                device.apply(op);
            }
            done = place;
            for seed in 0..seeds() {
                let mut chance = Chance::new(seed ^ (place as u64) << 8 ^ (number as u64) << 32);
                let image = device.crash(&mut chance);
                let folder = folder().unwrap();
                let wrong = recording
                    .check(place, &image, &folder.path().join("state.db"), false)
                    .err();
                assert!(
                    wrong.is_none(),
                    "sync {number}, place {place}, seed {seed}: {wrong:?}"
                );
                images += 1;
            }
        }
    }
    println!("power loss after a failed sync: {images} images");
}

/// Opens the state file and records whether its log was written over itself, which happens past SQLite:
/// the file's time tells, when SQLite itself wrote nothing.
fn open_and_see(state: &Path, disk: &Disk) -> Process {
    let log = Part::Wal.path(state);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    if let Ok(file) = std::fs::File::options().write(true).open(&log) {
        file.set_modified(long_ago).unwrap();
    }
    let before = disk.ops().len();
    let process = Process::open(state, Some(disk.clone())).unwrap();
    let touched = std::fs::metadata(&log).is_ok_and(|file| file.modified().unwrap() > long_ago);
    let by_sqlite = disk.ops()[before..].iter().any(|op| {
        matches!(
            op,
            Op::Write {
                part: Part::Wal,
                ..
            } | Op::Create { part: Part::Wal }
        )
    });
    if touched && !by_sqlite {
        disk.rewritten(Part::Wal).unwrap();
    }
    process
}

#[test]
fn a_read_only_state_file_is_refused_untouched() {
    let scene = Scene::new(scenarios::short("read-only").unwrap());
    let (state, disk) = scene.fresh("read-only");
    scene.scenario().carry_out(&state, &disk).unwrap();
    let before = disk.ops().len();
    disk.read_only();
    let refused = scene.scenario().go_on(&state, Some(&disk));
    let Err(Trip::Open(StoreError::ReadOnly { .. })) = refused else {
        panic!("{refused:?}")
    };
    wait_until_closed(&disk);
    let changed: Vec<Op> = disk.ops()[before..]
        .iter()
        .filter(|op| matches!(op, Op::Write { .. } | Op::Truncate { .. } | Op::Mark(_)))
        .cloned()
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
    scene.ends_well(&state, &disk, "writable again");
}

#[test]
fn a_disk_that_takes_long_to_sync_only_takes_long() {
    let scene = Scene::new(scenarios::short("slow").unwrap());
    let (state, disk) = scene.fresh("slow");
    disk.delay_syncs(Duration::from_millis(700));
    let ended = scene.scenario().carry_out(&state, &disk).unwrap();
    assert!(all_succeeded(&ended), "{ended:?}");
    let calls: Vec<Call> = Cloud::with(&scene.scenario().name, |cloud| cloud.book.clone());
    assert!(calls.iter().all(|call| call.attempt == 1), "{calls:?}");
    scene.recording.check_end(&state).unwrap();
}
