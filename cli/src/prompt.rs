//! Questions at the terminal where the run is driven. The answer goes the way of every answer: through
//! the state file.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use runbook_core::{Event, Gate, Runbook, Work};
use runbook_runtime::store::{Signal, Store};
use runbook_runtime::{Notice, now};
use serde_json::Value;

use crate::drive::actor;
use crate::ui::progress::Progress;
use crate::ui::{say, style};

/// Whether there is somebody to ask.
pub(crate) fn possible() -> bool {
    std::io::stdin().is_terminal()
}

/// Reads one line that the person types.
pub(crate) fn line(question: &str) -> Option<String> {
    say(question);
    let mut text = String::new();
    match std::io::stdin().lock().read_line(&mut text) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(text.trim().to_owned()),
    }
}

/// Asks every question that a run comes to.
pub(crate) fn asking(store: Store, progress: Arc<Progress>) -> impl Fn(&Notice) + Send + Sync {
    let books = std::sync::Mutex::new(std::collections::BTreeMap::<String, Arc<Runbook>>::new());
    move |notice| match notice {
        Notice::Opened { run, book, .. } => {
            if let Ok(mut books) = books.lock() {
                books.insert(run.clone(), book.clone());
            }
        }
        Notice::Events { run, events, .. } => {
            let book = books.lock().ok().and_then(|books| books.get(run).cloned());
            let Some(book) = book else { return };
            for entry in events {
                let Event::Waiting {
                    step, item, note, ..
                } = &entry.event
                else {
                    continue;
                };
                let gate = book
                    .steps
                    .iter()
                    .find(|one| &one.id == step)
                    .map(|one| one.work);
                let Some(Work::Gate(gate @ (Gate::Approval | Gate::Pause))) = gate else {
                    continue;
                };
                ask(
                    store.clone(),
                    progress.clone(),
                    run.clone(),
                    (step.clone(), *item),
                    note.clone(),
                    gate,
                );
            }
        }
        Notice::Logs { .. } | Notice::Closed { .. } => {}
    }
}

fn ask(
    store: Store,
    progress: Arc<Progress>,
    run: String,
    (step, item): (String, Option<u32>),
    message: String,
    gate: Gate,
) {
    let runtime = tokio::runtime::Handle::current();
    // A thread of its own: nobody can interrupt a read from a terminal.
    std::thread::spawn(move || {
        let choices = if gate == Gate::Pause {
            "[Enter goes on]"
        } else {
            "[y/N, then a comment]"
        };
        let question = format!(
            "\n{} {message}\n{} {choices} ",
            style::bold("?"),
            style::bold(&step)
        );
        let Some(text) = progress.suspend(|| line(&question)) else {
            return;
        };
        let (word, comment) = text.split_once(' ').unwrap_or((&text, ""));
        let granted = gate == Gate::Pause || matches!(word.to_lowercase().as_str(), "y" | "yes");
        let signal = Signal::Answer {
            step,
            item,
            granted,
            comment: (!comment.is_empty()).then(|| comment.trim().to_owned()),
            form: Value::Null,
        };
        let sent = runtime.block_on(store.signal(&run, &actor(), now(), signal));
        if let Err(error) = sent {
            progress.line(&format!("  the answer could not be recorded: {error}"));
        }
    });
}
