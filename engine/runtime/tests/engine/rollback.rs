//! The way back: what is taken back, in which order, and what stays.

use runbook_core::{Event, Kept, RunStatus, Runbook};
use runbook_runtime::{Engine, GatePolicy};
use serde_json::{Value, json};

use crate::cloud::calls;
use crate::hands::{count, drive_on, go, one_child, roll_back, say, until};
use crate::world::{World, book, drive, finished, step};

fn make(world: &World, id: &str, needs: &[usize], extra: Value) -> Value {
    let with = json!({ "cloud": world.cloud(), "name": id });
    step(id, "test.create", needs, with, extra)
}

fn boom(needs: &[usize]) -> Value {
    let with = json!({ "permanent": true });
    step(
        "boom",
        "test.echo",
        needs,
        with,
        json!({ "on_failure": "rollback" }),
    )
}

/// What was taken back, in order.
fn back(world: &World) -> Vec<String> {
    let calls = calls(&world.cloud());
    calls
        .iter()
        .filter_map(|call| call.strip_prefix("undo ").map(str::to_owned))
        .collect()
}

/// What the cloud holds.
fn held(world: &World) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(world.cloud())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().to_string_lossy().into_owned();
            name.split_once('-').map(|(name, _)| name.to_owned())
        })
        .collect();
    names.sort();
    names
}

/// What took effect and stays, by the journal's last word.
fn stays(world: &World, run: &str) -> Vec<(String, Kept)> {
    let events = world.snapshot().events(run, 0).unwrap();
    let mut found = Vec::new();
    for row in events {
        match row.entry.event {
            Event::RollbackStarted {} => found.clear(),
            Event::NotUndone { step, why, .. } => found.push((step, why)),
            _ => {}
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

async fn rolled_back(engine: &Engine, run: &str) {
    say(engine, run, roll_back()).await;
    assert_eq!(
        finished(&drive(engine, run).await.unwrap()),
        RunStatus::RolledBack
    );
}

#[tokio::test]
async fn everything_is_taken_back_newest_first() {
    let world = World::new();
    let with = json!({ "cloud": world.cloud(), "repeatable": true });
    let undo = json!({ "with": { "uses": "test.act", "with": {
        "cloud": world.cloud(), "repeatable": true, "say": "back {{ steps.tell.by }} {{ params.cloud }}" } } });
    let steps = vec![
        make(&world, "vpc", &[], json!({})),
        step(
            "tell",
            "test.act",
            &[0],
            with.clone(),
            json!({ "undo": undo, "refs": ["tell"] }),
        ),
        step("look", "test.echo", &[1], json!({}), json!({})),
        make(&world, "subnet", &[2], json!({})),
        step("mail", "test.act", &[3], with, json!({})),
        make(&world, "kept", &[4], json!({ "undo": "none" })),
        boom(&[5]),
        step(
            "end",
            "test.echo",
            &[],
            json!({ "cloud": world.cloud() }),
            json!({ "section": "finally" }),
        ),
    ];
    let (id, ended) = world.run(book(steps)).await;
    assert_eq!(finished(&ended), RunStatus::RolledBack);
    let back = format!("act back tell {}", world.cloud().display());
    assert_eq!(
        calls(&world.cloud()),
        [
            "create vpc",
            "act tell",
            "create subnet",
            "act mail",
            "create kept",
            "undo subnet",
            &back,
            "undo vpc",
            "end 1"
        ]
    );
    assert_eq!(held(&world), ["kept"]);
    let expected = [
        ("kept".to_owned(), Kept::Declined),
        ("mail".to_owned(), Kept::NoUndo),
    ];
    assert_eq!(stays(&world, &id), expected);
}

#[tokio::test]
async fn what_was_adopted_and_what_failed_half_way_is_taken_back_too() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let adopted = json!({ "cloud": world.cloud(), "name": "adopted", "hang": true });
    let broken = json!({ "cloud": world.cloud(), "name": "broken", "breaks": true });
    let steps = vec![
        step("adopted", "test.create", &[], adopted, json!({})),
        step(
            "broken",
            "test.create",
            &[0],
            broken,
            json!({ "on_failure": "rollback" }),
        ),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 1).await;
    going.kill().await;
    assert_eq!(
        finished(&drive_on(&engine, &id).await),
        RunStatus::RolledBack
    );
    assert_eq!(
        calls(&world.cloud()),
        [
            "create adopted",
            "create broken",
            "undo broken",
            "undo adopted"
        ]
    );
    assert_eq!(held(&world), Vec::<String>::new());
}

#[tokio::test]
async fn what_stays_keeps_what_it_was_built_on_and_nothing_else() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![
        make(&world, "base", &[], json!({})),
        make(
            &world,
            "mid",
            &[0],
            json!({ "irreversible": "a snapshot is never deleted" }),
        ),
        make(&world, "top", &[1], json!({})),
        make(&world, "ground", &[], json!({})),
        make(&world, "used", &[3], json!({})),
        make(&world, "free", &[3], json!({})),
        make(&world, "apart", &[], json!({})),
    ];
    let (id, _) = world.run(book(steps)).await;
    std::fs::write(world.cloud().join("stuck.used"), "").unwrap();
    rolled_back(&engine, &id).await;
    let of = |names: &[(&str, Kept)]| -> Vec<(String, Kept)> {
        names
            .iter()
            .map(|(name, why)| ((*name).to_owned(), *why))
            .collect()
    };
    let irreversible = [("base", Kept::Behind), ("mid", Kept::Irreversible)];
    let failed = [("ground", Kept::Behind), ("used", Kept::Failed)];
    assert_eq!(
        stays(&world, &id),
        of(&[irreversible[0], failed[0], irreversible[1], failed[1]])
    );
    assert_eq!(held(&world), ["base", "ground", "mid", "used"]);
    // A second rollback tries what failed, and what was behind it; the rest is done.
    std::fs::remove_file(world.cloud().join("stuck.used")).unwrap();
    let before = back(&world).len();
    rolled_back(&engine, &id).await;
    assert_eq!(back(&world)[before..], ["used", "ground"]);
    assert_eq!(held(&world), ["base", "mid"]);
    assert_eq!(stays(&world, &id), of(&[irreversible[0]]));
}

fn pair(world: &World, last: Value) -> Runbook {
    book(vec![
        make(world, "one", &[], json!({})),
        make(world, "two", &[0], json!({})),
        last,
    ])
}

#[tokio::test]
async fn a_child_run_goes_back_with_its_parent_also_one_that_failed_half_way() {
    for fails in [true, false] {
        let world = World::new();
        let engine = world.engine(GatePolicy::Park);
        let last = step(
            "last",
            "test.echo",
            &[1],
            json!({ "permanent": fails }),
            json!({}),
        );
        let policy = json!({ "on_failure": "rollback" });
        let parent = book(vec![
            make(&world, "own", &[], json!({})),
            step(
                "sub",
                "runbook",
                &[0],
                json!({ "file": "child.yaml" }),
                policy,
            ),
            boom(&[1]),
        ]);
        let children = one_child(pair(&world, last));
        let id = world.start_with(&engine, parent, children).await.unwrap();
        let ended = drive(&engine, &id).await.unwrap();
        assert_eq!(finished(&ended), RunStatus::RolledBack);
        assert_eq!(back(&world), ["two", "one", "own"]);
        assert_eq!(held(&world), Vec::<String>::new());
        assert_eq!(world.status(&format!("{id}.sub")), RunStatus::RolledBack);
    }
}

#[tokio::test]
async fn what_stays_in_a_child_keeps_what_the_child_was_built_on() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let last = step("last", "test.echo", &[1], json!({}), json!({}));
    let parent = book(vec![
        make(&world, "own", &[], json!({})),
        step(
            "sub",
            "runbook",
            &[0],
            json!({ "file": "child.yaml" }),
            json!({}),
        ),
        make(&world, "apart", &[], json!({})),
    ]);
    let children = one_child(pair(&world, last));
    let id = world.start_with(&engine, parent, children).await.unwrap();
    drive(&engine, &id).await.unwrap();
    std::fs::write(world.cloud().join("stuck.one"), "").unwrap();
    rolled_back(&engine, &id).await;
    assert_eq!(held(&world), ["one", "own"]);
    std::fs::remove_file(world.cloud().join("stuck.one")).unwrap();
    rolled_back(&engine, &id).await;
    assert_eq!(held(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_rollback_that_was_killed_goes_on_where_it_was() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let steps = vec![
        make(&world, "a", &[], json!({})),
        make(&world, "b", &[0], json!({})),
        make(&world, "c", &[1], json!({})),
    ];
    let (id, ended) = world.run(book(steps)).await;
    assert_eq!(finished(&ended), RunStatus::Succeeded);
    std::fs::write(world.cloud().join("deaf.b"), "").unwrap();
    say(&engine, &id, roll_back()).await;
    let going = go(&engine, &id);
    until(|| back(&world).len() == 2).await;
    going.kill().await;
    assert_eq!(world.status(&id), RunStatus::RollingBack);
    std::fs::remove_file(world.cloud().join("deaf.b")).unwrap();
    assert_eq!(
        finished(&drive_on(&engine, &id).await),
        RunStatus::RolledBack
    );
    assert_eq!(back(&world), ["c", "b", "b", "a"]);
    assert_eq!(held(&world), Vec::<String>::new());
    assert_eq!(count(&world, &id, "c undone"), 1);
    assert_eq!(count(&world, &id, "rollback_started"), 1);
}

#[tokio::test]
async fn earlier_generations_go_back_too_and_a_loop_item_by_item() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let with = json!({ "cloud": world.cloud(), "name": "{{ item }}" });
    let looped = json!({ "for_each": { "over": "['x', 'y']", "max_parallel": 1 } });
    let (id, _) = world
        .run(book(vec![step("each", "test.create", &[], with, looped)]))
        .await;
    assert_eq!(held(&world), ["x", "y"]);
    say(&engine, &id, crate::hands::retry("each", false)).await;
    drive(&engine, &id).await.unwrap();
    // They are there already: the second generation changed nothing, the first one did.
    assert_eq!(calls(&world.cloud()), ["create x", "create y"]);
    rolled_back(&engine, &id).await;
    assert_eq!(back(&world), ["y", "x"]);
    assert_eq!(held(&world), Vec::<String>::new());
}

/// Each generation made another thing: each is taken back by its own request, the newest first.
#[tokio::test]
async fn every_generation_that_made_something_goes_back() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let named =
        |id: &str| json!({ "cloud": world.cloud(), "name": format!("{id}{{{{ run.attempt }}}}") });
    let undo = json!({ "with": { "uses": "test.act", "with": {
        "cloud": world.cloud(), "repeatable": true, "say": "back {{ steps.other.file_id }}" } } });
    let other = json!({ "undo": undo, "refs": ["other"] });
    let (id, _) = world
        .run(book(vec![
            step("own", "test.create", &[], named("own"), json!({})),
            step("other", "test.create", &[0], named("other"), other),
        ]))
        .await;
    say(&engine, &id, crate::hands::retry("own", true)).await;
    drive(&engine, &id).await.unwrap();
    assert_eq!(held(&world), ["other1", "other2", "own1", "own2"]);
    rolled_back(&engine, &id).await;
    assert_eq!(back(&world), ["own2", "own1"]);
    assert_eq!(held(&world), ["other1", "other2"]);
    let calls = calls(&world.cloud());
    let said: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.strip_prefix("act back ")?.rsplit('/').next())
        .map(|file| file.split_once('-').unwrap().0)
        .collect();
    assert_eq!(said, ["other2", "other1"]);
    assert_eq!(count(&world, &id, "own undone"), 2);
    assert_eq!(stays(&world, &id), []);
}

#[tokio::test]
async fn a_second_rollback_goes_on_at_the_generation_that_stayed() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let with = json!({ "cloud": world.cloud(), "name": "own{{ run.attempt }}" });
    let (id, _) = world
        .run(book(vec![step("own", "test.create", &[], with, json!({}))]))
        .await;
    for _ in 0..2 {
        say(&engine, &id, crate::hands::retry("own", false)).await;
        drive(&engine, &id).await.unwrap();
    }
    std::fs::write(world.cloud().join("stuck.own2"), "").unwrap();
    rolled_back(&engine, &id).await;
    // The newest is gone; the one before it stays, and what is older with it.
    assert_eq!(back(&world), ["own3", "own2"]);
    assert_eq!(held(&world), ["own1", "own2"]);
    assert_eq!(stays(&world, &id), [("own".to_owned(), Kept::Failed)]);
    std::fs::remove_file(world.cloud().join("stuck.own2")).unwrap();
    rolled_back(&engine, &id).await;
    assert_eq!(back(&world), ["own3", "own2", "own2", "own1"]);
    assert_eq!(held(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_run_that_was_cancelled_at_once_can_go_back() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let with = json!({ "cloud": world.cloud(), "hang": true });
    let undo = json!({ "with": { "uses": "test.act", "with": {
        "cloud": world.cloud(), "repeatable": true, "say": "back" } } });
    let hang = json!({ "cloud": world.cloud(), "name": "late", "hang": true });
    let steps = vec![
        make(&world, "one", &[], json!({})),
        step("stuck", "test.act", &[0], with, json!({ "undo": undo })),
        step("late", "test.create", &[0], hang, json!({})),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 3).await;
    say(&engine, &id, crate::hands::cancel()).await;
    until(|| count(&world, &id, "cancel_requested") == 1).await;
    say(&engine, &id, crate::hands::cancel()).await;
    assert_eq!(finished(&going.ended().await), RunStatus::Cancelled);
    rolled_back(&engine, &id).await;
    // What was let go of may have happened, and is taken back too.
    assert_eq!(held(&world), Vec::<String>::new());
    let calls = calls(&world.cloud());
    assert!(calls.contains(&"act back".to_owned()), "{calls:?}");
    assert_eq!(calls.last().unwrap(), "undo one");
}

#[tokio::test]
async fn a_rollback_ends_what_a_child_waits_for() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let forever = json!({ "timeout": 31_536_000_000_u64 });
    let ask = step("ask", "approval", &[0], json!({ "message": "?" }), forever);
    let parent = book(vec![
        make(&world, "own", &[], json!({})),
        step(
            "sub",
            "runbook",
            &[0],
            json!({ "file": "child.yaml" }),
            json!({}),
        ),
    ]);
    let children = one_child(book(vec![make(&world, "one", &[], json!({})), ask]));
    let id = world.start_with(&engine, parent, children).await.unwrap();
    assert_eq!(
        drive(&engine, &id).await.unwrap(),
        runbook_runtime::Ended::Waiting
    );
    rolled_back(&engine, &id).await;
    assert_eq!(back(&world), ["one", "own"]);
    assert_eq!(world.status(&format!("{id}.sub")), RunStatus::RolledBack);
    assert!(world.snapshot().questions(None).unwrap().is_empty());
}

#[tokio::test]
async fn a_rollback_waits_for_what_cleans_up() {
    let world = World::new();
    let engine = world.engine(GatePolicy::Park);
    let with =
        json!({ "cloud": world.cloud(), "repeatable": true, "hold": world.cloud().join("go") });
    let steps = vec![
        make(&world, "one", &[], json!({})),
        step(
            "bad",
            "test.echo",
            &[0],
            json!({ "permanent": true }),
            json!({}),
        ),
        step(
            "clean",
            "test.act",
            &[],
            with,
            json!({ "section": "finally" }),
        ),
    ];
    let id = world.start(&engine, book(steps)).await.unwrap();
    let going = go(&engine, &id);
    until(|| calls(&world.cloud()).len() == 2).await;
    say(&engine, &id, roll_back()).await;
    until(|| count(&world, &id, "rollback_requested") == 1).await;
    std::fs::write(world.cloud().join("go"), "").unwrap();
    assert_eq!(finished(&going.ended().await), RunStatus::RolledBack);
    assert_eq!(
        calls(&world.cloud()),
        ["create one", "act clean", "undo one"]
    );
}
