//! What is printed for one event: nothing, or one line.

use std::collections::BTreeMap;
use std::sync::Arc;

use runbook_core::{Event, Gate, Journal, Runbook, StepStatus, Timestamp, Work};
use serde_json::Value;

use super::style;

/// More items than this are summed up in the line of their step.
const ITEMS: usize = 24;

/// Width of the column of names.
const NAME: usize = 42;

/// One run on the screen.
pub(crate) struct Shown {
    book: Arc<Runbook>,
    /// Names of the steps above it, with a slash at the end; empty for the root.
    prefix: String,
    started: BTreeMap<(String, Option<u32>), Timestamp>,
    fans: BTreeMap<String, Fan>,
    notes: BTreeMap<(String, Option<u32>), String>,
}

/// A `for_each` step on the screen.
struct Fan {
    total: usize,
    done: usize,
    failed: usize,
    first: Option<Timestamp>,
}

/// Something for the screen.
pub(crate) enum Line {
    /// A line that stays.
    Keep(String),
    /// A step that is under way, with what it does now.
    Live {
        /// Its name.
        name: String,
        /// What it does.
        note: String,
    },
    /// A step that is no longer under way.
    Gone {
        /// Its name.
        name: String,
    },
}

impl Shown {
    /// The runbook of the run.
    pub(crate) fn book(self) -> Arc<Runbook> {
        self.book
    }

    pub(crate) fn new(book: Arc<Runbook>, prefix: String) -> Self {
        Self {
            book,
            prefix,
            started: BTreeMap::new(),
            fans: BTreeMap::new(),
            notes: BTreeMap::new(),
        }
    }

    fn name(&self, step: &str, item: Option<u32>) -> String {
        match item {
            Some(item) => format!("{}{step}[{item}]", self.prefix),
            None => format!("{}{step}", self.prefix),
        }
    }

    fn work(&self, step: &str) -> Option<Work> {
        self.book
            .steps
            .iter()
            .find(|one| one.id == step)
            .map(|one| one.work)
    }

    fn uses(&self, step: &str) -> Option<&str> {
        let step = self.book.steps.iter().find(|one| one.id == step)?;
        Some(&step.uses)
    }

    fn many(&self, step: &str) -> bool {
        self.fans.get(step).is_some_and(|fan| fan.total > ITEMS)
    }

    /// The lines of one event.
    pub(crate) fn lines(&mut self, entry: &Journal) -> Vec<Line> {
        let at = entry.at;
        match &entry.event {
            Event::Skipped { step, saw, .. } => {
                vec![self.keep(StepStatus::Skipped, step, None, (None, &seen(saw)))]
            }
            Event::Expanded { step, items } => {
                let fan = Fan {
                    total: items.len(),
                    done: 0,
                    failed: 0,
                    first: None,
                };
                self.fans.insert(step.clone(), fan);
                Vec::new()
            }
            Event::AttemptStarted {
                step,
                item,
                attempt,
                ..
            } => self.begin(at, step, *item, *attempt),
            Event::Waiting {
                step, item, note, ..
            } => self.waiting(step, *item, note),
            Event::Woken { step, item, .. } => match self.notes.get(&(step.clone(), *item)) {
                Some(note) if !self.many(step) => {
                    vec![Line::Live {
                        name: self.name(step, *item),
                        note: note.clone(),
                    }]
                }
                Some(_) | None => Vec::new(),
            },
            // Shown by `events`; a call is not worth a line here.
            Event::Noted { .. } => Vec::new(),
            Event::AttemptFailed {
                step,
                item,
                fault,
                retry_at,
                ..
            } => {
                let wait = style::span(retry_at.since(at));
                let text = format!("{fault}; again in {wait}");
                vec![self.keep(StepStatus::Retrying, step, *item, (None, &text))]
            }
            Event::Succeeded {
                step,
                item,
                outputs,
                effect,
                ..
            } => {
                // What a `log` step says has its own line already.
                let told = self.uses(step) == Some("log");
                let detail = if told {
                    String::new()
                } else {
                    style::detail(*effect, outputs)
                };
                self.end(at, StepStatus::Succeeded, step, *item, &detail)
            }
            Event::Failed {
                step, item, fault, ..
            } => {
                let mut text = fault.to_string();
                if let Some(help) = &fault.help {
                    text.push_str(&format!("\n{:44}{}", "", style::dim(help)));
                }
                self.end(at, StepStatus::Failed, step, *item, &text)
            }
            Event::InDoubt {
                step, item, why, ..
            } => self.end(at, StepStatus::InDoubt, step, *item, why),
            Event::StepCancelled { step, item } => {
                self.end(at, StepStatus::Cancelled, step, *item, "")
            }
            Event::Answered {
                step,
                item,
                actor,
                granted,
                comment,
            } => {
                let said = comment
                    .as_deref()
                    .map(|text| format!(": {text}"))
                    .unwrap_or_default();
                let word = if *granted { "granted" } else { "rejected" };
                let status = if *granted {
                    StepStatus::Succeeded
                } else {
                    StepStatus::Failed
                };
                vec![self.keep(
                    status,
                    step,
                    *item,
                    (None, &format!("{word} by {actor}{said}")),
                )]
            }
            Event::UndoStarted { step, item, .. } => {
                self.started.insert((step.clone(), *item), at);
                vec![Line::Live {
                    name: self.name(step, *item),
                    note: "taking back".to_owned(),
                }]
            }
            Event::UndoWaiting {
                step,
                item,
                note,
                fault,
                until,
                ..
            } => {
                let text = match fault {
                    Some(fault) => format!("{fault}; again in {}", style::span(until.since(at))),
                    None => note.clone(),
                };
                vec![self.keep(StepStatus::Undoing, step, *item, (None, &text))]
            }
            Event::Undone {
                step, item, left, ..
            } => {
                let detail = match left {
                    0 => "",
                    _ => "next: what it did before it was run again",
                };
                self.end(at, StepStatus::Undone, step, *item, detail)
            }
            Event::NotUndone {
                step,
                item,
                message,
                ..
            } => {
                let name = self.name(step, *item);
                let text = format!(
                    "  {} {name:<NAME$} {:>7}  {message}",
                    style::red("stays"),
                    ""
                );
                vec![Line::Gone { name }, Line::Keep(text)]
            }
            Event::StepSkipped {
                step,
                actor,
                reason,
            } => {
                let text = format!("by {actor}: {reason}");
                vec![self.keep(StepStatus::Skipped, step, None, (None, &text))]
            }
            Event::RetryRequested { .. }
            | Event::CancelRequested { .. }
            | Event::CancelForced { .. }
            | Event::PauseRequested { .. }
            | Event::Unpaused { .. }
            | Event::DeadlinePassed { .. }
            | Event::Restored { .. }
            | Event::Redefined { .. }
            | Event::RollbackRequested { .. } => match word(&entry.event) {
                Some(text) => vec![Line::Keep(format!("  {}{text}", self.prefix))],
                None => Vec::new(),
            },
            Event::RollbackStarted {}
            | Event::Created { .. }
            | Event::Started { .. }
            | Event::Resumed { .. }
            | Event::Observed { .. }
            | Event::Resolved { .. }
            | Event::Marked { .. }
            | Event::Reopened { .. }
            | Event::Finished { .. } => Vec::new(),
        }
    }

    fn begin(&mut self, at: Timestamp, step: &str, item: Option<u32>, attempt: u32) -> Vec<Line> {
        self.started.entry((step.to_owned(), item)).or_insert(at);
        if let Some(fan) = self.fans.get_mut(step) {
            fan.first.get_or_insert(at);
        }
        if self.many(step) || matches!(self.work(step), Some(Work::Pure) | None) {
            return Vec::new();
        }
        let note = if attempt > 1 {
            format!("attempt {attempt}")
        } else {
            String::new()
        };
        vec![Line::Live {
            name: self.name(step, item),
            note,
        }]
    }

    fn waiting(&mut self, step: &str, item: Option<u32>, note: &str) -> Vec<Line> {
        let last = self.notes.insert((step.to_owned(), item), note.to_owned());
        if self.many(step) {
            return Vec::new();
        }
        let name = self.name(step, item);
        let question = matches!(self.work(step), Some(Work::Gate(_)));
        let live = Line::Live {
            name,
            note: note.to_owned(),
        };
        if last.as_deref() == Some(note) || self.work(step) == Some(Work::Timer) {
            return vec![live];
        }
        let text = if question {
            format!("asks: {note}")
        } else {
            note.to_owned()
        };
        vec![
            self.keep(StepStatus::Waiting, step, item, (None, &text)),
            live,
        ]
    }

    fn end(
        &mut self,
        at: Timestamp,
        status: StepStatus,
        step: &str,
        item: Option<u32>,
        detail: &str,
    ) -> Vec<Line> {
        let first = self.started.get(&(step.to_owned(), item)).copied();
        let took = first.map(|first| at.since(first));
        let name = self.name(step, item);
        if let Some(fan) = self.fans.get_mut(step) {
            fan.done += 1;
            fan.failed += usize::from(status == StepStatus::Failed);
            if fan.total > ITEMS && status == StepStatus::Succeeded {
                return self.fan_end(at, step);
            }
        }
        // A gate's answer has its own line already.
        let gate = matches!(
            self.work(step),
            Some(Work::Gate(Gate::Approval | Gate::Pause))
        );
        if gate && status == StepStatus::Succeeded {
            return vec![Line::Gone { name }];
        }
        vec![
            Line::Gone { name },
            self.keep(status, step, item, (took, detail)),
        ]
    }

    fn fan_end(&self, at: Timestamp, step: &str) -> Vec<Line> {
        match self.fans.get(step) {
            Some(fan) if fan.done == fan.total => {
                let took = fan.first.map(|first| at.since(first));
                let text = format!("{} items, {} failed", fan.total, fan.failed);
                vec![self.keep(StepStatus::Succeeded, step, None, (took, &text))]
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn keep(
        &self,
        status: StepStatus,
        step: &str,
        item: Option<u32>,
        (took, detail): (Option<u64>, &str),
    ) -> Line {
        let took = took.map(style::span).unwrap_or_default();
        let name = self.name(step, item);
        let text = format!(
            "  {} {name:<NAME$} {took:>7}  {detail}",
            style::word(status)
        );
        Line::Keep(text.trim_end().to_owned())
    }
}

/// What an operator asked of the run, or what became of it as a whole.
pub(crate) fn word(event: &Event) -> Option<String> {
    let why = |reason: &str| {
        if reason.is_empty() {
            String::new()
        } else {
            format!(": {reason}")
        }
    };
    Some(match event {
        Event::CancelRequested { actor, reason } => {
            format!(
                "cancelled by {actor}{}",
                why(reason.as_deref().unwrap_or_default())
            )
        }
        Event::CancelForced { actor, reason } => format!(
            "cancelled at once by {actor}{}: what was in flight was let go",
            why(reason.as_deref().unwrap_or_default())
        ),
        Event::PauseRequested { actor, reason } => format!("paused by {actor}{}", why(reason)),
        Event::Unpaused { actor } => format!("resumed by {actor}"),
        Event::RetryRequested {
            step,
            downstream,
            actor,
            reason,
        } => format!(
            "{step} {}runs again, by {actor}{}",
            if *downstream {
                "and all that depends on it "
            } else {
                ""
            },
            why(reason)
        ),
        Event::StepSkipped {
            step,
            actor,
            reason,
        } => format!("{step} skipped by {actor}{}", why(reason)),
        Event::DeadlinePassed { deadline } => {
            format!(
                "the deadline of the run passed at {}",
                style::time(*deadline)
            )
        }
        Event::Restored { actor } => format!(
            "goes on from a restored copy, by {actor}: what it does not know of is looked for first"
        ),
        Event::Redefined { actor, changes, .. } => {
            format!(
                "goes on with an edited runbook, by {actor}: {}",
                changes.join("; ")
            )
        }
        Event::RollbackRequested { actor, reason } => {
            format!("rollback asked for by {actor}{}", why(reason))
        }
        Event::Resolved {
            step,
            actor,
            how,
            reason,
            ..
        } => format!(
            "{step} in doubt was resolved as {how} by {actor}{}",
            why(reason)
        ),
        _ => return None,
    })
}

/// What a condition saw, on one line.
fn seen(saw: &Value) -> String {
    let Some(saw) = saw.as_object() else {
        return String::new();
    };
    let parts: Vec<String> = saw
        .iter()
        .map(|(name, value)| format!("{name} is {value}"))
        .collect();
    let text = parts.join(", ");
    style::dim(&text.chars().take(100).collect::<String>())
}
