//! `runbook plugin` of a binary that was built without plugins.

use crate::args::PluginArgs;
use crate::failure::Failure;
use crate::project::Project;

/// Says what is missing.
#[expect(clippy::unused_async, reason = "the other build of this command waits")]
pub(crate) async fn run(_: &Project, _: &PluginArgs) -> Result<u8, Failure> {
    Err(
        Failure::usage("this runbook was built without plugins; nothing was done")
            .help("build it with its default features: cargo build --release -p runbook-cli"),
    )
}
