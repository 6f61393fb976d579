//! Tests of plugins: fixtures that say which calls a step makes, what it is answered, and what comes of
//! it. They run against the real component and a scripted outside; nothing leaves the machine.

mod compare;
mod file;
mod play;
mod report;
mod script;
mod standard;

use std::path::PathBuf;

use thiserror::Error;

use crate::host::Plugin;
pub use file::{Fixture, load};
pub use report::{Check, Report, Status};

/// Why a file of fixtures cannot be read.
#[derive(Debug, Error)]
#[error("{}:{line}: {why}", file.display())]
pub struct FixtureError {
    /// The file, as it was found.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what was meant as far as that can be guessed.
    pub why: String,
}

/// Plays a fixture, and what every step type has to stand beside it.
///
/// What the plugin itself wants is granted, and nothing else: a call that it does not declare is refused
/// as it would be in production.
pub async fn run(plugin: &Plugin, fixture: &Fixture) -> Report {
    let mut report = Report::new(fixture);
    let stage = match play::Stage::new(plugin, fixture) {
        Ok(stage) => stage,
        Err(why) => {
            report.add("fixture", Err(why));
            return report;
        }
    };
    let played = stage.play(&play::Turn::default()).await;
    report.add("calls", stage.calls_met(&played));
    report.add("result", stage.result_met(&played));
    if fixture.has_checkpoints() {
        report.add("checkpoints", stage.checkpoints_met(&played));
    }
    if fixture.has_logs() {
        report.add("logs", stage.logs_met(&played));
    }
    if fixture.runs() && report.passed() {
        standard::check(&stage, &played, &mut report).await;
    }
    report
}

#[cfg(test)]
mod tests;
