//! State rows, derived from the events of one commit and the state that they lead to.

use std::collections::BTreeMap;

use runbook_core::{
    Event, Executed, Instance, InstanceState, Journal, Key, Run, Shape, StepStatus, Timestamp,
    Undoing, Work,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::store::{ApprovalRow, EffectRow, EffectState, Rows, RunRow, StepRow};
use crate::token::digest;

/// Number in the journal of a step row that stands for the step itself.
const WHOLE: i64 = -1;

/// Adds the rows that one event changed, given the state after it. `requests` holds the service's ids of
/// the requests that finished attempts made. A later event of the same commit may take away what this
/// needs: an operator's retry forgets the attempts and the list of a step.
pub(crate) fn follow(
    id: &str,
    run: &Run,
    entry: &Journal,
    requests: &BTreeMap<Key, String>,
    told: &mut Told,
) {
    if let Some(key) = subject(run, entry) {
        told.rows.effects.extend(effect(run, key, entry, requests));
        told.rows.approvals.extend(approval(id, run, key, entry));
        step_row(run, key)
            .into_iter()
            .for_each(|row| told.step(row));
        let state = &run.steps()[key.step];
        let listed = state.items.is_some()
            && (state.ended.is_some() || matches!(entry.event, Event::Expanded { .. }));
        if state.skipped || listed {
            told.step(whole_row(run, key.step));
        }
    }
    told.rows.run = Some(RunRow {
        status: run.status(),
        started: run.started(),
        finished: run.finished(),
        outputs: None,
    });
}

/// Rows of the events of one commit.
#[derive(Default)]
pub(crate) struct Told {
    rows: Rows,
    /// Where the row of a step stands.
    steps: BTreeMap<(usize, i64), usize>,
}

impl Told {
    fn step(&mut self, row: StepRow) {
        let rows = &mut self.rows.steps;
        let at = *self.steps.entry((row.step, row.item)).or_insert(rows.len());
        match rows.get_mut(at) {
            Some(old) => *old = row,
            None => rows.push(row),
        }
    }

    /// The rows, with the outputs of a run that has ended.
    pub(crate) fn rows(mut self, run: &Run) -> Rows {
        if let Some(row) = &mut self.rows.run {
            row.outputs = run.finished().map(|_| run.outputs().clone());
        }
        self.rows
    }
}

fn subject(run: &Run, entry: &Journal) -> Option<Key> {
    let (name, item) = entry.event.subject()?;
    Some(Key {
        step: run.step_index(name)?,
        item: item.unwrap_or(0) as usize,
    })
}

/// Every row of a run's steps, for a run whose runbook was edited.
pub(crate) fn all_steps(run: &Run) -> Vec<StepRow> {
    let mut rows = Vec::new();
    for (step, state) in run.steps().iter().enumerate() {
        let items = 0..state.instances.len();
        rows.extend(items.filter_map(|item| step_row(run, Key { step, item })));
        if state.skipped || state.items.is_some() {
            rows.push(whole_row(run, step));
        }
    }
    rows
}

fn step_row(run: &Run, key: Key) -> Option<StepRow> {
    let instance = run.instance(key)?;
    let attempt = instance.attempt.as_ref();
    Some(StepRow {
        step: key.step,
        item: i64::try_from(key.item).unwrap_or(i64::MAX),
        id: run.book().steps[key.step].id.clone(),
        status: instance.status(),
        attempt: attempt.map_or(0, |attempt| attempt.number),
        started: attempt.map(|attempt| attempt.first),
        finished: match &instance.state {
            InstanceState::Succeeded { at, .. } | InstanceState::Failed { at, .. } => Some(*at),
            InstanceState::Queued | InstanceState::Live(_) | InstanceState::Cancelled => None,
        },
        body: slim(instance),
    })
}

/// What the columns of a step row leave out. Inputs and outputs stand in the journal.
#[derive(Serialize)]
struct Slim<'a> {
    token: &'a str,
    deadline: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

fn slim(instance: &Instance) -> String {
    let Some(attempt) = &instance.attempt else {
        return "{}".to_owned();
    };
    let slim = Slim {
        token: &attempt.token,
        deadline: attempt.deadline,
        note: attempt.note.as_deref(),
    };
    serde_json::to_string(&slim).unwrap_or_default()
}

fn whole_row(run: &Run, step: usize) -> StepRow {
    let state = &run.steps()[step];
    StepRow {
        step,
        item: WHOLE,
        id: run.book().steps[step].id.clone(),
        status: state.ended.unwrap_or(StepStatus::Running),
        attempt: 0,
        started: None,
        finished: None,
        body: json!({ "items": state.items.as_ref().map(Vec::len), "skipped": state.skipped })
            .to_string(),
    }
}

fn effect(
    run: &Run,
    key: Key,
    entry: &Journal,
    requests: &BTreeMap<Key, String>,
) -> Option<EffectRow> {
    let Work::Call(shape) = run.book().steps[key.step].work else {
        return None;
    };
    if let Some(row) = undo_effect(run, key, entry, requests) {
        return Some(row);
    }
    let acts = match shape {
        Shape::Query | Shape::Wait => return None,
        Shape::Action => true,
        Shape::Modify | Shape::Create => false,
    };
    let attempt = run.instance(key)?.attempt.as_ref()?;
    let begun = acts || attempt.before.is_some();
    let (state, resource) = match &entry.event {
        Event::AttemptStarted { .. } if begun => (EffectState::Intended, None),
        Event::Observed { .. } => (EffectState::Intended, None),
        Event::Succeeded { outputs, .. } if begun => (EffectState::Confirmed, resource(outputs)),
        Event::AttemptFailed { fault, .. }
            if begun && fault.executed == Executed::No && !attempt.unsure =>
        {
            (EffectState::Absent, None)
        }
        Event::Failed { fault, .. } if begun => match fault.executed {
            Executed::No if !attempt.unsure => (EffectState::Absent, None),
            Executed::No | Executed::Unknown => (EffectState::InDoubt, None),
        },
        // Nobody asks any more what became of it; a row that knows already is left as it is.
        Event::StepCancelled { .. } | Event::StepSkipped { .. } if begun => {
            (EffectState::InDoubt, None)
        }
        Event::InDoubt { .. } => (EffectState::InDoubt, None),
        _ => return None,
    };
    let number = entry.event.attempt().unwrap_or(attempt.number);
    Some(EffectRow {
        step: run.book().steps[key.step].id.clone(),
        item: u32::try_from(key.item).unwrap_or(u32::MAX),
        attempt: number,
        call: 0,
        token: attempt.token.clone(),
        request: digest(&attempt.inputs.to_string()),
        deadline: attempt.deadline,
        state,
        request_id: requests.get(&key).cloned(),
        resource,
    })
}

/// Number of the call that takes an attempt's effect back.
const BACK: u32 = 1;

fn undo_effect(
    run: &Run,
    key: Key,
    entry: &Journal,
    requests: &BTreeMap<Key, String>,
) -> Option<EffectRow> {
    let instance = run.instance(key)?;
    let state = match &entry.event {
        Event::UndoStarted { .. } => EffectState::Intended,
        Event::Undone { .. } => EffectState::Confirmed,
        Event::UndoWaiting { fault: None, .. } => EffectState::Intended,
        Event::UndoWaiting {
            fault: Some(fault), ..
        }
        | Event::NotUndone {
            fault: Some(fault), ..
        } => match fault.executed {
            Executed::No => EffectState::Absent,
            Executed::Unknown => EffectState::InDoubt,
        },
        _ => return None,
    };
    let undo = instance.undo.as_ref().and_then(Undoing::attempt);
    let attempt = instance.attempt.as_ref()?;
    Some(EffectRow {
        step: run.book().steps[key.step].id.clone(),
        item: u32::try_from(key.item).unwrap_or(u32::MAX),
        attempt: entry.event.attempt().unwrap_or(instance.last_number()),
        call: BACK,
        token: undo.map_or_else(|| attempt.token.clone(), |undo| undo.token.clone()),
        request: digest(&attempt.inputs.to_string()),
        deadline: undo.map_or(attempt.deadline, |undo| undo.deadline),
        state,
        request_id: requests.get(&key).cloned(),
        resource: None,
    })
}

/// The first output that names a resource.
fn resource(outputs: &Value) -> Option<String> {
    let named = |suffix: &str| {
        outputs.as_object()?.iter().find_map(|(name, value)| {
            name.ends_with(suffix)
                .then(|| value.as_str().map(str::to_owned))?
        })
    };
    named("_id").or_else(|| named("_arn"))
}

fn approval(id: &str, run: &Run, key: Key, entry: &Journal) -> Option<ApprovalRow> {
    if !matches!(run.book().steps[key.step].work, Work::Gate(_)) {
        return None;
    }
    let attempt = run.instance(key)?.attempt.as_ref()?;
    let row = |message: String, expires: Option<Timestamp>, answered| ApprovalRow {
        run: id.to_owned(),
        step: run.book().steps[key.step].id.clone(),
        item: u32::try_from(key.item).unwrap_or(u32::MAX),
        message,
        asked: attempt.first,
        expires,
        answered,
    };
    match &entry.event {
        Event::Waiting { note, until, .. } => Some(row(note.clone(), *until, None)),
        Event::Succeeded { .. } | Event::Failed { .. } | Event::StepCancelled { .. } => Some(row(
            attempt.note.clone().unwrap_or_default(),
            None,
            Some(entry.at),
        )),
        _ => None,
    }
}
