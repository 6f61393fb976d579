//! `runbook plugin`.

mod add;
mod build;
mod candidate;
mod dev;
mod difference;
mod folder;
mod inspect;
mod list;
mod new;
mod page;
mod push;
mod stanza;
mod test;
mod toolchain;
mod update;
mod verify;
mod watch;

use crate::args::{PluginArgs, PluginCommand};
use crate::failure::Failure;
use crate::project::Project;

/// Writes, builds, tests and takes in plugins.
pub(crate) async fn run(project: &Project, args: &PluginArgs) -> Result<u8, Failure> {
    let json = args.json;
    match &args.command {
        PluginCommand::New { name, lang } => new::run(project, name, *lang, json),
        PluginCommand::Build { which, verbose } => build::run(project, which, *verbose, json).await,
        PluginCommand::Test { which } => test::run(project, which, json).await,
        PluginCommand::Dev { which } => dev::run(project, which).await,
        PluginCommand::Inspect { what, markdown } => {
            inspect::run(project, what, *markdown, json).await
        }
        PluginCommand::Add { source, name, yes } => {
            let wish = add::Wish {
                source,
                name: name.as_deref(),
                yes: *yes,
                json,
            };
            add::run(project, &wish).await
        }
        PluginCommand::List => list::run(project, json),
        PluginCommand::Verify {
            name: None,
            all: false,
            ..
        } => Err(Failure::usage("no plugin is named; nothing was done")
            .help("runbook plugin verify NAME, or runbook plugin verify --all")),
        PluginCommand::Verify { name, env, .. } => {
            let wish = verify::Wish {
                name: name.as_deref(),
                env: env.as_deref(),
                json,
            };
            verify::run(project, &wish).await
        }
        PluginCommand::Update { name, yes } => {
            let wish = update::Wish {
                name: name.as_deref(),
                yes: *yes,
                json,
            };
            update::run(project, &wish).await
        }
        PluginCommand::Push {
            reference,
            which,
            signature,
        } => {
            let wish = push::Wish {
                reference,
                which,
                signature: signature.as_deref(),
                json,
            };
            push::run(project, &wish).await
        }
    }
}
