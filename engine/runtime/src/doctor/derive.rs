//! State rows from a whole journal: each event is projected as if it had been a commit of its own, and
//! later rows replace earlier ones as they do in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use runbook_core::{Event, Run};
use serde_json::Value;

use crate::engine::lock_key;
use crate::project;
use crate::store::{
    Derived, EffectRow, EffectState, Origin, Rows, RunInfo, Shown, Snapshot, StoreError,
    effect_name, shown,
};

/// What a journal gives.
pub(super) struct Whole {
    /// To be written.
    pub(super) derived: Derived,
    /// To be compared.
    pub(super) shown: Shown,
    /// Effects whose hash of the request cannot be had again: a float may have lost its last digit.
    pub(super) unsure: BTreeSet<String>,
}

/// Replays a run and derives all its rows.
///
/// # Errors
/// [`StoreError::Corrupt`] when the journal cannot be read or does not fit its runbook.
pub(super) fn derive(snapshot: &Snapshot, info: &RunInfo) -> Result<Whole, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt {
        run: info.id.clone(),
        reason,
    };
    let definition = snapshot.definition(info)?;
    let book = definition
        .entry(info.entry.as_deref())
        .ok_or_else(|| corrupt("its definition does not hold its runbook".to_owned()))?;
    let events = snapshot.events(&info.id, 0)?;
    let mut run = Run::new(Arc::new(book.clone()));
    let mut kept = Kept::default();
    let mut unsure = BTreeSet::new();
    for row in &events {
        run.evolve(&row.entry)
            .map_err(|error| corrupt(format!("event {}: {error}", row.seq)))?;
        let mut told = project::Told::default();
        project::follow(&info.id, &run, &row.entry, &BTreeMap::new(), &mut told);
        let rows = told.rows(&run);
        if let Event::AttemptStarted {
            step,
            item,
            inputs: Some(inputs),
            ..
        } = &row.entry.event
            && has_float(inputs)
        {
            unsure.insert((step.clone(), item.unwrap_or(0)));
        }
        kept.fold(rows);
    }
    let origin = events.first().and_then(|row| match &row.entry.event {
        Event::Created {
            runbook,
            environment,
            params,
            ..
        } => Some(Origin {
            runbook: runbook.clone(),
            environment: environment.clone(),
            params: params.clone(),
            created: row.entry.at,
        }),
        _ => None,
    });
    let origin =
        origin.ok_or_else(|| corrupt("its journal does not begin with its creation".to_owned()))?;
    let mut env = definition.env.clone();
    if let (Value::Object(env), Some(Value::Object(changed))) = (&mut env, info.meta.get("env")) {
        env.extend(changed.clone());
    }
    let lock = lock_key(book.lock.as_deref(), &origin.params, &env)
        .map_err(|error| corrupt(error.to_string()))?
        .map(|key| (key, origin.created.0));
    let rows = kept.rows();
    let status = rows.run.as_ref().map(|row| row.status);
    // The lock of a run that has ended is free.
    let lock = lock.filter(|_| status.is_some_and(|status| !status.is_terminal()));
    let unsure = rows
        .effects
        .iter()
        .filter(|one| unsure.contains(&(one.step.clone(), one.item)))
        .map(|one| effect_name(&one.step, one.item, one.attempt, one.call))
        .collect();
    Ok(Whole {
        shown: shown(&rows, &origin),
        unsure,
        derived: Derived {
            run: info.id.clone(),
            seq: events.last().map_or(0, |row| row.seq),
            epoch: events.iter().map(|row| row.epoch).max().unwrap_or(0),
            rows,
            origin,
            lock,
        },
    })
}

impl Whole {
    /// With what the rows hold and no event says.
    pub(super) fn kept(self, rows: &[EffectRow]) -> Derived {
        let mut derived = self.derived;
        for effect in &mut derived.rows.effects {
            let same = |one: &&EffectRow| {
                (one.step.as_str(), one.item, one.attempt, one.call)
                    == (
                        effect.step.as_str(),
                        effect.item,
                        effect.attempt,
                        effect.call,
                    )
            };
            let Some(row) = rows.iter().find(same) else {
                continue;
            };
            let name = effect_name(&row.step, row.item, row.attempt, row.call);
            effect.request_id.clone_from(&row.request_id);
            if self.unsure.contains(&name) {
                effect.request.clone_from(&row.request);
            }
        }
        derived
    }
}

/// Rows by their keys; what the store does with a row that is there already is done here too.
#[derive(Default)]
struct Kept {
    last: Rows,
    steps: BTreeMap<(usize, i64), crate::store::StepRow>,
    effects: BTreeMap<(String, u32, u32, u32), EffectRow>,
    approvals: BTreeMap<(String, u32), crate::store::ApprovalRow>,
}

impl Kept {
    fn fold(&mut self, rows: Rows) {
        if rows.run.is_some() {
            self.last.run = rows.run;
        }
        for row in rows.steps {
            self.steps.insert((row.step, row.item), row);
        }
        for row in rows.effects {
            let key = (row.step.clone(), row.item, row.attempt, row.call);
            match self.effects.get_mut(&key) {
                // What was asked stays as it was first written.
                Some(kept) => {
                    let known = matches!(kept.state, EffectState::Confirmed | EffectState::Absent);
                    // Nor is doubt cast on what is known.
                    if !(known && row.state == EffectState::InDoubt) {
                        kept.state = row.state;
                    }
                    kept.resource = row.resource;
                }
                None => {
                    self.effects.insert(key, row);
                }
            }
        }
        for row in rows.approvals {
            self.approvals.insert((row.step.clone(), row.item), row);
        }
    }

    fn rows(self) -> Rows {
        Rows {
            run: self.last.run,
            steps: self.steps.into_values().collect(),
            effects: self.effects.into_values().collect(),
            approvals: self.approvals.into_values().collect(),
        }
    }
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(list) => list.iter().any(has_float),
        Value::Object(map) => map.values().any(has_float),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
