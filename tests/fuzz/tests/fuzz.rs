//! The targets over the stored corpus, over what is shipped, and over inputs that follow from a seed.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;

use runbook_fuzz::{Mutator, TARGETS, Target, project};

/// Inputs for each target; `RUNBOOK_SEEDS` asks for another number.
const SEEDS: usize = 2_000;

fn read(folder: &Path, ending: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The stored inputs of a target, and the shipped files that it reads.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut known = read(&project().join("fuzz/corpus").join(name), "");
    assert!(!known.is_empty(), "{name} has no corpus");
    match name {
        "parser" => known.extend(read(&project().join("runbooks"), ".yaml")),
        "environment" => {
            let folder = project().join("environments");
            let schema = std::fs::read_to_string(folder.join("schema.yaml")).unwrap();
            for text in read(&folder, ".yaml") {
                known.push([schema.as_bytes(), b"\n=====\n", &text].concat());
            }
        }
        _ => {}
    }
    known
}

/// Calls the body, and leaves the input in a file when it does not come back.
fn call((name, body): Target, data: &[u8]) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}.input"));
    std::fs::write(&path, data).unwrap();
    let shown = || String::from_utf8_lossy(data).into_owned();
    if std::panic::catch_unwind(|| body(data)).is_err() {
        panic!(
            "{name} fails with the input in {}:\n{}",
            path.display(),
            shown()
        );
    }
    std::fs::remove_file(&path).unwrap();
}

fn fuzz(name: &str) {
    let target = *TARGETS.iter().find(|(one, _)| *one == name).unwrap();
    let known = corpus(name);
    for data in &known {
        call(target, data);
    }
    let seeds = std::env::var("RUNBOOK_SEEDS").map_or(SEEDS, |text| text.parse().unwrap());
    for seed in 0..seeds {
        call(target, &Mutator::new(seed as u64 + 1).input(&known));
    }
}

#[test]
fn parser() {
    fuzz("parser");
}

#[test]
fn environment() {
    fuzz("environment");
}

#[test]
fn template() {
    fuzz("template");
}

#[test]
fn expression() {
    fuzz("expression");
}

#[test]
fn event() {
    fuzz("event");
}

#[test]
fn replay() {
    fuzz("replay");
}

#[test]
fn value() {
    fuzz("value");
}

#[test]
fn every_target_has_a_binary_and_a_test() {
    let manifest = std::fs::read_to_string(project().join("fuzz/Cargo.toml")).unwrap();
    let here = include_str!("fuzz.rs");
    for (name, _) in TARGETS {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "{name} in fuzz/Cargo.toml"
        );
        assert!(
            here.contains(&format!("fuzz(\"{name}\")")),
            "{name} in this file"
        );
        let file = project().join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(
            std::fs::read_to_string(file)
                .unwrap()
                .contains(&format!("runbook_fuzz::{name}("))
        );
    }
}
