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
    let lost = cases
        .iter()
        .filter(|case| case["case"].as_str().unwrap().starts_with("lost:"))
        .count();
    assert_eq!((cases.len(), lost), (12, 6), "{found}");
    assert!(cases.iter().all(|case| case["verdict"] == "same"));
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
