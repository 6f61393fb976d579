//! `runbook schema`.

use crate::args::{SchemaArgs, Which};
use crate::failure::Failure;
use crate::ui;

/// Prints the JSON Schema of runbooks or environments.
#[expect(clippy::unnecessary_wraps, reason = "every command answers alike")]
pub(crate) fn run(args: &SchemaArgs) -> Result<u8, Failure> {
    ui::json(&match args.which {
        Which::Runbook => runbook_spec::runbook_schema(&runbook_steps::catalog()),
        Which::Environment => runbook_spec::environment_schema(),
    });
    Ok(0)
}
