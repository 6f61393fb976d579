//! A checked file as the engine runs it: names resolved, defaults filled in.

use std::collections::BTreeSet;

use runbook_core::{ForEach, Limit, Millis, OnFailure, Retry, Runbook, Section, Step, Undo, Until};
use serde_json::Value;

use crate::document::{Defaults, Document, RetryPatch, StepNode, UndoNode};
use crate::tree::Node;

/// A deadline that is never reached.
pub const NEVER: Millis = u64::MAX / 4;
/// Between two questions of `until`.
const INTERVAL: Millis = 5_000;
/// Items in flight at once.
const PARALLEL: u32 = 10;

/// The runbook of a document without mistakes.
pub(crate) fn runbook(
    document: &Document<'_>,
    needs: &[Vec<usize>],
    refs: &[BTreeSet<String>],
) -> Runbook {
    let mut steps: Vec<Step> = document
        .steps
        .iter()
        .zip(needs.iter().zip(refs))
        .filter_map(|(node, (needs, refs))| step(node, needs, refs, &document.defaults))
        .collect();
    steps.shrink_to_fit();
    Runbook {
        name: document.name.unwrap_or_default().to_owned(),
        summary: text(document.summary),
        owners: document.owners.clone(),
        params: document
            .params
            .iter()
            .map(|one| (one.name.to_owned(), one.param.clone()))
            .collect(),
        objectives: document.objectives,
        lock: text(document.lock),
        timeout: document.timeout,
        on_failure: document.defaults.on_failure.unwrap_or_default(),
        steps,
        outputs: document
            .outputs
            .iter()
            .map(|entry| (entry.key.clone(), entry.value.json()))
            .collect(),
    }
}

fn step(
    node: &StepNode<'_>,
    needs: &[usize],
    refs: &BTreeSet<String>,
    defaults: &Defaults,
) -> Option<Step> {
    let kind = node.kind?;
    let own = kind
        .timeout
        .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(NEVER));
    // The runbook's default is for work; a person is not hurried by it.
    let common = own.and(defaults.timeout);
    Some(Step {
        id: node.id.clone(),
        summary: text(node.summary),
        uses: node.uses.to_owned(),
        work: kind.work(),
        with: node.with.map(Node::json).unwrap_or_default(),
        section: node.section,
        needs: needs.to_vec(),
        refs: refs.iter().cloned().collect(),
        when: condition(node.when),
        for_each: node.for_each.and_then(Node::text).map(|over| ForEach {
            over: over.to_owned(),
            max_parallel: parallel(node.max_parallel.as_deref()),
            ramp: ramp(node.max_parallel.as_deref()),
            max_failures: node.max_failures.unwrap_or(Limit::Count(0)),
        }),
        until: condition(node.until).map(|that| Until {
            that,
            interval: node.interval.unwrap_or(INTERVAL),
        }),
        timeout: node.timeout.or(common).or(own).unwrap_or(NEVER),
        retry: retry(&defaults.retry, &node.retry),
        on_failure: on_failure(node, defaults),
        undo: match &node.undo {
            None => Undo::Own,
            Some(UndoNode::None) => Undo::None,
            Some(UndoNode::With { uses, with, .. }) => Undo::With {
                uses: (*uses).to_owned(),
                with: with.map(Node::json).unwrap_or_default(),
            },
        },
        irreversible: kind.irreversible.map(str::to_owned),
        marks: text(node.marks),
        allow: node.allow.map(|node| node.json()),
        region: text(node.region),
        role_arn: text(node.role_arn),
    })
}

/// A plain number is the size of the window; anything else is a ramp.
fn parallel(given: Option<&[Limit]>) -> u32 {
    match given {
        Some([Limit::Count(count)]) => *count,
        Some(_) | None => PARALLEL,
    }
}

fn ramp(given: Option<&[Limit]>) -> Vec<Limit> {
    match given {
        None | Some([Limit::Count(_)]) => Vec::new(),
        Some(sizes) => sizes.to_vec(),
    }
}

/// What the runbook says of failures is meant for its steps; a failed step of `finally` or `on_cancel`
/// ends its own section only if it says so itself.
fn on_failure(node: &StepNode<'_>, defaults: &Defaults) -> OnFailure {
    match node.section {
        Section::Main => node.on_failure.or(defaults.on_failure).unwrap_or_default(),
        Section::Finally | Section::OnCancel => node.on_failure.unwrap_or_default(),
    }
}

fn retry(common: &RetryPatch, own: &RetryPatch) -> Retry {
    let base = Retry::default();
    let delay = own.delay.or(common.delay).unwrap_or(base.delay);
    Retry {
        attempts: own.attempts.or(common.attempts).unwrap_or(base.attempts),
        delay,
        max_delay: own
            .max_delay
            .or(common.max_delay)
            .unwrap_or(base.max_delay)
            .max(delay),
        backoff: own.backoff.or(common.backoff).unwrap_or(base.backoff),
        jitter: own.jitter.or(common.jitter).unwrap_or(base.jitter),
        on: own
            .on
            .clone()
            .or_else(|| common.on.clone())
            .unwrap_or(base.on),
    }
}

/// CEL; a bare `true` or `false` is one too.
fn condition(node: Option<&Node>) -> Option<String> {
    node.map(|node| match node.json() {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

fn text(node: Option<&Node>) -> Option<String> {
    node.and_then(Node::text).map(str::to_owned)
}
