//! People's words to a run: signals from any process, as inputs of the scheduler.

use runbook_core::{Gate, Input, Key, Resolution, Run, Timestamp, Work};
use serde_json::{Map, Value, json};

use crate::clock::rfc3339;
use crate::store::Signal;

/// The input that a signal means; none when it names a step that the runbook does not have.
pub(crate) fn input(run: &Run, at: Timestamp, actor: String, signal: Signal) -> Option<Input> {
    match signal {
        Signal::Answer {
            step,
            item,
            granted,
            comment,
            form,
        } => {
            let key = key(run, &step, item)?;
            let outputs = answer(run, key, (&actor, at), comment.as_deref(), form);
            Some(Input::Answered {
                key,
                actor,
                granted,
                comment,
                outputs,
            })
        }
        Signal::Cancel { reason } => Some(Input::Cancel { actor, reason }),
        Signal::Pause { reason } => Some(Input::Pause { actor, reason }),
        Signal::Resume => Some(Input::Reopen { actor }),
        Signal::Retry {
            step,
            downstream,
            reason,
        } => Some(Input::Retry {
            step: run.step_index(&step)?,
            downstream,
            actor,
            reason,
        }),
        Signal::Skip { step, reason } => Some(Input::Skip {
            step: run.step_index(&step)?,
            actor,
            reason,
        }),
        Signal::RollBack { reason } => Some(Input::RollBack { actor, reason }),
        Signal::Resolve {
            step,
            item,
            how,
            outputs,
            reason,
        } => Some(Input::Resolve {
            key: key(run, &step, item)?,
            actor,
            reason,
            resolution: match how.as_str() {
                "done" => Resolution::Done(outputs),
                "skip" => Resolution::Skip,
                _ => Resolution::Retry,
            },
        }),
    }
}

fn key(run: &Run, step: &str, item: Option<u32>) -> Option<Key> {
    Some(Key {
        step: run.step_index(step)?,
        item: item.unwrap_or(0) as usize,
    })
}

/// The answers to a question that nobody is asked: the defaults of its form. None when it asks for something
/// that has none, which only a person can say.
pub(crate) fn unasked(run: &Run, key: Key) -> Option<Value> {
    if run.book().steps[key.step].work != Work::Gate(Gate::Manual) {
        return Some(Value::Null);
    }
    let attempt = run.instance(key)?.attempt.as_ref()?;
    let Some(Value::Object(form)) = attempt.inputs.get("form") else {
        return Some(Value::Null);
    };
    let answers = form.iter().map(|(name, param)| {
        let default = param.get("default").filter(|value| !value.is_null())?;
        Some((name.clone(), default.clone()))
    });
    answers.collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// What a gate gives when this answer opens it.
pub(crate) fn answer(
    run: &Run,
    key: Key,
    (actor, at): (&str, Timestamp),
    comment: Option<&str>,
    form: Value,
) -> Value {
    let by = json!({ "by": actor, "at": rfc3339(at) });
    let mut outputs = match by {
        Value::Object(by) => by,
        _ => Map::new(),
    };
    match run.book().steps[key.step].work {
        Work::Gate(Gate::Manual) => match form {
            Value::Object(form) => return Value::Object(form),
            _ => return Value::Object(Map::new()),
        },
        Work::Gate(Gate::Approval) => {
            outputs.insert("comment".to_owned(), json!(comment));
        }
        Work::Gate(Gate::Pause) | Work::Pure | Work::Timer | Work::Child | Work::Call(_) => {}
    }
    Value::Object(outputs)
}
