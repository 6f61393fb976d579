//! `runbook plugin new`.

use std::path::Path;

use include_dir::{Dir, DirEntry, include_dir};
use runbook_wasm::descriptor::is_kebab;
use serde_json::json;

use crate::args::Language;
use crate::exit;
use crate::failure::Failure;
use crate::project::Project;
use crate::ui::{self, out};

/// A language's template, and the SDK that goes with it: both are in the binary, so that a new plugin
/// needs no network.
fn parts(language: Language) -> (&'static Dir<'static>, &'static Dir<'static>) {
    static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/templates/rust");
    static PYTHON: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/templates/python");
    static JS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/templates/js");
    static RUST_SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/sdk/rust");
    static PYTHON_SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/sdk/python");
    static JS_SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/sdk/js");
    match language {
        Language::Rust => (&RUST, &RUST_SDK),
        Language::Python => (&PYTHON, &PYTHON_SDK),
        Language::Js => (&JS, &JS_SDK),
    }
}

/// What builds and tests of the SDK leave in its folders is no part of it, and neither are its own tests.
const NOT_THE_SDK: [&str; 7] = [
    "target",
    "dist",
    "node_modules",
    ".venv",
    "__pycache__",
    "tests",
    "test",
];

/// Writes a new plugin that builds and passes its fixtures as it is.
pub(crate) fn run(
    project: &Project,
    name: &str,
    language: Language,
    json: bool,
) -> Result<u8, Failure> {
    if !is_kebab(name) {
        return Err(Failure::usage(format!(
            "`{name}` is no name for a plugin; nothing was done"
        ))
        .help(format!(
            "lower case, digits and single hyphens, such as `{}`",
            kebab(name)
        )));
    }
    let folder = project.root().join("plugins").join(name);
    if folder.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; nothing was done",
            Project::shown(&folder)
        ))
        .help("choose another name, or remove the folder"));
    }
    let (template, sdk) = parts(language);
    let sdk_folder = folder.join("sdk");
    write((template, &folder), &[], &|text| {
        text.replace("{{name}}", name)
    })?;
    write((sdk, &sdk_folder), &NOT_THE_SDK, &str::to_owned)?;
    let next = [
        format!("runbook plugin build {name}"),
        format!("runbook plugin test {name}"),
    ];
    if json {
        ui::json(&json!({ "name": name, "folder": Project::shown(&folder), "next": next }));
    } else {
        out(&format!(
            "{} holds a plugin in {}: one step type, two fixtures, and the SDK\n\nnext: {}\n      {}\n",
            Project::shown(&folder),
            super::toolchain::language(language),
            next[0],
            next[1]
        ));
    }
    Ok(exit::OK)
}

fn write(
    (from, to): (&Dir<'_>, &Path),
    skip: &[&str],
    change: &dyn Fn(&str) -> String,
) -> Result<(), Failure> {
    let wrong = |path: &Path, error: &std::io::Error| {
        Failure::new(
            exit::FAILED,
            format!("cannot write {}: {error}", Project::shown(path)),
        )
    };
    std::fs::create_dir_all(to).map_err(|error| wrong(to, &error))?;
    for entry in from.entries() {
        let name = entry.path().file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        match entry {
            DirEntry::Dir(dir) => {
                if !skip.contains(&&*name) {
                    write((dir, &to.join(&*name)), skip, change)?;
                }
            }
            DirEntry::File(file) => {
                // Under their own names git and cargo would take them for files of this project.
                let path = to.join(match &*name {
                    "gitignore" => ".gitignore",
                    "Cargo.toml.in" => "Cargo.toml",
                    name => name,
                });
                let text = file.contents_utf8().map(change);
                let bytes = text.as_ref().map_or(file.contents(), String::as_bytes);
                std::fs::write(&path, bytes).map_err(|error| wrong(&path, &error))?;
            }
        }
    }
    Ok(())
}

/// A name as it would have to be.
fn kebab(name: &str) -> String {
    let plain: String = name
        .to_lowercase()
        .chars()
        .map(|one| match one.is_ascii_alphanumeric() {
            true => one,
            false => '-',
        })
        .collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let joined = parts.join("-");
    match is_kebab(&joined) {
        true => joined,
        false => format!("my-{joined}").trim_end_matches('-').to_owned(),
    }
}
