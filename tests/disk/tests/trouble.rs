//! A disk that fills up, fails, or is slow: the engine stops with the right word, schedules nothing more,
//! and goes on when the trouble is over.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use runbook_disk::{
    Call, Cloud, Disk, Mark, Op, Part, Recording, Scenario, Trip, Trouble, When, all_succeeded,
    folder, scenarios, seeds, wait_until_closed,
};
use runbook_runtime::StoreError;

/// Without `RUNBOOK_SEEDS` the many like operations in which the tables are made are sampled.
const STRIDE: usize = 7;

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
        let first = self
            .recording
            .ops
            .iter()
            .position(|op| matches!(op, Op::Mark(_)))
            .unwrap();
        let counted = self.recording.ops.iter().enumerate();
        counted
            .filter(|(_, op)| wanted(op))
            .enumerate()
            .filter(|(number, (at, _))| *at >= first || seeds() > 1 || number % STRIDE == 0)
            .map(|(number, _)| number + 1)
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
        && ops[..at].iter().any(|op| matches!(op, Op::Mark(Mark::Called(_))))
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
            Op::Sync { handle, .. } if *handle == failed && was_sync => {
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
    println!("full disk: {} writes refused, each resumed to the same end", numbers.len());
}

#[test]
fn a_write_that_fails_anywhere_stops_the_engine() {
    let scene = Scene::new(scenarios::short("broken").unwrap());
    let numbers = scene.numbers(is_write);
    let met = disturb(&scene, &numbers, Trouble::Broken, When::Write);
    assert!(met > 20, "only {met}");
    println!("broken disk: {} writes failed, each resumed to the same end", numbers.len());
}

#[test]
fn a_sync_that_fails_anywhere_stops_the_engine_and_is_not_tried_again() {
    let scene = Scene::new(scenarios::short("sync").unwrap());
    let numbers = scene.numbers(is_sync);
    for trouble in [Trouble::Broken, Trouble::Full] {
        let met = disturb(&scene, &numbers, trouble, When::Sync);
        assert!(met > 4, "only {met}");
    }
    println!("failed syncs: {}, each resumed to the same end", 2 * numbers.len());
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
