//! `runbook events`.

use serde_json::Value;

use crate::args::EventsArgs;
use crate::failure::Failure;
use crate::project::Project;
use crate::state;
use crate::ui::progress::event_json;
use crate::ui::{out, style};

/// Prints the journal of a run.
pub(crate) fn run(project: &Project, args: &EventsArgs) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let info = state::find(&snapshot, args.run.as_deref())?;
    for row in snapshot.events(&info.id, args.after)? {
        let line = event_json(&row.run, row.seq, &row.entry);
        if args.json {
            out(&format!("{line}\n"));
            continue;
        }
        let subject = match row.entry.event.subject() {
            Some((step, Some(item))) => format!("{step}[{item}]"),
            Some((step, None)) => step.to_owned(),
            None => String::new(),
        };
        let kind = row.entry.event.kind().replace('_', " ");
        let text = format!(
            "{:>5}  {}  {kind:<16} {subject:<24} {}",
            row.seq,
            style::dim(&style::time(row.entry.at)),
            style::dim(&rest(&line))
        );
        out(&format!("{}\n", text.trim_end()));
    }
    Ok(0)
}

/// What is special about the event, on one short line.
fn rest(line: &Value) -> String {
    let known = ["kind", "run", "seq", "at", "step", "item"];
    let Some(map) = line.as_object() else {
        return String::new();
    };
    let parts: Vec<String> = map
        .iter()
        .filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect();
    let text = parts.join(" ");
    if text.chars().count() > 110 {
        let short: String = text.chars().take(109).collect();
        return format!("{short}…");
    }
    text
}
