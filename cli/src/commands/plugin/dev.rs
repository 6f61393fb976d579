//! `runbook plugin dev`.

use runbook_wasm::host::Runtime;

use super::folder::Folder;
use super::toolchain::Telling;
use super::watch::Watch;
use super::{build, test};
use crate::args::WhichPlugin;
use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::{say, style};

/// Builds and tests a plugin at every change, until Ctrl-C.
pub(crate) async fn run(project: &Project, which: &WhichPlugin) -> Result<u8, Failure> {
    let folder = Folder::find(project, which)?;
    let runtime = plugins::open()?;
    let mut watch = Watch::new(&folder.path)?;
    loop {
        tokio::select! {
            () = round(&runtime, &folder) => {}
            _ = tokio::signal::ctrl_c() => return Ok(exit::OK),
        }
        say(&style::dim(&format!(
            "\n  waits for changes in {}; Ctrl-C ends\n",
            Project::shown(&folder.path)
        )));
        tokio::select! {
            changed = watch.changed() => match changed {
                Some(path) => say(&format!("\n{} changed\n", Project::shown(&path))),
                None => return Ok(exit::OK),
            },
            _ = tokio::signal::ctrl_c() => return Ok(exit::OK),
        }
    }
}

/// What fails is told, and mended by the next change.
async fn round(runtime: &Runtime, folder: &Folder) {
    if let Err(failure) = build_and_test(runtime, folder).await {
        crate::tell(&failure, false);
    }
}

async fn build_and_test(runtime: &Runtime, folder: &Folder) -> Result<(), Failure> {
    // Read anew: the change may be one of the name.
    let folder = Folder::read(&folder.path)?;
    let built = build::build(runtime, &folder, Telling::default()).await?;
    built.tell_lints();
    test::print(&test::play(&built.plugin, &folder).await?);
    Ok(())
}
