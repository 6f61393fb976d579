//! `runbook resume`.

use runbook_core::RunStatus;
use runbook_runtime::store::{Filter, RunInfo, Signal, Snapshot};
use runbook_runtime::{Engine, Options, RedefineError, now};

use crate::args::ResumeArgs;
use crate::drive::{Driving, actor};
use crate::failure::Failure;
use crate::project::Project;
use crate::ui::{say, style};
use crate::{exit, load, state};

/// Goes on with one run, or with every interrupted one.
pub(crate) async fn run(project: &Project, args: &ResumeArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let driving = Driving::new(project, args.json)?;
    match &args.run {
        Some(name) => named(project, &driving, &snapshot, (name, args)).await,
        None => interrupted(&driving, &snapshot, args.json).await,
    }
}

async fn named(
    project: &Project,
    driving: &Driving,
    snapshot: &Snapshot,
    (name, args): (&str, &ResumeArgs),
) -> Result<u8, Failure> {
    let info = snapshot.find(name)?;
    // A child or a preparing run goes on with the run that waits for it, in its world.
    let root = if info.parent.is_some() {
        snapshot.run(&info.family)?
    } else {
        info
    };
    if root.status.is_terminal() && root.status != RunStatus::Failed {
        return Ok(ended(&root));
    }
    if let Some(file) = &args.with {
        edit(project, driving, &root, file).await?;
    }
    if let Some(at) = state::silent_since(&driving.store.snapshot()?, &root.id)? {
        say(&format!(
            "the process that drives run {} was not heard of since {}; it is watched for a while and the run taken over unless it stirs\n",
            root.id,
            style::time(at)
        ));
    } else if driving.store.is_driven(&root.id) {
        return nudge(driving, &root).await;
    }
    match args.restored {
        true => driving.restored(&root.id).await,
        false => driving.root(&root.id).await,
    }
}

/// Says that the run has ended; the exit code of that end.
fn ended(root: &RunInfo) -> u8 {
    say(&format!(
        "run {} has ended already ({})\n",
        root.id,
        root.status.name()
    ));
    if root.status == RunStatus::RolledBack {
        say(&format!(
            "`runbook rollback {}` tries again what could not be taken back\n",
            root.id
        ));
    }
    crate::drive::code(&runbook_runtime::Ended::Finished {
        status: root.status,
        measures: Vec::new(),
        changed: false,
    })
}

async fn interrupted(driving: &Driving, snapshot: &Snapshot, json: bool) -> Result<u8, Failure> {
    let live = Filter {
        roots: true,
        live: true,
        ..Filter::default()
    };
    let mut worst = exit::OK;
    let mut any = false;
    for info in snapshot.list(&live)?.into_iter().rev() {
        // A paused run waits for somebody who names it.
        let driven =
            driving.store.is_driven(&info.id) && state::silent_since(snapshot, &info.id)?.is_none();
        if info.status == RunStatus::Paused || driven {
            continue;
        }
        any = true;
        // One that cannot go on does not keep the others.
        let code = match driving.root(&info.id).await {
            Ok(code) => code,
            Err(failure) => {
                crate::tell(&failure, json);
                failure.code
            }
        };
        worst = worse(worst, code);
        if driving.stopping() {
            break;
        }
    }
    if !any {
        say("nothing is interrupted\n");
    }
    Ok(worst)
}

/// The code that says more: a failure, then an interruption, then a person who is waited for, then an
/// objective that was missed.
fn worse(one: u8, other: u8) -> u8 {
    let order = [
        exit::FAILED,
        exit::USAGE,
        exit::REFUSED,
        exit::INTERRUPTED,
        exit::WAITING,
        exit::MISSED,
    ];
    order
        .into_iter()
        .find(|code| [one, other].contains(code))
        .unwrap_or(exit::OK)
}

/// A live process drives it: that one goes on, if it was held.
async fn nudge(driving: &Driving, root: &RunInfo) -> Result<u8, Failure> {
    driving
        .store
        .signal(&root.id, &actor(), now(), Signal::Resume)
        .await?;
    say(&format!(
        "recorded; the process that drives run {} goes on if it was held\n",
        root.id
    ));
    Ok(exit::OK)
}

/// Gives the run an edited runbook, and says what differs.
async fn edit(
    project: &Project,
    driving: &Driving,
    root: &RunInfo,
    file: &str,
) -> Result<(), Failure> {
    let definition = load::edited(project, file, &root.environment, &driving.progress).await?;
    let engine = Engine::new(
        driving.store.clone(),
        driving.catalog.clone(),
        Options::default(),
    );
    match engine.redefine(&root.id, &definition, &actor()).await {
        Ok(changes) => {
            say(&format!("run {} goes on with {file}:\n", root.id));
            for line in changes {
                say(&format!("  {line}\n"));
            }
            Ok(())
        }
        Err(RedefineError::Unfit { run, reasons }) => Err(Failure::usage(format!(
            "{file} does not fit what run {run} has done; nothing was changed:\n  {}",
            reasons.join("\n  ")
        ))
        .help("steps that have started must stand in it with the same id and content")),
        Err(RedefineError::Same { run }) => Err(Failure::usage(format!(
            "{file} is the runbook that run {run} has already"
        ))
        .help(format!("next: runbook resume {run}"))),
        Err(RedefineError::Drive(error)) => Err(error.into()),
    }
}
