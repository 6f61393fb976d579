//! The clock that drivers read, and the text form of its points.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rand::RngExt;
use runbook_core::Timestamp;

/// Where drivers read time and draw shares from; a simulation gives its own.
#[derive(Clone)]
pub struct Clock {
    /// The time of journals and deadlines.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Time that nobody sets; only differences mean anything.
    pub monotonic: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// A random share, 0 to 1, for jitter.
    pub share: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            now: Arc::new(now),
            monotonic: Arc::new(monotonic),
            share: Arc::new(|| rand::rng().random_range(0.0..=1.0)),
        }
    }
}

/// Since the first call in this process.
fn monotonic() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}

/// Now, by the system clock.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// RFC 3339 in UTC, with milliseconds.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| at.0.to_string(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    )
}

/// Reads RFC 3339.
#[must_use]
pub fn timestamp(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_point_agree() {
        let at = Timestamp(1_790_000_000_123);
        assert_eq!(timestamp(&rfc3339(at)), Some(at));
        assert_eq!(
            timestamp("2026-11-24T08:00:00+01:00"),
            timestamp("2026-11-24T07:00:00Z")
        );
        assert_eq!(timestamp("soon"), None);
    }
}
