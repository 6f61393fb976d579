//! `runbook backup`.

use runbook_runtime::backup::{BackupError, backup};
use serde_json::json;

use crate::args::BackupArgs;
use crate::exit;
use crate::failure::Failure;
use crate::project::Project;
use crate::state;
use crate::ui::{self, out, style};

/// Copies the state file while it may be in use, and says how to get back to the copy.
pub(crate) fn run(project: &Project, args: &BackupArgs) -> Result<u8, Failure> {
    state::needs_file(project)?;
    let copied = backup(project.state(), &args.file, args.force).map_err(failed)?;
    let file = Project::shown(&args.file);
    let here = Project::shown(project.state());
    let look = format!("runbook --state {file} list");
    let go_on = format!("runbook --state {file} resume --restored RUN");
    let put_back = format!("cp {file} {here}");
    if args.json {
        ui::json(&json!({
            "file": args.file,
            "bytes": copied.bytes,
            "runs": copied.runs,
            "events": copied.events,
            "restore": [look, go_on],
        }));
        return Ok(exit::OK);
    }
    out(&format!(
        "{}  {}; {}, {}; looked over and synced\n",
        style::bold(&file),
        ui::size(copied.bytes),
        ui::count(copied.runs, "run"),
        ui::count(copied.events, "event"),
    ));
    out(&format!(
        "\nto restore: {look}\n            {go_on}   (for each run that had not ended)\n\
         in place:   move {here}, {here}-wal and {here}-shm away together, then\n            {put_back}\n"
    ));
    Ok(exit::OK)
}

fn failed(error: BackupError) -> Failure {
    let message = error.to_string();
    match error {
        BackupError::Exists { .. } => {
            Failure::usage(message).help("choose another name, or write over it with --force")
        }
        BackupError::Unfit { .. } => Failure::usage(message),
        BackupError::InUse { .. } => Failure::usage(message).help("choose another name"),
        BackupError::Busy { .. } => {
            Failure::new(exit::REFUSED, message).help("wait for it, or choose another name")
        }
        BackupError::Write { .. } => Failure::new(exit::FAILED, message)
            .help("the state file is as it was; choose another place"),
        BackupError::Unsound { .. } => Failure::new(exit::FAILED, message)
            .help("`runbook doctor` says what is wrong with the state file"),
        BackupError::Store(error) => error.into(),
    }
}
