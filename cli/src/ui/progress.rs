//! Watches runs: live on a terminal, plain lines when piped, events as JSON lines when asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use runbook_core::{Event, Journal, Runbook};
use runbook_runtime::{Notice, Watcher, rfc3339};
use serde_json::{Value, json};

use super::line::{Line, Shown};
use super::{out, style};

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Finished steps above, steps under way below.
    Live,
    /// One line for each thing that happened.
    Plain,
    /// One JSON object for each event.
    Json,
}

impl Mode {
    /// The mode for standard output as it is.
    pub(crate) fn choose(json: bool) -> Self {
        if json {
            Self::Json
        } else if Term::stdout().is_term() {
            Self::Live
        } else {
            Self::Plain
        }
    }
}

/// How often a live line moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows the notices of all runs that a command drives.
pub(crate) struct Progress {
    mode: Mode,
    screen: MultiProgress,
    state: Mutex<State>,
    /// The line of the question that is at the prompt. While it stands there no line is live: what is
    /// typed shows where the cursor is. Locked after `state`.
    prompt: Mutex<Option<String>>,
}

/// Takes the line that the cursor is in off the screen.
const ERASE: &str = "\r\x1b[2K";

#[derive(Default)]
struct State {
    runs: BTreeMap<String, Shown>,
    bars: BTreeMap<String, ProgressBar>,
    /// The last run that was let go of, with its runbook.
    last: Option<(String, Arc<Runbook>)>,
}

impl Progress {
    pub(crate) fn new(mode: Mode) -> Arc<Self> {
        let screen = MultiProgress::with_draw_target(match mode {
            Mode::Live => ProgressDrawTarget::stdout(),
            Mode::Plain | Mode::Json => ProgressDrawTarget::hidden(),
        });
        Arc::new(Self {
            mode,
            screen,
            state: Mutex::default(),
            prompt: Mutex::default(),
        })
    }

    /// What the engine tells its notices to.
    pub(crate) fn watcher(self: &Arc<Self>) -> Watcher {
        let this = self.clone();
        Arc::new(move |notice| this.notice(notice))
    }

    /// The mode.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Puts a prompt below everything else and leaves the cursor behind it; the live part makes way.
    pub(crate) fn ask(&self, prompt: &str) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.prompt.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match open.replace(prompt.to_owned()) {
            Some(_) => ERASE,
            None => {
                for bar in state.bars.values() {
                    bar.disable_steady_tick();
                }
                let _ = self.screen.clear();
                self.screen.set_draw_target(ProgressDrawTarget::hidden());
                ""
            }
        };
        out(&format!("{before}{prompt}"));
    }

    /// Nothing is asked any more: the live part comes back. `erase` unless the person's Enter has ended
    /// the prompt's line.
    pub(crate) fn asked(&self, erase: bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.prompt.lock().unwrap_or_else(PoisonError::into_inner);
        if open.take().is_none() {
            return;
        }
        if erase {
            out(ERASE);
        }
        self.screen.set_draw_target(ProgressDrawTarget::stdout());
        for bar in state.bars.values() {
            bar.enable_steady_tick(TICK);
        }
    }

    /// A line that stays, for people only; above the prompt, if there is one.
    pub(crate) fn line(&self, text: &str) {
        match self.mode {
            Mode::Live => {
                let open = self.prompt.lock().unwrap_or_else(PoisonError::into_inner);
                match &*open {
                    Some(prompt) => out(&format!("{ERASE}{text}\n{prompt}")),
                    None => {
                        let _ = self.screen.println(text);
                    }
                }
            }
            Mode::Plain => out(&format!("{text}\n")),
            Mode::Json => {}
        }
    }

    fn notice(&self, notice: &Notice) {
        if self.mode == Mode::Json {
            print_json(notice);
        }
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        match notice {
            Notice::Opened {
                run,
                book,
                resumed,
                ended,
                role,
                ..
            } => {
                let prefix = prefix(run);
                if *resumed && role != "child" {
                    let text =
                        format!("  resumed; {ended} of {} steps had ended", book.steps.len());
                    self.line(&style::dim(&text));
                }
                state
                    .runs
                    .insert(run.clone(), Shown::new(book.clone(), prefix));
            }
            Notice::Events { .. } | Notice::Logs { .. } if self.mode == Mode::Json => {}
            Notice::Events { run, events, .. } => {
                let lines: Vec<Line> = match state.runs.get_mut(run) {
                    Some(shown) => events.iter().flat_map(|entry| shown.lines(entry)).collect(),
                    None => Vec::new(),
                };
                for line in lines {
                    self.draw(&mut state, line);
                }
            }
            Notice::Logs { run, lines } => {
                for row in lines {
                    let name = format!("{}{}", prefix(run), row.step);
                    self.line(&format!("        {} {}", style::dim(&name), row.line));
                }
            }
            Notice::Closed { run, .. } => {
                state.last = state
                    .runs
                    .remove(run)
                    .map(|shown| (run.clone(), shown.book()));
            }
        }
    }

    /// The runbook of a run, if it is the last one that was let go of: a long one is not read again to say
    /// how its run ended.
    pub(crate) fn book(&self, run: &str) -> Option<Arc<Runbook>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let last = state.last.take_if(|(last, _)| last == run);
        last.map(|(_, book)| book)
    }

    fn draw(&self, state: &mut State, line: Line) {
        match line {
            Line::Keep(text) => self.line(&text),
            Line::Live { name, note } if self.mode == Mode::Live => {
                let bar = state.bars.entry(name.clone()).or_insert_with(|| {
                    let bar = self.screen.add(ProgressBar::new_spinner());
                    let look = ProgressStyle::with_template(
                        "  {spinner:.cyan} {prefix} {elapsed:>4}  {msg:.dim}",
                    );
                    if let Ok(look) = look {
                        bar.set_style(look);
                    }
                    bar.set_prefix(format!("{name:<38}"));
                    bar.enable_steady_tick(TICK);
                    bar
                });
                bar.set_message(note);
            }
            Line::Gone { name } => {
                if let Some(bar) = state.bars.remove(&name) {
                    bar.finish_and_clear();
                }
            }
            Line::Live { .. } => {}
        }
    }

    /// Takes every live line off the screen.
    pub(crate) fn clear(&self) {
        self.asked(true);
        if let Ok(mut state) = self.state.lock() {
            for bar in std::mem::take(&mut state.bars).into_values() {
                bar.finish_and_clear();
            }
        }
        let _ = self.screen.clear();
    }
}

/// Names of the steps above a run: the ids of child runs carry them.
pub(crate) fn prefix(run: &str) -> String {
    match run.split_once('.') {
        Some((_, path)) => format!("{}/", path.replace('.', "/")),
        None => String::new(),
    }
}

fn print_json(notice: &Notice) {
    match notice {
        Notice::Events {
            run, first, events, ..
        } => {
            for (offset, entry) in events.iter().enumerate() {
                let line = event_json(run, first + offset as u64, entry);
                out(&format!("{line}\n"));
            }
        }
        Notice::Logs { run, lines } => {
            for row in lines {
                let line = json!({ "kind": "log", "run": run, "step": row.step, "item": row.item,
                                   "at": rfc3339(row.at), "line": row.line });
                out(&format!("{line}\n"));
            }
        }
        Notice::Opened { .. } | Notice::Closed { .. } => {}
    }
}

/// An event as the command line prints it: with its run, its number and a readable time.
pub(crate) fn event_json(run: &str, seq: u64, entry: &Journal) -> Value {
    let mut line = serde_json::to_value(&entry.event).unwrap_or_default();
    line["run"] = json!(run);
    line["seq"] = json!(seq);
    line["at"] = json!(rfc3339(entry.at));
    if let Event::Marked { reached, .. } = &entry.event {
        line["reached"] = json!(rfc3339(*reached));
    }
    line
}
