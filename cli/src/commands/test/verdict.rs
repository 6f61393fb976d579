//! What is looked at after a case, and what it means.

use std::collections::BTreeMap;
use std::path::Path;

use runbook_core::{Event, StepStatus};
use runbook_runtime::store::{Filter as Runs, Snapshot};

use crate::failure::Failure;
use crate::state;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same end and the same world as undisturbed.
    Same,
    /// A step waits for a person's word, since nothing can tell what became of it.
    InDoubt(String),
    /// Something is doubled, missing or different.
    Differs(String),
    /// It does not come to the same end.
    Stuck(String),
}

impl Verdict {
    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::Stuck(_))
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::InDoubt(_) => "in_doubt",
            Self::Differs(_) => "differs",
            Self::Stuck(_) => "stuck",
        }
    }

    pub(super) fn words(&self) -> &str {
        match self {
            Self::Same => "",
            Self::InDoubt(text) | Self::Differs(text) | Self::Stuck(text) => text,
        }
    }
}

fn all(snapshot: &Snapshot) -> Result<Vec<state::Loaded>, Failure> {
    let runs = snapshot.list(&Runs::default())?;
    runs.into_iter()
        .map(|info| state::load(snapshot, info))
        .collect()
}

/// The steps in doubt of any run, if there are some.
pub(super) fn doubts(path: &Path) -> Result<Option<String>, Failure> {
    let snapshot = Snapshot::open(path)?;
    let mut names = Vec::new();
    for loaded in all(&snapshot)? {
        for (step, state) in loaded.run.book().steps.iter().zip(loaded.run.steps()) {
            if state.status() == StepStatus::InDoubt {
                names.push(format!("{} {}", loaded.info.id, step.id));
            }
        }
    }
    Ok((!names.is_empty()).then(|| names.join(", ")))
}

/// A step that succeeded more than once, if there is one.
pub(super) fn repeated(path: &Path) -> Result<Option<String>, Failure> {
    let snapshot = Snapshot::open(path)?;
    for info in snapshot.list(&Runs::default())? {
        let mut ends: BTreeMap<(String, Option<u32>), usize> = BTreeMap::new();
        for row in snapshot.events(&info.id, 0)? {
            if let Event::Succeeded { step, item, .. } = &row.entry.event {
                *ends.entry((step.clone(), *item)).or_default() += 1;
            }
        }
        if let Some(((step, _), count)) = ends.iter().find(|(_, count)| **count > 1) {
            return Ok(Some(format!(
                "  step `{step}` of run {} succeeded {count} times",
                info.id
            )));
        }
    }
    Ok(None)
}

/// The lines that only one of two inventories has.
pub(super) fn difference(wanted: &str, found: &str) -> Option<String> {
    if wanted == found {
        return None;
    }
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for line in wanted.lines() {
        *counts.entry(line).or_default() -= 1;
    }
    for line in found.lines() {
        *counts.entry(line).or_default() += 1;
    }
    let lines: Vec<String> = counts
        .iter()
        .filter(|(_, count)| **count != 0)
        .take(12)
        .map(|(line, count)| {
            format!(
                "  {} {line}",
                if *count > 0 { "more:   " } else { "missing:" }
            )
        })
        .collect();
    Some(lines.join("\n"))
}

/// Says that something was done more or less often than in the undisturbed run.
pub(super) fn counted(operation: &str, wanted: usize, found: usize) -> Option<String> {
    let word = match found.cmp(&wanted) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => "more:   ",
        std::cmp::Ordering::Less => "missing:",
    };
    Some(format!("  {word} {operation}, {found} instead of {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::{counted, difference};

    #[test]
    fn what_leaves_no_trace_is_counted() {
        assert_eq!(counted("Publish", 1, 1), None);
        assert!(counted("Publish", 1, 2).unwrap().contains("more:"));
        assert!(counted("Publish", 1, 0).unwrap().contains("missing:"));
    }

    #[test]
    fn what_only_one_world_has_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let text = difference("a\nb\n", "a\na\n").unwrap();
        assert!(
            text.contains("more:    a") && text.contains("missing: b"),
            "{text}"
        );
    }
}
