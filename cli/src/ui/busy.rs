//! Something that takes a while, and is not a run: a moving line on a terminal, a plain one elsewhere.

use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{say, style};

/// What is being done. Nothing of it goes to standard output.
pub(crate) struct Busy {
    bar: Option<ProgressBar>,
    what: String,
    since: Instant,
    quiet: bool,
}

impl Busy {
    /// Tells that something has begun; `quiet` tells nothing.
    pub(crate) fn new(what: &str, quiet: bool) -> Self {
        let bar = (!quiet && Term::stderr().is_term()).then(|| {
            let bar = ProgressBar::new_spinner().with_finish(indicatif::ProgressFinish::AndClear);
            bar.set_draw_target(ProgressDrawTarget::stderr());
            if let Ok(look) = ProgressStyle::with_template("  {spinner:.cyan} {msg} {elapsed:>4}") {
                bar.set_style(look);
            }
            bar.set_message(what.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() && !quiet {
            say(&format!("  {what} …\n"));
        }
        Self {
            bar,
            what: what.to_owned(),
            since: Instant::now(),
            quiet,
        }
    }

    /// It is done; on a terminal the line stays, with how long it took.
    pub(crate) fn done(self) {
        let took = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            if !self.quiet {
                let took = style::dim(&style::span(took));
                say(&format!("  {} {} {took}\n", style::green("ok"), self.what));
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
