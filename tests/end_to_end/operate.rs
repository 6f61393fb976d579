//! What an operator types at a run that goes wrong: hold it, go on, again, without, back, at once; and
//! two processes that want the same.

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::{Person, Said};

/// A folder with a book of what the steps did.
struct Place {
    person: Person,
    book: PathBuf,
}

fn place() -> Place {
    let person = Person::new(1);
    let book = person.folder.path().join("book");
    Place { person, book }
}

impl Place {
    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.book).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn flag(&self, name: &str) -> PathBuf {
        self.person.folder.path().join(name)
    }

    fn raise(&self, name: &str) {
        std::fs::write(self.flag(name), "").unwrap();
    }

    /// A step that writes its id into the book; `more` are further keys.
    fn does(&self, id: &str, more: &str) -> String {
        let line = format!("echo {id} >> {}", self.book.display());
        self.shell(id, &line, more)
    }

    /// One that goes on writing until a file is there.
    fn holds(&self, id: &str, more: &str) -> String {
        let line = format!(
            "echo {id} >> {}; while [ ! -e {} ]; do sleep 0.05; done",
            self.book.display(),
            self.flag(id).display()
        );
        self.shell(id, &line, more)
    }

    /// One that fails until a file is there.
    fn fails(&self, id: &str, more: &str) -> String {
        let line = format!(
            "echo {id} >> {}; [ -e {} ]",
            self.book.display(),
            self.flag(id).display()
        );
        self.shell(id, &line, more)
    }

    fn shell(&self, id: &str, line: &str, more: &str) -> String {
        format!(
            "  - {{ id: {id}, uses: shell.run, with: {{ argv: [sh, -c, '{line}'], repeatable: true }}{more} }}\n"
        )
    }

    fn undo(&self, id: &str) -> String {
        format!(
            ", undo: {{ uses: shell.run, with: {{ argv: [sh, -c, 'echo undo-{id} >> {}'], repeatable: true }} }}",
            self.book.display()
        )
    }

    fn file(&self, name: &str, head: &str, steps: &[String]) -> String {
        let text = format!("name: {name}\n{head}steps:\n{}", steps.concat());
        self.person.runbook(name, &text)
    }

    fn id(&self) -> String {
        self.person.runs()[0].clone()
    }

    fn types(&self, args: &[&str]) -> Said {
        self.person.types(args)
    }

    fn status(&self, run: &str) -> String {
        let shown = self.person.shown(run);
        shown["status"].as_str().unwrap().to_owned()
    }

    fn until(&self, mut sight: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !sight(self) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{:?}",
                self.lines()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Refused, and nothing has happened to the run.
    #[track_caller]
    fn refuses(&self, run: &str, args: &[&str], code: i32, why: &str) {
        let events = |place: &Self| place.types(&["events", run, "--json"]).exits(0).out;
        let before = events(self);
        let said = self.types(args).exits(code);
        assert!(said.all().contains(why), "{args:?}: {}", said.all());
        assert_eq!(events(self), before, "{args:?}");
    }
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let done = std::process::Command::new("kill")
        .args([name, &pid])
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn a_live_run_is_held_from_a_second_process_and_goes_on() {
    let place = place();
    let file = place.file(
        "held",
        "",
        &[place.holds("slow", ""), place.does("next", "")],
    );
    let mut first = place.person.begins(&["run", &file]);
    place.until(|place| place.lines() == ["slow"]);
    let run = place.id();
    place.refuses(&run, &["pause", &run], 2, "--reason");
    place.refuses(&run, &["pause", "nobody", "--reason", "x"], 2, "no run");
    let said = place
        .types(&["pause", &run, "--reason", "look first"])
        .exits(0);
    assert!(said.err.contains("takes it"), "{}", said.err);
    place.until(|place| place.status(&run) == "paused");
    place.raise("slow");
    assert_eq!(first.wait().unwrap().code(), Some(3));
    place.refuses(&run, &["pause", &run, "--reason", "x"], 2, "paused already");
    let shown = place.types(&["show", &run]).exits(0).out;
    assert!(
        shown.contains("held by") && shown.contains("look first"),
        "{shown}"
    );
    assert!(
        shown.contains(&format!("next: runbook resume {run}")),
        "{shown}"
    );
    assert_eq!(place.lines(), ["slow"]);
    // Nothing but its name gets it on.
    let said = place.types(&["resume"]).exits(0);
    assert!(said.err.contains("nothing is interrupted"), "{}", said.err);
    place.types(&["resume", &run]).exits(0);
    assert_eq!(place.lines(), ["slow", "next"]);
    place.refuses(&run, &["pause", &run, "--reason", "x"], 2, "has ended");
    place.refuses(&run, &["resume", "nobody"], 2, "no run");
}

#[test]
fn a_step_runs_again_and_another_is_done_without() {
    let place = place();
    let file = place.file(
        "again",
        "",
        &[
            place.does("a", ""),
            place.fails("b", ""),
            place.does("c", ""),
        ],
    );
    let said = place.types(&["run", &file]).exits(1);
    let run = place.id();
    for next in [
        format!("runbook show {run} b"),
        format!("runbook resume {run}"),
    ] {
        assert!(said.out.contains(&next), "{}", said.out);
    }
    let why = ["--reason", "why"];
    place.refuses(&run, &["retry", &run, "b", why[0], why[1]], 2, "--only");
    place.refuses(
        &run,
        &["retry", &run, "x", "--only", why[0], why[1]],
        2,
        "no step `x`",
    );
    place.refuses(
        &run,
        &["retry", &run, "c", "--only", why[0], why[1]],
        2,
        "has not ended",
    );
    place.refuses(
        &run,
        &["skip", &run, "a", why[0], why[1]],
        2,
        "has ended already",
    );
    place.refuses(&run, &["skip", &run, "x", why[0], why[1]], 2, "no step `x`");
    place.refuses(&run, &["skip", &run, "b"], 2, "--reason");
    place
        .types(&["retry", &run, "b", "--only", "--reason", "once more"])
        .exits(1);
    place
        .types(&["skip", &run, "b", "--reason", "by hand"])
        .exits(0);
    assert_eq!(place.lines(), ["a", "b", "b", "c"]);
    place
        .types(&["retry", &run, "a", "--downstream", "--reason", "all"])
        .exits(1);
    place.raise("b");
    place
        .types(&["retry", &run, "b", "--only", "--reason", "ready"])
        .exits(0);
    assert_eq!(place.lines()[4..], ["a", "b", "b", "c"]);
    let shown = place.types(&["show", &run]).exits(0).out;
    for word in [
        "b skipped by",
        "by hand",
        "b runs again, by",
        "a and all that depends on it runs again",
    ] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    place.types(&["doctor"]).exits(0);
}

#[test]
fn a_word_to_a_step_of_a_child_takes_its_parents_along() {
    let place = place();
    place.file("below", "", &[place.fails("b", ""), place.does("c", "")]);
    let sub = "  - { id: sub, uses: runbook, with: { file: below } }\n".to_owned();
    let file = place.file("above", "", &[sub, place.does("end", "")]);
    place.types(&["run", &file]).exits(1);
    let run = place.id();
    let child = format!("{run}.sub");
    let said = place.types(&["show", &run]).exits(0).out;
    assert!(said.contains(&format!("runbook show {child} b")), "{said}");
    place.raise("b");
    place
        .types(&["retry", &child, "b", "--only", "--reason", "mended"])
        .exits(0);
    assert_eq!(place.lines(), ["b", "b", "c", "end"]);
    assert_eq!(place.status(&run), "succeeded");
    let again = ["retry", &child, "b", "--only", "--reason", "x"];
    place.refuses(&child, &again, 2, &format!("runbook retry {run} sub"));
}

#[test]
fn a_run_goes_back_and_says_what_stays() {
    let place = place();
    let kept = place.does("kept", "");
    let file = place.file(
        "back",
        "",
        &[
            place.does("a", &place.undo("a")),
            place.does("b", &place.undo("b")),
            kept,
        ],
    );
    place.types(&["run", &file]).exits(0);
    let run = place.id();
    let seen = place.types(&["rollback", &run, "--preview"]).exits(0).out;
    let (b, a) = (seen.find("  b ").unwrap(), seen.find("  a ").unwrap());
    assert!(b < a && seen.contains("stays kept"), "{seen}");
    let json = place
        .types(&["rollback", &run, "--preview", "--json"])
        .exits(0)
        .out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["steps"].as_array().unwrap().len(), 3);
    place.refuses(&run, &["rollback", &run], 5, "--yes");
    place.refuses(
        &run,
        &["rollback", &run, "--preview", "--yes"],
        2,
        "cannot be used with",
    );
    place.refuses(&run, &["rollback", "nobody", "--yes"], 2, "no run");
    assert_eq!(place.lines(), ["a", "b", "kept"]);
    // One step stays: the rollback is not whole.
    let said = place
        .types(&["rollback", &run, "--yes", "--reason", "wrong zone"])
        .exits(1);
    assert!(
        said.out.contains("stays") && said.out.contains("rolled_back"),
        "{}",
        said.out
    );
    assert_eq!(place.lines()[3..], ["undo-b", "undo-a"]);
    place.refuses(&run, &["rollback", &run, "--yes"], 2, "nothing");
    let said = place.types(&["resume", &run]).exits(1);
    assert!(
        said.err.contains("has ended already (rolled_back)"),
        "{}",
        said.err
    );
    let why = ["--reason", "why"];
    place.refuses(
        &run,
        &["retry", &run, "a", "--only", why[0], why[1]],
        2,
        "rolled back",
    );
    place.refuses(&run, &["cancel", &run], 2, "has ended already");
    let shown = place.types(&["show", &run]).exits(0).out;
    assert!(
        shown.contains("wrong zone") && shown.contains("undid"),
        "{shown}"
    );
}

#[test]
fn a_failure_takes_the_run_back_by_itself() {
    let place = place();
    let file = place.file(
        "self",
        "on_failure: rollback\n",
        &[place.does("a", &place.undo("a")), place.fails("b", "")],
    );
    let said = place.types(&["run", &file]).exits(1);
    assert_eq!(place.lines(), ["a", "b", "undo-a"]);
    assert!(said.out.contains("rolled_back"), "{}", said.out);
}

#[test]
fn a_rollback_that_is_killed_goes_on() {
    let place = place();
    let slow = format!(
        ", undo: {{ uses: shell.run, with: {{ argv: [sh, -c, 'echo undo-b >> {}; while [ ! -e {} ]; do sleep 0.05; done'], repeatable: true }} }}",
        place.book.display(),
        place.flag("go").display()
    );
    let file = place.file(
        "killed",
        "",
        &[
            place.does("a", &place.undo("a")),
            place.does("b", &slow),
            place.does("c", &place.undo("c")),
        ],
    );
    place.types(&["run", &file]).exits(0);
    let run = place.id();
    let mut first = place.person.begins(&["rollback", &run, "--yes"]);
    place.until(|place| place.lines().len() == 5);
    first.kill().unwrap();
    first.wait().unwrap();
    let shown = place.types(&["show", &run]).exits(0).out;
    assert!(shown.contains("interrupted in its rollback"), "{shown}");
    assert!(
        shown.contains(&format!("next: runbook resume {run}")),
        "{shown}"
    );
    place.refuses(
        &run,
        &["rollback", &run, "--yes"],
        2,
        "being rolled back already",
    );
    place.refuses(&run, &["cancel", &run], 2, "being rolled back");
    place.refuses(
        &run,
        &["pause", &run, "--reason", "x"],
        2,
        "being rolled back",
    );
    place.raise("go");
    place.types(&["resume", &run]).exits(1);
    assert_eq!(place.lines()[3..], ["undo-c", "undo-b", "undo-b", "undo-a"]);
    assert_eq!(place.status(&run), "rolled_back");
    place.types(&["doctor"]).exits(0);
}

#[test]
fn a_second_cancel_lets_go_of_the_step_in_hand() {
    let place = place();
    let clean = format!("finally:\n{}", place.does("clean", ""));
    let file = place.file("stuck", &clean, &[place.holds("slow", "")]);
    let mut first = place.person.begins(&["run", &file]);
    place.until(|place| place.lines() == ["slow"]);
    let run = place.id();
    place.refuses(&run, &["cancel"], 2, "RUN");
    place.refuses(&run, &["cancel", "nobody"], 2, "no run");
    place.refuses(&run, &["cancel", &run, "--now"], 2, "unexpected argument");
    let said = place.types(&["cancel", &run]).exits(0);
    assert!(
        said.err
            .contains(&format!("a second `runbook cancel {run}`")),
        "{}",
        said.err
    );
    place.until(|place| {
        place
            .types(&["events", &run, "--json"])
            .exits(0)
            .out
            .contains("cancel_requested")
    });
    let said = place.types(&["cancel", &run, "--reason", "stuck"]).exits(0);
    assert!(said.err.contains("lets go"), "{}", said.err);
    assert_eq!(first.wait().unwrap().code(), Some(1));
    assert_eq!(place.status(&run), "cancelled");
    assert_eq!(place.lines(), ["slow"]);
}

#[test]
fn two_starts_wait_for_a_lock_in_order() {
    let place = place();
    let file = |name: &str| place.file(name, "lock: the/key\n", &[place.holds(name, "")]);
    let (one, two, three) = (file("one"), file("two"), file("three"));
    let mut first = place.person.begins(&["run", &one]);
    place.until(|place| place.lines() == ["one"]);
    place.types(&["run", &two]).exits(5);
    place.types(&["run", &two, "--wait", "soon"]).exits(2);
    let said = place.types(&["run", &two, "--wait", "300ms"]).exits(5);
    assert!(
        said.all().contains("waits for lock `the/key`"),
        "{}",
        said.all()
    );
    let mut second = place.person.begins(&["run", &two, "--wait", "2m"]);
    std::thread::sleep(Duration::from_millis(1500));
    let mut third = place.person.begins(&["run", &three, "--wait"]);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(place.lines(), ["one"]);
    place.raise("one");
    assert_eq!(first.wait().unwrap().code(), Some(0));
    place.until(|place| place.lines().len() == 2);
    assert_eq!(place.lines(), ["one", "two"]);
    place.raise("two");
    assert_eq!(second.wait().unwrap().code(), Some(0));
    place.until(|place| place.lines().len() == 3);
    place.raise("three");
    assert_eq!(third.wait().unwrap().code(), Some(0));
    assert_eq!(place.lines(), ["one", "two", "three"]);
}

#[test]
fn a_stalled_process_loses_its_run_and_says_so() {
    let place = place();
    let file = place.file(
        "stall",
        "",
        &[place.holds("slow", ""), place.does("next", "")],
    );
    let mut command = place.person.command(&["run", &file]);
    let pipe = std::process::Stdio::piped;
    let first = command.stdout(pipe()).stderr(pipe()).spawn().unwrap();
    place.until(|place| place.lines() == ["slow"]);
    let run = place.id();
    signal(&first, "-STOP");
    // It was heard of a moment ago: the word waits for it.
    let said = place.types(&["resume", &run]).exits(0);
    assert!(said.err.contains("recorded"), "{}", said.err);
    std::thread::sleep(Duration::from_secs(16));
    let shown = place.types(&["show", &run]).exits(0).out;
    assert!(shown.contains("not heard of"), "{shown}");
    place.raise("slow");
    let said = place.types(&["resume", &run]).exits(0);
    assert!(said.err.contains("not heard of since"), "{}", said.err);
    signal(&first, "-CONT");
    let output = first.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.contains("driven by another process"), "{text}");
    // The command was repeated, what comes after it was done once.
    assert_eq!(place.lines(), ["slow", "slow", "next"]);
    place.types(&["doctor"]).exits(0);
}

#[test]
fn a_run_goes_on_with_an_edited_runbook() {
    let place = place();
    let steps = |last: &str| {
        let after = format!("  - {{ id: after, uses: log, with: {{ message: {last} }} }}\n");
        [place.does("a", ""), place.fails("b", ""), after]
    };
    let file = place.file("edit", "", &steps("one"));
    place.types(&["run", &file]).exits(1);
    let run = place.id();
    place.refuses(&run, &["resume", "--with", &file], 2, "RUN");
    place.refuses(&run, &["resume", &run, "--with", &file], 2, "has already");
    place.refuses(
        &run,
        &["resume", &run, "--with", "nowhere.yaml"],
        2,
        "nowhere.yaml",
    );
    place.file(
        "edit",
        "",
        &[place.does("a", ", timeout: 9m"), place.fails("b", "")],
    );
    place.refuses(
        &run,
        &["resume", &run, "--with", &file],
        2,
        "differs in timeout",
    );
    place.file("edit", "", &steps("two"));
    place.raise("b");
    let said = place.types(&["resume", &run, "--with", &file]).exits(0);
    assert!(said.err.contains("~ after: with"), "{}", said.err);
    assert!(said.out.contains("two"), "{}", said.out);
    assert_eq!(place.lines(), ["a", "b", "b"]);
    let shown = place.types(&["show", &run]).exits(0).out;
    assert!(shown.contains("edited runbook"), "{shown}");
    place.types(&["doctor"]).exits(0);
}

#[test]
fn a_restored_copy_asks_about_what_it_cannot_know() {
    let place = place();
    let once = format!(
        "  - {{ id: once, uses: shell.run, with: {{ argv: [sh, -c, 'echo once >> {}'] }} }}\n",
        place.book.display()
    );
    let file = place.file("copy", "", &[place.holds("slow", ""), once]);
    let mut first = place.person.begins(&["run", &file]);
    place.until(|place| place.lines() == ["slow"]);
    let run = place.id();
    let copy = place.flag("copy.db").display().to_string();
    place.types(&["backup", &copy]).exits(0);
    place.raise("slow");
    assert_eq!(first.wait().unwrap().code(), Some(0));
    place.types(&["resume", "--restored"]).exits(2);
    let said = place
        .types(&["--state", &copy, "resume", &run, "--restored"])
        .exits(3);
    assert!(
        said.out
            .contains(&format!("runbook resolve {run} once --done")),
        "{}",
        said.out
    );
    assert_eq!(place.lines(), ["slow", "once", "slow"]);
    let said = place.types(&["--state", &copy, "show", &run]).exits(0).out;
    assert!(
        said.contains("restored copy") && said.contains("in doubt"),
        "{said}"
    );
    place
        .types(&[
            "--state", &copy, "resolve", &run, "once", "--done", "{", "--reason", "x",
        ])
        .exits(2);
    place
        .types(&[
            "--state", &copy, "resolve", &run, "slow", "--skip", "--reason", "x",
        ])
        .exits(2);
    let done = r#"{"code":0,"stdout":"","stderr":""}"#;
    let resolve = [
        "--state",
        &copy,
        "resolve",
        &run,
        "once",
        "--done",
        done,
        "--reason",
        "it is in the book",
    ];
    place.types(&resolve).exits(0);
    assert_eq!(place.lines(), ["slow", "once", "slow"]);
}
