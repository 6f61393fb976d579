//! What is recorded and then broken at every place.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{Scenario, book, step};

fn chain(cloud: &str, count: usize, with: impl Fn(usize) -> (&'static str, Value)) -> Vec<Value> {
    (0..count)
        .map(|at| {
            let needs: Vec<usize> = at.checked_sub(1).into_iter().collect();
            let (uses, with) = with(at);
            step(cloud, &format!("s{at}"), uses, &needs, &with)
        })
        .collect()
}

/// A step of each kind in turn.
fn mixed(at: usize) -> (&'static str, Value) {
    match at % 4 {
        0 => ("read", json!({ "bytes": 20 })),
        1 => ("make", json!({})),
        2 => ("act", json!({})),
        _ => ("act", json!({ "once": true })),
    }
}

fn fan(cloud: &str, count: usize) -> Vec<Value> {
    let mut steps: Vec<Value> = (0..count)
        .map(|at| {
            let (uses, with) = mixed(at);
            step(cloud, &format!("s{at}"), uses, &[], &with)
        })
        .collect();
    let all: Vec<usize> = (0..count).collect();
    steps.push(step(cloud, "join", "read", &all, &json!({})));
    steps
}

fn scenario(
    name: &str,
    books: Vec<Vec<Value>>,
    children: Vec<(&str, Vec<Value>)>,
) -> Result<Scenario, serde_json::Error> {
    Ok(Scenario {
        name: name.to_owned(),
        books: books.into_iter().map(book).collect::<Result<_, _>>()?,
        children: children
            .into_iter()
            .map(|(file, steps)| Ok((file.to_owned(), book(steps)?)))
            .collect::<Result<BTreeMap<_, _>, serde_json::Error>>()?,
        pause_after: None,
    })
}

/// Three steps: a thing is made, doubles of the second do no harm, of the third they do.
///
/// # Errors
/// The steps are no steps.
pub fn short(name: &str) -> Result<Scenario, serde_json::Error> {
    let steps = chain(name, 3, |at| mixed(at + 1));
    scenario(name, vec![steps], Vec::new())
}

/// A chain in one process.
///
/// # Errors
/// The steps are no steps.
pub fn line(name: &str) -> Result<Scenario, serde_json::Error> {
    scenario(name, vec![chain(name, 12, mixed)], Vec::new())
}

/// A chain that is let go in the middle and resumed by another process.
///
/// # Errors
/// The steps are no steps.
pub fn resumed(name: &str) -> Result<Scenario, serde_json::Error> {
    Ok(Scenario {
        pause_after: Some(5),
        ..line(name)?
    })
}

/// Runs side by side, each with steps side by side: commits are shared.
///
/// # Errors
/// The steps are no steps.
pub fn wide(name: &str) -> Result<Scenario, serde_json::Error> {
    scenario(
        name,
        vec![fan(name, 10), fan(name, 8), chain(name, 6, mixed)],
        Vec::new(),
    )
}

/// A run whose second step is a run of its own; both write log lines.
///
/// # Errors
/// The steps are no steps.
pub fn family(name: &str) -> Result<Scenario, serde_json::Error> {
    let child = |at: usize| match at {
        1 => ("child", json!({ "file": "child.yaml", "params": {} })),
        at => mixed(at),
    };
    scenario(
        name,
        vec![chain(name, 4, child), chain(name, 2, child)],
        vec![("child.yaml", chain(name, 5, mixed))],
    )
}

/// Outputs that are kept as blobs.
///
/// # Errors
/// The steps are no steps.
pub fn large(name: &str) -> Result<Scenario, serde_json::Error> {
    let steps = chain(name, 8, |at| {
        ("read", json!({ "bytes": 5_000 + 9_000 * at }))
    });
    scenario(name, vec![steps], Vec::new())
}

/// So much that the log is copied into the database on the way and begun anew.
///
/// # Errors
/// The steps are no steps.
pub fn long(name: &str) -> Result<Scenario, serde_json::Error> {
    let steps = chain(name, 32, |at| match at % 8 {
        7 => mixed(at / 8 + 1),
        _ => ("read", json!({ "bytes": 120_000 })),
    });
    scenario(name, vec![steps], Vec::new())
}

/// All that are recorded for power losses.
///
/// # Errors
/// The steps are no steps.
pub fn all() -> Result<Vec<Scenario>, serde_json::Error> {
    Ok(vec![
        line("line")?,
        resumed("resumed")?,
        wide("wide")?,
        family("family")?,
        large("large")?,
        long("long")?,
    ])
}
