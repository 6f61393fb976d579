//! `runbook test --crash-sweep` on shipped runbooks and on one that loses what a person would have to
//! look up.

use crate::support::{Person, sandbox};

/// The verdicts of a sweep, as JSON tells them.
fn sweep(person: &Person, args: &[&str], code: i32) -> serde_json::Value {
    let args: Vec<&str> = ["test", "--crash-sweep", "--json"]
        .iter()
        .chain(args)
        .copied()
        .collect();
    let said = person.types(&args).exits(code);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.all()))
}

/// Whether an answer was to be lost.
fn is_lost(case: &serde_json::Value) -> bool {
    case["case"].as_str().unwrap().starts_with("lost:")
}

#[test]
fn a_shipped_runbook_survives_a_crash_at_every_point() {
    sandbox();
    let person = Person::new(1);
    let found = sweep(&person, &["hello", "--param", "pause=1ms"], 0);
    let cases = found["cases"].as_array().unwrap();
    assert!(cases.len() > 10, "{found}");
    assert_eq!(cases.len() as u64, found["crash_points"].as_u64().unwrap());
}

#[test]
fn the_network_survives_crashes_and_lost_answers() {
    sandbox();
    let person = Person::new(1);
    let args = ["network", "--env", "dev", "--limit", "6"];
    let found = sweep(&person, &args, 0);
    let cases = found["cases"].as_array().unwrap();
    let lost: Vec<_> = cases.iter().filter(|case| is_lost(case)).collect();
    assert_eq!((cases.len(), lost.len()), (12, 6), "{found}");
    assert!(lost.iter().all(|case| case["reached"] == true), "{found}");
    assert!(
        cases.iter().all(|case| case["verdict"] == "same"),
        "{found}"
    );
}

/// A network and a launch template, prepared once; every case has a copy, and the parameters that follow
/// from it.
#[test]
fn cases_begin_in_copies_of_the_prepared_world() {
    sandbox();
    let person = Person::new(1);
    let args = ["instances", "--env", "dev", "--limit", "3", "--seed", "5"];
    let found = sweep(&person, &args, 0);
    let cases = found["cases"].as_array().unwrap();
    let lost = found["calls"].as_u64().unwrap();
    assert_eq!(lost, 1, "only the launch belongs to the run: {found}");
    assert_eq!(cases.len(), 4);
    assert!(
        cases.iter().all(|case| case["verdict"] == "same"),
        "{found}"
    );

    let only = ["instances", "--env", "dev", "--only", "lost"];
    let found = sweep(&person, &only, 0);
    let cases = found["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 1, "{found}");
    assert!(is_lost(&cases[0]) && cases[0]["reached"] == true, "{found}");
}

/// The world of another runbook has to be there, in both regions, before the run can be.
#[test]
fn a_run_takes_parameters_from_what_was_prepared() {
    sandbox();
    let person = Person::new(9_101);
    let said = person
        .types(&["run", "compute", "--env", "dev", "--sandbox"])
        .exits(0);
    assert!(said.out.contains("prepare network"), "{}", said.all());
    assert!(said.out.contains("launch_template_id"), "{}", said.all());
    let shown = person.shown(&person.runs()[0]);
    let subnets = shown["params"]["subnets"].as_array();
    assert_eq!(subnets.map(Vec::len), Some(1), "{shown}");

    // Given by hand, nothing has to be prepared for it.
    let subnets = format!("subnets={}", shown["params"]["subnets"]);
    let groups = format!("security_groups={}", shown["params"]["security_groups"]);
    let given = [
        "run",
        "compute",
        "--env",
        "dev",
        "--sandbox",
        "-p",
        &subnets,
        "-p",
        &groups,
    ];
    let said = person.types(&given).exits(0);
    assert!(!said.all().contains("prepare"), "{}", said.all());
}

#[test]
fn a_preparation_that_cannot_be_is_refused() {
    sandbox();
    let person = Person::new(9_102);
    let file = person.runbook(
        "late",
        "name: late\nparams: { word: { type: string } }\nsteps:\n  - { id: say, uses: log, with: { message: \"{{ params.word }}\" } }\n",
    );
    person.runbook(
        "late.sandbox",
        "prepare:\n  - { runbook: hello, params: { pause: 1ms } }\n  - { runbook: hello }\n",
    );
    let said = person.types(&["run", &file, "--sandbox"]).exits(2);
    assert!(said.err.contains("`hello` twice"), "{}", said.err);
    person.runbook(
        "late.sandbox",
        "prepare:\n  - { runbook: hello, params: { pause: 1ms } }\nparams: { word: \"{{ prepared.hello.greetin }}\" }\n",
    );
    let said = person.types(&["run", &file, "--sandbox"]).exits(2);
    assert!(said.err.contains("late.sandbox.yaml"), "{}", said.err);
    person.runbook(
        "late.sandbox",
        "prepare:\n  - { runbook: hello, params: { pause: 1ms } }\nparams: { word: \"{{ prepared.hello.greeting }}\" }\n",
    );
    let said = person.types(&["run", &file, "--sandbox"]).exits(0);
    assert!(said.out.contains("Hello, world!"), "{}", said.all());
}

#[test]
fn a_sweep_can_stop_at_the_first_wrong_case() {
    sandbox();
    let person = Person::new(1);
    // It says that it can be repeated, and cannot.
    let made = person.folder.path().join("made-").display().to_string();
    let text = format!(
        "name: twice\nsteps:\n  - id: act\n    uses: shell.run\n    with:\n      argv: [mkdir, \"{made}{{{{ run.id }}}}\"]\n      repeatable: true\n",
    );
    let file = person.runbook("twice", &text);
    let found = sweep(&person, &[&file, "--fail-fast", "--jobs", "1"], 1);
    assert_eq!(found["sound"], false, "{found}");
    assert!(found["not_tried"].as_u64().unwrap() > 0, "{found}");
}

#[test]
fn what_nothing_can_tell_is_named_as_in_doubt() {
    sandbox();
    let person = Person::new(1);
    let file = person.runbook(
        "once",
        "name: once\nsteps:\n  - id: act\n    uses: shell.run\n    with: { argv: [\"true\"] }\n",
    );
    let found = sweep(&person, &[&file], 0);
    let doubts: Vec<&str> = found["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["verdict"] == "in_doubt")
        .map(|case| case["place"].as_str().unwrap())
        .collect();
    assert!(doubts.contains(&"call.after"), "{found}");
}

#[test]
fn a_sweep_without_a_world_to_compare_with_says_why() {
    sandbox();
    let person = Person::new(1);
    let file = person.runbook(
        "broken",
        "name: broken\nsteps:\n  - id: no\n    uses: assert\n    with: { that: \"1 == 2\" }\n",
    );
    let said = person.types(&["test", &file, "--crash-sweep"]).exits(1);
    assert!(said.err.contains("the undisturbed run"), "{}", said.err);
    let said = person.types(&["test", &file]).exits(2);
    assert!(said.err.contains("--crash-sweep"), "{}", said.err);
    let hello = ["test", "hello", "--crash-sweep", "--param", "pause=1ms"];
    for (extra, word) in [
        (["--case", "crash:9999"], "crash:9999"),
        (["--limit", "0"], "nothing"),
    ] {
        let args: Vec<&str> = hello.iter().chain(&extra).copied().collect();
        let said = person.types(&args).exits(2);
        assert!(said.err.contains(word), "{}", said.err);
    }
    let said = person.types(&["test", "nowhere", "--crash-sweep"]).exits(2);
    assert!(said.err.contains("nowhere"), "{}", said.err);
}
