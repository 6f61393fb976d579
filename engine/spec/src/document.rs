//! A runbook's file, read: every key has its type, every value its place. Whether they fit together is
//! for the checks.

mod step;

use runbook_core::{FaultKind, Limit, Millis, Objectives, OnFailure, Param, Section};
use runbook_step::{Catalog, StepKind};

#[cfg(test)]
pub(crate) use step::KEYS as STEP_KEYS;

use crate::check::keys::{Fields, entries, mistyped};
use crate::check::{Report, id, param, timing};
use crate::tree::{Entry, Node, Span};

/// The keys of a runbook.
pub(crate) const KEYS: [&str; 13] = [
    "name",
    "summary",
    "owners",
    "params",
    "objectives",
    "lock",
    "timeout",
    "on_failure",
    "defaults",
    "steps",
    "finally",
    "on_cancel",
    "outputs",
];

/// What `on_failure` may say.
pub(crate) const ON_FAILURE: [(&str, OnFailure); 4] = [
    ("stop", OnFailure::Stop),
    ("continue", OnFailure::Continue),
    ("rollback", OnFailure::Rollback),
    ("pause", OnFailure::Pause),
];

/// A runbook's file.
#[derive(Default)]
pub(crate) struct Document<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) summary: Option<&'a Node>,
    pub(crate) owners: Vec<String>,
    pub(crate) params: Vec<Declared<'a>>,
    pub(crate) objectives: Objectives,
    pub(crate) objectives_at: Option<Fields<'a>>,
    pub(crate) lock: Option<&'a Node>,
    pub(crate) timeout: Option<Millis>,
    pub(crate) defaults: Defaults,
    pub(crate) steps: Vec<StepNode<'a>>,
    pub(crate) outputs: &'a [Entry],
}

/// A declared parameter.
pub(crate) struct Declared<'a> {
    pub(crate) name: &'a str,
    pub(crate) at: Span,
    pub(crate) param: Param,
    pub(crate) default: Option<&'a Node>,
}

/// `defaults` and the runbook's `on_failure`.
#[derive(Default)]
pub(crate) struct Defaults {
    pub(crate) timeout: Option<Millis>,
    pub(crate) retry: RetryPatch,
    pub(crate) on_failure: Option<OnFailure>,
}

/// The parts of a retry that a file gives.
#[derive(Clone, Default)]
pub(crate) struct RetryPatch {
    pub(crate) attempts: Option<u32>,
    pub(crate) delay: Option<Millis>,
    pub(crate) max_delay: Option<Millis>,
    pub(crate) backoff: Option<f64>,
    pub(crate) jitter: Option<bool>,
    pub(crate) on: Option<Vec<FaultKind>>,
}

/// One step of a file.
pub(crate) struct StepNode<'a> {
    pub(crate) section: Section,
    pub(crate) id: String,
    pub(crate) at: Span,
    pub(crate) summary: Option<&'a Node>,
    pub(crate) uses: &'a str,
    pub(crate) uses_at: Span,
    pub(crate) kind: Option<&'a StepKind>,
    pub(crate) with: Option<&'a Node>,
    pub(crate) needs: Option<Vec<&'a Node>>,
    pub(crate) when: Option<&'a Node>,
    pub(crate) for_each: Option<&'a Node>,
    pub(crate) max_parallel: Option<Vec<Limit>>,
    pub(crate) max_failures: Option<Limit>,
    pub(crate) until: Option<&'a Node>,
    pub(crate) interval: Option<Millis>,
    pub(crate) timeout: Option<Millis>,
    pub(crate) retry: RetryPatch,
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) undo: Option<UndoNode<'a>>,
    pub(crate) marks: Option<&'a Node>,
    pub(crate) region: Option<&'a Node>,
    pub(crate) role_arn: Option<&'a Node>,
    pub(crate) allow: Option<&'a Node>,
}

/// `undo` of a step.
pub(crate) enum UndoNode<'a> {
    None,
    With {
        uses: &'a str,
        kind: Option<&'a StepKind>,
        with: Option<&'a Node>,
        at: Span,
    },
}

/// The name of a section as the file writes it.
pub(crate) fn section_name(section: Section) -> &'static str {
    match section {
        Section::Main => "steps",
        Section::Finally => "finally",
        Section::OnCancel => "on_cancel",
    }
}

/// Reads a runbook's file.
pub(crate) fn read<'a>(report: &mut Report, root: &'a Node, catalog: &'a Catalog) -> Document<'a> {
    let what = "a runbook";
    let Some(fields) = Fields::open(report, root, what, &KEYS) else {
        return Document::default();
    };
    if fields.need(report, what, "name").is_some()
        && let (Some(name), Some(node)) = (fields.text(report, "name"), fields.get("name"))
    {
        id::name(report, name, &node.span);
    }
    let (objectives, objectives_at) = objectives(report, &fields);
    let owners = fields.texts(report, "owners").unwrap_or_default();
    let mut document = Document {
        name: fields.get("name").and_then(Node::text),
        summary: text_node(report, &fields, "summary"),
        owners: owners
            .iter()
            .filter_map(|one| one.text())
            .map(str::to_owned)
            .collect(),
        params: fields
            .get("params")
            .map_or_else(Vec::new, |node| params(report, node)),
        objectives,
        objectives_at,
        lock: text_node(report, &fields, "lock"),
        timeout: fields
            .get("timeout")
            .and_then(|node| timing::span(report, node, "timeout")),
        defaults: defaults(report, &fields),
        steps: Vec::new(),
        outputs: fields
            .get("outputs")
            .and_then(|node| entries(report, node, "`outputs`"))
            .unwrap_or_default(),
    };
    for output in document.outputs {
        id::identifier(report, "output", &output.key, &output.at);
    }
    fields.need(report, what, "steps");
    for section in [Section::Main, Section::Finally, Section::OnCancel] {
        let key = section_name(section);
        let Some(node) = fields.get(key) else {
            continue;
        };
        let Some(list) = node.list() else {
            mistyped(report, node, &format!("`{key}`"), "a list of steps");
            continue;
        };
        document.steps.reserve_exact(list.len());
        for one in list {
            document
                .steps
                .extend(step::read(report, one, section, catalog));
        }
    }
    document
}

/// A text with its place.
pub(crate) fn text_node<'a>(
    report: &mut Report,
    fields: &Fields<'a>,
    key: &str,
) -> Option<&'a Node> {
    fields.text(report, key)?;
    fields.get(key)
}

/// `on_failure`.
pub(crate) fn on_failure(report: &mut Report, fields: &Fields<'_>) -> Option<OnFailure> {
    fields.word(report, "on_failure", &ON_FAILURE)
}

fn params<'a>(report: &mut Report, node: &'a Node) -> Vec<Declared<'a>> {
    let mut declared = Vec::new();
    for entry in entries(report, node, "`params`").unwrap_or_default() {
        id::identifier(report, "parameter", &entry.key, &entry.at);
        if let Some(param) = param::read(report, &entry.key, &entry.value) {
            declared.push(Declared {
                name: &entry.key,
                at: entry.at.clone(),
                param,
                default: entry.value.get("default"),
            });
        }
    }
    declared
}

fn objectives<'a>(report: &mut Report, fields: &Fields<'a>) -> (Objectives, Option<Fields<'a>>) {
    let open = fields
        .get("objectives")
        .and_then(|node| Fields::open(report, node, "`objectives`", &["rto", "rpo"]));
    let Some(fields) = open else {
        return (Objectives::default(), None);
    };
    let mut span = |key: &str| {
        fields
            .get(key)
            .and_then(|node| timing::span(report, node, key))
    };
    let objectives = Objectives {
        rto: span("rto"),
        rpo: span("rpo"),
    };
    (objectives, Some(fields))
}

fn defaults(report: &mut Report, fields: &Fields<'_>) -> Defaults {
    let mut defaults = Defaults {
        on_failure: on_failure(report, fields),
        ..Defaults::default()
    };
    let known = ["timeout", "retry", "on_failure"];
    let open = fields
        .get("defaults")
        .and_then(|node| Fields::open(report, node, "`defaults`", &known));
    if let Some(fields) = open {
        defaults.timeout = fields
            .get("timeout")
            .and_then(|node| timing::span(report, node, "timeout"));
        if let Some(node) = fields.get("retry") {
            defaults.retry = timing::retry(report, node);
        }
        let own = on_failure(report, &fields);
        defaults.on_failure = own.or(defaults.on_failure);
    }
    defaults
}
