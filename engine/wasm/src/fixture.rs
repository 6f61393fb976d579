//! Tests of plugins: fixtures that say which calls a step makes, what it is answered, and what comes of
//! it. They run against the real component and a scripted outside; nothing leaves the machine.
//!
//! A file `tests/*.yaml` of a plugin's folder holds one or more documents:
//!
//! ```yaml
//! name: too fast is retried after what the chat asks for
//! step: post
//! call: run                         # or reconcile, undo, plan
//! context:                          # each of them may be left out
//!   attempt: 1
//!   idempotency_key: r1/post
//!   run: r1
//!   step: post
//!   environment: test
//!   region: us-east-1
//!   config: { url: "https://chat.example.com/post" }
//!   dry_run: false
//!   cancelled: false
//!   resume: { sent: false }         # what a pause or a checkpoint left
//! with: { text: hello }
//! outputs: {}                       # of an undo: what the step gave
//! secrets: { chat_token: abc }      # a secret without a value here has one all the same
//! state: { last: "17" }
//! calls:                            # in this order, and all of them
//!   - http: POST https://chat.example.com/post
//!     expect: { auth: "bearer:chat_token", json: { text: hello }, headers: {}, body: "{}" }
//!     reply: { status: 429, headers: { retry-after: "30" }, json: { ok: false } }
//!   - aws: rds:DescribeDBInstances  # `@region` if it matters
//!     expect: { params: { DBInstanceIdentifier: orders }, region: us-east-1 }
//!     reply: { error: { throttled: { status: 400, code: Throttling, message: slow } } }
//! result:                           # one of them; maps may hold more than what stands here
//!   error: { kind: retryable, code: http-429, retry_after_ms: 30000 }
//!   # done: {}   wait: { after_ms: 15000, state: {}, note: … }   plan: []
//!   # happened: {}   did_not_happen: true   in_progress: {}   unknown: …
//! checkpoints: [{ sent: true }]
//! logs: [a part of a line]
//! skip: { dry_run: why it cannot hold for this step }   # or repeat, cut, deadline
//! ```
//!
//! An error of a reply is `unreachable`, `interrupted`, `denied` or `invalid` with a text, `too_large` with
//! a number, and for AWS `throttled` or `service`.

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
