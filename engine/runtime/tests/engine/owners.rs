//! A stalled owner: the run is taken from it, and nothing that it does afterwards counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use runbook_core::{Effect, Event, RunStatus, Timestamp};
use runbook_runtime::{Clock, DriveError, Engine, GatePolicy, Options, StoreError, now};
use serde_json::{Value, json};

use crate::cloud::calls;
use crate::hands::{drive_on, until};
use crate::world::{World, book, drive, finished, step};

const LEASE: u64 = 400;

fn short(clock: Clock, settle: u64) -> Options {
    Options {
        lease: LEASE,
        clock,
        settle,
        ..Options::default()
    }
}

type Owner = std::thread::JoinHandle<Result<runbook_runtime::Ended, DriveError>>;

/// Drives on a thread of its own, which a step can stop altogether.
fn alone(engine: &Engine, id: &str) -> Owner {
    let (engine, id) = (engine.clone(), id.to_owned());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(drive(&engine, &id))
    })
}

async fn joined(owner: Owner) -> Result<runbook_runtime::Ended, DriveError> {
    tokio::task::spawn_blocking(move || owner.join().unwrap())
        .await
        .unwrap()
}

fn stall(world: &World) -> Value {
    let with = json!({ "cloud": world.cloud(), "file": world.cloud().join("awake") });
    step("stall", "test.stall", &[], with, json!({}))
}

#[tokio::test]
async fn a_stalled_owner_loses_its_run_and_calls_nothing_more() {
    let world = World::new();
    let first = world.engine_with(short(Clock::default(), 0));
    let act = |id: &str, needs: &[usize]| {
        let with = json!({ "cloud": world.cloud(), "repeatable": true });
        step(id, "test.act", needs, with, json!({}))
    };
    let id = world
        .start(&first, book(vec![stall(&world), act("next", &[0])]))
        .await
        .unwrap();
    let owner = alone(&first, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    let second = world.engine_with(short(Clock::default(), 0));
    // While it is heard of, the run is its own.
    assert!(matches!(
        drive(&second, &id).await,
        Err(DriveError::Busy { .. })
    ));
    assert_eq!(
        finished(&drive_on(&second, &id).await),
        RunStatus::Succeeded
    );
    let expected = ["stall stall", "stall stall", "act next"];
    assert_eq!(calls(&world.cloud()), expected);
    std::fs::write(world.cloud().join("awake"), "").unwrap();
    let lost = joined(owner).await.unwrap_err();
    assert!(
        matches!(lost, DriveError::Store(StoreError::LeaseLost { .. })),
        "{lost}"
    );
    assert_eq!(calls(&world.cloud()), expected);
}

#[tokio::test]
async fn an_owner_that_is_only_slow_keeps_its_run() {
    let world = World::new();
    let engine = world.engine_with(short(Clock::default(), 0));
    let with =
        json!({ "cloud": world.cloud(), "repeatable": true, "hold": world.cloud().join("go") });
    let id = world
        .start(
            &engine,
            book(vec![step("slow", "test.act", &[], with, json!({}))]),
        )
        .await
        .unwrap();
    let going = crate::hands::go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    // Whoever asks has a clock that is an hour ahead.
    let ahead = Clock {
        now: Arc::new(|| Timestamp(now().0 + 3_600_000)),
        ..Clock::default()
    };
    let second = world.engine_with(short(ahead, 0));
    assert!(matches!(
        drive(&second, &id).await,
        Err(DriveError::Busy { .. })
    ));
    std::fs::write(world.cloud().join("go"), "").unwrap();
    assert_eq!(finished(&going.ended().await), RunStatus::Succeeded);
}

#[tokio::test]
async fn what_the_stalled_owner_had_on_its_way_is_waited_for() {
    let world = World::new();
    let first = world.engine_with(short(Clock::default(), 0));
    // Its call is lost from sight, and then its thread stops.
    let with = json!({ "cloud": world.cloud(), "name": "vpc", "hang": true });
    let make = step("make", "test.create", &[], with, json!({}));
    let gate = json!({ "file": world.cloud().join("made") });
    let id = world
        .start(
            &first,
            book(vec![
                make,
                step("seen", "test.until", &[], gate, json!({})),
                {
                    let mut stall = stall(&world);
                    stall["needs"] = json!([1]);
                    stall
                },
            ]),
        )
        .await
        .unwrap();
    let owner = alone(&first, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    let made = std::fs::read_dir(world.cloud())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("vpc-")
        })
        .unwrap();
    // The service does not show it yet.
    let hidden = world.folder.path().join("hidden");
    std::fs::rename(&made, &hidden).unwrap();
    std::fs::write(world.cloud().join("made"), "").unwrap();
    until(|| calls(&world.cloud()).contains(&"stall stall".to_owned())).await;
    // The next owner's clock is far ahead: measured from the call, the service has hidden it long enough.
    let offset = Arc::new(AtomicI64::new(3_600_000));
    let read = offset.clone();
    let ahead = Clock {
        now: Arc::new(move || Timestamp(now().0 + read.load(Ordering::Relaxed))),
        ..Clock::default()
    };
    let second = world.engine_with(short(ahead, 600_000));
    let (driver, run) = (second.clone(), id.clone());
    let task = tokio::spawn(async move { drive_on(&driver, &run).await });
    until(|| calls(&world.cloud()).len() == 3).await;
    std::fs::rename(&hidden, &made).unwrap();
    assert_eq!(finished(&task.await.unwrap()), RunStatus::Succeeded);
    let created = calls(&world.cloud())
        .iter()
        .filter(|call| call.starts_with("create"))
        .count();
    assert_eq!(created, 1);
    let adopted = world.snapshot().events(&id, 0).unwrap().iter().any(|row| {
        matches!(
            row.entry.event,
            Event::Succeeded {
                effect: Effect::Adopted,
                ..
            }
        )
    });
    assert!(adopted, "{:?}", world.journal(&id));
    std::fs::write(world.cloud().join("awake"), "").unwrap();
    assert!(joined(owner).await.is_err());
    assert!(!second.store().is_driven(&id));
    drop(world.engine(GatePolicy::Park));
}

#[tokio::test]
async fn of_two_that_want_to_take_over_one_does() {
    let world = World::new();
    let first = world.engine_with(short(Clock::default(), 0));
    let with =
        json!({ "cloud": world.cloud(), "repeatable": true, "hold": world.cloud().join("go") });
    let mut slow = step("slow", "test.act", &[0], with, json!({}));
    slow["needs"] = json!([0]);
    let id = world
        .start(&first, book(vec![stall(&world), slow]))
        .await
        .unwrap();
    let owner = alone(&first, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(LEASE + 100)).await;
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let (engine, id) = (world.engine_with(short(Clock::default(), 0)), id.clone());
            tokio::spawn(async move { drive(&engine, &id).await })
        })
        .collect();
    until(|| calls(&world.cloud()).contains(&"act slow".to_owned())).await;
    std::fs::write(world.cloud().join("go"), "").unwrap();
    let mut ended = 0;
    for taker in takers {
        match taker.await.unwrap() {
            Ok(end) => {
                assert_eq!(finished(&end), RunStatus::Succeeded);
                ended += 1;
            }
            Err(DriveError::Busy { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(ended, 1);
    assert_eq!(
        calls(&world.cloud()),
        ["stall stall", "stall stall", "act slow"]
    );
    std::fs::write(world.cloud().join("awake"), "").unwrap();
    assert!(joined(owner).await.is_err());
}
