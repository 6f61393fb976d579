//! The Python environment that moto runs in: made once, from pinned and hashed
//! packages, in the user's cache folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::process::Command;

use crate::error::Error;
use crate::files;
use crate::options::Options;
use crate::progress::{Progress, Report};

/// Every package with the hashes of its files for all platforms.
pub(crate) const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// Names the finished environment. Written last, so a torn build has none.
const MARKER: &str = "complete";

/// A Python environment that has moto.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// The interpreter of the environment.
    pub fn interpreter(&self) -> &Path {
        &self.interpreter
    }
}

/// Gives the Python environment, building it if this is the first time.
///
/// Safe against two processes at once, and against a kill in the middle: each
/// attempt builds in a folder of its own, and a marker written last says which
/// one counts.
///
/// # Errors
/// No Python, no venv module, pip failed, or the cache folder cannot be used.
pub async fn prepare(options: &Options, progress: &Report<'_>) -> Result<Python, Error> {
    if let Some(python) = finished(&options.cache) {
        return Ok(python);
    }
    files::make_dir(&options.cache)?;
    let _lock = files::lock(&options.cache.join("build.lock")).await?;
    if let Some(python) = finished(&options.cache) {
        return Ok(python);
    }
    build(&options.cache, progress).await
}

fn finished(cache: &Path) -> Option<Python> {
    let name = fs::read_to_string(cache.join(MARKER)).ok()?;
    let interpreter = interpreter_in(&cache.join(name.trim()));
    // The interpreter is a link, which dangles once the system's Python is gone.
    interpreter.exists().then_some(Python { interpreter })
}

fn interpreter_in(environment: &Path) -> PathBuf {
    environment.join("bin").join("python")
}

async fn build(cache: &Path, progress: &Report<'_>) -> Result<Python, Error> {
    progress(Progress::CreatingEnvironment);
    let base = find().await?;
    let name = attempt_name();
    let environment = cache.join(&name);
    make_environment(&base, &environment).await?;

    progress(Progress::Installing);
    let requirements = cache.join("requirements.txt");
    files::write_whole(&requirements, REQUIREMENTS)?;
    let interpreter = interpreter_in(&environment);
    install(&interpreter, &requirements).await?;

    files::write_whole(&cache.join(MARKER), &name)?;
    sweep(cache, &name);
    Ok(Python { interpreter })
}

/// Unlike any earlier attempt, whose orphaned pip may still be writing.
fn attempt_name() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("venv-{}-{}", now.as_millis(), std::process::id())
}

async fn make_environment(base: &Path, environment: &Path) -> Result<(), Error> {
    let output = run(
        base,
        ["-m".as_ref(), "venv".as_ref(), environment.as_os_str()],
    )
    .await?;
    if output.status.success() {
        return Ok(());
    }
    let text = text_of(&output);
    if text.contains("ensurepip") || text.contains("No module named venv") {
        return Err(Error::NoVenv {
            python: base.to_owned(),
        });
    }
    Err(Error::Install {
        command: format!("{} -m venv", base.display()),
        output: text,
    })
}

async fn install(interpreter: &Path, requirements: &Path) -> Result<(), Error> {
    let arguments = [
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-input",
        "--disable-pip-version-check",
        "-q",
        "-r",
    ];
    let arguments = arguments
        .iter()
        .map(OsStr::new)
        .chain([requirements.as_os_str()]);
    let output = run(interpreter, arguments).await?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Install {
        command: "pip install".into(),
        output: text_of(&output),
    })
}

async fn run(program: &Path, arguments: impl IntoIterator<Item = &OsStr>) -> Result<Output, Error> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::disk(program))
}

fn text_of(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    files::last_lines(&String::from_utf8_lossy(&both), 15)
}

/// The first interpreter of the search path that is new enough.
async fn find() -> Result<PathBuf, Error> {
    const NAMES: [&str; 7] = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.10",
        "python3.14",
        "python",
    ];
    for name in NAMES {
        let check = "import sys; print(sys.executable); sys.exit(sys.version_info < (3, 10))";
        let Ok(output) = run(Path::new(name), ["-c".as_ref(), check.as_ref()]).await else {
            continue;
        };
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && !path.is_empty() {
            return Ok(PathBuf::from(path));
        }
    }
    Err(Error::NoPython)
}

/// Removes what earlier attempts left. Failing to is no reason to fail.
fn sweep(cache: &Path, keep: &str) {
    let Ok(entries) = fs::read_dir(cache) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let stale = name
            .to_str()
            .is_some_and(|name| name.starts_with("venv-") && name != keep);
        if stale && let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::debug!(%error, "cannot remove an abandoned environment");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_and_hashed() {
        let packages: Vec<&str> = REQUIREMENTS
            .lines()
            .filter(|line| line.contains("=="))
            .collect();
        assert!(packages.iter().any(|line| line.starts_with("moto==5.2.5")));
        assert!(
            packages.iter().all(|line| line.ends_with('\\')),
            "each is followed by hashes"
        );
        assert!(!REQUIREMENTS.contains("index-url") && !REQUIREMENTS.contains("://"));
    }

    #[test]
    fn a_torn_build_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let interpreter = interpreter_in(&dir.path().join("venv-1"));
        fs::create_dir_all(interpreter.parent().unwrap()).unwrap();
        fs::write(&interpreter, "").unwrap();
        assert!(finished(dir.path()).is_none());
        fs::write(dir.path().join(MARKER), "venv-1").unwrap();
        assert!(finished(dir.path()).is_some());
        fs::remove_file(&interpreter).unwrap();
        assert!(finished(dir.path()).is_none());
    }
}
