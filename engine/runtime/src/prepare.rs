//! Evaluates what is pure: conditions, loops, templates. Names come from the definition, the
//! parameters and recorded outputs alone, so a restart computes the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use runbook_core::{
    Fault, FaultKind, Gate, InstanceState, Key, Prepared, Run, Runbook, Step, StepStatus,
    Timestamp, Undo, Work,
};
use runbook_step::scope::Scope;
use runbook_step::{
    Aws, Catalog, Form, StepKind, StepResult, duration, expression, secret, template,
};
use serde_json::{Map, Value, json};

use crate::clock::{rfc3339, timestamp};
use crate::store::RunInfo;
use crate::{Definition, token};

/// What stays the same for the whole life of a run.
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) family: String,
    pub(crate) definition_hash: String,
    pub(crate) book: Arc<Runbook>,
    pub(crate) definition: Arc<Definition>,
    pub(crate) params: Value,
    pub(crate) env: Value,
    secrets: Value,
    /// Reference of each secret, by name.
    pub(crate) references: BTreeMap<String, String>,
}

impl Facts {
    pub(crate) fn new(info: &RunInfo, definition: Arc<Definition>, book: Arc<Runbook>) -> Self {
        let mut references = definition.secrets.clone();
        if let Some(given) = info.meta["secrets"].as_object() {
            for (name, reference) in given {
                if let Some(reference) = reference.as_str() {
                    references.insert(name.clone(), reference.to_owned());
                }
            }
        }
        let secrets = references
            .keys()
            .map(|name| (name.clone(), Value::String(secret::placeholder(name))))
            .collect();
        let mut env = definition.env.clone();
        if let (Value::Object(env), Some(changed)) = (&mut env, info.meta["env"].as_object()) {
            env.extend(changed.clone());
        }
        Self {
            id: info.id.clone(),
            family: info.family.clone(),
            definition_hash: info.definition.clone(),
            book,
            definition,
            params: info.params.clone(),
            env,
            secrets: Value::Object(secrets),
            references,
        }
    }

    /// The names that every expression of the run sees; `steps` holds the outputs of `refs`.
    pub(crate) fn scope(&self, run: &Run, refs: &[String]) -> Scope {
        let steps: Map<String, Value> = refs
            .iter()
            .filter_map(|id| {
                let index = run.step_index(id)?;
                Some((id.clone(), run.steps()[index].outputs()))
            })
            .collect();
        Scope::new()
            .with("params", self.params.clone())
            .with("env", self.env.clone())
            .with("run", self.run_names(run))
            .with("steps", Value::Object(steps))
            .with("secrets", self.secrets.clone())
    }

    fn run_names(&self, run: &Run) -> Value {
        // In `finally` the run has not ended yet; what it will end as is known.
        let status = if run.is_rolling_back() {
            "rolled_back"
        } else if run.is_cancelled() {
            "cancelled"
        } else if run.has_failed() {
            "failed"
        } else {
            if run.is_main_open() {
                "running"
            } else {
                "succeeded"
            }
        };
        json!({
            "id": self.id,
            "runbook": self.book.name,
            "started_at": rfc3339(run.started().unwrap_or_default()),
            "status": status,
            "attempt": run.attempt(),
        })
    }

    fn scope_of(&self, run: &Run, key: Key) -> Scope {
        let step = &self.book.steps[key.step];
        let mut scope = self.scope(run, &step.refs);
        if step.for_each.is_some()
            && let Some(item) = run.steps()[key.step]
                .items
                .as_ref()
                .and_then(|items| items.get(key.item))
        {
            scope.set("item", item.clone());
            scope.set("index", json!(key.item));
        }
        scope
    }

    /// Evaluates `when` and `for_each` of a step, or renders the inputs of an item.
    pub(crate) fn prepare(
        &self,
        run: &Run,
        catalog: &Catalog,
        now: Timestamp,
        index: usize,
        item: Option<usize>,
    ) -> Prepared {
        self.try_prepare(run, catalog, now, index, item)
            .unwrap_or_else(Prepared::Unfit)
    }

    fn try_prepare(
        &self,
        run: &Run,
        catalog: &Catalog,
        now: Timestamp,
        index: usize,
        item: Option<usize>,
    ) -> StepResult<Prepared> {
        let step = &self.book.steps[index];
        if item.is_none() {
            if let Some(when) = &step.when {
                let scope = self.scope(run, &step.refs);
                if !truth("when", when, &scope)? {
                    let saw = expression::values_seen(when, &scope);
                    return Ok(Prepared::Skip { saw });
                }
            }
            if let Some(for_each) = &step.for_each {
                let scope = self.scope(run, &step.refs);
                return Ok(Prepared::Items(list(&for_each.over, &scope)?));
            }
        }
        let key = Key {
            step: index,
            item: item.unwrap_or(0),
        };
        self.start(run, catalog, now, step, key)
    }

    fn start(
        &self,
        run: &Run,
        catalog: &Catalog,
        now: Timestamp,
        step: &Step,
        key: Key,
    ) -> StepResult<Prepared> {
        let kind = lookup(catalog, step)?;
        let scope = self.scope_of(run, key);
        if step.work == Work::Pure {
            return Ok(Prepared::Start {
                token: String::new(),
                inputs: step.with.clone(),
                wait: None,
            });
        }
        let inputs = match &step.with {
            Value::Null => json!({}),
            with => template::render(with, &scope).map_err(|error| unfit("with", &error))?,
        };
        kind.check(&inputs).map_err(|error| {
            Fault::new(
                FaultKind::Invalid,
                format!("wrong input for {}: {error}", step.uses),
            )
        })?;
        let wait = match step.work {
            Work::Timer => Some((Some(timer(&inputs, now)?), "its time".to_owned())),
            Work::Gate(gate) => Some(question(gate, &inputs, now)?),
            Work::Pure | Work::Child | Work::Call(_) => None,
        };
        let aws = self.aws(step, &scope)?;
        #[expect(clippy::cast_possible_truncation, reason = "lists are far shorter")]
        let item = step.for_each.as_ref().map(|_| key.item as u32);
        let request = json!({ "with": inputs, "region": aws.region, "role_arn": aws.role_arn });
        let generation = run.steps()[key.step].generation;
        Ok(Prepared::Start {
            token: token(&self.id, &step.id, item, generation, &request),
            inputs,
            wait,
        })
    }

    /// What an undo sees: as `scope_of`, with the outputs of the generation that it takes back.
    fn scope_back(&self, run: &Run, key: Key) -> Scope {
        let step = &self.book.steps[key.step];
        let mut scope = self.scope_of(run, key);
        let made = run.instance(key).and_then(|one| one.next_back(step.work));
        let (Some(made), Some(mut steps)) = (made, scope.get("steps").cloned()) else {
            return scope;
        };
        if let Some(own) = steps.get_mut(&step.id) {
            let own = match own {
                Value::Array(items) if step.for_each.is_some() => items.get_mut(key.item),
                own => Some(own),
            };
            if let Some(own) = own {
                *own = made.outputs.clone();
            }
            scope.set("steps", steps);
        }
        scope
    }

    /// Makes the undo of an item ready: its token, and the inputs where another step type does it.
    pub(crate) fn prepare_undo(
        &self,
        run: &Run,
        catalog: &Catalog,
        key: Key,
    ) -> StepResult<(String, Option<Value>)> {
        let step = &self.book.steps[key.step];
        let inputs = match &step.undo {
            Undo::Own | Undo::None => None,
            Undo::With { uses, with } => {
                let scope = self.scope_back(run, key);
                let inputs = match with {
                    Value::Null => json!({}),
                    with => template::render(with, &scope)
                        .map_err(|error| unfit("undo.with", &error))?,
                };
                named(catalog, uses)?.check(&inputs).map_err(|error| {
                    Fault::new(
                        FaultKind::Invalid,
                        format!("wrong input for {uses}: {error}"),
                    )
                })?;
                Some(inputs)
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "lists are far shorter")]
        let item = step.for_each.as_ref().map(|_| key.item as u32);
        let generation = run.steps()[key.step].generation;
        let mut request = json!({ "undo": inputs });
        // The undo of another generation is another effect.
        match run.instance(key).map_or(0, |one| one.taken_back) {
            0 => {}
            past => request["past"] = json!(past),
        }
        Ok((
            token(&self.id, &step.id, item, generation, &request),
            inputs,
        ))
    }

    /// Where the AWS calls of an item go.
    pub(crate) fn aws_of(&self, run: &Run, key: Key) -> StepResult<Aws> {
        let step = &self.book.steps[key.step];
        if step.region.is_none() && step.role_arn.is_none() {
            return Ok(self.definition.aws.clone());
        }
        self.aws(step, &self.scope_of(run, key))
    }

    fn aws(&self, step: &Step, scope: &Scope) -> StepResult<Aws> {
        let text = |name: &str, own: &Option<String>| -> StepResult<Option<String>> {
            let Some(own) = own else { return Ok(None) };
            match template::render(&json!(own), scope).map_err(|error| unfit(name, &error))? {
                Value::String(text) => Ok(Some(text)),
                Value::Null => Ok(None),
                other => Err(Fault::new(
                    FaultKind::Invalid,
                    format!("`{name}` must give a string and gave {other}"),
                )),
            }
        };
        let mut aws = self.definition.aws.clone();
        if let Some(region) = text("region", &step.region)? {
            aws.region = Some(region);
        }
        if let Some(role) = text("role_arn", &step.role_arn)? {
            aws.role_arn = Some(role);
        }
        Ok(aws)
    }

    /// Evaluates a pure step.
    pub(crate) fn evaluate(&self, run: &Run, catalog: &Catalog, key: Key) -> StepResult<Value> {
        let step = &self.book.steps[key.step];
        match lookup(catalog, step)?.form {
            Form::Pure(evaluate) => evaluate(&step.with, &self.scope_of(run, key)),
            Form::Engine(_) | Form::Call { .. } => Err(Fault::new(
                FaultKind::Internal,
                format!("{} is not evaluated by the engine", step.uses),
            )),
        }
    }

    /// Whether `until` holds over these outputs, and what it saw.
    pub(crate) fn until(
        &self,
        run: &Run,
        key: Key,
        that: &str,
        outputs: &Value,
    ) -> StepResult<Result<(), Value>> {
        let mut scope = self.scope_of(run, key);
        if let Value::Object(outputs) = outputs {
            for (name, value) in outputs {
                scope.set(name, value.clone());
            }
        }
        if truth("until", that, &scope)? {
            return Ok(Ok(()));
        }
        Ok(Err(expression::values_seen(that, &scope)))
    }

    /// The runbook's outputs. Ones that a failed run cannot give are left out.
    pub(crate) fn outputs(&self, run: &Run) -> StepResult<Value> {
        let ids: Vec<String> = self.book.steps.iter().map(|step| step.id.clone()).collect();
        if self.book.outputs.is_empty() {
            return Ok(Value::Null);
        }
        let scope = self.scope(run, &ids);
        let broken = run.has_failed() || run.is_cancelled();
        let mut outputs = Map::new();
        for (name, text) in &self.book.outputs {
            match template::render(text, &scope) {
                Ok(value) => {
                    outputs.insert(name.clone(), value);
                }
                Err(_) if broken => {}
                Err(error) => return Err(unfit(&format!("outputs.{name}"), &error)),
            }
        }
        Ok(Value::Object(outputs))
    }

    /// Whether any step of the run changed something.
    pub(crate) fn changed(run: &Run) -> bool {
        run.steps()
            .iter()
            .flat_map(|step| &step.instances)
            .any(|instance| {
                matches!(
                    instance.state,
                    InstanceState::Succeeded {
                        effect: runbook_core::Effect::Changed | runbook_core::Effect::Adopted,
                        ..
                    }
                )
            })
    }

    /// The first failure of a run that ended badly, for the one that waits for it.
    pub(crate) fn first_failure(run: &Run) -> Option<(String, Fault)> {
        let failed = run
            .steps()
            .iter()
            .zip(&run.book().steps)
            .find(|(state, _)| state.ended == Some(StepStatus::Failed))?;
        failed
            .0
            .instances
            .iter()
            .find_map(|instance| match &instance.state {
                InstanceState::Failed { fault, .. } => Some((failed.1.id.clone(), fault.clone())),
                InstanceState::Queued
                | InstanceState::Live(_)
                | InstanceState::Succeeded { .. }
                | InstanceState::Cancelled => None,
            })
    }
}

/// The catalog entry of a step.
pub(crate) fn lookup<'a>(catalog: &'a Catalog, step: &Step) -> StepResult<&'a StepKind> {
    named(catalog, &step.uses)
}

/// The catalog entry with this name.
pub(crate) fn named<'a>(catalog: &'a Catalog, uses: &str) -> StepResult<&'a StepKind> {
    catalog.get(uses).ok_or_else(|| {
        Fault::new(
            FaultKind::Unsupported,
            format!("this binary has no step type `{uses}`"),
        )
    })
}

fn unfit(place: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Invalid, format!("`{place}`: {error}"))
}

fn truth(place: &str, text: &str, scope: &Scope) -> StepResult<bool> {
    match expression::evaluate(text, scope).map_err(|error| unfit(place, &error))? {
        Value::Bool(truth) => Ok(truth),
        other => Err(Fault::new(
            FaultKind::Invalid,
            format!("`{place}` must be true or false and was {other}: {text}"),
        )),
    }
}

fn list(text: &str, scope: &Scope) -> StepResult<Vec<Value>> {
    match expression::evaluate(text, scope).map_err(|error| unfit("for_each", &error))? {
        Value::Array(items) => Ok(items),
        other => Err(Fault::new(
            FaultKind::Invalid,
            format!("`for_each` must be a list and was {other}: {text}"),
        )),
    }
}

fn timer(inputs: &Value, now: Timestamp) -> StepResult<Timestamp> {
    if let Some(span) = inputs["for"].as_str() {
        let span = duration::parse(span).map_err(|error| unfit("for", &error))?;
        return Ok(now.plus(span));
    }
    inputs["until"]
        .as_str()
        .and_then(timestamp)
        .ok_or_else(|| Fault::new(FaultKind::Invalid, "a wait takes `for` or `until`"))
}

fn question(gate: Gate, inputs: &Value, now: Timestamp) -> StepResult<(Option<Timestamp>, String)> {
    let expires = inputs["expires"]
        .as_str()
        .map(duration::parse)
        .transpose()
        .map_err(|error| unfit("expires", &error))?;
    let message = inputs["message"].as_str().unwrap_or(match gate {
        Gate::Approval => "approve?",
        Gate::Manual => "do it by hand",
        Gate::Pause => "paused here",
    });
    Ok((expires.map(|span| now.plus(span)), message.to_owned()))
}
