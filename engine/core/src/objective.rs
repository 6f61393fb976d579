//! Recovery time and recovery point, measured from the marks of a run.

use serde::{Deserialize, Serialize};

use crate::{InstanceState, Millis, Objectives, Run, Section, StepStatus, Timestamp};

/// The mark of what a service is restored from.
const RECOVERY_POINT: &str = "recovery_point";

/// Which objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Recovery time: from the incident until service is restored.
    Rto,
    /// Recovery point: age of the oldest recovery point in use, at the incident.
    Rpo,
}

/// One objective beside what was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Which.
    pub objective: Objective,
    /// What was asked for.
    pub target: Millis,
    /// What was reached; none when the marks that it needs were not reached.
    pub actual: Option<Millis>,
}

impl Measure {
    /// Whether it was reached. What could not be measured is missed: nothing was shown.
    #[must_use]
    pub fn met(&self) -> bool {
        self.actual.is_some_and(|actual| actual <= self.target)
    }
}

/// Measures `objectives`. The incident is the earliest mark of that name, else the start of the run;
/// of several recovery points the oldest decides, of several `service_restored` the last.
#[must_use]
pub fn measure(
    objectives: &Objectives,
    started: Timestamp,
    marks: &[(&str, Timestamp)],
) -> Vec<Measure> {
    let named = |name: &'static str| {
        marks
            .iter()
            .filter(move |(mark, _)| *mark == name)
            .map(|(_, at)| *at)
    };
    let incident = named("incident").min().unwrap_or(started);
    let restored = named("service_restored").max();
    let recovered = named(RECOVERY_POINT).min();
    let rto = objectives.rto.map(|target| Measure {
        objective: Objective::Rto,
        target,
        actual: restored.map(|at| at.since(incident)),
    });
    let rpo = objectives.rpo.map(|target| Measure {
        objective: Objective::Rpo,
        target,
        actual: recovered.map(|at| incident.since(at)),
    });
    rto.into_iter().chain(rpo).collect()
}

impl Run {
    /// The objectives of its runbook beside what it reached so far. While one of several recovery points
    /// is missing the others say nothing: the missing one may be the oldest.
    #[must_use]
    pub fn measures(&self) -> Vec<Measure> {
        let lacks = self.lacks_recovery_point();
        let marks: Vec<(&str, Timestamp)> = self
            .marks()
            .filter(|(name, _)| !lacks || *name != RECOVERY_POINT)
            .collect();
        // Before its start it has no marks, so nothing is measured from that time.
        let started = self.started().unwrap_or_default();
        measure(&self.book().objectives, started, &marks)
    }

    /// Whether a step, or an item of one, that marks a recovery point has not reached it. One that was
    /// skipped is not in use, and `on_cancel` is not there for a run that nobody cancelled.
    fn lacks_recovery_point(&self) -> bool {
        let mut steps = self.book().steps.iter().zip(self.steps());
        steps.any(|(step, state)| {
            let reached = || {
                state.ended == Some(StepStatus::Succeeded)
                    && state
                        .instances
                        .iter()
                        .all(|one| matches!(one.state, InstanceState::Succeeded { .. }))
            };
            step.marks.as_deref() == Some(RECOVERY_POINT)
                && (step.section != Section::OnCancel || self.is_cancelled())
                && state.ended != Some(StepStatus::Skipped)
                && !reached()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{Event, Journal};

    const BOTH: Objectives = Objectives {
        rto: Some(900_000),
        rpo: Some(300_000),
    };

    #[test]
    fn the_worst_recovery_point_decides() {
        let marks = [
            ("incident", Timestamp(1_000_000)),
            ("recovery_point", Timestamp(900_000)),
            ("recovery_point", Timestamp(600_000)),
            ("service_restored", Timestamp(1_060_000)),
        ];
        let measured = measure(&BOTH, Timestamp(0), &marks);
        assert_eq!(measured[0].actual, Some(60_000));
        assert_eq!(measured[1].actual, Some(400_000));
        assert!(measured[0].met());
        assert!(!measured[1].met());
    }

    #[test]
    fn what_was_not_measured_is_missed() {
        let measured = measure(&BOTH, Timestamp(0), &[]);
        assert_eq!(measured.len(), 2);
        assert!(measured.iter().all(|one| !one.met()));
    }

    #[test]
    fn without_an_incident_the_clock_starts_with_the_run() {
        let marks = [("service_restored", Timestamp(70))];
        let measured = measure(&BOTH, Timestamp(10), &marks);
        assert_eq!(measured[0].actual, Some(60));
    }

    /// A run with an incident and two steps that mark recovery points, after `events`.
    fn recovery(second: serde_json::Value, events: serde_json::Value) -> Run {
        let mut steps = vec![
            json!({"id": "detect", "marks": "incident"}),
            json!({"id": "one", "marks": "recovery_point"}),
            second,
        ];
        for step in &mut steps {
            step["uses"] = json!("log");
            step["work"] = json!("pure");
            step["timeout"] = json!(60_000);
            step["on_failure"] = json!("continue");
        }
        let book = json!({"name": "r", "objectives": {"rpo": 300_000}, "steps": steps});
        let mut journal = vec![
            json!({"kind": "created", "actor": "a", "runbook": "r", "environment": "local", "params": {}}),
            json!({"kind": "started", "actor": "a", "epoch": 1}),
        ];
        for (step, mark, reached) in [
            ("detect", "incident", 1_000_000),
            ("one", "recovery_point", 900_000),
        ] {
            journal.push(started(step));
            journal.push(
                json!({"kind": "succeeded", "step": step, "attempt": 1, "outputs": {}, "effect": "none"}),
            );
            journal.push(json!({"kind": "marked", "name": mark, "reached": reached, "step": step}));
        }
        journal.extend(events.as_array().cloned().unwrap());
        let journal: Vec<Journal> = journal
            .into_iter()
            .map(|event| Journal {
                at: Timestamp(2_000_000),
                event: serde_json::from_value::<Event>(event).unwrap(),
            })
            .collect();
        Run::new(Arc::new(serde_json::from_value(book).unwrap()))
            .replay(journal.iter())
            .unwrap()
    }

    fn started(step: &str) -> serde_json::Value {
        json!({"kind": "attempt_started", "step": step, "attempt": 1, "token": "t", "inputs": {}, "deadline": 9_000_000})
    }

    fn failed(step: &str, item: Option<u32>) -> serde_json::Value {
        json!({"kind": "failed", "step": step, "item": item, "attempt": 1,
               "fault": {"kind": "not_found", "message": "none is there"}})
    }

    #[test]
    fn a_recovery_point_that_is_missing_is_not_made_up_for_by_the_others() {
        let two = json!({"id": "two", "marks": "recovery_point"});
        let open = recovery(two.clone(), json!([]));
        assert_eq!(open.measures()[0].actual, None);
        let events = json!([started("two"), failed("two", None)]);
        let tolerated = recovery(two, events);
        assert_eq!(tolerated.measures()[0].actual, None);
        assert!(!tolerated.measures()[0].met());
    }

    #[test]
    fn a_skipped_recovery_point_does_not_count() {
        let two = json!({"id": "two", "marks": "recovery_point", "when": "false"});
        let events = json!([{"kind": "skipped", "step": "two", "reason": "condition"}]);
        let measures = recovery(two, events).measures();
        assert_eq!(measures[0].actual, Some(100_000));
        assert!(measures[0].met());
    }

    #[test]
    fn recovery_points_of_a_section_that_does_not_run_do_not_count() {
        let two = json!({"id": "two", "marks": "recovery_point", "section": "on_cancel"});
        let measures = recovery(two, json!([])).measures();
        assert_eq!(measures[0].actual, Some(100_000));
    }

    #[test]
    fn one_item_without_a_recovery_point_is_enough() {
        let two = json!({"id": "two", "marks": "recovery_point",
            "for_each": {"over": "[1, 2]", "max_parallel": 2, "max_failures": {"count": 1}}});
        let item = |item: u32| {
            let mut event = started("two");
            event["item"] = json!(item);
            event
        };
        let events = json!([
            {"kind": "expanded", "step": "two", "items": [1, 2]},
            item(0), item(1),
            {"kind": "succeeded", "step": "two", "item": 0, "attempt": 1, "outputs": {}, "effect": "none"},
            {"kind": "marked", "name": "recovery_point", "reached": 950_000, "step": "two"},
            failed("two", Some(1)),
        ]);
        let run = recovery(two, events);
        assert_eq!(run.steps()[2].ended, Some(StepStatus::Succeeded));
        assert_eq!(run.measures()[0].actual, None);
    }
}
