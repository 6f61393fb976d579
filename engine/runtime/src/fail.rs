//! Named places at which a test may end or stop the process: each durable write, each sync, and each
//! side of each call. Without a hook a place costs one atomic load.

use std::sync::OnceLock;

/// Every place, so that a test can say which one was never reached.
pub const POINTS: &[&str] = &[
    "tables.write",
    "tables.sync",
    "tables.synced",
    "claim.locked",
    "claim.recorded",
    "journal.write",
    "journal.sync",
    "journal.synced",
    "journal.answered",
    "call.before",
    "call.after",
    "answer.landed",
    "run.closed",
    "claim.retire",
    "claim.retired",
];

type Hook = Box<dyn Fn(&'static str) + Send + Sync>;

static HOOK: OnceLock<Hook> = OnceLock::new();

/// Calls `hook` at every place from here on; the first hook stays. It may end the process, and need not
/// come back.
pub fn install(hook: impl Fn(&'static str) + Send + Sync + 'static) {
    let _ = HOOK.set(Box::new(hook));
}

/// One of the places.
pub(crate) fn point(name: &'static str) {
    if let Some(hook) = HOOK.get() {
        debug_assert!(POINTS.contains(&name), "{name} is not registered");
        hook(name);
    }
}
