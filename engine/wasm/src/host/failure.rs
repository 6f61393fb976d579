//! Why a call of a plugin failed, in words for the operator and in a class for the engine.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};

use super::bindings::runbook::plugin::types as wit;
use super::call::Call;

/// What the engine may do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing happened, or repeating does no harm.
    Retryable,
    /// Repeating cannot help.
    Permanent,
    /// It may have had its effect.
    Ambiguous,
}

/// A failed call.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What may be done.
    pub kind: Kind,
    /// Short and stable: `http-503`, `trap`.
    pub code: String,
    /// One sentence.
    pub why: String,
    /// When to try again at the earliest.
    pub retry_after: Option<Duration>,
    /// Anything else worth keeping, as JSON.
    pub details: Option<String>,
    /// It is the plugin's own answer, and not the host's.
    pub own: bool,
}

impl Failure {
    pub(crate) fn host(why: impl Into<String>) -> Self {
        Self {
            kind: Kind::Permanent,
            code: "host".to_owned(),
            why: why.into(),
            retry_after: None,
            details: None,
            own: false,
        }
    }

    pub(crate) fn input(wrong: &str) -> Self {
        Self {
            code: "input".to_owned(),
            ..Self::host(format!("wrong input: {wrong}"))
        }
    }

    /// The plugin did not keep to the contract. What it did so far is done.
    pub(crate) fn plugin(call: &Call, why: &str) -> Self {
        let kind = match call.touched.load(Ordering::Relaxed) {
            true => Kind::Ambiguous,
            false => Kind::Permanent,
        };
        Self {
            kind,
            code: "plugin".to_owned(),
            ..Self::host(format!("the plugin is wrong: {why}"))
        }
    }

    pub(crate) fn of_step(call: &Call, error: wit::StepError) -> Self {
        let kind = match error.kind {
            wit::ErrorKind::Retryable => Kind::Retryable,
            wit::ErrorKind::Permanent => Kind::Permanent,
            wit::ErrorKind::Ambiguous => Kind::Ambiguous,
        };
        Self {
            kind,
            code: short(call.hide(error.code)),
            why: short(call.hide(error.message)),
            retry_after: error.retry_after_ms.map(Duration::from_millis),
            details: error.details.map(|text| short(call.hide(text))),
            own: true,
        }
    }

    /// Without the values of secrets.
    pub(crate) fn hidden(self, call: &Call) -> Self {
        Self {
            why: call.hide(self.why),
            ..self
        }
    }
}

/// Frames that are shown.
const FRAMES: usize = 8;
/// Bytes of a text that are kept.
const TEXT: usize = 4096;
/// Lines of what it wrote that are shown.
const LINES: usize = 6;

/// What ended an instance, in the host's words: a trap alone says `unreachable`.
pub(crate) fn of_trap(call: &Call, trap: &wasmtime::Error, out_of_memory: bool) -> Failure {
    let ended = call
        .ended
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let touched = call.touched.load(Ordering::Relaxed);
    let cut = ended.is_some();
    let memory = call.setup.limits.memory >> 20;
    let why = match (ended, trap.downcast_ref::<Trap>()) {
        (Some(why), _) => why,
        (None, _) if out_of_memory => format!("it needs more memory than {memory} MiB"),
        (None, Some(Trap::StackOverflow)) => "it calls itself without end".to_owned(),
        // The stack of a guest lies below its data: what overflows it writes before the beginning.
        (None, Some(Trap::MemoryOutOfBounds)) => {
            "it reads or writes outside of its memory, most likely by calling itself without end"
                .to_owned()
        }
        (None, Some(Trap::UnreachableCodeReached)) => "it gave up".to_owned(),
        (None, Some(trap)) => format!("it was stopped: {trap}"),
        (None, None) => chain(trap),
    };
    let said = last_lines(&call.hide(call.stderr.text()));
    if let Some(trace) = trap.downcast_ref::<WasmBacktrace>() {
        for frame in trace.frames().iter().take(FRAMES) {
            let name = frame.func_name().unwrap_or("?");
            call.log(&format!("  at {name}"));
        }
    }
    let mut text = format!("the plugin failed: {why}");
    if !said.is_empty() {
        text.push_str(&format!("; it wrote: {said}"));
    }
    let kind = match (touched, cut) {
        (true, _) => Kind::Ambiguous,
        // Another time it may be quicker.
        (false, true) => Kind::Retryable,
        (false, false) => Kind::Permanent,
    };
    Failure {
        kind,
        code: if cut { "limit" } else { "trap" }.to_owned(),
        ..Failure::host(text)
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("note: run with"))
        .collect();
    short(lines[lines.len().saturating_sub(LINES)..].join(" | "))
}

/// A text of a plugin, no longer than somebody reads it: it goes into the journal.
pub(crate) fn short(mut text: String) -> String {
    if text.len() > TEXT {
        let whole = text.len();
        text.truncate(text.floor_char_boundary(TEXT));
        text.push_str(&format!("… ({whole} bytes)"));
    }
    text
}

/// An error with its causes, without the frames that the first one lists.
pub(crate) fn chain(error: &wasmtime::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let text = text.lines().next().unwrap_or_default().to_owned();
        if !text.starts_with("error while executing at") && !parts.contains(&text) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::{TEXT, short};

    #[test]
    fn a_long_text_is_cut_between_two_letters() {
        assert_eq!(short("short".to_owned()), "short");
        let text = short(format!("x{}", "ä".repeat(TEXT)));
        assert!(text.ends_with("ä… (8193 bytes)"), "{text}");
        assert!(text.len() < TEXT + 30);
    }
}
