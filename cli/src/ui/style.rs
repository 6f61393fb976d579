//! Colours and words; readable without colour.

use console::style;
use runbook_core::{Effect, Millis, RunStatus, StepStatus, Timestamp, format_millis};
use serde_json::Value;

/// The word before a step's line, as wide as the widest.
pub(crate) fn word(status: StepStatus) -> String {
    let text = match status {
        StepStatus::Pending => "-",
        StepStatus::Running => "run",
        StepStatus::Waiting => "wait",
        StepStatus::Retrying => "retry",
        StepStatus::InDoubt => "doubt",
        StepStatus::Succeeded => "ok",
        StepStatus::Failed => "fail",
        StepStatus::Skipped => "skip",
        StepStatus::Cancelled => "stop",
        StepStatus::Undoing => "undo",
        StepStatus::Undone => "undid",
    };
    let padded = format!("{text:<5}");
    let styled = match status {
        StepStatus::Succeeded => style(padded).green(),
        StepStatus::Failed | StepStatus::InDoubt => style(padded).red().bold(),
        StepStatus::Waiting | StepStatus::Retrying => style(padded).yellow(),
        StepStatus::Running | StepStatus::Undoing => style(padded).cyan(),
        StepStatus::Pending | StepStatus::Skipped | StepStatus::Cancelled | StepStatus::Undone => {
            style(padded).dim()
        }
    };
    styled.to_string()
}

/// A run's status in its colour.
pub(crate) fn status(status: RunStatus) -> String {
    let name = status.name();
    let styled = match status {
        RunStatus::Succeeded => style(name).green().bold(),
        RunStatus::Failed | RunStatus::ObjectiveMissed => style(name).red().bold(),
        RunStatus::SucceededWithWarnings
        | RunStatus::Waiting
        | RunStatus::Paused
        | RunStatus::RollingBack => style(name).yellow().bold(),
        RunStatus::Running | RunStatus::Pending => style(name).cyan(),
        RunStatus::Cancelled | RunStatus::RolledBack => style(name).dim(),
    };
    styled.to_string()
}

pub(crate) fn dim(text: &str) -> String {
    style(text).dim().to_string()
}

pub(crate) fn bold(text: &str) -> String {
    style(text).bold().to_string()
}

pub(crate) fn red(text: &str) -> String {
    style(text).red().bold().to_string()
}

pub(crate) fn green(text: &str) -> String {
    style(text).green().to_string()
}

/// A span, short.
pub(crate) fn span(millis: Millis) -> String {
    if (100..10_000).contains(&millis) {
        return format!("{}.{}s", millis / 1_000, millis % 1_000 / 100);
    }
    if millis < 100 {
        return format!("{millis}ms");
    }
    format_millis(millis / 1_000 * 1_000)
}

/// A point in local time.
pub(crate) fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| at.0.to_string(),
        |at| {
            let zoned = at.to_zoned_datetime(jiff::tz::TimeZone::system());
            zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
        },
    )
}

/// What a finished step has to say, on one short line.
pub(crate) fn detail(effect: Effect, outputs: &Value) -> String {
    let gist = gist(outputs);
    let what = match effect {
        Effect::None => return gist,
        Effect::Unchanged => dim("no change"),
        Effect::Changed => "changed".to_owned(),
        Effect::Adopted => "adopted".to_owned(),
    };
    if gist.is_empty() {
        what
    } else {
        format!("{what}  {}", dim(&gist))
    }
}

/// The outputs that a person wants to see: short, single values, at most three.
fn gist(outputs: &Value) -> String {
    let Some(outputs) = outputs.as_object() else {
        return String::new();
    };
    let mut parts = Vec::new();
    for (name, value) in outputs {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        if text.is_empty() || text.contains('\n') || text.len() > 44 || name == "run_id" {
            continue;
        }
        let itself = name.ends_with("_id") || name == "id" || matches!(value, Value::String(_));
        parts.push(if itself {
            text
        } else {
            format!("{name} {text}")
        });
        if parts.len() == 3 {
            break;
        }
    }
    parts.join("  ")
}
