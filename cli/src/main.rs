//! `runbook`: runs YAML runbooks as durable, resumable step graphs.

mod args;
mod commands;
mod crash;
mod drive;
mod exit;
mod failure;
mod load;
#[cfg(feature = "plugins")]
mod plugged;
#[cfg(not(feature = "plugins"))]
#[path = "no_plugged.rs"]
mod plugged;
#[cfg(feature = "plugins")]
mod plugins;
mod project;
mod prompt;
mod scenario;
mod state;
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use failure::Failure;
use project::Project;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(exit::USAGE);
            // Help and version are data; everything else is a mistake.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    trace();
    crash::install();
    let json = wants_json(&cli.command);
    match start(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            tell(&failure, json);
            ExitCode::from(failure.code)
        }
    }
}

/// `RUNBOOK_LOG` takes the filters of the tracing crates, such as `debug` or `runbook_runtime=trace`.
fn trace() {
    let Ok(filter) = std::env::var("RUNBOOK_LOG") else {
        return;
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

fn start(cli: Cli) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    // On a worker: a driver and its steps then pass the turn on without waking another thread.
    let code = match runtime.block_on(runtime.spawn(command(cli))) {
        Ok(code) => code,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(ended) => Err(Failure::new(exit::FAILED, ended.to_string())),
        },
    };
    // A thread that reads from a terminal must not hold the end up.
    runtime.shutdown_background();
    code
}

async fn command(cli: Cli) -> Result<u8, Failure> {
    let project = Project::find(cli.state);
    match &cli.command {
        Command::Run(args) => commands::run::run(&project, args).await,
        Command::Resume(args) => commands::resume::run(&project, args).await,
        Command::List(args) => commands::list::run(&project, args),
        Command::Show(args) => commands::show::run(&project, args),
        Command::Logs(args) => commands::logs::run(&project, args),
        Command::Events(args) => commands::events::run(&project, args),
        Command::Report(args) => commands::report::run(&project, args),
        Command::Approve(args) => commands::answer::run(&project, args, true).await,
        Command::Reject(args) => commands::answer::run(&project, args, false).await,
        Command::Cancel(args) => commands::cancel::run(&project, args).await,
        Command::Pause(args) => commands::word::pause(&project, args).await,
        Command::Retry(args) => commands::word::retry(&project, args).await,
        Command::Skip(args) => commands::word::skip(&project, args).await,
        Command::Rollback(args) => commands::rollback::run(&project, args).await,
        Command::Resolve(args) => commands::resolve::run(&project, args).await,
        Command::Validate(args) => commands::validate::run(&project, args),
        Command::Test(args) => commands::test::run(&project, args).await,
        Command::Steps(args) => commands::steps::run(&project, args),
        Command::Plugin(args) => commands::plugin::run(&project, args).await,
        Command::Env(args) => commands::env::run(&project, args),
        Command::Sandbox(args) => commands::sandbox::run(&project, args).await,
        Command::Schema(args) => commands::schema::run(&project, args),
        Command::Doctor(args) => commands::doctor::run(&project, args).await,
        Command::Backup(args) => commands::backup::run(&project, args),
        Command::Bench(args) => commands::bench::run(args).await,
        Command::Completions { shell } => {
            let mut command = Cli::command();
            clap_complete::generate(*shell, &mut command, "runbook", &mut std::io::stdout());
            Ok(exit::OK)
        }
    }
}

fn wants_json(command: &Command) -> bool {
    match command {
        Command::Run(args) => args.json,
        Command::Resume(args) => args.json,
        Command::List(args) => args.json,
        Command::Show(args) | Command::Logs(args) => args.json,
        Command::Events(args) => args.json,
        Command::Report(args) => args.json,
        Command::Approve(args) | Command::Reject(args) => args.json,
        Command::Cancel(args) => args.json,
        Command::Pause(args) => args.json,
        Command::Retry(args) => args.json,
        Command::Skip(args) => args.json,
        Command::Rollback(args) => args.json,
        Command::Resolve(args) => args.json,
        Command::Validate(args) => args.json,
        Command::Test(args) => args.json,
        Command::Steps(args) => args.json,
        Command::Plugin(args) => args.json,
        Command::Env(args) => args.json,
        Command::Sandbox(args) => args.json,
        Command::Doctor(args) => args.json,
        Command::Backup(args) => args.json,
        Command::Bench(args) => args.json,
        Command::Schema(_) | Command::Completions { .. } => false,
    }
}

/// Prints a failure where the person looks for it.
pub(crate) fn tell(failure: &Failure, json: bool) {
    if json {
        ui::json(&failure.to_json());
        return;
    }
    if let Some(report) = &failure.report {
        ui::say(&format!("{report}\n"));
    }
    if !failure.message.is_empty() {
        ui::say(&format!(
            "{} {}\n",
            ui::style::red("error:"),
            failure.message
        ));
    }
    if let Some(help) = &failure.help {
        ui::say(&format!(" {} {help}\n", ui::style::bold("help:")));
    }
}
