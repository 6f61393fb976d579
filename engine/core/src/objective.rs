//! Recovery time and recovery point, measured from the marks of a run.

use serde::{Deserialize, Serialize};

use crate::{Millis, Objectives, Timestamp};

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
    let recovered = named("recovery_point").min();
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
