//! What keeps the project in shape: directions between crates, sizes, names, links. What a test finds it
//! lists in full, with what to do about it.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Lines of a file, tests left out.
const FILE_LINES: usize = 500;
/// Lines of a function, from its name to its last brace.
const FUNCTION_LINES: usize = 80;
/// Functions that may be longer, with the reason.
const LONG: [(&str, &str, &str); 2] = [
    (
        "engine/core/src/evolve.rs",
        "evolve_step",
        "one arm for each kind of event, without a wildcard: a new kind must not compile unnoticed",
    ),
    (
        "cli/src/ui/line.rs",
        "lines",
        "one arm for each kind of event, without a wildcard",
    ),
];

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

/// A path as it stands in the repository.
fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Fails with everything that was found and with what to do.
fn none(found: &[String], advice: &str) {
    assert!(found.is_empty(), "\n{}\n\n{advice}\n", found.join("\n"));
}

/// A line of code and its number.
type Line = (usize, String);

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Code of a file without the items that are marked as tests. Relies on the formatter: an item ends in
/// the column where it begins.
fn code(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut kept = Vec::new();
    let mut skipping = None;
    for (number, line) in text.lines().enumerate() {
        if let Some(column) = skipping {
            let deeper = line.trim().is_empty() || indent(line) > column;
            let ends = line.trim_end().ends_with(';') || line.trim_start().starts_with('}');
            if !deeper && ends {
                skipping = None;
            }
            continue;
        }
        if line.trim() == "#[cfg(test)]" {
            skipping = Some(indent(line));
            continue;
        }
        kept.push((number + 1, line.to_owned()));
    }
    kept
}

/// Files of the product: no tests, nothing that only tests use.
fn product_files() -> Vec<PathBuf> {
    let is_test = |path: &PathBuf| {
        let name = shown(path);
        name.split('/').any(|part| part == "tests")
            || name.ends_with("/tests.rs")
            || name.ends_with("/testing.rs")
    };
    files(&root(), ".rs")
        .into_iter()
        .filter(|path| !is_test(path))
        .collect()
}

/// The name of the function that begins on this line.
fn function(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        let (word, after) = rest.split_once(' ')?;
        match word {
            "fn" => return after.split(['(', '<']).next(),
            "const" | "async" | "unsafe" | "pub" => rest = after,
            _ if word.starts_with("pub(") => rest = after,
            _ => return None,
        }
    }
}

/// Names and lengths of the functions of a file; those without a body are left out.
fn functions(lines: &[Line]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (at, (number, line)) in lines.iter().enumerate() {
        let Some(name) = function(line) else {
            continue;
        };
        let column = indent(line);
        let end = lines[at..].iter().position(|(_, line)| {
            let here = indent(line) == column;
            here && (line.trim_end() == format!("{}}}", " ".repeat(column))
                || line.ends_with(';')
                || line.ends_with("{}"))
        });
        found.push((name.to_owned(), *number, end.unwrap_or(0) + 1));
    }
    found
}

/// Crates of this workspace that a `Cargo.toml` names in any table of dependencies. Tests may use what
/// tests have in common.
fn own_dependencies(manifest: &str, own: &BTreeSet<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut inside = false;
    let mut testing = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            inside = table.ends_with("dependencies");
            testing = table.ends_with("dev-dependencies");
            if table.contains("dependencies.") {
                found.extend(table.rsplit('.').next().map(str::to_owned));
            }
        } else if inside {
            let words = line.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c)));
            let words = words.filter(|word| !(testing && *word == "runbook-tests"));
            found.extend(words.map(str::to_owned));
        }
    }
    found.intersection(own).cloned().collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let below: &[&str] = &["runbook-core", "runbook-step"];
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("engine/core", &[][..]),
        ("engine/step", &["runbook-core"][..]),
        ("engine/spec", below),
        ("engine/runtime", below),
        ("engine/wasm", below),
        ("steps", below),
        ("sandbox", &[][..]),
        (
            "cli",
            &[
                "runbook-core",
                "runbook-step",
                "runbook-spec",
                "runbook-runtime",
                "runbook-steps",
                "runbook-sandbox",
                "runbook-wasm",
            ][..],
        ),
        // Tests look from outside: what they use makes no layer.
        ("tests", &[][..]),
        (
            "tests/disk",
            &["runbook-core", "runbook-step", "runbook-runtime"][..],
        ),
        (
            "tests/fuzz",
            &[
                "runbook-core",
                "runbook-step",
                "runbook-spec",
                "runbook-steps",
            ][..],
        ),
    ]);
    let whole = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = whole.split("members = [").nth(1).unwrap();
    let members = members.split(']').next().unwrap().split('"');
    let members: Vec<&str> = members.skip(1).step_by(2).collect();
    assert!(members.contains(&"engine/core"), "cannot read the members");
    let manifest = |folder: &str| {
        let path = root().join(folder).join("Cargo.toml");
        std::fs::read_to_string(path).unwrap()
    };
    let own: BTreeSet<String> = members
        .iter()
        .map(|folder| {
            let text = manifest(folder);
            let name = text.split("name = \"").nth(1).unwrap();
            name.split('"').next().unwrap().to_owned()
        })
        .collect();
    let mut found = Vec::new();
    for folder in &members {
        let Some(allowed) = allowed.get(folder) else {
            found.push(format!("{folder} has no place in the layers"));
            continue;
        };
        let name = format!("runbook-{}", folder.rsplit('/').next().unwrap());
        for other in own_dependencies(&manifest(folder), &own) {
            if other != name && !allowed.contains(&other.as_str()) {
                found.push(format!("{folder} depends on {other}"));
            }
        }
    }
    none(
        &found,
        "Move what is needed into a crate below both, or pass it in from above. A new crate gets its line \
         here and in docs/architecture.md, with the reason why it is one.",
    );
}

#[test]
fn a_file_has_one_subject() {
    let mut found = Vec::new();
    for path in product_files() {
        let lines = code(&path).len();
        if lines > FILE_LINES {
            found.push(format!("{}: {lines} lines", shown(&path)));
        }
    }
    none(
        &found,
        &format!(
            "A file has at most {FILE_LINES} lines without its tests: move its second subject into a \
             module of its own."
        ),
    );
}

#[test]
fn a_function_fits_on_a_screen() {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for path in product_files() {
        let file = shown(&path);
        for (name, line, length) in functions(&code(&path)) {
            if length <= FUNCTION_LINES {
                continue;
            }
            match LONG.iter().position(|one| (one.0, one.1) == (&file, &name)) {
                Some(at) => {
                    used.insert(at);
                }
                None => found.push(format!("{file}:{line}: `{name}` has {length} lines")),
            }
        }
    }
    none(
        &found,
        &format!(
            "A function has at most {FUNCTION_LINES} lines: give a part of it a name, make the arms of its \
             `match` methods of what is matched, or enter it in LONG with a reason that convinces."
        ),
    );
    let unused: Vec<String> = LONG
        .iter()
        .enumerate()
        .filter(|(at, _)| !used.contains(at))
        .map(|(_, (file, name, _))| format!("{file}: `{name}`"))
        .collect();
    none(
        &unused,
        "These are short now, or have another name: take them out of LONG.",
    );
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together here, so that this file does not find itself.
    let marks = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let mut unfinished = Vec::new();
    let mut careless = Vec::new();
    for path in product_files() {
        let lines = code(&path);
        let lines = lines
            .iter()
            .filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in lines {
            let place = format!("{}:{number}: {}", shown(&path), line.trim());
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                unfinished.push(place.clone());
            }
            if line.contains(".unwrap()") {
                careless.push(place);
            }
        }
    }
    none(
        &unfinished,
        "Finish it, or refuse it with an error that says what is not there.",
    );
    none(
        &careless,
        "Handle the error, or say with `expect` why it cannot happen.",
    );
}

#[test]
fn a_runbook_is_called_as_its_file() {
    let mut found = Vec::new();
    for path in files(&root().join("runbooks"), ".yaml") {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        if file.ends_with(".sandbox") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let book: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let name = book["name"].as_str().unwrap_or_default();
        if name != file {
            found.push(format!("{}: `name: {name}`", shown(&path)));
        }
    }
    none(
        &found,
        "Rename the file or the runbook: people type the one and read the other.",
    );
}

/// Text of a page without its blocks of code.
fn prose(page: &Path) -> String {
    let text = std::fs::read_to_string(page).unwrap();
    text.split("```").step_by(2).collect()
}

/// The name by which a link reaches a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut pages = files(&root().join("docs"), ".md");
    pages.extend(["README.md", "sandbox/README.md"].map(|page| root().join(page)));
    let mut found = Vec::new();
    for page in &pages {
        let text = prose(page);
        for target in text.split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            let there = path.exists()
                && (heading.is_empty()
                    || prose(&path)
                        .lines()
                        .any(|line| line.starts_with('#') && anchor(line) == heading));
            if !there {
                found.push(format!("{}: {target}", shown(page)));
            }
        }
    }
    none(
        &found,
        "Links of README.md, docs/ and sandbox/README.md lead to files of the repository, and to headings \
         in them: correct the link, or take it out with what it spoke of.",
    );
}
