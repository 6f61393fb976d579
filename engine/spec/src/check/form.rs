//! The form of a `manual` step.

use super::Report;
use super::keys::Fields;
use super::param;
use crate::diagnostic::Code;
use crate::document::StepNode;
use crate::tree::Node;

pub(crate) const CODES: &[Code] = &[SECRET];

const SECRET: Code = Code {
    code: "R035",
    title: "an answer of a form cannot be secret",
    explanation: "What a person answers is recorded and becomes an output of the step, in clear. A \
                  secret is named in the environment (`secrets: { chat: \"env:CHAT_TOKEN\" }`) and read \
                  as `secrets.NAME`, or it is a parameter with `secret: true`, given as `env:NAME` or \
                  `file:PATH`.",
};

/// Called once the inputs of the step fit its schema.
pub(crate) fn check(report: &mut Report, step: &StepNode<'_>) {
    if step.kind.is_none_or(|kind| kind.name != "manual") {
        return;
    }
    let form = step.with.and_then(|with| with.get("form"));
    for entry in form.and_then(Node::map).unwrap_or_default() {
        let what = format!("answer `{}`", entry.key);
        // A template could say anything by the time the question is asked.
        let secret = entry.value.get("secret");
        if let Some(node) = secret.filter(|node| node.json() != false) {
            let wrong = report
                .wrong(&SECRET, &node.span, format!("{what} cannot be secret"))
                .label("it would be kept in clear")
                .help("name the secret in the environment and read it as `secrets.NAME`");
            report.push(wrong);
            continue;
        }
        let mut template = false;
        entry
            .value
            .strings(&mut |_, text| template |= runbook_step::template::is_template(text));
        if !template && let Some(fields) = Fields::open(report, &entry.value, &what, &param::KEYS) {
            param::from_fields(report, &what, &fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::source::Source;

    fn wrong(form: &str) -> Vec<String> {
        let text = format!(
            "name: r\nsteps:\n  - {{ id: go, uses: manual, with: {{ message: Do it, form: {form} }} }}\n"
        );
        let source = Source::new("r.yaml", &text);
        let catalog = crate::testing::catalog();
        match crate::load_source(&source, Path::new("r.yaml"), &catalog, None) {
            Ok(_) => Vec::new(),
            Err(wrong) => wrong
                .list
                .iter()
                .map(|one| format!("{} {}", one.code, one.message))
                .collect(),
        }
    }

    #[test]
    fn an_answer_cannot_be_secret() {
        for secret in ["true", "'{{ run.id }}'"] {
            let found = wrong(&format!("{{ pin: {{ type: string, secret: {secret} }} }}"));
            assert_eq!(found, ["R035 answer `pin` cannot be secret"], "{secret}");
        }
        let plain = wrong("{ pin: { type: string, secret: false } }");
        assert!(plain.is_empty(), "{plain:?}");
    }

    #[test]
    fn a_form_makes_sense() {
        let found = wrong("{ pin: { type: string, pattern: '[' } }");
        assert_eq!(
            found,
            ["R028 `pattern` of answer `pin` is not a regular expression"]
        );
    }
}
