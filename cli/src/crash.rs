//! For the crash sweep: a process that ends itself, as a power cut would, at a numbered place.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use runbook_runtime::{fail, now};

/// Number of the place at which the process ends, counted from 1.
pub(crate) const POINT: &str = "RUNBOOK_CRASH_POINT";
/// File that gets a line for each place that is reached: when, and its name.
pub(crate) const LOG: &str = "RUNBOOK_CRASH_LOG";

/// Does what the environment says; nothing without it.
pub(crate) fn install() {
    let point: Option<u64> = std::env::var(POINT).ok().and_then(|text| text.parse().ok());
    let log = std::env::var_os(LOG)
        .and_then(|path| File::options().create(true).append(true).open(path).ok());
    if point.is_none() && log.is_none() {
        return;
    }
    let (count, log) = (AtomicU64::new(0), Mutex::new(log));
    fail::install(move |name| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        if let Ok(mut log) = log.lock()
            && let Some(log) = log.as_mut()
        {
            let _ = writeln!(log, "{} {name}", now().0);
        }
        if Some(number) == point {
            std::process::abort();
        }
    });
}
