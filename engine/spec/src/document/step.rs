//! One step of a file.

use runbook_core::Section;
use runbook_step::Catalog;

use super::{RetryPatch, StepNode, UndoNode, on_failure, text_node};
use crate::check::keys::Fields;
use crate::check::{Report, id, timing, undo, uses};
use crate::tree::{Node, Span};

/// The keys of a step.
pub(crate) const KEYS: [&str; 19] = [
    "id",
    "summary",
    "uses",
    "with",
    "needs",
    "when",
    "for_each",
    "max_parallel",
    "max_failures",
    "until",
    "interval",
    "timeout",
    "retry",
    "on_failure",
    "undo",
    "marks",
    "region",
    "role_arn",
    "allow",
];

pub(super) fn read<'a>(
    report: &mut Report,
    node: &'a Node,
    section: Section,
    catalog: &'a Catalog,
) -> Option<StepNode<'a>> {
    let fields = Fields::open(report, node, "a step", &KEYS)?;
    let (id, at) = identity(report, &fields);
    let what = if id.is_empty() {
        "a step".to_owned()
    } else {
        format!("step `{id}`")
    };
    fields.need(report, &what, "uses");
    let uses = fields.text(report, "uses").unwrap_or_default();
    let uses_at = fields
        .get("uses")
        .map_or_else(|| at.clone(), |node| node.span.clone());
    let kind = match uses {
        "" => None,
        name => uses::find(report, catalog, name, &uses_at),
    };
    let undo = fields
        .get("undo")
        .and_then(|node| take_back(report, node, catalog));
    Some(StepNode {
        section,
        summary: text_node(report, &fields, "summary"),
        uses,
        uses_at,
        kind,
        with: fields.get("with"),
        needs: fields.texts(report, "needs"),
        when: condition(report, &fields, "when"),
        for_each: condition(report, &fields, "for_each"),
        max_parallel: fields
            .get("max_parallel")
            .and_then(|node| timing::parallel(report, node)),
        max_failures: fields
            .get("max_failures")
            .and_then(|node| timing::failures(report, node)),
        until: condition(report, &fields, "until"),
        interval: fields
            .get("interval")
            .and_then(|node| timing::span(report, node, "interval")),
        timeout: fields
            .get("timeout")
            .and_then(|node| timing::span(report, node, "timeout")),
        retry: fields
            .get("retry")
            .map_or_else(RetryPatch::default, |node| timing::retry(report, node)),
        on_failure: on_failure(report, &fields),
        undo,
        marks: text_node(report, &fields, "marks"),
        region: text_node(report, &fields, "region"),
        role_arn: text_node(report, &fields, "role_arn"),
        allow: fields
            .get("allow")
            .filter(|node| narrowed(report, uses, node)),
        id,
        at,
    })
    .inspect(|step| alone(report, &fields, step))
}

/// `allow`: what a plugin's step may do at most.
fn narrowed(report: &mut Report, uses: &str, node: &Node) -> bool {
    if !uses.starts_with("plugin:") {
        let wrong = report
            .wrong(
                &crate::check::keys::WRONG,
                &node.span,
                format!("`allow` narrows what a plugin may do, and `{uses}` is none"),
            )
            .label("only for steps of plugins");
        report.push(wrong);
        return false;
    }
    let lists = ["http", "aws", "secrets"];
    let Some(fields) = Fields::open(
        report,
        node,
        "`allow`",
        &["http", "aws", "secrets", "state"],
    ) else {
        return false;
    };
    for list in lists {
        fields.texts(report, list);
    }
    true
}

fn identity(report: &mut Report, fields: &Fields<'_>) -> (String, Span) {
    let node = fields.need(report, "a step", "id");
    let id = fields.text(report, "id").unwrap_or_default();
    let at = node.map_or_else(|| fields.head(), |node| node.span.clone());
    if !id.is_empty() {
        id::step(report, id, &at);
    }
    (id.to_owned(), at)
}

/// CEL; true and false may stand without quotes.
fn condition<'a>(report: &mut Report, fields: &Fields<'a>, key: &str) -> Option<&'a Node> {
    let node = fields.get(key)?;
    match node.json() {
        serde_json::Value::Bool(_) if key != "for_each" => Some(node),
        _ => {
            fields.text(report, key)?;
            Some(node)
        }
    }
}

fn take_back<'a>(
    report: &mut Report,
    node: &'a Node,
    catalog: &'a Catalog,
) -> Option<UndoNode<'a>> {
    if let Some(text) = node.text() {
        if text == "none" {
            return Some(UndoNode::None);
        }
        undo::wrong_word(report, node);
        return None;
    }
    let fields = Fields::open(report, node, "`undo`", &["uses", "with"])?;
    fields.need(report, "`undo`", "uses");
    let uses = fields.text(report, "uses")?;
    let at = fields
        .get("uses")
        .map_or_else(|| fields.head(), |node| node.span.clone());
    let kind = uses::find(report, catalog, uses, &at);
    Some(UndoNode::With {
        uses,
        kind,
        with: fields.get("with"),
        at,
    })
}

/// Keys that mean nothing without another one.
fn alone(report: &mut Report, fields: &Fields<'_>, step: &StepNode<'_>) {
    let pairs = [
        ("max_parallel", "for_each", step.for_each.is_some()),
        ("max_failures", "for_each", step.for_each.is_some()),
        ("interval", "until", step.until.is_some()),
    ];
    for (key, other, there) in pairs {
        if let (false, Some(at)) = (there, fields.at(key)) {
            let wrong = report
                .wrong(
                    &crate::check::keys::WRONG,
                    at,
                    format!("step `{}` has `{key}` without `{other}`", step.id),
                )
                .label(format!("means nothing without `{other}`"));
            report.push(wrong);
        }
    }
}
