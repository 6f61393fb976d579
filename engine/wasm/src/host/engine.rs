//! The engine that all plugins share: its settings, the clock that ends long computations, and how many
//! instances live at once.

use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine};

use super::bindings::runbook::plugin as wit;
use super::cache::Cache;
use super::guest::Guest;
use crate::digest::Digest;

/// Between two ticks.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Units of memory that live instances may take together; see [`weight`].
const BUDGET: usize = 64;

/// Runs plugins. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) linker: Arc<Linker<Guest>>,
    pub(crate) budget: Arc<Semaphore>,
    pub(crate) cache: Cache,
    pub(crate) ticker: Arc<Ticker>,
    /// Compiling takes hundreds of megabytes for a large component: one at a time.
    pub(crate) compiling: Arc<tokio::sync::Mutex<()>>,
}

impl Runtime {
    /// Whether a component need not be compiled.
    #[must_use]
    pub fn is_compiled(&self, digest: &crate::digest::Digest) -> bool {
        self.cache.holds(&self.engine, digest)
    }

    /// An engine that keeps compiled plugins in `cache`.
    ///
    /// # Errors
    /// When this machine cannot run WebAssembly.
    pub fn new(cache: Cache) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config
            .wasm_component_model(true)
            .epoch_interruption(true)
            .max_wasm_stack(512 << 10)
            .async_stack_size(1 << 20);
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        wit::context::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        wit::log::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        wit::progress::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        wit::checkpoint::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        wit::secrets::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        wit::state::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        wit::http::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        wit::aws::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
        Ok(Self {
            ticker: Arc::new(Ticker::new(engine.clone())),
            engine,
            linker: Arc::new(linker),
            budget: Arc::new(Semaphore::new(BUDGET)),
            cache,
            compiling: Arc::default(),
        })
    }

    /// Whether a component was compiled before, so that loading it takes no time.
    #[must_use]
    pub fn holds(&self, digest: &Digest) -> bool {
        self.cache.holds(&self.engine, digest)
    }
}

/// How much of the budget a live instance takes, from the size of its component: an instance in Rust takes
/// some 70 KB, one in Python, of a component of 18 MB, takes 6 MB.
pub(crate) fn weight(component: u64) -> u32 {
    u32::try_from((component >> 21).clamp(1, 16)).unwrap_or(16)
}

/// Moves the engine's epoch on, as long as anything runs.
pub(crate) struct Ticker {
    engine: Engine,
    live: Arc<(Mutex<usize>, Condvar)>,
    thread: OnceLock<()>,
}

/// Something runs.
pub(crate) struct Running(Arc<(Mutex<usize>, Condvar)>);

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    }
}

impl Ticker {
    fn new(engine: Engine) -> Self {
        Self {
            engine,
            live: Arc::default(),
            thread: OnceLock::new(),
        }
    }

    /// Ticks until what is returned is dropped.
    pub(crate) fn running(&self) -> Running {
        let mut live = self.live.0.lock().unwrap_or_else(PoisonError::into_inner);
        *live += 1;
        if *live == 1 {
            self.live.1.notify_one();
        }
        drop(live);
        self.thread.get_or_init(|| {
            let (engine, live) = (self.engine.clone(), Arc::downgrade(&self.live));
            let spawned = std::thread::Builder::new()
                .name("plugin ticks".to_owned())
                .spawn(move || tick(&engine, &live));
            if let Err(error) = spawned {
                tracing::warn!(%error, "long computations of plugins are not ended");
            }
        });
        Running(self.live.clone())
    }
}

fn tick(engine: &Engine, live: &Weak<(Mutex<usize>, Condvar)>) {
    while let Some(shared) = live.upgrade() {
        let idle = {
            let running = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Woken from time to time, to end with the engine.
            let wait = shared
                .1
                .wait_timeout_while(running, Duration::from_secs(5), |live| *live == 0);
            wait.map_or(true, |(running, _)| *running == 0)
        };
        drop(shared);
        if !idle {
            std::thread::sleep(TICK);
            engine.increment_epoch();
        }
    }
}
