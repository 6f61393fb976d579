//! `runbook schema`.

use crate::args::{SchemaArgs, Which};
use crate::failure::Failure;
use crate::load;
use crate::project::Project;
use crate::ui;

/// Prints the JSON Schema of runbooks or environments.
pub(crate) fn run(project: &Project, args: &SchemaArgs) -> Result<u8, Failure> {
    ui::json(&match args.which {
        Which::Runbook => runbook_spec::runbook_schema(&runbook_steps::catalog()),
        Which::Environment => {
            let known = project.environments().join("schema.yaml").is_file();
            let declared = if known {
                Some(load::schema(project)?)
            } else {
                None
            };
            runbook_spec::environment_schema(declared.as_ref())
        }
    });
    Ok(0)
}
