//! `runbook doctor`.

use runbook_runtime::Store;
use runbook_runtime::doctor::{self, Finding, Kind, RebuildError, Report};
use serde_json::{Value, json};

use crate::args::DoctorArgs;
use crate::exit;
use crate::failure::Failure;
use crate::project::Project;
use crate::state;
use crate::ui::{self, out, style};

/// Looks the state file over, and writes the state rows again when asked to.
pub(crate) async fn run(project: &Project, args: &DoctorArgs) -> Result<u8, Failure> {
    state::needs_file(project)?;
    let path = project.state();
    let mut report = doctor::examine(path, args.run.as_deref())?;
    let mut rebuilt = Vec::new();
    if args.rebuild && report.findings.iter().any(|one| one.kind.is_mendable()) {
        let runs = rebuild(project, &report).await?;
        let before = std::mem::take(&mut report.findings);
        let mended = |one: &Finding| {
            let named = one.run.as_ref().is_some_and(|run| runs.contains(run));
            one.kind.is_mendable() && named
        };
        rebuilt.extend(before.into_iter().filter(mended));
        report = doctor::examine(path, args.run.as_deref())?;
    }
    if args.json {
        ui::json(&as_json(project, &report, &rebuilt));
    } else {
        out(&as_text(project, &report, &rebuilt));
    }
    Ok(if report.is_healthy() {
        exit::OK
    } else {
        exit::FAILED
    })
}

async fn rebuild(project: &Project, report: &Report) -> Result<Vec<String>, Failure> {
    let failed = |error: RebuildError| {
        let message = error.to_string();
        match error {
            RebuildError::Driven { run } => Failure::new(exit::REFUSED, message).help(format!(
                "wait for it (`runbook show {run}`), then type this again"
            )),
            RebuildError::Damaged => {
                Failure::new(exit::FAILED, message).help(restore(project, None).join("; "))
            }
            RebuildError::Store(error) => error.into(),
        }
    };
    let store = Store::open(project.state())?;
    doctor::rebuild(&store, report).await.map_err(failed)
}

/// What is looked at, in the order in which it is told.
const PARTS: [(Kind, &str); 4] = [
    (
        Kind::Damaged,
        "the file: its structure, and what its rows refer to",
    ),
    (
        Kind::Record,
        "the records: journals, definitions and large outputs have their hashes",
    ),
    (Kind::Rows, "the state rows say what the events say"),
    (Kind::Lock, "locks are held by live runs"),
];

fn as_text(project: &Project, report: &Report, rebuilt: &[Finding]) -> String {
    let mut text = format!(
        "{}  {}, WAL {}; {}, {}\n",
        style::bold(&Project::shown(&report.path)),
        ui::size(report.bytes),
        ui::size(report.wal_bytes),
        ui::count(report.runs, "run"),
        ui::count(report.events, "event"),
    );
    if report.examined < report.runs {
        text.push_str(&format!(
            "only {} looked at\n",
            ui::count(report.examined, "run")
        ));
    }
    for (kind, what) in PARTS {
        if passed(report, kind) {
            text.push_str(&format!("{}  {what}\n", style::green("ok    ")));
        }
    }
    for one in rebuilt {
        text.push_str(&format!("{}  {}\n", style::green("mended"), sentence(one)));
    }
    for one in &report.findings {
        let word = if one.kind.is_problem() {
            style::red("FAIL  ")
        } else {
            style::dim("note  ")
        };
        text.push_str(&format!("{word}  {}\n", sentence(one)));
    }
    let problems = report.findings.iter().filter(|one| one.kind.is_problem());
    let problems = u64::try_from(problems.count()).unwrap_or(u64::MAX);
    text.push_str(&if problems == 0 {
        format!("\n{}\n", style::green("healthy"))
    } else {
        format!("\n{}\n", style::red(&ui::count(problems, "problem")))
    });
    let next = all_next(project, report);
    if !next.is_empty() {
        text.push_str(&format!("next: {}\n", next.join("\n      ")));
    }
    text
}

/// Whether this could be looked at everywhere and nothing was found. In a damaged file nothing counts,
/// and the rows of a run whose record is broken are compared with nothing.
fn passed(report: &Report, kind: Kind) -> bool {
    let found = |wanted: &[Kind]| report.findings.iter().any(|one| wanted.contains(&one.kind));
    match kind {
        Kind::Rows => !found(&[Kind::Damaged, Kind::Record, Kind::Rows]),
        Kind::Lock => !found(&[Kind::Damaged, Kind::Record, Kind::Lock, Kind::Clash]),
        other => !found(&[Kind::Damaged, other]),
    }
}

fn sentence(one: &Finding) -> String {
    match &one.run {
        Some(run) => format!("run {}: {}", style::bold(run), one.message),
        None => one.message.clone(),
    }
}

/// What to type, each line once.
fn all_next(project: &Project, report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in report.findings.iter().flat_map(|one| next(project, one)) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn next(project: &Project, one: &Finding) -> Vec<String> {
    let run = one.run.as_deref().unwrap_or_default();
    let typed = |rest: String| vec![format!("{} {rest}", program(project))];
    match one.kind {
        Kind::Damaged => restore(project, None),
        Kind::Record => restore(project, one.run.as_deref()),
        Kind::Rows | Kind::Lock => typed(format!("doctor {run} --rebuild")),
        Kind::Clash => typed(format!("cancel {run}   (or wait for the other run)")),
        Kind::Interrupted => typed(format!("resume {run}")),
        Kind::Asks => typed(format!(
            "approve {run} {}",
            one.step.as_deref().unwrap_or_default()
        )),
        Kind::Setting => Vec::new(),
    }
}

/// The command as it reaches this state file again.
fn program(project: &Project) -> String {
    if project.is_found_again() {
        return "runbook".to_owned();
    }
    format!("runbook --state {}", Project::shown(project.state()))
}

/// Out of a broken file only a backup leads.
fn restore(project: &Project, run: Option<&str>) -> Vec<String> {
    let file = Project::shown(project.state());
    let run = run.unwrap_or("RUN");
    vec![
        format!("cp {file}* ELSEWHERE/   (keep what is there before anything else)"),
        "runbook --state BACKUP doctor   (BACKUP: the newest file of `runbook backup`)".to_owned(),
        format!("runbook --state BACKUP resume --restored {run}"),
    ]
}

fn as_json(project: &Project, report: &Report, rebuilt: &[Finding]) -> Value {
    let findings = |wanted: bool| -> Vec<Value> {
        let chosen = report.findings.iter();
        chosen
            .filter(|one| one.kind.is_problem() == wanted)
            .map(|one| {
                json!({ "kind": one.kind.name(), "run": one.run, "message": one.message,
                        "next": next(project, one) })
            })
            .collect()
    };
    json!({
        "file": report.path,
        "healthy": report.is_healthy(),
        "bytes": report.bytes,
        "wal_bytes": report.wal_bytes,
        "runs": report.runs,
        "events": report.events,
        "examined": report.examined,
        "problems": findings(true),
        "notes": findings(false),
        "rebuilt": rebuilt.iter()
            .map(|one| json!({ "kind": one.kind.name(), "run": one.run, "message": one.message }))
            .collect::<Vec<_>>(),
    })
}
