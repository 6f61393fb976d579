//! What to type next.

use runbook_core::{
    InstanceState, Kept, Phase, Run, RunStatus, StepRun, StepStatus, Undoing, Work,
};

use crate::state::Loaded;

/// Commands that get the first of `tree` on, the likeliest first; the others are the runs below it.
pub(crate) fn next(tree: &[Loaded], driven: bool, questions: &[(String, String)]) -> Vec<String> {
    let Some(top) = tree.first() else {
        return Vec::new();
    };
    // Only roots are driven; a child goes on with the run that waits for it.
    let root = &top.info.family;
    if let Some((run, step)) = questions.first() {
        return vec![
            format!("runbook approve {run} {step}"),
            format!("runbook reject {run} {step} --comment \"why not\""),
        ];
    }
    if let Some((run, step)) = first(tree, in_doubt) {
        return vec![
            format!("runbook show {run} {step}"),
            format!("runbook resolve {run} {step} --done '{{…}}' --reason \"it happened\""),
            format!("runbook resolve {run} {step} --retry --reason \"it did not happen\""),
            format!("runbook resolve {run} {step} --skip --reason \"it does not matter\""),
        ];
    }
    let failed = first(tree, |run| find(run, is_failed));
    let show = failed
        .as_ref()
        .map(|(run, step)| format!("runbook show {run} {step}"));
    let resume = format!("runbook resume {root}");
    let cancel = format!("runbook cancel {root}");
    let back = can_go_back(tree).then(|| format!("runbook rollback {root} --preview"));
    match top.info.status {
        RunStatus::Failed => show.into_iter().chain([resume]).chain(back).collect(),
        RunStatus::Paused if top.run.paused_by().is_some() => vec![resume, cancel],
        RunStatus::Paused => {
            let skip =
                failed.map(|(run, step)| format!("runbook skip {run} {step} --reason \"…\""));
            let mut next: Vec<String> = show.into_iter().chain([resume]).collect();
            next.extend(skip.into_iter().chain(back).chain([cancel]));
            next
        }
        RunStatus::RolledBack => match first(tree, |run| find(run, undo_failed)) {
            Some((run, step)) => vec![
                format!("runbook show {run} {step}"),
                format!("runbook rollback {root}"),
            ],
            None => Vec::new(),
        },
        RunStatus::Pending | RunStatus::Running | RunStatus::Waiting | RunStatus::RollingBack
            if !driven =>
        {
            // A child that failed or is held keeps the run waiting.
            match top.info.status {
                RunStatus::Waiting => show.into_iter().chain([resume]).collect(),
                _ => vec![resume],
            }
        }
        RunStatus::Pending
        | RunStatus::Running
        | RunStatus::Waiting
        | RunStatus::RollingBack
        | RunStatus::Succeeded
        | RunStatus::SucceededWithWarnings
        | RunStatus::ObjectiveMissed
        | RunStatus::Cancelled => Vec::new(),
    }
}

/// The first run that has such a step, the deepest before its parents, and the step's name.
fn first(
    tree: &[Loaded],
    which: impl Fn(&Run) -> Option<(usize, Option<usize>)>,
) -> Option<(String, String)> {
    tree.iter().rev().find_map(|loaded| {
        let (step, item) = which(&loaded.run)?;
        let id = &loaded.run.book().steps[step].id;
        let name = item.map_or_else(|| id.clone(), |item| format!("{id}[{item}]"));
        Some((loaded.info.id.clone(), name))
    })
}

fn find(run: &Run, which: impl Fn(&StepRun) -> bool) -> Option<(usize, Option<usize>)> {
    let index = run.steps().iter().position(which)?;
    Some((index, None))
}

fn in_doubt(run: &Run) -> Option<(usize, Option<usize>)> {
    run.steps().iter().enumerate().find_map(|(index, state)| {
        let doubt =
            |state: &InstanceState| matches!(state, InstanceState::Live(Phase::InDoubt { .. }));
        let item = state.instances.iter().position(|one| doubt(&one.state))?;
        Some((index, state.items.is_some().then_some(item)))
    })
}

fn is_failed(state: &StepRun) -> bool {
    state.ended == Some(StepStatus::Failed)
}

fn undo_failed(state: &StepRun) -> bool {
    let failed = |undo: &Undoing| {
        matches!(
            undo,
            Undoing::Kept {
                why: Kept::Failed,
                ..
            }
        )
    };
    let mut undone = state.instances.iter().filter_map(|one| one.undo.as_ref());
    undone.any(failed)
}

/// Whether there is something that a rollback would take back.
fn can_go_back(tree: &[Loaded]) -> bool {
    tree.iter().any(|loaded| {
        let steps = &loaded.run.book().steps;
        let rows = loaded.run.rollback_preview();
        rows.iter()
            .any(|(key, stays)| stays.is_none() && steps[key.step].work != Work::Child)
    })
}
