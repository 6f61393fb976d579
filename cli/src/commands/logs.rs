//! `runbook logs`.

use runbook_runtime::rfc3339;
use serde_json::json;

use crate::args::ShowArgs;
use crate::failure::Failure;
use crate::project::Project;
use crate::state;
use crate::ui::{out, style};

/// Prints what the steps of a run, and of the runs below it, wrote.
pub(crate) fn run(project: &Project, args: &ShowArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let info = state::find(&snapshot, args.run.as_deref())?;
    let mut rows = Vec::new();
    for one in state::tree(&snapshot, info)? {
        let id = one.info.id;
        rows.extend(
            snapshot
                .logs(&id, args.step.as_deref())?
                .into_iter()
                .map(|row| (id.clone(), row)),
        );
    }
    rows.sort_by_key(|(_, row)| row.at);
    for (run, row) in rows {
        if args.json {
            let line = json!({ "run": run, "step": row.step, "item": row.item, "attempt": row.attempt,
                               "at": rfc3339(row.at), "line": row.line });
            out(&format!("{line}\n"));
        } else {
            let path = run
                .split_once('.')
                .map(|(_, path)| format!("{}/", path.replace('.', "/")));
            let item = row.item.map(|item| format!("[{item}]")).unwrap_or_default();
            let name = format!("{}{}{item}", path.unwrap_or_default(), row.step);
            out(&format!(
                "{}  {name}  {}\n",
                style::dim(&style::time(row.at)),
                row.line
            ));
        }
    }
    Ok(0)
}
