//! `runbook approve` and `runbook reject`.

use runbook_runtime::now;
use runbook_runtime::store::{ApprovalRow, RunInfo, Signal, Snapshot};
use serde_json::{Map, Value};

use crate::args::AnswerArgs;
use crate::drive::{Driving, actor};
use crate::failure::Failure;
use crate::load::assignment;
use crate::project::Project;
use crate::state;
use crate::ui::say;

/// Records an answer; goes on with the run unless a live process drives it.
pub(crate) async fn run(
    project: &Project,
    args: &AnswerArgs,
    granted: bool,
) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let info = snapshot.find(&args.run)?;
    let question = question(&snapshot, &info, args.step.as_deref())?;
    let mut form = Map::new();
    for answer in &args.answers {
        let (name, value) = assignment(answer)?;
        form.insert(name, value);
    }
    let driving = Driving::new(project, args.json)?;
    let signal = Signal::Answer {
        step: question.step.clone(),
        item: (question.item > 0).then_some(question.item),
        granted,
        comment: args.comment.clone(),
        form: Value::Object(form),
    };
    driving
        .store
        .signal(&question.run, &actor(), now(), signal)
        .await?;
    let word = if granted { "approved" } else { "rejected" };
    say(&format!(
        "{word} `{}` of run {}\n",
        question.step, question.run
    ));
    let root = snapshot.run(&info.family)?;
    if driving.store.is_driven(&root.id) {
        return Ok(0);
    }
    if args.no_resume {
        say(&format!("next: runbook resume {}\n", root.id));
        return Ok(0);
    }
    // Nothing else gets another chance by it, and a run that is held stays held.
    driving.as_it_stands(&root.id).await
}

fn question(
    snapshot: &Snapshot,
    info: &RunInfo,
    step: Option<&str>,
) -> Result<ApprovalRow, Failure> {
    let open = snapshot.questions(Some(&info.family))?;
    let mut fitting: Vec<ApprovalRow> = open
        .iter()
        .filter(|one| step.is_none_or(|step| one.step == step))
        .cloned()
        .collect();
    if fitting.len() == 1
        && let Some(only) = fitting.pop()
    {
        return Ok(only);
    }
    let names: Vec<String> = open
        .iter()
        .map(|one| format!("{} {}", one.run, one.step))
        .collect();
    Err(if open.is_empty() {
        Failure::usage(format!("run {} asks nothing", info.id)).help(format!(
            "`runbook show {}` tells what it waits for",
            info.id
        ))
    } else if fitting.is_empty() {
        Failure::usage(format!(
            "run {} does not ask `{}`",
            info.id,
            step.unwrap_or_default()
        ))
        .help(format!("it asks {}", names.join(", ")))
    } else {
        Failure::usage(format!("run {} asks more than one thing", info.id))
            .help(format!("name one: {}", names.join(", ")))
    })
}
