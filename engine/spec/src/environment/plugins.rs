//! `plugins` of an environment: what they may do at most.

use std::collections::BTreeMap;

use serde_json::Map;

use super::Plugins;
use super::read::{map, secrets};
use crate::check::Report;
use crate::check::keys::{Fields, WRONG};
use crate::tree::Node;

pub(super) fn plugins(report: &mut Report, node: &Node) -> Option<Plugins> {
    let known = [
        "allow", "ceiling", "secrets", "config", "unsigned", "signers",
    ];
    let fields = Fields::open(report, node, "`plugins`", &known)?;
    if let Some(node) = fields.get("ceiling") {
        ceiling(report, node);
    }
    Some(Plugins {
        allow: texts(report, &fields, "allow"),
        ceiling: fields
            .get("ceiling")
            .map_or_else(Map::new, |node| map(report, node, "`ceiling`")),
        secrets: fields
            .get("secrets")
            .map_or_else(BTreeMap::new, |node| secrets(report, node)),
        config: fields
            .get("config")
            .map_or_else(Map::new, |node| map(report, node, "`config`")),
        unsigned: fields.boolean(report, "unsigned"),
        signers: texts(report, &fields, "signers"),
    })
}

fn texts(report: &mut Report, fields: &Fields<'_>, key: &str) -> Vec<String> {
    let nodes = fields.texts(report, key).unwrap_or_default();
    let texts = nodes.iter().filter_map(|one| one.text());
    texts.map(str::to_owned).collect()
}

/// The shape of the ceiling. What its patterns mean is read by the host of plugins, which says the rest.
fn ceiling(report: &mut Report, node: &Node) {
    let known = ["http", "aws", "private_network", "state"];
    let Some(fields) = Fields::open(report, node, "`ceiling`", &known) else {
        return;
    };
    fields.boolean(report, "private_network");
    fields.boolean(report, "state");
    let looks = [
        ("http", "://", "write `POST https://hooks.example.com/*`"),
        (
            "aws",
            ":",
            "write `rds:DescribeDBInstances` or `s3 GET /bucket/*`",
        ),
    ];
    for (key, sign, help) in looks {
        for one in fields.texts(report, key).unwrap_or_default() {
            let Some(text) = one.text() else { continue };
            if text.contains(sign) || (key == "aws" && text.contains(" /")) {
                continue;
            }
            let wrong = report
                .wrong(
                    &WRONG,
                    &one.span,
                    format!("`{text}` is no pattern of `{key}`"),
                )
                .label("not a pattern")
                .help(help);
            report.push(wrong);
        }
    }
}
