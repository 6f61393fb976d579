//! The step type of a step.

use runbook_step::{Catalog, StepKind};

use super::Report;
use crate::diagnostic::Code;
use crate::nearest::nearest;
use crate::tree::Span;

pub(crate) const CODES: &[Code] = &[UNKNOWN];

const UNKNOWN: Code = Code {
    code: "R008",
    title: "a step type does not exist",
    explanation: "`uses` names a step type of this binary (`runbook steps` lists them), a plugin's \
                  (`plugin:NAME/TYPE`, when the plugin is installed and allowed), or `runbook`.",
};

/// The entry of a step type.
pub(crate) fn find<'c>(
    report: &mut Report,
    catalog: &'c Catalog,
    uses: &str,
    at: &Span,
) -> Option<&'c StepKind> {
    let kind = catalog.get(uses);
    if kind.is_none() {
        let mut wrong = report
            .wrong(&UNKNOWN, at, format!("there is no step type `{uses}`"))
            .label("not in the catalog");
        wrong = match nearest(uses, catalog.iter().map(|kind| kind.name))
            .or_else(|| tail(catalog, uses))
        {
            Some(meant) => wrong.help(format!("did you mean `{meant}`?")),
            None if uses.starts_with("plugin:") => {
                wrong.help("`runbook plugin list` shows what is installed and allowed")
            }
            None => wrong.help("`runbook steps` lists every step type"),
        };
        report.push(wrong);
    }
    kind
}

/// A type that ends alike: `route53.record.upsert` for `aws.route53.record.upsert`.
fn tail<'c>(catalog: &'c Catalog, uses: &str) -> Option<&'c str> {
    let end = format!(".{uses}");
    catalog
        .iter()
        .map(|kind| kind.name)
        .find(|name| name.ends_with(&end))
}
