//! Spans as people write them: `250ms`, `30s`, `15m`, `1h30m`, `2d`.

use runbook_core::Millis;

/// Parses a span.
///
/// # Errors
/// A sentence that says what a span looks like.
pub fn parse(text: &str) -> Result<Millis, String> {
    let wrong =
        || format!("`{text}` is not a duration: write it like 250ms, 30s, 15m, 1h30m or 2d");
    let mut rest = text.trim();
    let mut total: Millis = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: Millis = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit: Millis = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        total = count
            .checked_mul(unit)
            .and_then(|span| total.checked_add(span))
            .ok_or_else(wrong)?;
        rest = &rest[letters..];
    }
    Ok(total)
}

/// A span as [`parse`] reads it, without losing a millisecond: `1m1s500ms`.
#[must_use]
pub fn format(span: Millis) -> String {
    let parts = [
        (span / 3_600_000, "h"),
        (span / 60_000 % 60, "m"),
        (span / 1_000 % 60, "s"),
        (span % 1_000, "ms"),
    ];
    let text: String = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if text.is_empty() {
        "0ms".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn what_is_written_is_read_back() {
        for (span, text) in [
            (0, "0ms"),
            (250, "250ms"),
            (1_500, "1s500ms"),
            (61_500, "1m1s500ms"),
            (5_400_000, "1h30m"),
            (u64::MAX, "5124095576030h25m51s615ms"),
        ] {
            assert_eq!(format(span), text);
            assert_eq!(parse(text), Ok(span));
        }
    }

    #[test]
    fn reads_what_people_write() {
        for (text, span) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(parse(text), Ok(span));
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "5", "m", "1x", "1h 30m", "-1s", "99999999999999999999s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
