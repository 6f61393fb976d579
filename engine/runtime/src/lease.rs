//! The lease of a run, as its owner sees it: valid for a time from before it was last renewed, by a clock
//! that nobody sets. Another process may take the run over when the lease has run out, so the owner
//! must not call out after that before it has renewed it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runbook_core::Millis;
use runbook_step::lease::Lease;

use crate::clock::Clock;

/// The owner's side of a lease.
#[derive(Clone)]
pub(crate) struct Held {
    clock: Clock,
    span: Duration,
    /// When it was last renewed, in milliseconds of the monotonic clock.
    renewed: Arc<AtomicU64>,
}

impl Held {
    /// A lease that was taken at `since`, read before the store was asked.
    pub(crate) fn new(clock: Clock, span: Millis, since: Duration) -> Self {
        Self {
            clock,
            span: Duration::from_millis(span),
            renewed: Arc::new(AtomicU64::new(millis(since))),
        }
    }

    /// Now, to be given to [`Self::renewed`] once the store has said yes.
    pub(crate) fn moment(&self) -> Duration {
        (self.clock.monotonic)()
    }

    pub(crate) fn renewed(&self, since: Duration) {
        self.renewed.store(millis(since), Ordering::Release);
    }

    fn age(&self) -> Duration {
        let renewed = Duration::from_millis(self.renewed.load(Ordering::Acquire));
        self.moment().saturating_sub(renewed)
    }

    /// Whether a third of it has passed.
    pub(crate) fn is_due(&self) -> bool {
        self.age() >= self.span / 3
    }

    /// When a third of it has passed.
    pub(crate) fn due_in(&self) -> Duration {
        (self.span / 3).saturating_sub(self.age())
    }

    /// Whether nobody may have taken over.
    pub(crate) fn holds(&self) -> bool {
        self.age() < self.span
    }

    /// For the code of steps.
    pub(crate) fn cover(&self) -> Lease {
        let held = self.clone();
        Lease::new(move || held.holds())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
