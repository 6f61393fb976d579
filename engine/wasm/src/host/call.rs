//! One call of a plugin, as everything that the plugin can reach sees it: what it may do, how much is left
//! of it, and where it is put down.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use runbook_core::Note;
use runbook_step::{Context, secret};
use serde_json::Value;

use super::stderr::Tail;
use super::transport::Transport;
use crate::grant::{Layers, Permissions};
use crate::limits::Limits;

/// What is the same for every call of a step.
#[derive(Clone)]
pub struct Setup {
    /// What it may do.
    pub permissions: Arc<Permissions>,
    /// How much.
    pub limits: Limits,
    /// Settings of the plugin in this environment, as JSON.
    pub config: Arc<str>,
    /// Nothing may be changed: a preview, or a rehearsal.
    pub dry_run: bool,
    /// What lies outside.
    pub transport: Arc<dyn Transport>,
}

/// One call.
pub(crate) struct Call {
    pub(crate) setup: Setup,
    pub(crate) context: Context,
    /// State that a pause or a checkpoint left.
    pub(crate) kept: Mutex<Option<String>>,
    pub(crate) stderr: Arc<Tail>,
    /// A request that can change something has left.
    pub(crate) touched: AtomicBool,
    /// It is a dry run, and something was to be changed.
    pub(crate) attempted: AtomicBool,
    /// Values that the plugin was given, by name: they are hidden wherever they come up again.
    known: Mutex<Vec<(String, String)>>,
    requests: AtomicU32,
    checkpoints: AtomicU64,
    log_lines: AtomicU64,
    log_bytes: AtomicU64,
    is_full: AtomicBool,
    /// Host functions that somebody waits in.
    waiting: AtomicU32,
    /// When it last showed that it lives, counted from `begun` in milliseconds.
    sign: AtomicU64,
    begun: Instant,
    /// Why the host ended it.
    pub(crate) ended: Mutex<Option<String>>,
}

/// A host function that somebody waits in.
pub(crate) struct Waiting<'a>(&'a Call);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.live();
    }
}

impl Call {
    pub(crate) fn new(setup: Setup, context: Context) -> Self {
        let tail = Tail::new(setup.limits.stderr);
        Self {
            kept: Mutex::new(context.kept.clone()),
            setup,
            context,
            stderr: Arc::new(tail),
            touched: AtomicBool::new(false),
            attempted: AtomicBool::new(false),
            known: Mutex::default(),
            requests: AtomicU32::new(0),
            checkpoints: AtomicU64::new(0),
            log_lines: AtomicU64::new(0),
            log_bytes: AtomicU64::new(0),
            is_full: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
            sign: AtomicU64::new(0),
            begun: Instant::now(),
            ended: Mutex::default(),
        }
    }

    /// A call that may do nothing, to hear what a plugin is.
    pub(crate) fn bare() -> Self {
        let limits = Limits {
            cpu: Duration::from_secs(1),
            call: Duration::from_secs(10),
            requests: 0,
            ..Limits::default()
        };
        let setup = Setup {
            permissions: Arc::new(Permissions::new(Layers::default())),
            limits,
            config: Arc::from("{}"),
            dry_run: true,
            transport: Arc::new(super::live::Live::new(None)),
        };
        Self::new(setup, Context::default())
    }

    /// Shows that the plugin lives.
    pub(crate) fn live(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.sign.store(since, Ordering::Relaxed);
    }

    /// A host function that takes its time is no silence.
    pub(crate) fn waits(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// How long nothing has been heard of it.
    pub(crate) fn silent_for(&self) -> Duration {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        let sign = Duration::from_millis(self.sign.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(sign)
    }

    /// What is left until the engine gives up.
    pub(crate) fn left(&self) -> Duration {
        let own = self.setup.limits.call.saturating_sub(self.begun.elapsed());
        match self.context.until {
            Some(until) => own.min(until.saturating_duration_since(Instant::now())),
            None => own,
        }
    }

    /// Number of the next request; none when there were enough.
    pub(crate) fn next_request(&self) -> Option<u32> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        (u64::from(number) <= self.setup.limits.requests).then_some(number)
    }

    /// Whether one more checkpoint may be put down: each is one for the journal to keep.
    pub(crate) fn may_note(&self) -> bool {
        self.checkpoints.fetch_add(1, Ordering::Relaxed) < self.setup.limits.requests
    }

    /// Writes a line to the step's log, as long as there is room.
    pub(crate) fn log(&self, line: &str) {
        let limits = &self.setup.limits;
        let lines = self.log_lines.fetch_add(1, Ordering::Relaxed) + 1;
        let before = self
            .log_bytes
            .fetch_add(line.len() as u64, Ordering::Relaxed);
        if lines > limits.log_lines || before + line.len() as u64 > limits.log_bytes {
            if !self.is_full.swap(true, Ordering::Relaxed) {
                self.context.log.line(format!(
                    "(the log ends here: a step may write {} lines and {} bytes)",
                    limits.log_lines, limits.log_bytes
                ));
            }
            return;
        }
        self.context.log.line(self.hide(line.to_owned()));
    }

    /// Remembers a value that the plugin was given, or that was sent for it.
    pub(crate) fn know(&self, name: &str, value: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for form in forms(value) {
            if !known.iter().any(|(_, old)| *old == form) {
                known.push((name.to_owned(), form));
            }
        }
    }

    /// The text without the values of secrets.
    pub(crate) fn hide(&self, text: String) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            return text;
        }
        secret::redact_text(text, &known)
    }

    /// The value without the values of secrets.
    pub(crate) fn hide_value(&self, value: Value) -> Value {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            return value;
        }
        secret::redact(value, &known)
    }

    /// Puts a request down: one that can change something is on disk before it leaves.
    pub(crate) async fn leaves(
        &self,
        call: u32,
        request: Value,
        changes: bool,
    ) -> Result<(), String> {
        let note = Note::Call {
            call,
            request: self.hide_value(request),
            changes,
        };
        if !changes {
            self.context.notes.mention(note);
            return Ok(());
        }
        self.context
            .notes
            .keep(note)
            .await
            .map_err(|fault| fault.message)?;
        self.touched.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Puts down what came of a request.
    pub(crate) fn returned(&self, call: u32, outcome: Value) {
        let outcome = self.hide_value(outcome);
        self.context.notes.mention(Note::Returned { call, outcome });
    }

    /// Remembers why the host ends the call.
    pub(crate) fn end(&self, why: String) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.get_or_insert(why);
    }
}

/// The ways in which a secret's value comes up again: as it is, in base64, and encoded for an address.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    // Too short a text is part of everything.
    if value.len() >= 4 {
        let base64 = base64(value.as_bytes());
        forms.push(base64.replace('+', "-").replace('/', "_"));
        forms.push(base64);
        let query: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        forms.push(query.replace('+', "%20"));
        forms.push(query);
        let json = Value::from(value).to_string();
        forms.push(json[1..json.len() - 1].to_owned());
    }
    forms.retain(|form| !form.is_empty());
    forms
}

/// Base64 without its padding, which may be followed by more.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::forms;

    #[test]
    fn a_secret_is_known_in_every_form() {
        let forms = forms("s3cr et/");
        assert!(forms.contains(&"s3cr et/".to_owned()));
        assert!(forms.contains(&"czNjciBldC8".to_owned()), "{forms:?}");
        assert!(forms.contains(&"s3cr+et%2F".to_owned()), "{forms:?}");
        assert!(forms.contains(&"s3cr%20et%2F".to_owned()), "{forms:?}");
        let forms = super::forms("?>?>?>");
        assert!(forms.contains(&"Pz4/Pj8+".to_owned()), "{forms:?}");
        assert!(forms.contains(&"Pz4_Pj8-".to_owned()), "{forms:?}");
    }
}
