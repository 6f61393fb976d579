//! What an instance holds, and the small host functions: context, log, progress, checkpoint, secrets,
//! state.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use runbook_core::Note;
use runbook_step::notes::Held;
use serde_json::json;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Result};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::bindings::runbook::plugin as wit;
use super::call::Call;
use super::outgoing::Hooks;
use super::stderr::Stream;
use crate::grant::Use;

/// Elements of all tables of an instance.
const TABLE_ELEMENTS: usize = 100_000;
/// Bytes of the key of a value of its state.
const KEY: usize = 512;
/// Core instances, tables and memories of a component; one in Python has more than 25.
const PARTS: usize = 512;

/// What an instance holds.
pub(crate) struct Guest {
    pub(crate) call: Arc<Call>,
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) http: WasiHttpCtx,
    pub(crate) hooks: Hooks,
    pub(crate) bounds: Bounds,
    /// Ticks that it has computed for.
    pub(crate) ticks: u64,
}

impl Guest {
    pub(crate) fn new(call: Arc<Call>) -> Self {
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(Stream(call.stderr.clone()))
            .stderr(Stream(call.stderr.clone()))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        Self {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            hooks: Hooks(call.clone()),
            bounds: Bounds::new(call.setup.limits.memory),
            ticks: 0,
            call,
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// Memory and tables of an instance, all of its parts together.
pub(crate) struct Bounds {
    left: usize,
    elements: usize,
    /// A request for memory was refused.
    pub(crate) refused: bool,
}

impl Bounds {
    pub(crate) fn new(memory: u64) -> Self {
        Self {
            left: usize::try_from(memory).unwrap_or(usize::MAX),
            elements: TABLE_ELEMENTS,
            refused: false,
        }
    }
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, now: usize, wanted: usize, _: Option<usize>) -> Result<bool> {
        let more = wanted.saturating_sub(now);
        if more > self.left {
            self.refused = true;
            return Ok(false);
        }
        self.left -= more;
        Ok(true)
    }

    fn table_growing(&mut self, now: usize, wanted: usize, _: Option<usize>) -> Result<bool> {
        let left = self.elements.checked_sub(wanted.saturating_sub(now));
        self.elements = left.unwrap_or(self.elements);
        Ok(left.is_some())
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}

impl wit::context::Host for Guest {
    fn run_id(&mut self) -> Result<String> {
        Ok(self.call.context.run.clone())
    }

    fn step_id(&mut self) -> Result<String> {
        Ok(self.call.context.step.clone())
    }

    fn attempt(&mut self) -> Result<u32> {
        Ok(self.call.context.attempt)
    }

    fn idempotency_key(&mut self) -> Result<String> {
        Ok(self.call.context.token.clone())
    }

    fn environment(&mut self) -> Result<String> {
        Ok(self.call.context.environment.clone())
    }

    fn dry_run(&mut self) -> Result<bool> {
        Ok(self.call.setup.dry_run)
    }

    fn config(&mut self) -> Result<String> {
        Ok(self.call.setup.config.to_string())
    }

    fn resume_state(&mut self) -> Result<Option<String>> {
        let kept = self
            .call
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(kept.clone())
    }

    fn remaining_ms(&mut self) -> Result<u64> {
        Ok(u64::try_from(self.call.left().as_millis()).unwrap_or(u64::MAX))
    }

    fn cancelled(&mut self) -> Result<bool> {
        Ok(self.call.context.cancelled.load(Ordering::Relaxed))
    }
}

impl wit::log::Host for Guest {
    fn write(
        &mut self,
        level: wit::log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> Result<()> {
        use wit::log::Level;
        self.call.live();
        let mut line = match level {
            Level::Debug => "debug: ".to_owned(),
            Level::Info => String::new(),
            Level::Warn => "warning: ".to_owned(),
            Level::Error => "error: ".to_owned(),
        };
        line.push_str(&message);
        for (name, value) in fields {
            line.push_str(&format!("  {name}={value}"));
        }
        self.call.log(&line);
        Ok(())
    }
}

impl wit::progress::Host for Guest {
    fn report(&mut self, message: String, percent: Option<u8>) -> Result<()> {
        self.call.live();
        match percent {
            Some(percent) => self.call.log(&format!("{message} ({}%)", percent.min(100))),
            None => self.call.log(&message),
        }
        Ok(())
    }

    fn heartbeat(&mut self) -> Result<()> {
        self.call.live();
        Ok(())
    }
}

impl wit::checkpoint::Host for Guest {
    async fn save(&mut self, state: String) -> Result<Result<(), String>> {
        if !self.call.may_note() {
            let limit = self.call.setup.limits.requests;
            return Ok(Err(format!("a call may save {limit} checkpoints")));
        }
        Ok(self.call.checkpoint(state).await)
    }
}

impl Call {
    /// Puts state down; it is on disk when this returns.
    pub(crate) async fn checkpoint(&self, state: String) -> Result<(), String> {
        let limit = self.setup.limits.pause_state;
        if state.len() as u64 > limit {
            return Err(format!(
                "the state has {} bytes; {limit} are kept",
                state.len()
            ));
        }
        let state = self.hide(state);
        let _waits = self.waits();
        let note = Note::Checkpoint {
            state: state.clone(),
        };
        self.context
            .notes
            .keep(note)
            .await
            .map_err(|fault| fault.message)?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        Ok(())
    }
}

impl wit::secrets::Host for Guest {
    fn get(&mut self, name: String) -> Result<Result<String, String>> {
        let call = &self.call;
        call.live();
        let reference = match call.setup.permissions.secret(&name, Use::Read) {
            Ok(reference) => reference,
            Err(refusal) => return Ok(Err(call.refuse(&refusal.to_string()))),
        };
        let value = call.setup.transport.secret(&name, &reference);
        if let Ok(value) = &value {
            call.know(&name, value);
            call.mentions(json!({ "secret": name }));
        }
        Ok(value)
    }
}

impl Call {
    /// A refusal is said in the log too: not every way of asking gives the plugin a text.
    pub(crate) fn refuse(&self, why: &str) -> String {
        self.log(&format!("refused: {why}"));
        why.to_owned()
    }

    /// Refuses what changes something, in a dry run.
    pub(crate) fn only_reads(&self, changes: bool) -> std::result::Result<(), String> {
        if !changes || !self.setup.dry_run {
            return Ok(());
        }
        self.attempted.store(true, Ordering::Relaxed);
        Err(self.refuse("this is a dry run: nothing may be changed"))
    }

    /// Puts down a call that has no answer of its own.
    pub(crate) fn mentions(&self, request: serde_json::Value) {
        if let Some(call) = self.next_request() {
            self.context.notes.mention(Note::Call {
                call,
                request,
                changes: false,
            });
        }
    }

    async fn shelve(
        &self,
        key: &str,
        expected: Option<Held>,
        value: Held,
    ) -> Result<bool, wit::state::StateError> {
        use wit::state::StateError;
        self.may_keep_state()?;
        if key.len() > KEY {
            let why = format!("its key has {} bytes; {KEY} are allowed", key.len());
            return Err(StateError::Denied(why));
        }
        let limit = self.setup.limits.state_value;
        if let Some(value) = &value
            && value.len() as u64 > limit
        {
            return Err(StateError::TooLarge(limit));
        }
        self.only_reads(true).map_err(StateError::Denied)?;
        let Some(shelf) = &self.context.shelf else {
            let why = "there is no state file".to_owned();
            return Err(StateError::Unavailable(why));
        };
        let _waits = self.waits();
        let number = self.number().map_err(StateError::Denied)?;
        self.context.notes.mention(Note::Call {
            call: number,
            request: json!({ "state": key, "writes": value.is_some() }),
            changes: false,
        });
        let owner = self.setup.permissions.plugin();
        shelf
            .set(owner, key, expected, value)
            .await
            .map_err(StateError::Unavailable)
    }

    fn may_keep_state(&self) -> Result<(), wit::state::StateError> {
        self.live();
        self.setup
            .permissions
            .state()
            .map_err(|refusal| wit::state::StateError::Denied(self.refuse(&refusal.to_string())))
    }
}

impl wit::state::Host for Guest {
    async fn get(&mut self, key: String) -> Result<Result<Held, wit::state::StateError>> {
        use wit::state::StateError;
        if let Err(denied) = self.call.may_keep_state() {
            return Ok(Err(denied));
        }
        let Some(shelf) = &self.call.context.shelf else {
            return Ok(Ok(None));
        };
        let owner = self.call.setup.permissions.plugin();
        Ok(shelf.get(owner, &key).map_err(StateError::Unavailable))
    }

    async fn put(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> Result<Result<(), wit::state::StateError>> {
        Ok(self.call.shelve(&key, None, Some(value)).await.map(|_| ()))
    }

    async fn replace(
        &mut self,
        key: String,
        expected: Held,
        value: Vec<u8>,
    ) -> Result<Result<(), wit::state::StateError>> {
        use wit::state::StateError;
        let done = self.call.shelve(&key, Some(expected), Some(value)).await;
        Ok(done.and_then(|done| {
            if done {
                Ok(())
            } else {
                Err(StateError::Conflict)
            }
        }))
    }

    async fn delete(&mut self, key: String) -> Result<Result<(), wit::state::StateError>> {
        Ok(self.call.shelve(&key, None, None).await.map(|_| ()))
    }
}

/// How long a plugin may wait for one request when it does not say.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter;

    use super::{Bounds, TABLE_ELEMENTS};

    #[test]
    fn the_parts_of_an_instance_share_what_there_is() {
        let mut bounds = Bounds::new(10);
        assert!(bounds.memory_growing(0, 6, None).unwrap());
        assert!(!bounds.memory_growing(0, 6, None).unwrap() && bounds.refused);
        assert!(bounds.memory_growing(6, 10, None).unwrap());
        let half = TABLE_ELEMENTS / 2;
        assert!(bounds.table_growing(0, half, None).unwrap());
        assert!(!bounds.table_growing(0, half + 1, None).unwrap());
        assert!(bounds.table_growing(half, TABLE_ELEMENTS, None).unwrap());
    }
}
