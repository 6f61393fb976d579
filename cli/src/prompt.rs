//! Questions at the terminal where the run is driven. The answer goes the way of every answer: through
//! the state file.
//!
//! Nobody can interrupt a read from a terminal, so one thread reads for the whole life of the process,
//! and each line belongs to the question that is at the prompt when it comes.

mod questions;

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use runbook_core::{Event, Gate, Journal, RunStatus, Runbook, Work};
use runbook_runtime::store::{Signal, Store, StoreError};
use runbook_runtime::{Notice, now};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::drive::actor;
use crate::ui::progress::{Progress, prefix};
use crate::ui::{say, style};
use questions::{Question, Questions, Reply, Taken};

/// Whether there is somebody to ask.
pub(crate) fn possible() -> bool {
    std::io::stdin().is_terminal()
}

/// Reads one line that the person types, before anything is driven.
pub(crate) fn line(question: &str) -> Option<String> {
    say(question);
    read().map(|text| text.trim().to_owned())
}

/// A line; none at the end of the input.
fn read() -> Option<String> {
    let mut text = String::new();
    match std::io::stdin().lock().read_line(&mut text) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(text),
    }
}

/// Where the questions of a command are asked and answered. One for each process.
pub(crate) struct Desk {
    store: Store,
    progress: Arc<Progress>,
    runtime: Handle,
    state: Mutex<State>,
    /// There is a question at the prompt.
    asked: Condvar,
}

#[derive(Default)]
struct State {
    questions: Questions,
    runs: BTreeMap<String, Opened>,
    /// The question on the screen, and how it is to be answered.
    shown: Option<(Question, String)>,
    reading: bool,
}

/// A run that is driven.
struct Opened {
    book: Arc<Runbook>,
    /// An earlier process drove it: what it asks was not told yet.
    resumed: bool,
}

impl Desk {
    /// Has to be called where an async runtime is.
    pub(crate) fn new(store: Store, progress: Arc<Progress>) -> Arc<Self> {
        Arc::new(Self {
            store,
            progress,
            runtime: Handle::current(),
            state: Mutex::default(),
            asked: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a driver tells; what it says of the run is on the screen already.
    pub(crate) fn notice(self: &Arc<Self>, notice: &Notice) {
        let mut state = self.state();
        match notice {
            Notice::Opened {
                run, book, resumed, ..
            } => {
                let opened = Opened {
                    book: book.clone(),
                    resumed: *resumed,
                };
                state.runs.insert(run.clone(), opened);
            }
            Notice::Events {
                run,
                events,
                status,
                ..
            } => self.events(&mut state, run, events, *status),
            Notice::Closed { run, .. } => {
                state.runs.remove(run);
                state.questions.close(run);
            }
            Notice::Logs { .. } => return,
        }
        self.show(&mut state);
    }

    fn events(&self, state: &mut State, run: &str, events: &[Journal], status: RunStatus) {
        let Some(opened) = state.runs.get_mut(run) else {
            return;
        };
        let book = opened.book.clone();
        // Only now: the first events of a driver hold the answers that were given meanwhile.
        if std::mem::take(&mut opened.resumed) && status != RunStatus::Paused {
            match self.open_before(run, &book) {
                Ok(open) => {
                    for (step, item, message) in open {
                        self.put(state, (run, &book), &step, (item, &message));
                    }
                }
                Err(error) => self
                    .progress
                    .line(&format!("  what run {run} asks could not be read: {error}")),
            }
        }
        for entry in events {
            if let Event::Waiting {
                step, item, note, ..
            } = &entry.event
            {
                self.put(state, (run, &book), step, (*item, note));
            } else if let Some((gone, why)) = state.questions.event(run, &entry.event) {
                // The lines above the prompt say it too; this one says that nobody waits for a key.
                if state.shown.as_ref().is_some_and(|(one, _)| *one == gone) {
                    self.progress.asked(true);
                    state.shown = None;
                    let text = format!("  `{}` is not asked any more: {why}", gone.name);
                    self.progress.line(&style::dim(&text));
                }
            }
        }
    }

    /// Step, item and message of each question of a run that an earlier process asked.
    fn open_before(
        &self,
        run: &str,
        book: &Runbook,
    ) -> Result<Vec<(String, Option<u32>, String)>, StoreError> {
        let snapshot = self.store.snapshot()?;
        let family = snapshot.run(run)?.family;
        let rows = snapshot.questions(Some(&family))?.into_iter();
        Ok(rows
            .filter(|row| row.run == run)
            .filter_map(|row| {
                let step = &book.steps[book.index_of(&row.step)?];
                let item = step.for_each.as_ref().map(|_| row.item);
                Some((row.step, item, row.message))
            })
            .collect())
    }

    /// Puts the question of a gate to the others. A form is filled in elsewhere.
    fn put(
        &self,
        state: &mut State,
        (run, book): (&str, &Runbook),
        step: &str,
        (item, message): (Option<u32>, &str),
    ) {
        let work = book.index_of(step).map(|index| book.steps[index].work);
        let place = item.map(|item| format!("[{item}]")).unwrap_or_default();
        let name = format!("{}{step}{place}", prefix(run));
        match work {
            Some(Work::Gate(gate @ (Gate::Approval | Gate::Pause))) => {
                state.questions.put(Question {
                    run: run.to_owned(),
                    step: step.to_owned(),
                    item,
                    name,
                    message: message.to_owned(),
                    gate,
                });
            }
            Some(Work::Gate(Gate::Manual)) => self.progress.line(&format!(
                "  `{name}` has a form: {message}; `runbook approve {run} {step} --answer NAME=VALUE` from another terminal answers it"
            )),
            Some(Work::Pure | Work::Timer | Work::Child | Work::Call(_)) | None => {}
        }
    }

    /// Brings the screen up to what is asked now.
    fn show(self: &Arc<Self>, state: &mut State) {
        let wanted = state
            .questions
            .current()
            .map(|one| (one.clone(), state.questions.choices()));
        if state.shown == wanted {
            return;
        }
        if state.shown.is_some() {
            self.progress.asked(true);
        }
        if let Some((question, choices)) = &wanted {
            let (mark, name) = (style::bold("?"), style::bold(&question.name));
            self.progress
                .line(&format!("\n{mark} {}", question.message));
            self.progress.ask(&format!("{name} {choices} "));
            if !std::mem::replace(&mut state.reading, true) {
                let this = self.clone();
                std::thread::spawn(move || this.read());
            }
            self.asked.notify_all();
        }
        state.shown = wanted;
    }

    /// The thread that reads: only while something is asked, so that nothing else is taken from the
    /// terminal.
    fn read(self: Arc<Self>) {
        loop {
            {
                let mut state = self.state();
                while state.questions.current().is_none() {
                    state = self
                        .asked
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
            let text = read();
            let mut state = self.state();
            // The person's Enter has ended the prompt's line.
            if state.shown.is_some() {
                self.progress.asked(text.is_none());
            }
            let reply = self.take(&mut state, text.as_deref());
            state.shown = None;
            self.show(&mut state);
            drop(state);
            if let Some(reply) = reply {
                self.send(reply);
            }
        }
    }

    fn take(&self, state: &mut State, text: Option<&str>) -> Option<Reply> {
        let Some(text) = text else {
            if let Some(one) = state.questions.pass() {
                self.progress.line(&format!(
                    "  not answered here; `runbook approve {} {}` answers it",
                    one.run, one.step
                ));
            }
            return None;
        };
        match state.questions.line(text) {
            Taken::Reply(reply) => Some(reply),
            Taken::Again(why) => {
                self.progress.line(&style::dim(&format!("  {why}")));
                None
            }
            Taken::Nothing => None,
        }
    }

    fn send(self: &Arc<Self>, reply: Reply) {
        let question = reply.question;
        let signal = Signal::Answer {
            step: question.step.clone(),
            item: question.item,
            granted: reply.granted,
            comment: reply.comment,
            form: Value::Null,
        };
        let sent = self
            .runtime
            .block_on(self.store.signal(&question.run, &actor(), now(), signal));
        if let Err(error) = sent {
            self.progress
                .line(&format!("  the answer could not be recorded: {error}"));
            let mut state = self.state();
            state.questions.put(question);
            self.show(&mut state);
        }
    }
}
