//! The command line.

mod plugin;
mod word;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use plugin::PluginArgs;
#[cfg(feature = "plugins")]
pub(crate) use plugin::{Language, PluginCommand, Which as WhichPlugin};
pub(crate) use word::{
    AnswerArgs, CancelArgs, PauseArgs, ResolveArgs, RetryArgs, RollbackArgs, SkipArgs,
};

/// Runs YAML runbooks as durable, resumable step graphs.
///
/// Kill it at any instant and `runbook resume` goes on: nothing is lost and nothing is done twice.
#[derive(Debug, Parser)]
#[command(
    name = "runbook",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// State file [default: .runbook/state.db beside the project's runbooks/]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "RUNBOOK_STATE",
        hide_env_values = true
    )]
    pub(crate) state: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a run of a runbook and drive it
    Run(RunArgs),
    /// Go on with an interrupted, paused or failed run; without an id, with every interrupted one
    Resume(ResumeArgs),
    /// List runs, newest first
    List(ListArgs),
    /// Show a run, or one step of it
    Show(ShowArgs),
    /// Print what the steps of a run wrote
    Logs(ShowArgs),
    /// Print the journal of a run
    Events(EventsArgs),
    /// Print what happened in a run, for a ticket
    Report(ReportArgs),
    /// Say yes to a question of a run
    Approve(AnswerArgs),
    /// Say no to a question of a run
    Reject(AnswerArgs),
    /// End a run: its `on_cancel` and `finally` steps still run; a second cancel lets go of everything
    Cancel(CancelArgs),
    /// Hold a run: the steps in hand end, nothing starts until `resume`
    Pause(PauseArgs),
    /// Run a step again, alone or with everything that depends on it
    Retry(RetryArgs),
    /// Do without a step: those that depend on it start
    Skip(SkipArgs),
    /// Take back what a run did, newest first
    Rollback(RollbackArgs),
    /// Say what became of a step that is in doubt
    Resolve(ResolveArgs),
    /// Check runbooks without running anything
    Validate(ValidateArgs),
    /// Try a runbook in the sandbox: killed and resumed at every place
    Test(TestArgs),
    /// List step types, or show the manual of one
    Steps(StepsArgs),
    /// Write, build, test and take in plugins: step types of your own
    Plugin(PluginArgs),
    /// Show an environment, or what two differ in
    Env(EnvArgs),
    /// A local AWS to try things on
    Sandbox(SandboxArgs),
    /// Print the JSON Schema of runbooks or environments, for editors
    Schema(SchemaArgs),
    /// Look the state file over: is it whole, and what needs a person?
    ///
    /// Reads only, also while runs are being driven. Checks the file, the hashes of journals,
    /// definitions and outputs, and whether the state rows say what the events say; tells which runs
    /// nobody drives. Ends with 0 when the file is healthy and with 1 when it is not.
    Doctor(DoctorArgs),
    /// Copy the state file, also while runs are being driven
    ///
    /// The copy is of one moment, complete in one file, looked over and on disk before it has its name.
    Backup(BackupArgs),
    /// Measure the engine beside the limits of this machine
    Bench(BenchArgs),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Runbook: a file, or a name under runbooks/
    pub(crate) file: String,
    /// Environment: a file under environments/
    #[arg(long, short, env = "RUNBOOK_ENV")]
    pub(crate) env: Option<String>,
    /// A parameter
    #[arg(long = "param", short, value_name = "NAME=VALUE")]
    pub(crate) params: Vec<String>,
    /// A YAML or JSON file of parameters
    #[arg(long = "params", value_name = "FILE")]
    pub(crate) params_file: Option<PathBuf>,
    /// Override one environment variable for this run; recorded
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) sets: Vec<String>,
    /// Confirm a protected environment by its name
    #[arg(long, value_name = "ENV")]
    pub(crate) confirm: Option<String>,
    /// If a live run holds the lock: wait for it, in order of arrival, at most so long
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "1h")]
    pub(crate) wait: Option<String>,
    /// A second run with the same key is the first one
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Run against a local AWS that is prepared and broken for this runbook; nothing real is at stake
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// In the sandbox: ask for approvals instead of granting them
    #[arg(long, requires = "sandbox")]
    pub(crate) ask: bool,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run, or the beginning of its id
    pub(crate) run: Option<String>,
    /// Go on with this edited runbook: steps that have started must stand in it unchanged
    #[arg(long, value_name = "FILE", requires = "run")]
    pub(crate) with: Option<String>,
    /// The state file is a restored copy: look for what it does not know of before doing anything again
    #[arg(long, requires = "run")]
    pub(crate) restored: bool,
    /// Print events as JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Child and preparing runs too
    #[arg(long, short)]
    pub(crate) all: bool,
    /// Only runs that have not ended
    #[arg(long)]
    pub(crate) live: bool,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 20)]
    pub(crate) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run, or the beginning of its id; the newest when absent
    pub(crate) run: Option<String>,
    /// One step of it
    pub(crate) step: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run, or the beginning of its id; the newest when absent
    pub(crate) run: Option<String>,
    /// Print JSON instead of Markdown
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// The run, or the beginning of its id; the newest when absent
    pub(crate) run: Option<String>,
    /// Only events after this number
    #[arg(long, default_value_t = 0)]
    pub(crate) after: u64,
    /// Print JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Runbooks: files, or names under runbooks/; all under runbooks/ when absent
    pub(crate) files: Vec<String>,
    /// Environment to check against
    #[arg(long, short, env = "RUNBOOK_ENV")]
    pub(crate) env: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Runbooks: files, or names under runbooks/
    #[arg(required = true)]
    pub(crate) files: Vec<String>,
    /// Kill the process at every place, lose the answer of every call that changes something, resume, and
    /// compare the worlds
    #[arg(long)]
    pub(crate) crash_sweep: bool,
    /// Environment: a file under environments/
    #[arg(long, short, env = "RUNBOOK_ENV")]
    pub(crate) env: Option<String>,
    /// A parameter
    #[arg(long = "param", short, value_name = "NAME=VALUE")]
    pub(crate) params: Vec<String>,
    /// Override one environment variable
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) sets: Vec<String>,
    /// At most so many crash points and so many lost answers, spread over the run
    #[arg(long, value_name = "COUNT")]
    pub(crate) limit: Option<usize>,
    /// Choose other ones: with another number, other places between those that --limit would take
    #[arg(long, value_name = "NUMBER", requires = "limit")]
    pub(crate) seed: Option<u64>,
    /// Only crashes, or only lost answers
    #[arg(long, value_name = "KIND")]
    pub(crate) only: Option<Only>,
    /// Stop at the first case that is wrong
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Only this case, such as crash:17 or lost:3
    #[arg(long, value_name = "CASE")]
    pub(crate) case: Option<String>,
    /// Cases at once: most of their time is waiting
    #[arg(long, default_value_t = 4)]
    pub(crate) jobs: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// One half of the cases of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Only {
    /// The process dies
    Crash,
    /// An answer is lost
    Lost,
}

#[derive(Debug, Args)]
pub(crate) struct StepsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<StepsCommand>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StepsCommand {
    /// List step types
    List,
    /// Show the manual of a step type
    Show {
        /// The step type, such as aws.ec2.vpc.ensure
        kind: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    #[command(subcommand)]
    pub(crate) command: EnvCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// Show an environment with its values
    Show {
        /// The environment
        name: String,
    },
    /// Show what two environments differ in
    Diff {
        /// One
        left: String,
        /// The other
        right: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Folder of the sandbox [default: .runbook/sandbox]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "RUNBOOK_SANDBOX_DIR",
        hide_env_values = true
    )]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Start it, unless it runs
    Start {
        /// Port to listen on [default: a free one]
        #[arg(long)]
        port: Option<u16>,
        /// Stop by itself after so many seconds without a request
        #[arg(long, value_name = "SECONDS")]
        idle: Option<u64>,
    },
    /// Stop it; its world is gone
    Stop,
    /// Tell whether it runs, and how to reach it
    Status,
    /// Forget everything that was made in it
    Reset,
    /// Break something, or mend it again
    Fault {
        /// The fault as JSON, such as {"kind":"zone_down","zone":"us-east-1a"}; lists faults when absent
        fault: Option<String>,
        /// Name under which it is mended again
        #[arg(long)]
        key: Option<String>,
        /// Mend: the fault of --key, or all of them
        #[arg(long)]
        clear: bool,
    },
    /// Serve it in the foreground
    #[command(hide = true)]
    Serve {
        /// Port to listen on
        #[arg(long)]
        port: Option<u16>,
        /// Stop by itself after so many seconds without a request
        #[arg(long)]
        idle: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which
    #[arg(value_enum, default_value = "runbook")]
    pub(crate) which: Which,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Which {
    /// Of runbooks
    Runbook,
    /// Of environments
    Environment,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Only this run and the runs below it: its id, or the beginning of it
    pub(crate) run: Option<String>,
    /// Write the state rows that differ again, from the events; refused while the run is driven
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Where the copy goes
    pub(crate) file: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Steps in the chain and in the fan-out, and number of the runs at once
    #[arg(long, default_value_t = 1000)]
    pub(crate) steps: usize,
    /// Measure a chain of 100000 steps too
    #[arg(long)]
    pub(crate) long: bool,
    /// One measurement only, in this process
    #[arg(long, hide = true)]
    pub(crate) part: Option<BenchPart>,
    /// What it needs
    #[arg(hide = true, requires = "part")]
    pub(crate) rest: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum BenchPart {
    Chain,
    Parallel,
    Resume,
    Plugin,
}
