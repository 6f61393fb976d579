//! All printing goes through here: data to standard output, everything else to standard error.

#[cfg(feature = "plugins")]
pub(crate) mod busy;
pub(crate) mod calls;
pub(crate) mod line;
pub(crate) mod next;
pub(crate) mod progress;
pub(crate) mod show;
pub(crate) mod story;
pub(crate) mod style;
pub(crate) mod table;

use std::io::Write;

/// Writes data. A reader that has gone away ends the program quietly, as `head` expects.
pub(crate) fn out(text: &str) {
    write_all(&mut std::io::stdout().lock(), text);
}

/// Writes data as JSON with a line end.
pub(crate) fn json(value: &serde_json::Value) {
    out(&format!("{value:#}\n"));
}

/// A number of things: `1 run`, `2 runs`.
pub(crate) fn count(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// A size in bytes, short.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Writes to the person.
pub(crate) fn say(text: &str) {
    write_all(&mut std::io::stderr().lock(), text);
}

fn write_all(sink: &mut dyn Write, text: &str) {
    if let Err(error) = sink.write_all(text.as_bytes()).and_then(|()| sink.flush())
        && error.kind() == std::io::ErrorKind::BrokenPipe
    {
        // The run itself must not end because nobody reads any more.
        tracing::debug!("the reader has gone");
    }
}
