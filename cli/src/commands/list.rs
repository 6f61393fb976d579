//! `runbook list`.

use runbook_runtime::now;
use runbook_runtime::store::{Filter, RunInfo};
use runbook_runtime::{Store, rfc3339};
use serde_json::{Value, json};

use crate::args::ListArgs;
use crate::failure::Failure;
use crate::project::Project;
use crate::state;
use crate::ui::table::{table, text};
use crate::ui::{self, out, say, show, style};

/// Lists runs, newest first.
pub(crate) fn run(project: &Project, args: &ListArgs) -> Result<u8, Failure> {
    if !Store::exists(project.state()) {
        if args.json {
            ui::json(&json!([]));
        } else {
            say("there is no run yet; `runbook run FILE` starts one\n");
        }
        return Ok(0);
    }
    let snapshot = state::snapshot(project)?;
    let filter = Filter {
        roots: !args.all,
        live: args.live,
        limit: Some(args.limit),
        ..Filter::default()
    };
    let runs = snapshot.list(&filter)?;
    if args.json {
        let runs: Vec<Value> = runs
            .iter()
            .map(|info| run_json(info, snapshot.is_driven(&info.id)))
            .collect();
        ui::json(&json!(runs));
        return Ok(0);
    }
    let mut rows = table(&["RUN", "RUNBOOK", "ENVIRONMENT", "STATUS", "STARTED", "TOOK"]);
    for info in &runs {
        let driven = snapshot.is_driven(&info.id);
        let end = info.finished.or_else(|| driven.then(now));
        let took = match (info.started, end) {
            (Some(started), Some(end)) => style::span(end.since(started)),
            _ => String::new(),
        };
        rows.add_row([
            style::bold(&info.id),
            info.runbook.clone(),
            info.environment.clone(),
            show::status_words(info, driven),
            style::time(info.started.unwrap_or(info.created)),
            took,
        ]);
    }
    out(&text(&rows));
    Ok(0)
}

/// A run as JSON, with readable times.
pub(crate) fn run_json(info: &RunInfo, driven: bool) -> Value {
    let mut value = serde_json::to_value(info).unwrap_or_default();
    for field in ["created", "started", "finished"] {
        if let Some(at) = value[field].as_i64() {
            value[field] = json!(rfc3339(runbook_core::Timestamp(at)));
        }
    }
    value["driven"] = json!(driven);
    value["interrupted"] = json!(
        !driven
            && matches!(
                info.status,
                runbook_core::RunStatus::Running | runbook_core::RunStatus::Pending
            )
    );
    value
}
