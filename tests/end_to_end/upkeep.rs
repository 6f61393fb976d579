//! The state file itself: looked over, copied while it is in use, read where nothing may be written.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Person, Said};

/// Notes its steps in a file, with a pause between them.
fn noting(person: &Person, pause: &str) -> String {
    let mark = person.folder.path().join("mark");
    let note = |word: &str| format!("argv: [sh, -c, 'echo {word} >> {}']", mark.display());
    person.runbook(
        "noting",
        &format!(
            "name: noting\nlock: the/key\nsteps:\n  - {{ id: first, uses: shell.run, with: {{ {} }} }}\n  - {{ id: nap, uses: wait, needs: [first], with: {{ for: {pause} }} }}\n  - {{ id: last, uses: shell.run, needs: [nap], with: {{ {} }} }}\n",
            note("first"),
            note("last")
        ),
    )
}

/// A process that drives a run; it ends with the test, however the test ends.
struct Owner(Child);

impl Owner {
    fn ends(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Begins a run and waits until it naps.
fn napping(person: &Person, pause: &str) -> (Owner, String) {
    let owner = Owner(person.begins(&["run", &noting(person, pause)]));
    let patience = Instant::now();
    loop {
        if let Some(run) = person.runs().first() {
            let shown = person.shown(run);
            if shown["steps"][1]["status"] == "waiting" {
                assert_eq!(shown["driven"], true);
                return (owner, run.clone());
            }
        }
        assert!(patience.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn spoil(person: &Person, sql: &str) {
    let connection = rusqlite::Connection::open(person.state()).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn json(said: &Said) -> serde_json::Value {
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn a_backup_of_a_file_in_use_is_driven_to_the_end() {
    let person = Person::new(1);
    let (mut owner, run) = napping(&person, "3s");
    let copy = person.folder.path().join("copy.db");
    let name = copy.display().to_string();
    let said = person.types(&["backup", &name]).exits(0);
    assert!(said.out.contains("1 run"), "{}", said.out);
    assert!(
        said.out
            .contains(&format!("runbook --state {name} resume --restored RUN")),
        "{}",
        said.out
    );
    assert!(owner.0.try_wait().unwrap().is_none(), "the run had ended");
    let again = person.types(&["backup", &name]).exits(2);
    assert!(again.err.contains("--force"), "{}", again.err);
    let forced = person
        .types(&["backup", &name, "--force", "--json"])
        .exits(0);
    assert_eq!(json(&forced)["runs"], 1);
    assert_eq!(owner.ends(), Some(0));

    let doctor = person.types(&["--state", &name, "doctor"]).exits(0);
    let next = format!("runbook --state {name} resume {run}");
    assert!(doctor.out.contains(&next), "{}", doctor.out);
    person.types(&["--state", &name, "resume", &run]).exits(0);
    person.types(&["--state", &name, "doctor"]).exits(0);
    person.types(&["doctor"]).exits(0);
    let mark = std::fs::read_to_string(person.folder.path().join("mark")).unwrap();
    assert_eq!(mark, "first\nlast\nlast\n");
    // It is a state file in use by now: its log would be taken for the next copy's.
    if person.folder.path().join("copy.db-wal").exists() {
        person.types(&["backup", &name, "--force"]).exits(2);
    }
}

#[test]
fn every_copy_of_a_busy_file_is_whole() {
    let person = Person::new(1);
    let steps: String = (0..150)
        .map(|n| {
            let needs = n - 1;
            let needs = if n == 0 {
                String::new()
            } else {
                format!(", needs: [s{needs}]")
            };
            format!("  - {{ id: s{n}, uses: shell.run{needs}, with: {{ argv: ['true'] }} }}\n")
        })
        .collect();
    let file = person.runbook("busy", &format!("name: busy\nsteps:\n{steps}"));
    let mut owner = Owner(person.begins(&["run", &file]));
    let name = person.folder.path().join("copy.db").display().to_string();
    let mut sizes = Vec::new();
    while owner.0.try_wait().unwrap().is_none() {
        if !person.state().exists() {
            continue;
        }
        // The first moments may find a file that has no tables yet.
        let said = person.types(&["backup", &name, "--force", "--json"]);
        if said.code == 0 {
            sizes.push(json(&said)["events"].as_u64().unwrap());
            person.types(&["--state", &name, "doctor"]).exits(0);
        }
        person.types(&["doctor"]);
    }
    assert!(sizes.len() > 1, "{sizes:?}");
    assert!(sizes.is_sorted(), "{sizes:?}");
    person.types(&["doctor"]).exits(0);
}

#[test]
fn the_doctor_says_what_to_type_and_mends_what_can_be_derived() {
    let person = Person::new(1);
    person.types(&["doctor"]).exits(2);
    let (owner, run) = napping(&person, "1h");
    let well = person.types(&["doctor"]).exits(0);
    assert!(
        well.out.contains("healthy") && !well.out.contains("next:"),
        "{}",
        well.out
    );
    spoil(&person, "UPDATE step SET status = 6 WHERE id = 'first'");
    let sick = person.types(&["doctor"]).exits(1);
    let advice = format!("next: runbook doctor {run} --rebuild");
    assert!(sick.out.contains(&advice), "{}", sick.out);
    let refused = person.types(&["doctor", "--rebuild"]).exits(5);
    assert!(refused.err.contains("is being driven"), "{}", refused.err);
    drop(owner);

    let mended = person.types(&["doctor", &run, "--rebuild"]).exits(0);
    assert!(
        mended
            .out
            .contains("step `first` says status `failed`, the events say `succeeded`"),
        "{}",
        mended.out
    );
    assert!(
        mended.out.contains(&format!("next: runbook resume {run}")),
        "{}",
        mended.out
    );
    let report = json(&person.types(&["doctor", "--json"]).exits(0));
    assert_eq!(report["healthy"], true);
    assert_eq!(report["notes"][0]["kind"], "interrupted");

    spoil(&person, "DELETE FROM event WHERE seq = 2");
    let broken = person.types(&["doctor", "--rebuild"]).exits(1);
    assert!(
        broken.out.contains(&format!("resume --restored {run}")),
        "{}",
        broken.out
    );
    assert!(
        !broken.out.contains(&format!("next: runbook resume {run}")),
        "{}",
        broken.out
    );
    let copy = person.folder.path().join("copy.db");
    person
        .types(&["backup", &copy.display().to_string()])
        .exits(1);
    assert!(!copy.exists());
    assert!(!person.folder.path().join("copy.db.partial").exists());
}

#[test]
fn what_is_no_state_file_is_not_examined() {
    let person = Person::new(1);
    std::fs::create_dir_all(person.state().parent().unwrap()).unwrap();
    std::fs::write(person.state(), "dear diary, this is no database at all").unwrap();
    let said = person.types(&["doctor"]).exits(2);
    assert!(
        said.err.contains("not a runbook state file"),
        "{}",
        said.err
    );
    let copy = person.folder.path().join("copy.db").display().to_string();
    person.types(&["backup", &copy]).exits(2);
}

/// Files of a folder: bytes, and when they were last written.
fn contents(folder: &Path) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            let written = entry.metadata().unwrap().modified().unwrap();
            let bytes = std::fs::read(entry.path()).unwrap();
            found.insert(
                entry.file_name().to_string_lossy().into_owned(),
                (bytes, written),
            );
        }
    }
    found
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Everything that only reads; as somebody without rights too, where the tests run as root.
fn reads(person: &Person, run: &str) {
    let privileged = person.folder.path().metadata().unwrap().uid() == 0;
    let users: &[Option<u32>] = if privileged {
        &[None, Some(65_534)]
    } else {
        &[None]
    };
    for user in users {
        for args in [
            &["list"][..],
            &["list", "--json"],
            &["show", run],
            &["show", run, "first"],
            &["logs", run],
            &["events", run],
            &["doctor"],
        ] {
            let mut command = person.command(args);
            if let Some(user) = user {
                command = anywhere(&command, person);
                command.uid(*user).gid(*user);
            }
            let output = command.output().unwrap();
            let (out, err) = (
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
            );
            assert_eq!(
                output.status.code(),
                Some(0),
                "{args:?} as {user:?}: {out}{err}"
            );
            if args[0] == "list" {
                assert!(out.contains(run), "{out}");
            }
        }
    }
}

/// The same command from a place that everybody may enter: the folder of the build may be private.
fn anywhere(command: &Command, person: &Person) -> Command {
    let binary = person.folder.path().join("runbook");
    if !binary.exists() {
        std::fs::hard_link(command.get_program(), &binary)
            .or_else(|_| std::fs::copy(command.get_program(), &binary).map(|_| ()))
            .unwrap();
    }
    let mut open = Command::new(binary);
    open.args(command.get_args())
        .current_dir(person.folder.path())
        .stdin(std::process::Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => open.env(name, value),
            None => open.env_remove(name),
        };
    }
    open
}

/// The file with what stands beside it in a folder of its own, as another person's.
fn moved(from: &Person, beside: &[&str]) -> Person {
    let person = Person::new(1);
    chmod(person.folder.path(), 0o755);
    let folder = person.state().parent().unwrap().to_path_buf();
    std::fs::create_dir_all(&folder).unwrap();
    for suffix in beside {
        let name = format!("state.db{suffix}");
        std::fs::copy(from.state().with_file_name(&name), folder.join(&name)).unwrap();
    }
    person
}

#[test]
fn reading_changes_nothing_where_nothing_may_be_written() {
    let origin = Person::new(1);
    let (owner, run) = napping(&origin, "1h");
    drop(owner);
    let copy = origin.state().with_file_name("copy.db");
    origin
        .types(&["backup", &copy.display().to_string()])
        .exits(0);
    assert!(
        std::fs::metadata(origin.state().with_file_name("state.db-wal"))
            .unwrap()
            .len()
            > 0,
        "a killed process leaves its log behind"
    );
    for (file, folder) in [(0o444, 0o755), (0o644, 0o555), (0o444, 0o555)] {
        for beside in [&["", "-wal"][..], &["", "-wal", "-shm"]] {
            let person = moved(&origin, beside);
            let place = person.state().parent().unwrap().to_path_buf();
            for suffix in beside {
                chmod(&place.join(format!("state.db{suffix}")), file);
            }
            let before = contents(&place);
            chmod(&place, folder);
            reads(&person, &run);
            chmod(&place, 0o755);
            assert!(contents(&place) == before, "{file:o} {folder:o} {beside:?}");
        }
        // Ended cleanly, the file is alone.
        let person = moved(&origin, &["-wal"]);
        let place = person.state().parent().unwrap().to_path_buf();
        std::fs::remove_file(place.join("state.db-wal")).unwrap();
        std::fs::copy(&copy, person.state()).unwrap();
        rusqlite::Connection::open(person.state())
            .unwrap()
            .execute_batch("PRAGMA journal_mode = WAL")
            .unwrap();
        assert!(!place.join("state.db-wal").exists());
        chmod(&person.state(), file);
        let before = contents(&place);
        chmod(&place, folder);
        reads(&person, &run);
        chmod(&place, 0o755);
        assert!(contents(&place) == before, "{file:o} {folder:o} alone");
    }
}

#[test]
fn reading_beside_a_live_owner_without_rights_works_and_never_reads_past_it() {
    let person = Person::new(1);
    chmod(person.folder.path(), 0o755);
    let (owner, run) = napping(&person, "1h");
    reads(&person, &run);
    let place = person.state().parent().unwrap().to_path_buf();
    // Somebody tidied up: the owner goes on, but nobody else can tell what it has written.
    std::fs::remove_file(place.join("state.db-shm")).unwrap();
    chmod(&place, 0o555);
    let said = person.types(&["list"]).exits(2);
    assert!(
        said.err
            .contains("a live process drives a run, but the -shm file"),
        "{}",
        said.err
    );
    chmod(&place, 0o755);
    drop(owner);
}

#[test]
fn asking_often_keeps_nobody_from_driving() {
    let person = Person::new(1);
    let file = person.runbook(
        "ask",
        "name: ask\nsteps:\n  - { id: go, uses: approval, with: { message: Really? } }\n",
    );
    person.types(&["run", &file]).exits(3);
    let run = person.runs()[0].clone();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    person.types(&["list"]).exits(0);
                }
            });
        }
        // Each is an owner that lets go again because of the open question.
        let codes: Vec<i32> = (0..15)
            .map(|_| person.types(&["resume", &run]).code)
            .collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(codes, [3; 15]);
    });
}
