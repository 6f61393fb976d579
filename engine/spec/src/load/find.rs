//! Finding runbooks by name.

use std::path::{Path, PathBuf};

use crate::nearest::nearest;

/// No file has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no runbook `{name}`")]
pub struct NotFound {
    /// As it was asked for.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<String>,
    /// Every runbook under `runbooks/`.
    pub known: Vec<String>,
}

/// The file of a runbook: as given, else under `runbooks/` of the project; with or without `.yaml`.
///
/// # Errors
/// There is no such file; says what was probably meant.
pub fn find_runbook(name: &str, project: &Path) -> Result<PathBuf, NotFound> {
    let folder = project.join("runbooks");
    let places = [PathBuf::from(name), project.join(name), folder.join(name)];
    if let Some(path) = places.iter().find_map(|path| file(path)) {
        return Ok(path);
    }
    let known = names(&folder);
    let stem = name.trim_end_matches(".yaml").trim_end_matches(".yml");
    let stem = stem.strip_prefix("runbooks/").unwrap_or(stem);
    Err(NotFound {
        name: name.to_owned(),
        nearest: nearest(stem, known.iter().map(String::as_str)).map(str::to_owned),
        known,
    })
}

/// The file of a child: beside its parent, else under the nearest `runbooks/` above it.
pub(super) fn child(name: &str, parent: &Path) -> Result<PathBuf, Option<String>> {
    let beside = parent.parent().unwrap_or(Path::new(""));
    if let Some(path) = file(&beside.join(name)) {
        return Ok(path);
    }
    let absolute = super::real(parent);
    let folder = absolute
        .ancestors()
        .map(|one| one.join("runbooks"))
        .find(|one| one.is_dir());
    if let Some(path) = folder.as_ref().and_then(|folder| file(&folder.join(name))) {
        return Ok(path);
    }
    let mut known = names(if beside.as_os_str().is_empty() {
        Path::new(".")
    } else {
        beside
    });
    known.extend(folder.iter().flat_map(|folder| names(folder)));
    let stem = name.trim_end_matches(".yaml").trim_end_matches(".yml");
    Err(nearest(stem, known.iter().map(String::as_str))
        .map(|meant| format!("did you mean `{meant}.yaml`?")))
}

fn file(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    ["yaml", "yml"]
        .iter()
        .map(|end| PathBuf::from(format!("{}.{end}", path.display())))
        .find(|path| path.is_file())
}

/// The names of the YAML files of a folder and of its folders, without their ends, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            if path.is_dir() && prefix.matches('/').count() < 2 && !name.starts_with('.') {
                open.push((path, format!("{prefix}{name}/")));
            } else if let Some(stem) = name
                .strip_suffix(".yaml")
                .or_else(|| name.strip_suffix(".yml"))
            {
                found.push(format!("{prefix}{stem}"));
            }
        }
        if found.len() > 1_000 {
            break;
        }
    }
    found.sort();
    found
}
