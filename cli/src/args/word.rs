//! What people say to a run.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// The run, or the beginning of its id
    pub(crate) run: String,
    /// The question, when the run asks more than one
    pub(crate) step: Option<String>,
    /// What you want to say with it
    #[arg(long, short)]
    pub(crate) comment: Option<String>,
    /// An answer to a form
    #[arg(long = "answer", value_name = "NAME=VALUE")]
    pub(crate) answers: Vec<String>,
    /// Only record the answer; do not go on with the run
    #[arg(long)]
    pub(crate) no_resume: bool,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The run, or the beginning of its id
    pub(crate) run: String,
    /// Why; recorded
    #[arg(long, short)]
    pub(crate) reason: Option<String>,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// The run, or the beginning of its id
    pub(crate) run: String,
    /// Why; recorded
    #[arg(long, short)]
    pub(crate) reason: String,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub(crate) struct RetryArgs {
    /// The run, or the beginning of its id
    pub(crate) run: String,
    /// The step
    pub(crate) step: String,
    /// Only this step
    #[arg(long, group = "which")]
    pub(crate) only: bool,
    /// This step, and every step that depends on it
    #[arg(long, group = "which")]
    pub(crate) downstream: bool,
    /// Why; recorded
    #[arg(long, short)]
    pub(crate) reason: String,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SkipArgs {
    /// The run, or the beginning of its id
    pub(crate) run: String,
    /// The step
    pub(crate) step: String,
    /// Why; recorded
    #[arg(long, short)]
    pub(crate) reason: String,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The run, or the beginning of its id
    pub(crate) run: String,
    /// Only show what would be taken back
    #[arg(long, conflicts_with = "yes")]
    pub(crate) preview: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Why; recorded
    #[arg(long, short)]
    pub(crate) reason: Option<String>,
    /// Print JSON: the preview, or events as lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("how").required(true)))]
pub(crate) struct ResolveArgs {
    /// The run, or the beginning of its id
    pub(crate) run: String,
    /// The step that is in doubt
    pub(crate) step: String,
    /// It was done; its outputs as JSON
    #[arg(long, group = "how", value_name = "JSON")]
    pub(crate) done: Option<String>,
    /// It was not done: try again
    #[arg(long, group = "how")]
    pub(crate) retry: bool,
    /// It does not matter
    #[arg(long, group = "how")]
    pub(crate) skip: bool,
    /// Why; recorded
    #[arg(long, short)]
    pub(crate) reason: String,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}
