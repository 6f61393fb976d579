//! `runbook plugin test`.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use runbook_wasm::digest::Digest;
use runbook_wasm::fixture::{self, Check, Report, Status};
use runbook_wasm::host::{Plugin, Runtime};
use serde_json::json;

use super::folder::Folder;
use super::watch;
use crate::args::WhichPlugin;
use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::busy::Busy;
use crate::ui::{self, count, out, say, size, style};

/// Runs the fixtures of a plugin against its component.
pub(crate) async fn run(project: &Project, which: &WhichPlugin, json: bool) -> Result<u8, Failure> {
    let folder = Folder::find(project, which)?;
    let plugin = load(&plugins::open()?, project, &folder, json).await?;
    let reports = play(&plugin, &folder).await?;
    if json {
        ui::json(&json!(reports));
    } else {
        print(&reports);
    }
    Ok(code(&reports))
}

/// The component as it was built last.
async fn load(
    runtime: &Runtime,
    project: &Project,
    folder: &Folder,
    json: bool,
) -> Result<Plugin, Failure> {
    let path = folder.component();
    let build = format!("runbook plugin build{}", folder.argument(project));
    let bytes = std::fs::read(&path).map_err(|error| {
        let shown = Project::shown(&path);
        match error.kind() {
            std::io::ErrorKind::NotFound => Failure::usage(format!(
                "plugin {} is not built: {shown} is not there",
                folder.name
            )),
            _ => Failure::usage(format!("cannot read {shown}: {error}")),
        }
        .help(build.clone())
    })?;
    if let Some(newer) = newer(&folder.path, &path) {
        say(&format!(
            "  {}  {newer} is newer than the component; `{build}` first, or `runbook plugin dev`\n",
            style::bold("note")
        ));
    }
    let bytes: Arc<[u8]> = bytes.into();
    let what = format!("compile {}: {}", folder.name, size(bytes.len() as u64));
    let compiled = runtime.is_compiled(&Digest::of(&bytes));
    let busy = Busy::new(&what, json || compiled);
    let plugin = Plugin::load(runtime, bytes).await.map_err(|wrong| {
        let shown = Project::shown(&path);
        Failure::usage(format!("{shown} cannot be used: {wrong}")).help(build.clone())
    })?;
    drop(busy);
    Ok(plugin)
}

/// A source that was changed after the component was built.
fn newer(folder: &Path, component: &Path) -> Option<String> {
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let built = changed(component)?;
    let newer = watch::sources(folder)
        .into_iter()
        .filter(|path| !path.starts_with(folder.join("tests")))
        .find(|path| changed(path).is_some_and(|at| at > built));
    newer.map(|path| Project::shown(&path))
}

/// Plays every fixture of a folder.
pub(super) async fn play(plugin: &Plugin, folder: &Folder) -> Result<Vec<Report>, Failure> {
    let fixtures = fixture::load(&folder.path)
        .map_err(|wrong| Failure::usage(wrong.to_string()).help("docs/plugins.md has the form"))?;
    if fixtures.is_empty() {
        return Err(Failure::usage(format!(
            "plugin {} has no fixtures: there is no YAML file in {}",
            folder.name,
            Project::shown(&folder.path.join("tests"))
        ))
        .help("docs/plugins.md has the form"));
    }
    let mut reports = Vec::new();
    for fixture in &fixtures {
        reports.push(fixture::run(plugin, fixture).await);
    }
    Ok(reports)
}

/// 0 when everything passed.
pub(super) fn code(reports: &[Report]) -> u8 {
    match reports.iter().all(Report::passed) {
        true => exit::OK,
        false => exit::FAILED,
    }
}

/// A line for each fixture; what failed with why.
pub(super) fn print(reports: &[Report]) {
    let width = reports.iter().map(|one| one.step.len()).max().unwrap_or(0);
    for report in reports {
        let word = match report.passed() {
            true => style::green("ok   "),
            false => style::red("FAIL "),
        };
        let passed = number(report, Status::Passed);
        out(&format!(
            "  {word} {:<width$}  {}  {}\n",
            report.step,
            report.name,
            style::dim(&count(passed, "check"))
        ));
        for check in report
            .checks
            .iter()
            .filter(|one| one.status == Status::Failed)
        {
            explain(report, check);
        }
    }
    let failed = reports.iter().filter(|one| !one.passed()).count() as u64;
    let checks: u64 = reports.iter().map(|one| one.checks.len() as u64).sum();
    let skipped: u64 = reports.iter().map(|one| number(one, Status::Skipped)).sum();
    let mut line = format!(
        "{}, {}",
        count(reports.len() as u64, "fixture"),
        count(checks, "check")
    );
    if skipped > 0 {
        line.push_str(&format!(", {skipped} left out"));
    }
    let end = match failed {
        0 => style::green("all passed"),
        some => style::red(&format!("{some} failed")),
    };
    out(&format!("\n  {line}: {end}\n"));
}

fn number(report: &Report, status: Status) -> u64 {
    report
        .checks
        .iter()
        .filter(|one| one.status == status)
        .count() as u64
}

fn explain(report: &Report, check: &Check) {
    let file = Project::shown(Path::new(&report.file));
    out(&format!(
        "        {}  {}\n",
        style::red(&check.name),
        style::dim(&format!("{file}:{}", report.line))
    ));
    for line in check.why.iter().flat_map(|why| why.lines()) {
        out(&format!("          {line}\n"));
    }
}
