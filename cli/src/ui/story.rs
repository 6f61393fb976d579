//! What people decided about a run and what was out of the ordinary, with times: for who comes to it later.

use runbook_core::{Effect, Event, Journal, Timestamp};

use super::line::word;
use super::style;

/// Lines of `show`; the journal has the rest.
const LINES: usize = 20;

/// The line of one event, if it belongs into the story.
pub(crate) fn line(entry: &Journal) -> Option<String> {
    let name = |step: &str, item: Option<u32>| match item {
        Some(item) => format!("{step}[{item}]"),
        None => step.to_owned(),
    };
    match &entry.event {
        Event::Succeeded {
            step,
            item,
            effect: Effect::Adopted,
            ..
        } => Some(format!(
            "{} took over what an attempt of it had made whose answer was lost",
            name(step, *item)
        )),
        Event::InDoubt {
            step, item, why, ..
        } => Some(format!("{} is in doubt: {why}", name(step, *item))),
        Event::Answered {
            step,
            item,
            actor,
            granted,
            comment,
        } => {
            let word = if *granted { "granted" } else { "rejected" };
            let said = comment.as_deref().map(|said| format!(": {said}"));
            Some(format!(
                "{} {word} by {actor}{}",
                name(step, *item),
                said.unwrap_or_default()
            ))
        }
        Event::Reopened { actor, .. } => {
            Some(format!("resumed by {actor}: what failed is tried again"))
        }
        Event::NotUndone {
            step,
            item,
            message,
            ..
        } => Some(format!("{} stays: {message}", name(step, *item))),
        Event::RollbackStarted {} => Some("the way back begins".to_owned()),
        event => word(event),
    }
}

/// A run's own events and those of the runs below it, by time.
pub(crate) fn text(mut lines: Vec<(Timestamp, String)>, run: &str) -> String {
    lines.sort_by_key(|(at, _)| *at);
    let hidden = lines.len().saturating_sub(LINES);
    let mut text = String::new();
    if hidden > 0 {
        text.push_str(&style::dim(&format!(
            "  {hidden} more before; `runbook events {run}` has all\n"
        )));
    }
    for (at, line) in lines.into_iter().skip(hidden) {
        text.push_str(&format!("  {}  {line}\n", style::dim(&style::time(at))));
    }
    text
}
