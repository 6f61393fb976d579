//! Texts of runbooks and environments.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use runbook_core::{Input, Journal, Run, Runbook, Timestamp};
use runbook_spec::{Diagnostics, Environment, EnvironmentSchema, Source};
use runbook_step::{Catalog, expression};
use serde_json::json;

use crate::text;

/// The line between a schema and an environment in one input.
const BETWEEN: &str = "\n=====\n";

static CATALOG: LazyLock<Catalog> = LazyLock::new(runbook_steps::catalog);
static SCHEMA: LazyLock<EnvironmentSchema> = LazyLock::new(|| {
    let text = include_str!("../../../environments/schema.yaml");
    EnvironmentSchema::parse(&Source::new("schema.yaml", text))
        .expect("the shipped schema is right")
});
static PATH: LazyLock<PathBuf> = LazyLock::new(|| crate::project().join("runbooks/fuzz.yaml"));

/// A runbook's text: it gives a runbook that survives its store, or says at a place what is wrong.
pub fn parser(data: &[u8]) {
    let Some(text) = text(data) else {
        return;
    };
    let source = Source::new("fuzz.yaml", text);
    let schema = (text.len() % 8 != 0).then_some(&*SCHEMA);
    match runbook_spec::load_source(&source, &PATH, &CATALOG, schema) {
        Err(found) => refused(&found),
        Ok(loaded) => {
            assert!(!loaded.warnings.has_errors());
            points(&loaded.warnings);
            for book in loaded.children.values() {
                stores(book);
            }
            stores(&loaded.runbook);
            runs(loaded.runbook);
        }
    }
}

/// A schema, a line of `=====`, and an environment.
pub fn environment(data: &[u8]) {
    let Some(text) = text(data) else {
        return;
    };
    let (schema, text) = text.split_once(BETWEEN).unwrap_or(("", text));
    let schema = match EnvironmentSchema::parse(&Source::new("schema.yaml", schema)) {
        Ok(schema) => schema,
        Err(found) => {
            refused(&found);
            return;
        }
    };
    let source = Source::new("dev.yaml", text);
    let over = [
        ("domain".to_owned(), json!("x")),
        ("a.b".to_owned(), json!([1])),
    ];
    let over = if text.len() % 4 == 0 { &over[..] } else { &[] };
    match Environment::parse(&source, "dev", over, &schema) {
        Err(found) => refused(&found),
        Ok(environment) => {
            let stored = serde_json::to_string(&environment).expect("an environment is JSON");
            let again: Environment = serde_json::from_str(&stored).expect("it is read back");
            assert_eq!(again, environment, "it is the same when it is read back");
            assert!(environment.as_scope().is_object());
            assert!(environment.diff(&again).is_empty());
        }
    }
}

/// A refusal names at least one error, and everything that it names has a place.
fn refused(found: &Diagnostics) {
    assert!(found.has_errors(), "refused without an error: {found:?}");
    points(found);
}

fn points(found: &Diagnostics) {
    for one in &found.list {
        let (span, text) = (&one.span, &one.source.text);
        assert!(
            span.start <= span.end
                && text.is_char_boundary(span.start)
                && text.is_char_boundary(span.end),
            "{} has the span {span:?}, which does not lie in {} bytes: {}",
            one.code,
            text.len(),
            one.message
        );
        assert!(runbook_spec::explain(one.code).is_some(), "{}", one.code);
        let (line, column) = one.position();
        assert!(line >= 1 && column >= 1);
    }
    assert!(found.list.is_empty() || !found.render_plain().is_empty());
    assert!(found.render_coloured().len() >= found.render_plain().len());
    assert_eq!(
        found.to_json().as_array().map(Vec::len),
        Some(found.list.len())
    );
}

/// What a run pins is what it reads back.
fn stores(book: &Runbook) {
    let stored = serde_json::to_string(book).expect("a runbook is JSON");
    let again: Runbook = serde_json::from_str(&stored).expect("a stored runbook is read back");
    assert_eq!(&again, book, "it is the same when it is read back");
}

/// A runbook without mistakes begins, and its expressions are ones.
fn runs(book: Runbook) {
    for (index, step) in book.steps.iter().enumerate() {
        for &need in &step.needs {
            assert!(need < book.steps.len() && need != index);
            assert_eq!(book.steps[need].section, step.section);
        }
        let loops = step.for_each.as_ref().map(|one| &one.over);
        let until = step.until.as_ref().map(|one| &one.that);
        for one in step.when.iter().chain(loops).chain(until) {
            expression::references(one).expect("a checked expression is one");
        }
    }
    let given = BTreeMap::new();
    let env = json!({});
    if let Err(wrong) = runbook_spec::check_params(&book, &given, &env) {
        assert!(!wrong.is_empty());
    }
    let mut run = Run::new(Arc::new(book));
    let start = Input::Drive {
        actor: "fuzz".into(),
        epoch: 1,
    };
    for event in run.decide(Timestamp(0), start) {
        run.evolve(&Journal {
            at: Timestamp(0),
            event,
        })
        .expect("what is decided fits");
    }
    assert!(
        !run.commands().is_empty(),
        "a run that began has something to do"
    );
}
