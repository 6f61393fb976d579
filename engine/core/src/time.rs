//! Points in time and spans, as whole milliseconds: what a journal holds and a scheduler compares.

use serde::{Deserialize, Serialize};

/// A span in milliseconds.
pub type Millis = u64;

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This point plus `span`; saturates at the end of time.
    #[must_use]
    pub fn plus(self, span: Millis) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Millis {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// A span as people write it: `250ms`, `30s`, `15m`, `1h30m`.
#[must_use]
pub fn format_millis(span: Millis) -> String {
    if span < 1_000 {
        return format!("{span}ms");
    }
    let (hours, minutes, seconds) = (span / 3_600_000, span / 60_000 % 60, span / 1_000 % 60);
    let mut text = String::new();
    for (count, unit) in [(hours, "h"), (minutes, "m"), (seconds, "s")] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if hours == 0 && minutes == 0 && !span.is_multiple_of(1_000) {
        return format!("{}.{}s", seconds, span % 1_000 / 100);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        let cases = [
            (0, "0ms"),
            (250, "250ms"),
            (1_000, "1s"),
            (999, "999ms"),
            (1_250, "1.2s"),
            (59_999, "59.9s"),
            (61_500, "1m1s"),
            (3_600_500, "1h"),
            (90_000, "1m30s"),
            (900_000, "15m"),
            (5_400_000, "1h30m"),
        ];
        for (span, text) in cases {
            assert_eq!(format_millis(span), text);
        }
    }

    #[test]
    fn time_stops_at_its_ends() {
        let now = Timestamp(1_000);
        assert_eq!(now.plus(500), Timestamp(1_500));
        assert_eq!(now.plus(u64::MAX), Timestamp(i64::MAX));
        assert_eq!(
            (now.since(Timestamp(400)), now.since(Timestamp(1_001))),
            (600, 0)
        );
    }
}
