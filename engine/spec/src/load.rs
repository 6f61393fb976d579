//! From files to checked runbooks, children included.

mod child;
mod find;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runbook_core::Runbook;
use runbook_step::Catalog;

use crate::check::{Report, form, id, inputs, marks, needs, reference, undo, until, unused};
use crate::compile;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::document::{self, Document, UndoNode};
use crate::environment::EnvironmentSchema;
use crate::source::Source;
use crate::tree;

pub use find::{NotFound, find_runbook};

/// A runbook without mistakes.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The runbook.
    pub runbook: Runbook,
    /// Every child runbook of all depths, by its `file`.
    pub children: BTreeMap<String, Runbook>,
    /// The files that were read, the runbook's own first.
    pub files: Vec<PathBuf>,
    /// What is allowed and worth a look.
    pub warnings: Diagnostics,
}

/// Reads and checks a runbook with its children. Without `environment`, `env.…` is not checked.
///
/// # Errors
/// Every mistake of the file and of its children.
pub fn load_runbook(
    path: &Path,
    catalog: &Catalog,
    environment: Option<&EnvironmentSchema>,
) -> Result<Loaded, Diagnostics> {
    let source = Source::read(path).map_err(|error| {
        let source = Source::new(path.display().to_string(), "");
        let mut report = Report::new(&source);
        let message = format!("cannot read the file: {error}");
        crate::check::child::file(&mut report, &(0..0), message, "", None);
        Diagnostics { list: report.list }
    })?;
    load_source(&source, path, catalog, environment)
}

/// Checks the text of a runbook; children are looked for beside `path`.
///
/// # Errors
/// Every mistake of the text and of its children.
pub fn load_source(
    source: &Arc<Source>,
    path: &Path,
    catalog: &Catalog,
    environment: Option<&EnvironmentSchema>,
) -> Result<Loaded, Diagnostics> {
    let mut loader = Loader {
        catalog,
        environment,
        open: Vec::new(),
        known: BTreeMap::new(),
        children: BTreeMap::new(),
        files: Vec::new(),
        found: Vec::new(),
    };
    let runbook = loader.load(source, path);
    let all = Diagnostics::sorted(loader.found);
    match runbook {
        Some(runbook) if !all.has_errors() => Ok(Loaded {
            runbook,
            children: loader
                .children
                .into_iter()
                .map(|(file, (_, child))| (file, child))
                .collect(),
            files: loader.files,
            warnings: all,
        }),
        _ => Err(all),
    }
}

struct Loader<'a> {
    catalog: &'a Catalog,
    environment: Option<&'a EnvironmentSchema>,
    /// Files that are being read, outermost first.
    open: Vec<PathBuf>,
    /// Files that were read: the runbook, when it could be made.
    known: BTreeMap<PathBuf, Option<Runbook>>,
    /// By `file` as it is written.
    children: BTreeMap<String, (PathBuf, Runbook)>,
    files: Vec<PathBuf>,
    found: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn load(&mut self, source: &Arc<Source>, path: &Path) -> Option<Runbook> {
        self.files.push(path.to_owned());
        self.open.push(real(path));
        let mut report = Report::new(source);
        let root = tree::parse(source, &mut report.list);
        let runbook = root.and_then(|root| self.check(&mut report, &root, path));
        self.open.pop();
        self.found.append(&mut report.list);
        // Nobody asks for the outermost one again, and it may be large.
        if !self.open.is_empty() {
            self.known.insert(real(path), runbook.clone());
        }
        runbook
    }

    fn check(&mut self, report: &mut Report, root: &tree::Node, path: &Path) -> Option<Runbook> {
        let document = document::read(report, root, self.catalog);
        id::unique(report, &document);
        let outputs = self.outputs(report, &document, path);
        let mut needs = needs::resolve(report, &document);
        let order = needs::order(report, &document, &mut needs);
        marks::check(report, &document);
        let names = reference::Names::new(&document, self.environment, outputs, (&needs, &order));
        for step in &document.steps {
            if let Some(kind) = step.kind {
                let before = report.list.len();
                inputs::check(report, kind, (step.with, &step.uses_at), &names);
                if report.list.len() == before {
                    form::check(report, step);
                }
            }
            if let Some(UndoNode::With {
                kind: Some(kind),
                with,
                at,
                ..
            }) = &step.undo
            {
                inputs::check(report, kind, (*with, at), &names);
            }
            until::check(report, step);
            undo::check(report, step);
        }
        let read = reference::check(report, &document, &names);
        let wrong = report
            .list
            .iter()
            .any(|one| one.severity == crate::Severity::Error);
        if !wrong {
            unused::check(report, &document, read.params.as_ref());
        }
        let mut runbook = compile::runbook(&document, &needs, &read.steps);
        child::normalise(&mut runbook);
        // A runbook with mistakes still shows its parents what it takes and gives.
        (!wrong || !runbook.name.is_empty()).then_some(runbook)
    }

    fn outputs(
        &mut self,
        report: &mut Report,
        document: &Document<'_>,
        path: &Path,
    ) -> Vec<reference::Outputs> {
        document
            .steps
            .iter()
            .map(|step| {
                let child = match step.kind {
                    Some(kind) if kind.name == "runbook" => self.child(report, step, path),
                    _ => None,
                };
                reference::Outputs::of(step, child.as_ref())
            })
            .collect()
    }
}

/// A path that is the same however a file was named.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests;
