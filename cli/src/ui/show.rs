//! A run as a person wants to see it: what happened, what is going on, what to type next.

use runbook_core::{
    Instance, InstanceState, Key, Measure, Objective, Phase, Run, RunStatus, StepStatus, Undoing,
    Work, format_millis,
};
use runbook_runtime::store::RunInfo;
use serde_json::Value;

use super::style;
use super::table::{table, text};
use crate::state::Loaded;

/// The steps of a run, one line each; items of a loop too when there are few.
pub(crate) fn steps(loaded: &Loaded) -> String {
    let run = &loaded.run;
    let mut rows = table(&["", "STEP", "TOOK", ""]);
    for (index, (step, state)) in run.book().steps.iter().zip(run.steps()).enumerate() {
        let status = state.status();
        let few = state.items.is_some() && state.instances.len() <= 24;
        if few {
            for (item, instance) in state.instances.iter().enumerate() {
                let key = Key { step: index, item };
                let name = format!("{}[{item}]", step.id);
                rows.add_row([standing(instance), name, took(run, key), detail(instance)]);
            }
            continue;
        }
        let key = Key {
            step: index,
            item: 0,
        };
        let what = match (&state.items, state.instances.first()) {
            (Some(items), _) => counts(items.len(), &state.instances),
            (None, Some(instance)) => detail(instance),
            (None, None) if status == StepStatus::Pending => {
                let summary = loaded.summary(step);
                style::dim(summary.as_deref().unwrap_or(&step.uses))
            }
            (None, None) => String::new(),
        };
        let word = match (&state.items, state.instances.first()) {
            (None, Some(instance)) if !state.skipped => standing(instance),
            _ => style::word(status),
        };
        rows.add_row([word, step.id.clone(), took(run, key), what]);
    }
    text(&rows)
}

/// The word before an item: what is to be taken back and stays is no longer just well.
fn standing(instance: &Instance) -> String {
    match &instance.undo {
        Some(Undoing::Kept { .. }) => style::red("stays"),
        _ => style::word(instance.status()),
    }
}

fn counts(total: usize, instances: &[Instance]) -> String {
    let count = |wanted: StepStatus| {
        instances
            .iter()
            .filter(|one| one.status() == wanted)
            .count()
    };
    format!(
        "{total} items: {} succeeded, {} failed, {} under way",
        count(StepStatus::Succeeded),
        count(StepStatus::Failed),
        count(StepStatus::Running) + count(StepStatus::Waiting) + count(StepStatus::Retrying)
    )
}

fn took(run: &Run, key: Key) -> String {
    run.elapsed(key).map(style::span).unwrap_or_default()
}

fn detail(instance: &Instance) -> String {
    match &instance.undo {
        Some(Undoing::Kept { message, .. }) => {
            return message.clone();
        }
        Some(Undoing::Waiting { note, .. }) => return note.clone(),
        Some(Undoing::Done { .. }) => return String::new(),
        Some(Undoing::Flying(_)) | None => {}
    }
    match &instance.state {
        InstanceState::Succeeded {
            outputs, effect, ..
        } => style::detail(*effect, outputs),
        InstanceState::Failed { fault, .. } => fault.to_string(),
        InstanceState::Live(Phase::Waiting { note, .. }) => note.clone(),
        InstanceState::Live(Phase::Retrying { fault, .. }) => fault.to_string(),
        InstanceState::Live(Phase::InDoubt { why }) => why.clone(),
        InstanceState::Live(Phase::Flying) => style::dim(
            instance
                .attempt
                .as_ref()
                .and_then(|one| one.note.as_deref())
                .unwrap_or(""),
        ),
        InstanceState::Queued | InstanceState::Cancelled => String::new(),
    }
}

/// The objectives beside what was reached.
pub(crate) fn measures(measures: &[Measure]) -> String {
    if measures.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for measure in measures {
        let name = match measure.objective {
            Objective::Rto => "recovery time",
            Objective::Rpo => "recovery point",
        };
        let actual = measure
            .actual
            .map_or_else(|| "not measured".to_owned(), style::span);
        let verdict = if measure.met() {
            style::green("met")
        } else {
            style::red("missed")
        };
        let target = format_millis(measure.target);
        text.push_str(&format!(
            "  {name:<16} {actual:>12}  of {target:<6} {verdict}\n"
        ));
    }
    text
}

/// How many steps did what: `31 steps: 24 changed, 7 unchanged`.
pub(crate) fn tally(runs: &[Run]) -> String {
    let mut counts = [0_usize; 6];
    for run in runs {
        for (step, state) in run.book().steps.iter().zip(run.steps()) {
            if step.work == Work::Child {
                continue;
            }
            if state.skipped {
                counts[3] += 1;
                continue;
            }
            for instance in &state.instances {
                if matches!(instance.undo, Some(Undoing::Done { .. })) {
                    counts[5] += 1;
                    continue;
                }
                match &instance.state {
                    InstanceState::Succeeded { effect, .. } => match effect {
                        runbook_core::Effect::Changed => counts[0] += 1,
                        runbook_core::Effect::Adopted => counts[1] += 1,
                        runbook_core::Effect::None | runbook_core::Effect::Unchanged => {
                            counts[2] += 1
                        }
                    },
                    InstanceState::Failed { .. } => counts[4] += 1,
                    InstanceState::Queued | InstanceState::Live(_) | InstanceState::Cancelled => {}
                }
            }
        }
    }
    let total: usize = counts.iter().sum();
    let words = [
        "changed",
        "adopted",
        "unchanged",
        "skipped",
        "failed",
        "taken back",
    ];
    let parts: Vec<String> = counts
        .iter()
        .zip(words)
        .filter(|(count, word)| **count > 0 || *word == "changed")
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let all = if total == 1 { "1 step" } else { "steps" };
    let head = if total == 1 {
        all.to_owned()
    } else {
        format!("{total} {all}")
    };
    if counts[0] + counts[1] + counts[4] + counts[5] == 0 {
        return format!("{head}: no change");
    }
    format!("{head}: {}", parts.join(", "))
}

/// The status as people know it: a live run that nobody drives was interrupted.
pub(crate) fn status_words(info: &RunInfo, driven: bool) -> String {
    let live = matches!(info.status, RunStatus::Running | RunStatus::Pending);
    let sleeps = info.status == RunStatus::Waiting;
    if info.status == RunStatus::RollingBack && !driven {
        return style::red("interrupted in its rollback");
    }
    if live && !driven {
        style::red("interrupted")
    } else if sleeps && !driven {
        format!(
            "{} {}",
            style::status(info.status),
            style::dim("(nobody drives it)")
        )
    } else {
        style::status(info.status)
    }
}

/// A JSON value as YAML, indented.
pub(crate) fn yaml(value: &Value, indent: usize) -> String {
    let text = serde_yaml::to_string(value).unwrap_or_default();
    let pad = " ".repeat(indent);
    text.lines().map(|line| format!("{pad}{line}\n")).collect()
}
