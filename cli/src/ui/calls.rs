//! What a plugin's step has asked of whom, from the notes in the journal.

use runbook_core::{Event, Journal, Note};
use serde_json::{Value, json};

use super::style;

/// One call of a step.
pub(crate) struct Call {
    item: Option<u32>,
    attempt: u32,
    number: u32,
    request: Value,
    changes: bool,
    outcome: Option<Value>,
}

/// The calls of a step, in order.
pub(crate) fn of<'a>(journal: impl Iterator<Item = &'a Journal>, step: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for entry in journal {
        let Event::Noted {
            step: name,
            item,
            attempt,
            note,
        } = &entry.event
        else {
            continue;
        };
        if name != step {
            continue;
        }
        match note {
            Note::Call {
                call,
                request,
                changes,
            } => calls.push(Call {
                item: *item,
                attempt: *attempt,
                number: *call,
                request: request.clone(),
                changes: *changes,
                outcome: None,
            }),
            Note::Returned { call, outcome } => {
                let asked = calls
                    .iter_mut()
                    .rev()
                    .find(|one| (one.item, one.attempt, one.number) == (*item, *attempt, *call));
                if let Some(asked) = asked {
                    asked.outcome = Some(outcome.clone());
                }
            }
            Note::Checkpoint { .. } => {}
        }
    }
    calls
}

/// The same for a program.
pub(crate) fn to_json(calls: &[Call]) -> Value {
    calls
        .iter()
        .map(|one| {
            json!({
                "item": one.item, "attempt": one.attempt, "call": one.number,
                "request": one.request, "changes": one.changes, "outcome": one.outcome,
            })
        })
        .collect()
}

/// A line for each call.
pub(crate) fn lines(calls: &[Call]) -> String {
    let mut text = String::new();
    if !calls.is_empty() {
        text.push_str("  calls\n");
    }
    for call in calls {
        let place = call
            .item
            .map(|item| format!("[{item}] "))
            .unwrap_or_default();
        text.push_str(&format!(
            "    {place}attempt {}: {}  {}\n",
            call.attempt,
            asked(&call.request),
            answered(call)
        ));
    }
    text
}

fn asked(request: &Value) -> String {
    for key in ["http", "aws"] {
        if let Some(what) = request[key].as_str() {
            return what.to_owned();
        }
    }
    if let Some(name) = request["secret"].as_str() {
        return format!("reads the secret {name}");
    }
    match request["state"].as_str() {
        Some(key) => format!("keeps `{key}`"),
        None => request.to_string(),
    }
}

fn answered(call: &Call) -> String {
    let Some(outcome) = &call.outcome else {
        if call.request["http"].is_string() || call.request["aws"].is_string() {
            let what = if call.changes {
                "no answer is recorded: it may have arrived"
            } else {
                "no answer is recorded"
            };
            return style::red(what);
        }
        return String::new();
    };
    let took = outcome["ms"].as_u64().unwrap_or_default();
    if let Some(why) = outcome["why"].as_str() {
        return style::red(&format!(
            "{} in {took} ms",
            why.lines().next().unwrap_or_default()
        ));
    }
    let mut text = format!("{} in {took} ms", outcome["status"]);
    for key in ["code", "request_id"] {
        if let Some(word) = outcome[key].as_str().filter(|word| !word.is_empty()) {
            text.push_str(&format!("  {word}"));
        }
    }
    style::dim(&text)
}
