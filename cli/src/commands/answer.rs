//! `runbook approve` and `runbook reject`.

use std::collections::BTreeMap;

use runbook_core::{Gate, Key, Param, Work};
use runbook_runtime::now;
use runbook_runtime::store::{ApprovalRow, RunInfo, Signal, Snapshot};
use serde_json::{Value, json};

use crate::args::AnswerArgs;
use crate::drive::{Driving, actor};
use crate::failure::Failure;
use crate::load::typed;
use crate::project::Project;
use crate::state;
use crate::ui::{say, style};

/// Records an answer; goes on with the run unless a live process drives it.
pub(crate) async fn run(
    project: &Project,
    args: &AnswerArgs,
    granted: bool,
) -> Result<u8, Failure> {
    let snapshot = state::snapshot(project)?;
    let info = snapshot.find(&args.run)?;
    let question = question(&snapshot, &info, args.step.as_deref())?;
    let form = form(&snapshot, &question, &args.answers, granted)?;
    let driving = Driving::new(project, args.json)?;
    let signal = Signal::Answer {
        step: question.step.clone(),
        item: (question.item > 0).then_some(question.item),
        granted,
        comment: args.comment.clone(),
        form,
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

/// The answers to the form of a question, of the types that it declares. Nothing is recorded of answers
/// that do not fit.
fn form(
    snapshot: &Snapshot,
    question: &ApprovalRow,
    answers: &[String],
    granted: bool,
) -> Result<Value, Failure> {
    let given = typed(answers).map_err(|wrong| wrong.help("for example --answer ticket=OPS-7"))?;
    if !granted {
        // A step that is rejected has failed and gives nothing.
        return match given.is_empty() {
            true => Ok(Value::Null),
            false => {
                Err(Failure::usage("a rejection takes no answers")
                    .help("say why with --comment TEXT"))
            }
        };
    }
    let given = given.into_iter().map(|(name, text)| (name, json!(text)));
    let form = declared(snapshot, question)?;
    runbook_spec::check_answers(&question.step, &form, &given.collect())
        .map_err(|wrong| refused(&question.step, &form, &wrong))
}

/// The form of a `manual` step as it was asked; no other step has one.
fn declared(
    snapshot: &Snapshot,
    question: &ApprovalRow,
) -> Result<BTreeMap<String, Param>, Failure> {
    let loaded = state::load(snapshot, snapshot.run(&question.run)?)?;
    let none = BTreeMap::new;
    let Some(step) = loaded.run.step_index(&question.step) else {
        return Ok(none());
    };
    if loaded.run.book().steps[step].work != Work::Gate(Gate::Manual) {
        return Ok(none());
    }
    let key = Key {
        step,
        item: question.item as usize,
    };
    let asked = loaded.run.instance(key);
    match asked.and_then(|one| one.attempt.as_ref()?.inputs.get("form")) {
        None | Some(Value::Null) => Ok(none()),
        Some(form) => serde_json::from_value(form.clone()).map_err(|error| {
            Failure::new(
                crate::exit::FAILED,
                format!("the form of `{}` cannot be read: {error}", question.step),
            )
        }),
    }
}

fn refused(
    step: &str,
    form: &BTreeMap<String, Param>,
    wrong: &[runbook_spec::ParamError],
) -> Failure {
    let head = format!("{} does not take these answers:\n", style::bold(step));
    let failure = Failure {
        report: Some(head + &crate::load::wrong_lines(wrong)),
        details: json!(wrong),
        ..Failure::usage("wrong answers; nothing was recorded")
    };
    match crate::load::wanted(form) {
        None => failure.help("it has no form: it is answered with yes or no"),
        Some(names) => failure.help(format!(
            "give them with --answer NAME=VALUE; it takes {names}"
        )),
    }
}
