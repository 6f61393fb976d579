//! Journals that were recorded with every release replay for ever. How they were recorded, and how one is
//! added, is in the README beside the state files of the runtime's tests.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::sync::Arc;

use runbook_core::{Journal, Run, RunStatus, Runbook};
use serde::Deserialize;

/// The first line of a journal.
#[derive(Deserialize)]
struct Head {
    run: String,
    status: RunStatus,
    runbook: Runbook,
}

/// Each release's journals, and the kinds of events that came with it.
const RELEASED: [(&str, &[&str]); 3] = [
    (
        include_str!("journals/v1.jsonl"),
        &[
            "created",
            "started",
            "resumed",
            "skipped",
            "expanded",
            "attempt_started",
            "observed",
            "waiting",
            "woken",
            "attempt_failed",
            "succeeded",
            "failed",
            "in_doubt",
            "resolved",
            "step_cancelled",
            "answered",
            "marked",
            "cancel_requested",
            "reopened",
            "finished",
        ],
    ),
    (
        include_str!("journals/v2.jsonl"),
        &[
            "cancel_forced",
            "pause_requested",
            "unpaused",
            "retry_requested",
            "step_skipped",
            "deadline_passed",
            "restored",
            "redefined",
            "rollback_requested",
            "rollback_started",
            "undo_started",
            "undo_waiting",
            "undone",
            "not_undone",
        ],
    ),
    (include_str!("journals/v3.jsonl"), &["noted"]),
];

/// Replays every journal of a file; the kinds of events in it.
fn replay(text: &str) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let head: Head = serde_json::from_str(line).unwrap();
        let mut events: Vec<Journal> = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("{\"at\"")) {
            let event = serde_json::from_str(line);
            events.push(event.unwrap_or_else(|why| panic!("{}: {why}: {line}", head.run)));
        }
        assert!(!events.is_empty(), "{}", head.run);
        kinds.extend(events.iter().map(|entry| entry.event.kind()));
        let run = Run::new(Arc::new(head.runbook)).replay(&events);
        let run = run.unwrap_or_else(|why| panic!("{}: {why}", head.run));
        assert_eq!(run.status(), head.status, "{}", head.run);
    }
    kinds
}

#[test]
fn journals_of_every_release_replay() {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (text, added) in RELEASED {
        known.extend(added);
        let missing: Vec<&str> = known.difference(&replay(text)).copied().collect();
        assert!(missing.is_empty(), "not recorded: {missing:?}");
    }
}

#[test]
fn a_line_of_no_known_kind_is_refused() {
    let line = r#"{"at":1,"kind":"unheard_of"}"#;
    assert!(serde_json::from_str::<Journal>(line).is_err());
}
