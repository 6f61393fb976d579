//! A plugin's entry in `plugins/plugins.yaml`, put in without touching the rest of the file.

use runbook_wasm::descriptor::{Descriptor, Idempotency, WantKind};
use serde_json::Value;

/// The entry of a plugin that grants what it wants, without indentation.
pub(super) fn entry(name: &str, source: &str, descriptor: &Descriptor) -> Vec<String> {
    let mut lines = vec![format!("{name}:"), format!("  source: {}", quoted(source))];
    let (mut http, mut aws, mut secrets, mut state) = (Vec::new(), Vec::new(), Vec::new(), false);
    for want in &descriptor.wants {
        match &want.kind {
            WantKind::Http(pattern) => http.push(Value::from(pattern.to_string()).to_string()),
            WantKind::Aws(pattern) => {
                let pattern = pattern.to_string();
                aws.push(Value::from(pattern.trim_end_matches("@*")).to_string());
            }
            WantKind::Secret { name, usage } => secrets.push(format!("{}: {usage}", quoted(name))),
            WantKind::State => state = true,
        }
    }
    let once: Vec<String> = descriptor
        .steps
        .iter()
        .filter(|step| step.idempotency == Idempotency::Once)
        .map(|step| step.name.clone())
        .collect();
    let mut grants = Vec::new();
    let mut list = |key: &str, items: &[String]| match items {
        [] => {}
        [one] => grants.push(format!("    {key}: [{one}]")),
        many => {
            grants.push(format!("    {key}:"));
            grants.extend(many.iter().map(|one| format!("      - {one}")));
        }
    };
    list("http", &http);
    list("aws", &aws);
    list("once", &once);
    if !secrets.is_empty() {
        grants.push(format!("    secrets: {{ {} }}", secrets.join(", ")));
    }
    if state {
        grants.push("    state: true".to_owned());
    }
    if !grants.is_empty() {
        lines.push("  grant:".to_owned());
        lines.extend(grants);
    }
    lines
}

/// As it stands where that is a text of YAML, else in quotes.
fn quoted(text: &str) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || "-_./:@".contains(one);
    match text.chars().all(plain) && text.starts_with(|one: char| one.is_ascii_alphabetic()) {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

const HEAD: &str = "# Plugins of this project: where they come from, and what each may do.\n\
                    # What is not granted here is refused; environments only take away.\n";

/// The file with the entry in it; none where its `plugins` is written in a form that text cannot be put
/// into.
pub(super) fn insert(file: &str, entry: &[String]) -> Option<String> {
    if file.trim().is_empty() {
        return Some(format!("{HEAD}plugins:\n{}", indented(entry, 2)));
    }
    let lines: Vec<&str> = file.lines().collect();
    let Some(at) = lines.iter().position(|line| line.starts_with("plugins:")) else {
        let between = if file.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{file}{between}plugins:\n{}", indented(entry, 2)));
    };
    let value = &lines[at]["plugins:".len()..];
    let (value, comment) = value.split_at(value.find('#').unwrap_or(value.len()));
    if !matches!(value.trim(), "" | "{}" | "null" | "~") {
        return None;
    }
    let head = match comment {
        "" => "plugins:".to_owned(),
        comment => format!("plugins: {comment}"),
    };
    // The block ends before the next key of the file; blank lines and comments before that are its own.
    let block = lines[at + 1..]
        .iter()
        .take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    let mut end = at + 1;
    let mut width = 2;
    for (index, line) in block.enumerate() {
        let indent = line.len() - line.trim_start().len();
        if indent > 0 && !line.trim().is_empty() {
            if end == at + 1 && !line.trim_start().starts_with('#') {
                width = indent;
            }
            end = at + 2 + index;
        }
    }
    let mut out: Vec<String> = lines[..end].iter().map(|line| (*line).to_owned()).collect();
    if !value.trim().is_empty() {
        out[at] = head;
    }
    out.push(indented(entry, width).trim_end().to_owned());
    out.extend(lines[end..].iter().map(|line| (*line).to_owned()));
    Some(format!("{}\n", out.join("\n")))
}

fn indented(entry: &[String], width: usize) -> String {
    let lines = entry
        .iter()
        .map(|line| format!("{}{line}\n", " ".repeat(width)));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::{entry, insert};
    use runbook_wasm::descriptor::Descriptor;
    use runbook_wasm::project::Project;
    use serde_json::json;

    fn descriptor() -> Descriptor {
        Descriptor::parse(
            json!({
                "descriptor": "runbook.plugin/1", "name": "chat", "version": "0.1.0", "summary": "x",
                "wants": [
                    { "http": "POST https://hooks.example.com/*", "why": "a" },
                    { "http": "GET https://hooks.example.com/*", "why": "b" },
                    { "secret": "token", "why": "c" },
                    { "aws": "rds:DescribeDBInstances", "why": "d" },
                    { "state": true, "why": "e" },
                ],
                "steps": [{ "name": "post", "summary": "x", "idempotency": "once" }],
            })
            .to_string(),
        )
        .unwrap()
    }

    fn with(file: &str) -> String {
        let entry = entry("chat", "path:plugins/chat", &descriptor());
        let text = insert(file, &entry).unwrap();
        let project =
            Project::parse("plugins.yaml", &text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
        let chat = &project.plugins["chat"];
        assert_eq!((chat.grant.http.len(), chat.grant.aws.len()), (2, 1));
        assert!(chat.grant.state && chat.grant.once.contains("post"));
        text
    }

    #[test]
    fn an_entry_is_put_at_the_end_of_the_plugins() {
        assert!(with("").starts_with("# Plugins of this project"));
        assert!(with("plugins: {}\n").starts_with("plugins:\n  chat:\n"));
        assert!(with("plugins: {} # none\n").starts_with("plugins: # none\n  chat:\n"));
        let text = with(
            "# mine\nplugins: # all\n    dns:   # first\n        source:   path:a.wasm\n\n# keys\nsigners: {}\n",
        );
        assert!(text.starts_with("# mine\nplugins: # all\n    dns:   # first\n        source:   path:a.wasm\n    chat:\n      source: path:plugins/chat\n"), "{text}");
        assert!(
            text.ends_with("      state: true\n\n# keys\nsigners: {}\n")
                || text.contains("\n\n# keys\nsigners: {}\n"),
            "{text}"
        );
        let text = with("signers: {}");
        assert!(
            text.starts_with("signers: {}\nplugins:\n  chat:\n"),
            "{text}"
        );
        let text = with("plugins:\n  # none yet\n");
        assert!(
            text.starts_with("plugins:\n  # none yet\n  chat:\n"),
            "{text}"
        );
    }

    #[test]
    fn a_file_in_another_form_is_left_alone() {
        let entry = entry("chat", "path:a b", &descriptor());
        assert_eq!(entry[1], "  source: \"path:a b\"");
        assert_eq!(
            insert("plugins: { dns: { source: \"path:a.wasm\" } }\n", &entry),
            None
        );
    }
}
