//! `runbook cancel`.

use runbook_core::RunStatus;
use runbook_runtime::now;
use runbook_runtime::store::Signal;

use crate::args::CancelArgs;
use crate::drive::{Driving, actor};
use crate::failure::Failure;
use crate::project::Project;
use crate::ui::say;
use crate::{exit, state};

/// Asks a run to end; carries it out unless a live process does.
pub(crate) async fn run(project: &Project, args: &CancelArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let named = snapshot.find(&args.run)?;
    let root = snapshot.run(&named.family)?;
    if root.status.is_terminal() {
        return Err(Failure::usage(format!(
            "run {} has ended already ({})",
            root.id,
            root.status.name()
        )));
    }
    if root.status == RunStatus::RollingBack {
        return Err(Failure::usage(format!(
            "run {} is being rolled back and ends by that",
            root.id
        ))
        .help(format!("`runbook show {}` tells how far it is", root.id)));
    }
    let driving = Driving::new(project, args.json)?;
    let signal = Signal::Cancel {
        reason: args.reason.clone(),
    };
    driving
        .store
        .signal(&root.id, &actor(), now(), signal)
        .await?;
    if driving.store.is_driven(&root.id) {
        let again = state::load(&snapshot, root.clone())?.run.is_cancelled();
        say(&if again {
            format!("run {} lets go of what is in flight and ends\n", root.id)
        } else {
            format!(
                "run {} ends after the steps in hand; a second `runbook cancel {}` lets go of them\n",
                root.id, root.id
            )
        });
        if state::silent_since(&snapshot, &root.id)?.is_some() {
            driving.recorded(&root.id)?;
        }
        return Ok(exit::OK);
    }
    // Carried out here; that the run was cancelled is what was asked for.
    match driving.cancelled(&root.id).await? {
        exit::FAILED => Ok(exit::OK),
        code => Ok(code),
    }
}
