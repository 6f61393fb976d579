//! What keeps the project in shape: directions between crates, sizes, names, links.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// Every file below a folder with this ending, `target` and hidden folders left out.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                found.extend(files(&path, ending));
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Code of a file without its tests.
fn code(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .map(str::to_owned)
        .collect()
}

fn product_files() -> Vec<PathBuf> {
    let is_test = |path: &PathBuf| {
        let name = shown(path);
        name.contains("tests/") || name.ends_with("tests.rs") || name.ends_with("testing.rs")
    };
    files(&root(), ".rs")
        .into_iter()
        .filter(|path| !is_test(path))
        .collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("engine/core", &[][..]),
        ("engine/step", &["runbook-core"][..]),
        ("engine/spec", &["runbook-core", "runbook-step"][..]),
        ("engine/runtime", &["runbook-core", "runbook-step"][..]),
        ("steps", &["runbook-core", "runbook-step"][..]),
        ("sandbox", &[][..]),
    ]);
    for (folder, allowed) in allowed {
        let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let dependencies = text
            .split("[dependencies]")
            .nth(1)
            .unwrap()
            .split("\n[")
            .next()
            .unwrap();
        for line in dependencies
            .lines()
            .filter(|line| line.starts_with("runbook-"))
        {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            assert!(
                allowed.contains(&name),
                "{folder} may not depend on {name}: move what it needs to a layer below"
            );
        }
    }
}

#[test]
fn a_file_has_one_subject() {
    for path in product_files() {
        let lines = code(&path).len();
        assert!(
            lines <= 520,
            "{} has {lines} lines: look for its second subject",
            shown(&path)
        );
    }
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together here, so that this file does not find itself.
    let marks = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    for path in product_files() {
        for (number, line) in code(&path).iter().enumerate() {
            let place = format!("{}:{}", shown(&path), number + 1);
            for mark in &marks {
                assert!(
                    !line.contains(mark.as_str()),
                    "{place}: finish it, or refuse it with an error"
                );
            }
            assert!(
                !line.contains(".unwrap()"),
                "{place}: handle the error, or say with `expect` why it cannot happen"
            );
        }
    }
}

#[test]
fn a_runbook_is_called_as_its_file() {
    for path in files(&root().join("runbooks"), ".yaml") {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        if file.ends_with(".sandbox") {
            continue;
        }
        let book: serde_yaml::Value =
            serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(
            book["name"].as_str(),
            Some(file.as_str()),
            "rename {}",
            shown(&path)
        );
    }
}

#[test]
fn links_lead_somewhere() {
    let mut pages = files(&root().join("docs"), ".md");
    pages.push(root().join("README.md"));
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let target = target.split('#').next().unwrap();
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{}: there is no {target}", shown(&page));
        }
    }
}
