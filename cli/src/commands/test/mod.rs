//! `runbook test FILE --crash-sweep`: a runbook is run in the sandbox again and again; each time the process
//! dies at another place, or the answer of another call is lost. Resumed, it must leave the same world.

mod case;
mod plan;
mod progress;
mod verdict;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::args::TestArgs;
use crate::exit;
use crate::failure::Failure;
use crate::project::Project;
use crate::ui::{out, style};
use case::{Bench, FIRST, Played};
use plan::Plan;
use progress::Progress;
use verdict::Verdict;

/// Sweeps over every file that was named.
pub(crate) async fn run(project: &Project, args: &TestArgs) -> Result<u8, Failure> {
    if !args.crash_sweep {
        return Err(Failure::usage("what is to be tested?")
            .help("`runbook test FILE --crash-sweep` kills and resumes the runbook everywhere"));
    }
    if args.limit == Some(0) {
        return Err(Failure::usage("--limit 0 would try nothing"));
    }
    let mut code = exit::OK;
    for file in &args.files {
        let sweep = sweep(project, args, file).await?;
        if args.json {
            out(&format!("{}\n", sweep.as_json()));
        } else {
            out(&sweep.as_text());
        }
        if !sweep.is_sound() {
            code = exit::FAILED;
        }
    }
    Ok(code)
}

/// What came of all cases of one file.
struct Sweep {
    file: String,
    points: usize,
    calls: usize,
    cases: Vec<Played>,
    /// Cases that were not played since an earlier one was wrong.
    left: usize,
    took_ms: u64,
    /// Options that make the same run, as they are typed.
    given: String,
}

async fn sweep(project: &Project, args: &TestArgs, file: &str) -> Result<Sweep, Failure> {
    let bench = Arc::new(Bench::new(project, args, file).await?);
    let mut progress = Progress::new(file);
    bench.seed().await?;
    let calm = Arc::new(bench.calm().await?);
    let plan = Plan::of(&calm, args)?;
    let planned = plan.cases.len();
    progress.begin(planned);
    let slots = Arc::new(Semaphore::new(args.jobs.max(1)));
    let number = Arc::new(AtomicUsize::new(FIRST));
    let mut running = JoinSet::new();
    for case in plan.cases {
        let (bench, calm, slots, number) =
            (bench.clone(), calm.clone(), slots.clone(), number.clone());
        running.spawn(async move {
            let _slot = slots.acquire_owned().await;
            let place = number.fetch_add(1, Ordering::SeqCst);
            bench.play(case, place, &calm).await
        });
    }
    let mut cases = Vec::new();
    while let Some(ended) = running.join_next().await {
        let played = ended.map_err(|error| {
            Failure::new(
                exit::FAILED,
                format!("a case was not played to its end: {error}"),
            )
        })?;
        let wrong = played.verdict.is_bad();
        progress.step(wrong);
        cases.push(played);
        if wrong && args.fail_fast {
            running.shutdown().await;
        }
    }
    let took_ms = progress.end();
    cases.sort_by(|one, other| one.case.cmp(&other.case));
    Ok(Sweep {
        file: file.to_owned(),
        points: plan.points,
        calls: plan.calls,
        left: planned - cases.len(),
        cases,
        took_ms,
        given: case::given(args)
            .iter()
            .map(|word| format!(" {word}"))
            .collect(),
    })
}

impl Sweep {
    fn count(&self, crashes: bool, wanted: fn(&Played) -> bool) -> usize {
        self.cases
            .iter()
            .filter(|one| one.case.is_crash() == crashes && wanted(one))
            .count()
    }

    fn is_sound(&self) -> bool {
        self.cases.iter().all(|one| !one.verdict.is_bad())
    }

    fn as_text(&self) -> String {
        let mut text = format!(
            "crash sweep of {}  {}\n\n",
            style::bold(&self.file),
            style::span(self.took_ms)
        );
        for (crashes, name, all) in [
            (true, "crash points", self.points),
            (false, "lost answers", self.calls),
        ] {
            let tried = self.count(crashes, |one| one.reached.is_some());
            let same = self.count(crashes, |one| {
                one.reached.is_some() && one.verdict == Verdict::Same
            });
            let doubt = self.count(crashes, |one| matches!(one.verdict, Verdict::InDoubt(_)));
            let bad = self.count(crashes, |one| one.verdict.is_bad());
            let verdict = if bad == 0 {
                style::green("ok")
            } else {
                style::red("FAIL")
            };
            let _ = writeln!(
                text,
                "  {name:<14} {tried:>5} of {all:<6} {same:>5} the same world  {doubt:>3} in doubt  {bad:>3} wrong  {verdict}"
            );
        }
        let missed = self
            .cases
            .iter()
            .filter(|one| one.reached.is_none())
            .count();
        if missed > 0 {
            let _ = writeln!(
                text,
                "\n{missed} cases ended before their place came, since runs differ; they do not count"
            );
        }
        for one in self.cases.iter().filter(|one| one.verdict.is_bad()) {
            let case = &one.case;
            let _ = write!(
                text,
                "\n{} {case}\n{}\n  again: runbook test {}{} --crash-sweep --case {case}\n",
                style::red("wrong"),
                one.verdict.words(),
                self.file,
                self.given
            );
        }
        if self.left > 0 {
            let _ = write!(
                text,
                "\nstopped there; {} cases were not tried\n",
                self.left
            );
        }
        text
    }

    fn as_json(&self) -> serde_json::Value {
        let rows: Vec<_> = self
            .cases
            .iter()
            .map(|one| {
                json!({
                    "case": one.case.to_string(),
                    "place": one.reached.clone().unwrap_or_else(|| one.case.place()),
                    "reached": one.reached.is_some(),
                    "verdict": one.verdict.name(),
                    "words": one.verdict.words(),
                })
            })
            .collect();
        json!({
            "file": self.file,
            "crash_points": self.points,
            "calls": self.calls,
            "sound": self.is_sound(),
            "not_tried": self.left,
            "took_ms": self.took_ms,
            "cases": rows,
        })
    }
}
