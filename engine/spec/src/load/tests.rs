use std::path::Path;

use serde_json::json;

use super::{Loaded, find_runbook, load_runbook};
use crate::testing::catalog;

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &Path, file: &str) -> Result<Loaded, Vec<String>> {
    load_runbook(&folder.join("runbooks").join(file), &catalog(), None).map_err(|wrong| {
        let line = |one: &crate::Diagnostic| {
            let file = Path::new(&one.source.name)
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let help = one
                .help
                .as_ref()
                .map(|help| format!(" ({help})"))
                .unwrap_or_default();
            format!(
                "{} {file}:{} {}{help}",
                one.code,
                one.position().0,
                one.message
            )
        };
        wrong.list.iter().map(line).collect()
    })
}

const CHILD: &str = "
name: child
params: { domain: { type: string, description: What to move }, count: { type: integer, default: 1 } }
steps:
  - { id: a, uses: wait, with: { for: 1s }, when: params.domain != '' && params.count > 0 }
outputs: { served: \"{{ steps.a.waited }}\" }
";

#[test]
fn children_of_all_depths_are_collected() {
    let parent = "
name: parent
steps:
  - { id: one, uses: runbook, with: { file: ./parts/middle.yaml } }
  - { id: two, uses: runbook, with: { file: child.yaml, params: { domain: a } } }
outputs: { served: \"{{ steps.two.served }} {{ steps.two.run_id }} {{ steps.one.from }}\" }
";
    let middle = "
name: middle
steps:
  - { id: leaf, uses: runbook, with: { file: child.yaml, params: { domain: \"{{ run.id }}\", count: 2 } } }
outputs: { from: \"{{ steps.leaf.served }}\" }
";
    let folder = project(&[
        ("runbooks/parent.yaml", parent),
        ("runbooks/parts/middle.yaml", middle),
        ("runbooks/child.yaml", CHILD),
    ]);
    let loaded = load(folder.path(), "parent.yaml").unwrap();
    let keys: Vec<_> = loaded.children.keys().map(String::as_str).collect();
    assert_eq!(keys, ["child.yaml", "parts/middle.yaml"]);
    assert_eq!(
        loaded.runbook.steps[0].with["file"],
        json!("parts/middle.yaml")
    );
    assert_eq!(loaded.files.len(), 3);
}

#[test]
fn the_parameters_of_a_child_are_checked() {
    let parent = "
name: parent
steps:
  - { id: a, uses: runbook, with: { file: child.yaml } }
  - { id: b, uses: runbook, with: { file: child.yaml, params: { domian: x, domain: 5, count: \"{{ run.id }}\" } } }
  - { id: c, uses: runbook, with: { file: chld.yaml } }
outputs: { a: \"{{ steps.a.servd }}\" }
";
    let folder = project(&[
        ("runbooks/parent.yaml", parent),
        ("runbooks/child.yaml", CHILD),
    ]);
    assert_eq!(
        load(folder.path(), "parent.yaml").unwrap_err(),
        [
            "R030 parent.yaml:4 runbook `child` needs the parameter `domain` (`domain`: What to move)",
            "R030 parent.yaml:5 runbook `child` has no parameter `domian` (did you mean `domain`?)",
            "R030 parent.yaml:5 parameter `domain` of `child` has to be a text, not `5`: put it in quotes",
            "R029 parent.yaml:6 there is no runbook `chld.yaml` (did you mean `child.yaml`?)",
            "R020 parent.yaml:7 step `a` has no output `servd` (did you mean `served`?)",
        ]
    );
}

#[test]
fn a_runbook_cannot_run_itself() {
    let one = "name: one\nsteps:\n  - { id: a, uses: runbook, with: { file: two.yaml } }\n";
    let two = "name: two\nsteps:\n  - { id: a, uses: runbook, with: { file: one.yaml } }\n";
    let folder = project(&[("runbooks/one.yaml", one), ("runbooks/two.yaml", two)]);
    assert_eq!(
        load(folder.path(), "one.yaml").unwrap_err(),
        ["R029 two.yaml:3 this runbook would run itself: one.yaml → two.yaml → one.yaml"]
    );
}

#[test]
fn nine_levels_are_one_too_many() {
    let files: Vec<(String, String)> = (0..12)
        .map(|n| {
            let text = match n {
                11 => "name: last\nsteps: []\n".to_owned(),
                _ => format!("name: r{n}\nsteps:\n  - {{ id: a, uses: runbook, with: {{ file: r{}.yaml }} }}\n", n + 1),
            };
            (format!("runbooks/r{n}.yaml"), text)
        })
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let folder = project(&files);
    assert_eq!(
        load(folder.path(), "r0.yaml").unwrap_err(),
        ["R029 r8.yaml:3 child runbooks are nested deeper than 8 levels"]
    );
    assert!(load(folder.path(), "r3.yaml").is_ok());
}

#[test]
fn the_mistakes_of_a_child_come_with_those_of_its_parent() {
    let parent =
        "name: parent\nstep: []\nsteps:\n  - { id: a, uses: runbook, with: { file: bad.yaml } }\n";
    let bad = "name: bad\nsteps:\n  - { id: a, uses: wat, with: { for: 1s } }\n";
    let folder = project(&[("runbooks/parent.yaml", parent), ("runbooks/bad.yaml", bad)]);
    assert_eq!(
        load(folder.path(), "parent.yaml").unwrap_err(),
        [
            "R008 bad.yaml:3 there is no step type `wat` (did you mean `wait`?)",
            "R003 parent.yaml:2 a runbook has no key `step` (did you mean `steps`?)",
        ]
    );
}

#[test]
fn a_parameter_that_nothing_reads_is_a_warning() {
    let text = "name: a\nparams: { x: { type: string }, y: { type: string } }\nsteps: []\nsummary: \"{{ params.y }}\"\n";
    let folder = project(&[("runbooks/a.yaml", text)]);
    let loaded = load(folder.path(), "a.yaml").unwrap();
    assert_eq!(loaded.warnings.list.len(), 1);
    assert_eq!(
        loaded.warnings.list[0].message,
        "parameter `x` is never read"
    );
}

#[test]
fn runbooks_are_found_by_name() {
    let folder = project(&[
        ("runbooks/prod-failover.yaml", CHILD),
        ("runbooks/parts/dns.yaml", CHILD),
    ]);
    for name in [
        "prod-failover",
        "prod-failover.yaml",
        "runbooks/prod-failover.yaml",
        "parts/dns",
    ] {
        assert!(find_runbook(name, folder.path()).is_ok(), "{name}");
    }
    let wrong = find_runbook("prod-failovr", folder.path()).unwrap_err();
    assert_eq!(wrong.nearest.as_deref(), Some("prod-failover"));
    assert_eq!(wrong.known, ["parts/dns", "prod-failover"]);
    let gone = load(folder.path(), "nope.yaml").unwrap_err();
    assert!(
        gone[0].starts_with("R029 nope.yaml:1 cannot read the file"),
        "{gone:?}"
    );
}
