//! Durations, attempts and limits.

use runbook_core::{FaultKind, Limit, Millis};
use runbook_step::duration;
use serde_json::Value;

use super::Report;
use super::keys::{Fields, mistyped};
use crate::diagnostic::Code;
use crate::document::RetryPatch;
use crate::nearest::hint;
use crate::tree::{Kind, Node};

pub(crate) const CODES: &[Code] = &[DURATION, LIMIT];

const DURATION: Code = Code {
    code: "R022",
    title: "not a duration",
    explanation: "A duration is a number with its unit, several in a row if need be: `250ms`, `30s`, \
                  `15m`, `1h30m`, `2d`.",
};

const LIMIT: Code = Code {
    code: "R023",
    title: "a limit does not make sense",
    explanation: "`retry.attempts` is a whole number from 1, `backoff` is at least 1, `max_delay` is not \
                  below `delay`, `max_failures` is a number or a share such as `10%`, `max_parallel` is \
                  one of them from 1, or a list of them: the sizes of batches that follow one another.",
};

/// Kinds of faults that a retry may be asked for.
const REPEATABLE: [(&str, FaultKind); 5] = [
    ("throttled", FaultKind::Throttled),
    ("transient", FaultKind::Transient),
    ("conflict", FaultKind::Conflict),
    ("not_found", FaultKind::NotFound),
    ("unmet", FaultKind::Unmet),
];

/// A span of time.
pub(crate) fn span(report: &mut Report, node: &Node, key: &str) -> Option<Millis> {
    let parsed = node.text().map(duration::parse);
    match parsed {
        Some(Ok(span)) if span > 0 => Some(span),
        _ => {
            let help = match &node.kind {
                Kind::Scalar(Value::Number(number)) => format!("write `{number}s` for seconds"),
                _ => "write it like 250ms, 30s, 15m, 1h30m or 2d".to_owned(),
            };
            let label = match parsed {
                Some(Ok(_)) => "has to be longer than nothing".to_owned(),
                _ => "not a duration".to_owned(),
            };
            let wrong = report
                .wrong(
                    &DURATION,
                    &node.span,
                    format!("`{key}` has to be a duration"),
                )
                .label(label)
                .help(help);
            report.push(wrong);
            None
        }
    }
}

/// `retry` of a step or of `defaults`.
pub(crate) fn retry(report: &mut Report, node: &Node) -> RetryPatch {
    let known = ["attempts", "delay", "max_delay", "backoff", "jitter", "on"];
    let mut patch = RetryPatch::default();
    let Some(fields) = Fields::open(report, node, "`retry`", &known) else {
        return patch;
    };
    if let Some(node) = fields.get("attempts") {
        patch.attempts = number(node)
            .filter(|given| *given >= 1.0 && given.fract() == 0.0)
            .and_then(small);
        if patch.attempts.is_none() {
            limit(
                report,
                node,
                "`attempts` has to be a whole number from 1",
                "the first attempt counts",
            );
        }
    }
    patch.delay = fields
        .get("delay")
        .and_then(|node| span(report, node, "delay"));
    patch.max_delay = fields
        .get("max_delay")
        .and_then(|node| span(report, node, "max_delay"));
    if let (Some(delay), Some(most), Some(node)) =
        (patch.delay, patch.max_delay, fields.get("max_delay"))
        && most < delay
    {
        limit(
            report,
            node,
            "`max_delay` is below `delay`",
            "the first delay would pass it already",
        );
    }
    if let Some(node) = fields.get("backoff") {
        patch.backoff = number(node).filter(|given| *given >= 1.0);
        if patch.backoff.is_none() {
            limit(
                report,
                node,
                "`backoff` has to be a number from 1",
                "the factor from delay to delay",
            );
        }
    }
    patch.jitter = jitter(report, &fields);
    patch.on = fields
        .texts(report, "on")
        .map(|words| kinds(report, &words));
    patch
}

/// `full` and true are the same, `none` and false too.
fn jitter(report: &mut Report, fields: &Fields<'_>) -> Option<bool> {
    match fields.get("jitter").map(|node| &node.kind) {
        Some(Kind::Scalar(Value::Bool(given))) => Some(*given),
        Some(_) => fields.word(report, "jitter", &[("full", true), ("none", false)]),
        None => None,
    }
}

fn kinds(report: &mut Report, words: &[&Node]) -> Vec<FaultKind> {
    let mut kinds = Vec::new();
    for node in words {
        let word = node.text().unwrap_or_default();
        match REPEATABLE.iter().find(|(name, _)| *name == word) {
            Some((_, kind)) => kinds.push(*kind),
            None => {
                let wrong = report
                    .wrong(
                        &LIMIT,
                        &node.span,
                        format!("`{word}` is no class of failures that is retried"),
                    )
                    .label("not one of them")
                    .hint(hint(word, REPEATABLE.iter().map(|(name, _)| *name)));
                report.push(wrong);
            }
        }
    }
    kinds
}

/// `max_failures`: a number, or a share such as `10%`.
pub(crate) fn failures(report: &mut Report, node: &Node) -> Option<Limit> {
    let found = share(node);
    if found.is_none() {
        limit(
            report,
            node,
            "`max_failures` has to be a number or a share",
            "write `2` or `10%`",
        );
    }
    found
}

fn share(node: &Node) -> Option<Limit> {
    match &node.kind {
        Kind::Scalar(Value::Number(_)) => number(node)
            .filter(|given| *given >= 0.0 && given.fract() == 0.0)
            .and_then(small)
            .map(Limit::Count),
        Kind::Scalar(Value::String(text)) => text
            .strip_suffix('%')
            .and_then(|share| share.trim().parse::<f64>().ok())
            .filter(|share| (0.0..=100.0).contains(share))
            .map(Limit::Percent),
        Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => None,
    }
}

/// `max_parallel`: a number or a share, or a list of them: batches that follow one another.
pub(crate) fn parallel(report: &mut Report, node: &Node) -> Option<Vec<Limit>> {
    let sizes = match &node.kind {
        Kind::List(list) if !list.is_empty() => list.iter().collect(),
        _ => vec![node],
    };
    let mut ramp = Vec::new();
    for size in sizes {
        let found = share(size).filter(|one| match one {
            Limit::Count(count) => *count > 0,
            Limit::Percent(share) => *share > 0.0,
        });
        if found.is_none() {
            limit(
                report,
                size,
                "`max_parallel` has to be a whole number from 1 or a share",
                "items in flight at once: `4`, `25%`, or batches such as `[1, 10%, 50%]`",
            );
        }
        ramp.extend(found);
    }
    (!ramp.is_empty()).then_some(ramp)
}

fn limit(report: &mut Report, node: &Node, message: &str, label: &str) {
    match &node.kind {
        Kind::List(_) | Kind::Map(_) => mistyped(report, node, "this", "a number"),
        Kind::Scalar(_) => {
            let wrong = report.wrong(&LIMIT, &node.span, message).label(label);
            report.push(wrong);
        }
    }
}

fn number(node: &Node) -> Option<f64> {
    match &node.kind {
        Kind::Scalar(value) => value.as_f64(),
        Kind::List(_) | Kind::Map(_) => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn small(number: f64) -> Option<u32> {
    (number <= f64::from(u32::MAX)).then_some(number as u32)
}
