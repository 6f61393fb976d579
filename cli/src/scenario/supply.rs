//! Parameters of a run that follow from what was prepared for it: subnets that exist, say.
//!
//! A run pins its parameters when it is made, so what they follow from is run before it, each on its
//! own. Killed there, the command is typed again: what is there as wished stays.

use std::collections::BTreeMap;

use runbook_step::scope::Scope;
use runbook_step::template::{self, TemplateError};
use serde_json::{Map, Value, json};

use super::{Outputs, Preparation, Record, Scenario, World, prepared, wrong};
use crate::args::RunArgs;
use crate::drive::Driving;
use crate::exit;
use crate::failure::Failure;
use crate::load::{self, Request};
use crate::project::Project;

/// What became of the parameters that a scenario supplies.
pub(crate) enum Supply {
    /// There is nothing to prepare for them.
    Nothing,
    /// They are in the request; this drove what they follow from.
    Ready(Driving),
    /// There is no run to go on with, and this is the exit code.
    Ended(u8),
}

/// Prepares what parameters follow from, and adds those that are not given.
pub(crate) async fn supply(
    project: &Project,
    args: &RunArgs,
    request: &mut Request,
) -> Result<Supply, Failure> {
    let path = load::find(project, &request.file)?;
    let mut scenario = Scenario::read(&path)?;
    let given =
        |name: &String| request.params.contains_key(name) || request.typed.contains_key(name);
    scenario.params.retain(|name, _| !given(name));
    if scenario.params.is_empty() {
        return Ok(Supply::Nothing);
    }
    let (outputs, driving) = match before()? {
        Some(outputs) => (outputs, None),
        None => match build(project, args, &scenario).await? {
            Built::Ended(code) => return Ok(Supply::Ended(code)),
            Built::Ready(outputs, driving) => (outputs, Some(*driving)),
        },
    };
    let scope = scope(project, request, &outputs)?;
    let params = rendered(&scenario.params, &scope).map_err(|error| wrong(&path, &error))?;
    request.params.extend(params);
    Ok(driving.map_or(Supply::Nothing, Supply::Ready))
}

enum Built {
    Ready(Outputs, Box<Driving>),
    Ended(u8),
}

async fn build(project: &Project, args: &RunArgs, scenario: &Scenario) -> Result<Built, Failure> {
    let driving = Driving::new(project, args.json)?;
    let dir = project.sandbox();
    let (handle, status) = World::begin(&dir).await?;
    let world = World {
        handle,
        record: Record {
            dir,
            account: std::env::var("RUNBOOK_SANDBOX_ACCOUNT").ok(),
            world: status.world,
            ask: args.ask,
            scenario: Scenario::default(),
            env: args.env.clone(),
            sets: args.sets.clone(),
        },
    };
    let mut outputs = Outputs::new();
    for preparation in &scenario.prepare {
        let mut new = world.new_run(&driving, (preparation, &outputs)).await?;
        new.meta = json!({ "sandbox": world.record });
        let id = World::start(&driving, new).await?;
        if let Some(code) = world.first(&driving, &id, preparation).await? {
            driving.progress.line(&format!(
                "\nthe sandbox could not be prepared; `runbook show {id}`, then `runbook resume {id}`, then the same command again"
            ));
            return Ok(Built::Ended(code));
        }
        note(&mut outputs, preparation, &driving, &id)?;
    }
    if driving.stopping() {
        return Ok(Built::Ended(exit::INTERRUPTED));
    }
    Ok(if told(&outputs)? {
        Built::Ended(exit::OK)
    } else {
        Built::Ready(outputs, Box::new(driving))
    })
}

/// Notes the outputs of a preparing run under its name.
pub(super) fn note(
    outputs: &mut Outputs,
    preparation: &Preparation,
    driving: &Driving,
    id: &str,
) -> Result<(), Failure> {
    let run = driving.store.snapshot()?.run(id)?;
    let value = run.outputs.unwrap_or_else(|| json!({}));
    outputs.insert(preparation.name().to_owned(), value);
    Ok(())
}

/// What an earlier command has prepared.
fn before() -> Result<Option<Outputs>, Failure> {
    let Some(file) = prepared().filter(|file| file.exists()) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&file)?;
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| Failure::new(exit::FAILED, format!("{}: {error}", file.display())))
}

/// Tells a later command what is prepared, when this one is to do no more than that.
pub(super) fn told(outputs: &Outputs) -> Result<bool, Failure> {
    let Some(file) = prepared() else {
        return Ok(false);
    };
    std::fs::write(file, Value::Object(outputs.clone()).to_string())?;
    Ok(true)
}

/// What templates of a scenario may read.
pub(super) fn scope(
    project: &Project,
    request: &Request,
    outputs: &Outputs,
) -> Result<Scope, Failure> {
    let env = load::environment(project, request)?.map_or(Value::Null, |one| one.as_scope());
    Ok(Scope::new()
        .with("env", env)
        .with("prepared", Value::Object(outputs.clone())))
}

/// Parameters with their values.
pub(super) fn rendered(
    params: &Map<String, Value>,
    scope: &Scope,
) -> Result<BTreeMap<String, Value>, TemplateError> {
    let pairs = params.iter();
    pairs
        .map(|(name, value)| Ok((name.clone(), template::render(value, scope)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_follow_from_what_was_prepared() {
        let outputs = json!({ "network": { "private_subnets": ["subnet-1", "subnet-2"] } });
        let scope = Scope::new().with("prepared", outputs);
        let params = json!({ "subnets": "{{ prepared.network.private_subnets }}", "size": 2 });
        let found = rendered(params.as_object().unwrap(), &scope).unwrap();
        assert_eq!(
            json!(found),
            json!({ "subnets": ["subnet-1", "subnet-2"], "size": 2 })
        );
    }
}
