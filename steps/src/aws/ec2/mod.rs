use runbook_step::StepKind;

/// The step types of this service, sorted by name.
pub(crate) const STEPS: &[StepKind] = &[];
