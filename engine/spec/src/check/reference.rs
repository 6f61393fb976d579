//! Every name that a template or an expression reads: it exists, and it is there by then.

mod before;
mod names;

use std::collections::BTreeSet;

use runbook_core::{ParamType, Section};

use super::Report;
use super::expression::{Placed, expression, mistyped, template};
use super::inputs::Shape;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Document, StepNode, UndoNode};
use crate::nearest::{hint, nearest};
use crate::tree::{Kind, Node};

pub(crate) use names::{Names, Outputs};

pub(crate) const CODES: &[Code] = &[UNKNOWN, NO_STEP, NOT_UPSTREAM, NO_OUTPUT, NO_ITEM];

const UNKNOWN: Code = Code {
    code: "R017",
    title: "an unknown name",
    explanation: "Names are `params.<parameter>`, `env.<variable>` (also `env.name`, `env.protected`, \
                  `env.aws.…`, `env.tags.…`), `run.id`, `run.runbook`, `run.started_at`, `run.status`, \
                  `run.attempt`, `steps.<id>.<output>`, `secrets.<name>`, `schedule.slot`, and `item` and \
                  `index` inside `for_each`.",
};

const NO_STEP: Code = Code {
    code: "R018",
    title: "a step that does not exist is read",
    explanation: "`steps.<id>` names a step of this file.",
};

const NOT_UPSTREAM: Code = Code {
    code: "R019",
    title: "a step is read that may not have ended",
    explanation: "A step can read the outputs of the steps that it waits for, directly or by way of \
                  others. `finally` and `on_cancel` can also read every step of `steps`; what did not \
                  run is null there.",
};

const NO_OUTPUT: Code = Code {
    code: "R020",
    title: "an output does not exist",
    explanation: "`steps.<id>.<output>` names an output of the step's type; `runbook steps show TYPE` \
                  lists them. The outputs of a `for_each` step are a list in the order of the items: \
                  `pluck steps.smoke \"status\"`.",
};

const NO_ITEM: Code = Code {
    code: "R021",
    title: "`item` outside of `for_each`",
    explanation: "`item` and `index` are the element and its number while a step with `for_each` runs.",
};

/// Where something is read.
#[derive(Clone, Copy)]
enum Place {
    /// `when` and `for_each` of a step: before it runs.
    Before(usize),
    /// The inputs of a step.
    Inputs(usize),
    /// `until` of a step: its own outputs are names.
    Until(usize),
    /// `undo.with` of a step: its own outputs can be read.
    Undo(usize),
    /// The runbook's outputs: every step has ended.
    Outputs,
    /// The lock: nothing has run.
    Lock,
    /// The default of a parameter: only the environment is known.
    Default,
}

/// What a file reads.
pub(crate) struct Read {
    /// The ids of the steps that each step reads.
    pub(crate) steps: Vec<BTreeSet<String>>,
    /// The parameters that something reads; none: `params` is read as a whole.
    pub(crate) params: Option<BTreeSet<String>>,
}

/// Checks everything that the file reads.
pub(crate) fn check(report: &mut Report, document: &Document<'_>, names: &Names<'_>) -> Read {
    let mut reader = Reader {
        report,
        names,
        read: Read {
            steps: vec![BTreeSet::new(); document.steps.len()],
            params: Some(BTreeSet::new()),
        },
    };
    for (index, step) in document.steps.iter().enumerate() {
        reader.step(index, step);
    }
    for entry in document.outputs {
        reader.templates(&entry.value, Place::Outputs);
    }
    for node in document.lock.into_iter().chain(document.summary) {
        reader.templates(node, Place::Lock);
    }
    for declared in &document.params {
        if let Some(node) = declared.default {
            reader.templates(node, Place::Default);
        }
    }
    reader.read
}

struct Reader<'r, 'n> {
    report: &'r mut Report,
    names: &'n Names<'n>,
    read: Read,
}

impl Reader<'_, '_> {
    fn step(&mut self, index: usize, step: &StepNode<'_>) {
        for (node, place) in [
            (step.when, Place::Before(index)),
            (step.for_each, Place::Before(index)),
            (step.until, Place::Until(index)),
        ] {
            if let Some(node) = node {
                self.expression(node, place);
            }
        }
        for (key, node, kind) in [
            ("when", step.when, ParamType::Boolean),
            ("for_each", step.for_each, ParamType::List),
        ] {
            self.gives(key, node, kind);
        }
        let plain = [step.summary, step.region, step.role_arn];
        for node in plain.into_iter().flatten() {
            self.templates(node, Place::Inputs(index));
        }
        if let Some(with) = step.with {
            self.inputs(index, step.uses, with);
        }
        if let Some(UndoNode::With {
            with: Some(with), ..
        }) = &step.undo
        {
            self.templates(with, Place::Undo(index));
        }
    }

    /// An expression that is only a path has the type of what it names.
    fn gives(&mut self, key: &str, node: Option<&Node>, kind: ParamType) {
        let Some((node, text)) = node.and_then(|node| Some((node, node.text()?))) else {
            return;
        };
        let path: Vec<String> = text.trim().split('.').map(str::to_owned).collect();
        let wanted = Shape::of_type(kind);
        if let Some(given) = self.names.shape(&path)
            && !given.meets(wanted)
        {
            let wrong = mistyped(self.report, node, key, (&given.words(), &wanted.words()));
            self.report.push(wrong);
        }
    }

    /// `assert` and `let` hold expressions, everything else templates.
    fn inputs(&mut self, index: usize, uses: &str, with: &Node) {
        let place = Place::Inputs(index);
        let Kind::Map(entries) = &with.kind else {
            return self.templates(with, place);
        };
        for entry in entries {
            match (uses, entry.key.as_str()) {
                ("let", _) | ("assert", "that") => {
                    let mut all = Vec::new();
                    entry.value.strings(&mut |node, _| all.push(node));
                    for node in all {
                        self.expression(node, place);
                    }
                }
                _ => self.templates(&entry.value, place),
            }
        }
    }

    fn templates(&mut self, node: &Node, place: Place) {
        let mut all = Vec::new();
        node.strings(&mut |node, text| all.push((node, text)));
        for (node, text) in all {
            let found = template(self.report, node, text);
            self.resolve(found, place);
        }
    }

    fn expression(&mut self, node: &Node, place: Place) {
        if let Some(text) = node.text() {
            let found = expression(self.report, node, text);
            self.resolve(found, place);
        }
    }

    fn resolve(&mut self, found: Vec<Placed>, place: Place) {
        for placed in found {
            let Some(wrong) = self.name(&placed, place) else {
                continue;
            };
            // What was read as a subtraction is one mistake, not two.
            let minus = wrong
                .help
                .as_ref()
                .is_some_and(|help| help.starts_with("`-` is minus"));
            self.report.push(wrong);
            if minus {
                break;
            }
        }
    }

    /// The mistake in one reference.
    fn name(&mut self, placed: &Placed, place: Place) -> Option<Diagnostic> {
        let path = &placed.reference.path;
        if let Place::Until(index) = place
            && let Some(own) = self.names.output(index)
            && own.has(&path[0])
        {
            return self.own_output(placed, index, path);
        }
        let rest = &path[1..];
        match (path[0].as_str(), place) {
            ("env", _) => self.variable(placed, rest),
            (_, Place::Default) => Some(
                self.unknown(placed, "the default of a parameter can only read `env`")
                    .label("not known yet"),
            ),
            ("params", _) => self.parameter(placed, rest),
            ("run", _) => self.fixed(placed, rest, &names::RUN),
            ("schedule", _) => self.fixed(placed, rest, &names::SCHEDULE),
            ("secrets", _) => None,
            ("steps", Place::Lock) => Some(
                self.unknown(placed, "nothing has run yet, so there are no steps to read")
                    .label("no step has ended"),
            ),
            ("steps", _) => self.step_output(placed, place),
            ("item" | "index", place) => self.item(placed, place),
            (root, place) => Some(self.no_root(placed, root, place)),
        }
    }

    fn item(&self, placed: &Placed, place: Place) -> Option<Diagnostic> {
        let inside = match place {
            Place::Inputs(step) | Place::Until(step) | Place::Undo(step) => {
                self.names.runs_for_each(step)
            }
            Place::Before(_) | Place::Outputs | Place::Lock | Place::Default => false,
        };
        let name = &placed.reference.path[0];
        (!inside).then(|| {
            self.report
                .wrong(
                    &NO_ITEM,
                    &placed.at,
                    format!("`{name}` is only known inside `for_each`"),
                )
                .label("there is no item here")
                .hint(match place {
                    Place::Before(step) if self.names.runs_for_each(step) => Some(
                        "`when` and `for_each` are evaluated once, before there are items"
                            .to_owned(),
                    ),
                    _ => None,
                })
        })
    }

    fn no_root(&self, placed: &Placed, root: &str, place: Place) -> Diagnostic {
        let mut known: Vec<&str> = names::ROOTS.to_vec();
        if let (Place::Until(step), None) = (place, nearest(root, names::ROOTS)) {
            known = self.names.output(step).map_or(known, Outputs::names);
        }
        let as_param = self
            .names
            .params
            .contains(&root)
            .then(|| format!("did you mean `params.{root}`?"));
        let as_step = self
            .names
            .find(root)
            .map(|_| format!("did you mean `steps.{root}`?"));
        let as_env = self
            .names
            .has_variable(root)
            .then(|| format!("did you mean `env.{root}`?"));
        let help = as_param
            .or(as_step)
            .or(as_env)
            .or_else(|| hint(root, known));
        self.unknown(
            placed,
            &format!("unknown name `{}`", placed.reference.dotted()),
        )
        .hint(help)
    }

    fn parameter(&mut self, placed: &Placed, rest: &[String]) -> Option<Diagnostic> {
        let Some(name) = rest.first() else {
            self.read.params = None;
            return None;
        };
        if let Some(read) = &mut self.read.params {
            read.insert(name.clone());
        }
        if self.names.params.contains(&name.as_str()) {
            return None;
        }
        Some(
            self.unknown(placed, &format!("there is no parameter `{name}`"))
                .label("not declared in `params`")
                .hint(hint(name, self.names.params.iter().copied())),
        )
    }

    fn fixed(
        &self,
        placed: &Placed,
        rest: &[String],
        known: &[&'static str],
    ) -> Option<Diagnostic> {
        let name = rest.first()?;
        if known.contains(&name.as_str()) {
            return None;
        }
        let root = &placed.reference.path[0];
        Some(
            self.unknown(placed, &format!("`{root}` has no `{name}`"))
                .hint(hint(name, known.iter().copied())),
        )
    }

    fn variable(&self, placed: &Placed, rest: &[String]) -> Option<Diagnostic> {
        let (path, known) = self.names.variable(rest).err()?;
        let message = match path.split_once('.') {
            None => format!("there is no variable `{path}`"),
            Some(_) => format!("there is no `env.{path}`"),
        };
        let name = path.rsplit('.').next().unwrap_or_default().to_owned();
        let label = match path.starts_with("aws.") {
            true => "not known",
            false => "not declared in `environments/schema.yaml`",
        };
        Some(
            self.unknown(placed, &message)
                .label(label)
                .hint(hint(&name, known.iter().map(String::as_str))),
        )
    }

    fn step_output(&mut self, placed: &Placed, place: Place) -> Option<Diagnostic> {
        let path = &placed.reference.path;
        let Some(id) = path.get(1) else {
            return match place {
                Place::Outputs => None,
                _ => Some(
                    self.unknown(placed, "`steps` alone is not a value")
                        .label("name a step")
                        .help(
                            "write `steps.<id>.<output>`; an id that is computed cannot be checked",
                        ),
                ),
            };
        };
        let Some(step) = self.names.find(id) else {
            return Some(self.no_step(placed, id));
        };
        let reader = match place {
            Place::Before(at) | Place::Inputs(at) | Place::Until(at) | Place::Undo(at) => Some(at),
            Place::Outputs | Place::Lock | Place::Default => None,
        };
        if let Some(at) = reader {
            let own = at == step && matches!(place, Place::Undo(_));
            if !own && !self.names.visible(at, step) {
                return Some(self.not_upstream(placed, at, step));
            }
            self.read.steps[at].insert(id.clone());
        }
        self.output(placed, step, &path[2..])
    }

    fn output(&self, placed: &Placed, step: usize, rest: &[String]) -> Option<Diagnostic> {
        let id = self.names.id(step);
        let mut rest = rest;
        if self.names.runs_for_each(step) {
            let (first, others) = rest.split_first()?;
            if first.parse::<usize>().is_err() {
                return Some(
                    self.report
                        .wrong(
                            &NO_OUTPUT,
                            &placed.at,
                            format!("step `{id}` runs for each item, so its outputs are a list"),
                        )
                        .label(format!("a list has no `{first}`"))
                        .help(match placed.is_expression {
                            true => format!("write `steps.{id}.map(one, one.{first})`"),
                            false => format!("write `{{{{ pluck steps.{id} \"{first}\" }}}}`"),
                        }),
                );
            }
            rest = others;
        }
        let own = self.names.output(step)?;
        let (name, known) = own.check(rest).err()?;
        let message = match rest.first() {
            Some(first) if *first == name => format!("step `{id}` has no output `{name}`"),
            _ => format!("`{}` does not exist", placed.reference.dotted()),
        };
        Some(
            self.report
                .wrong(&NO_OUTPUT, &placed.at, message)
                .label(format!(
                    "`{}` does not give `{name}`",
                    self.names.uses(step)
                ))
                .hint(hint(&name, known.iter().map(String::as_str))),
        )
    }

    fn own_output(&self, placed: &Placed, step: usize, path: &[String]) -> Option<Diagnostic> {
        let (name, known) = self.names.output(step)?.check(path).err()?;
        Some(
            self.report
                .wrong(
                    &NO_OUTPUT,
                    &placed.at,
                    format!("`{}` does not exist", placed.reference.dotted()),
                )
                .label(format!(
                    "`{}` does not give `{name}`",
                    self.names.uses(step)
                ))
                .hint(hint(&name, known.iter().map(String::as_str))),
        )
    }

    fn no_step(&self, placed: &Placed, id: &str) -> Diagnostic {
        let hyphen = self.names.ids().find(|known| {
            placed.is_expression && known.split('-').next() == Some(id) && known.contains('-')
        });
        let help = match hyphen {
            Some(known) => Some(format!(
                "`-` is minus in an expression: write `steps['{known}']`"
            )),
            None => hint(id, self.names.ids()),
        };
        self.report
            .wrong(&NO_STEP, &placed.at, format!("there is no step `{id}`"))
            .label("no step has this id")
            .hint(help)
    }

    fn not_upstream(&self, placed: &Placed, reader: usize, step: usize) -> Diagnostic {
        let (own, id) = (self.names.id(reader), self.names.id(step));
        if reader == step {
            return self
                .report
                .wrong(
                    &NOT_UPSTREAM,
                    &placed.at,
                    format!("step `{own}` reads its own outputs"),
                )
                .label("not known before it has run")
                .help("in `until` its outputs stand without `steps.`");
        }
        let wrong = self
            .report
            .wrong(
                &NOT_UPSTREAM,
                &placed.at,
                format!("step `{own}` reads `{id}` without waiting for it"),
            )
            .label(format!("`{id}` may not have ended by then"));
        match (self.names.section(reader), self.names.section(step)) {
            (one, two) if one != two => wrong.help(match two {
                Section::Main => "only later sections can read it",
                Section::Finally | Section::OnCancel => {
                    "`finally` and `on_cancel` run after the steps"
                }
            }),
            _ if self.names.visible(step, reader) => wrong.help(format!(
                "`{id}` waits for `{own}`: only a later step can read it"
            )),
            _ => wrong.help(format!("add it: `needs: [{id}]`")),
        }
    }

    fn unknown(&self, placed: &Placed, message: &str) -> Diagnostic {
        self.report
            .wrong(&UNKNOWN, &placed.at, message)
            .label("not known")
    }
}
