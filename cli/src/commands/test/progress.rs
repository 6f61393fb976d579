//! How far a sweep is, on stderr: a bar on a terminal, a line now and then elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::ui::{say, style};

/// Where there is no terminal, a line at most this often.
const PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Progress {
    file: String,
    bar: ProgressBar,
    began: Instant,
    /// When the first case began.
    cases: Instant,
    told: Instant,
    done: usize,
    all: usize,
    wrong: usize,
}

impl Progress {
    pub(super) fn new(file: &str) -> Self {
        let now = Instant::now();
        Self {
            file: file.to_owned(),
            bar: ProgressBar::hidden(),
            began: now,
            cases: now,
            told: now,
            done: 0,
            all: 0,
            wrong: 0,
        }
    }

    /// The cases begin.
    pub(super) fn begin(&mut self, all: usize) {
        self.all = all;
        self.cases = Instant::now();
        self.bar = ProgressBar::new(all as u64).with_style(
            ProgressStyle::with_template("  {msg} {bar:32} {pos}/{len} {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        self.bar.set_message(self.file.clone());
    }

    /// A case has ended.
    pub(super) fn step(&mut self, wrong: bool) {
        self.done += 1;
        self.wrong += usize::from(wrong);
        self.bar.inc(1);
        if wrong {
            self.bar
                .set_message(format!("{} {} wrong", self.file, self.wrong));
        }
        if self.bar.is_hidden() && self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            say(&format!(
                "  {}: {} of {}, {} wrong, about {} left\n",
                self.file,
                self.done,
                self.all,
                self.wrong,
                style::span(left(self.cases.elapsed(), self.done, self.all))
            ));
        }
    }

    /// How long all of it took, in milliseconds.
    pub(super) fn end(self) -> u64 {
        self.bar.finish_and_clear();
        millis(self.began.elapsed())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// What is left when the rest goes on as it went, in milliseconds.
fn left(took: Duration, done: usize, all: usize) -> u64 {
    let rest = all.saturating_sub(done) as u64;
    millis(took).saturating_mul(rest) / (done.max(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_from_what_was_done() {
        let minute = Duration::from_secs(60);
        assert_eq!(left(minute, 10, 40), 180_000);
        assert_eq!(left(minute, 40, 40), 0);
    }
}
