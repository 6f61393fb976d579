//! Child runbooks: found, read, and given the right parameters.

use std::path::{Path, PathBuf};

use runbook_core::{Runbook, Work};
use runbook_step::template::is_template;
use serde_json::Value;

use super::{Loader, find, real};
use crate::check::{Report, child};
use crate::document::StepNode;
use crate::nearest::hint;
use crate::source::Source;
use crate::tree::Node;
use crate::value;

/// How deep children may have children.
const DEEPEST: usize = 8;

impl Loader<'_> {
    pub(super) fn child(
        &mut self,
        report: &mut Report,
        step: &StepNode<'_>,
        parent: &Path,
    ) -> Option<Runbook> {
        let with = step.with?;
        let node = with.get("file")?;
        let file = node.text()?;
        if is_template(file) {
            let message = "`file` of a child runbook has to be a literal".to_owned();
            let help = "name the file; choose between several with `when`".to_owned();
            child::file(
                report,
                &node.span,
                message,
                "not known before the run",
                Some(help),
            );
            return None;
        }
        let path = self.locate(report, node, file, parent)?;
        let runbook = match self.known.get(&real(&path)) {
            Some(known) => known.clone(),
            None => match Source::read(&path) {
                Ok(source) => self.load(&source, &path),
                Err(error) => {
                    let message = format!("cannot read `{file}`: {error}");
                    child::file(report, &node.span, message, "this file", None);
                    None
                }
            },
        }?;
        params(report, with, &runbook, node);
        self.keep(report, node, file, (&path, &runbook));
        Some(runbook)
    }

    fn locate(
        &self,
        report: &mut Report,
        node: &Node,
        file: &str,
        parent: &Path,
    ) -> Option<PathBuf> {
        let path = match find::child(file, parent) {
            Ok(path) => path,
            Err(help) => {
                let message = format!("there is no runbook `{file}`");
                child::file(report, &node.span, message, "not a file", help);
                return None;
            }
        };
        if let Some(at) = self.open.iter().position(|open| *open == real(&path)) {
            let names: Vec<_> = self.open[at..]
                .iter()
                .chain([&real(&path)])
                .map(|path| {
                    path.file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned()
                })
                .collect();
            let message = format!("this runbook would run itself: {}", names.join(" → "));
            child::file(report, &node.span, message, "this closes the circle", None);
            return None;
        }
        if self.open.len() > DEEPEST {
            let message = format!("child runbooks are nested deeper than {DEEPEST} levels");
            child::file(report, &node.span, message, "one level too many", None);
            return None;
        }
        Some(path)
    }

    fn keep(
        &mut self,
        report: &mut Report,
        node: &Node,
        file: &str,
        (path, runbook): (&Path, &Runbook),
    ) {
        let key = normal(file);
        let real = real(path);
        match self.children.get(&key) {
            Some((other, _)) if *other != real => {
                let message = format!("`{key}` names two files in this tree of runbooks");
                let help = "name one of them by its path under `runbooks/`".to_owned();
                child::file(
                    report,
                    &node.span,
                    message,
                    "another file than elsewhere",
                    Some(help),
                );
            }
            _ => {
                self.children.insert(key, (real, runbook.clone()));
            }
        }
    }
}

/// The parameters that a parent gives against those that the child declares.
fn params(report: &mut Report, with: &Node, runbook: &Runbook, file: &Node) {
    let given = with.get("params");
    if given.is_some_and(|node| node.map().is_none()) {
        return;
    }
    let entries = given.and_then(Node::map).unwrap_or_default();
    for entry in entries {
        let Some(param) = runbook.params.get(&entry.key) else {
            let message = format!(
                "runbook `{}` has no parameter `{}`",
                runbook.name, entry.key
            );
            let help = hint(&entry.key, runbook.params.keys().map(String::as_str));
            child::param(report, &entry.at, message, "not declared there", help);
            continue;
        };
        let mut template = false;
        entry
            .value
            .strings(&mut |_, text| template |= is_template(text));
        if !template && let Err(why) = value::check(param, &entry.value.json()) {
            let message = format!(
                "parameter `{}` of `{}` {}",
                entry.key,
                runbook.name,
                crate::check::param::verb(&why)
            );
            child::param(
                report,
                &entry.value.span,
                message,
                "not what the child takes",
                None,
            );
        }
    }
    for (name, param) in &runbook.params {
        if param.default.is_none() && !entries.iter().any(|entry| entry.key == *name) {
            let at = given.map_or(&file.span, |node| &node.span);
            let message = format!("runbook `{}` needs the parameter `{name}`", runbook.name);
            let help = param
                .description
                .as_ref()
                .map(|text| format!("`{name}`: {text}"));
            child::param(
                report,
                at,
                message,
                &format!("`{name}` is missing here"),
                help,
            );
        }
    }
}

/// `file` as the key of a child: without `./`.
pub(super) fn normal(file: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in file.split('/') {
        match part {
            "." | "" if !parts.is_empty() || part == "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Writes the key of every child into its step.
pub(super) fn normalise(runbook: &mut Runbook) {
    for step in &mut runbook.steps {
        if step.work == Work::Child
            && let Some(file) = step.with.get_mut("file")
            && let Some(text) = file.as_str()
        {
            *file = Value::String(normal(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn files_have_one_name() {
        for (file, name) in [
            ("a.yaml", "a.yaml"),
            ("./a.yaml", "a.yaml"),
            ("x/../a.yaml", "a.yaml"),
            ("../a.yaml", "../a.yaml"),
            ("x//a.yaml", "x/a.yaml"),
            ("/x/a.yaml", "/x/a.yaml"),
        ] {
            assert_eq!(normal(file), name, "{file}");
        }
    }
}
