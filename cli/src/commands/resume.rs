//! `runbook resume`.

use runbook_core::RunStatus;
use runbook_runtime::store::Filter;

use crate::args::ResumeArgs;
use crate::drive::Driving;
use crate::failure::Failure;
use crate::project::Project;
use crate::ui::say;
use crate::{exit, state};

/// Goes on with one run, or with every interrupted one.
pub(crate) async fn run(project: &Project, args: &ResumeArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let driving = Driving::new(project, args.json)?;
    if let Some(name) = &args.run {
        let info = snapshot.find(name)?;
        // A child or a preparing run goes on with the run that waits for it, in its world.
        let root = if info.parent.is_some() {
            snapshot.run(&info.family)?
        } else {
            info
        };
        match root.status {
            RunStatus::Succeeded
            | RunStatus::SucceededWithWarnings
            | RunStatus::ObjectiveMissed
            | RunStatus::Cancelled
            | RunStatus::RolledBack => {
                say(&format!(
                    "run {} has ended already ({})\n",
                    root.id,
                    root.status.name()
                ));
                return Ok(crate::drive::code(&runbook_runtime::Ended::Finished {
                    status: root.status,
                    measures: Vec::new(),
                    changed: false,
                }));
            }
            RunStatus::Pending
            | RunStatus::Running
            | RunStatus::Waiting
            | RunStatus::Paused
            | RunStatus::Failed
            | RunStatus::RollingBack => {}
        }
        return driving.root(&root.id).await;
    }
    let live = Filter {
        roots: true,
        live: true,
        ..Filter::default()
    };
    let mut worst = exit::OK;
    let mut any = false;
    for info in snapshot.list(&live)?.into_iter().rev() {
        // A paused run waits for somebody who names it.
        if info.status == RunStatus::Paused || driving.store.is_driven(&info.id) {
            continue;
        }
        any = true;
        // One that cannot go on does not keep the others.
        let code = match driving.root(&info.id).await {
            Ok(code) => code,
            Err(failure) => {
                crate::tell(&failure, args.json);
                failure.code
            }
        };
        if code != exit::OK {
            worst = code;
        }
        if driving.stopping() {
            break;
        }
    }
    if !any {
        say("nothing is interrupted\n");
    }
    Ok(worst)
}
