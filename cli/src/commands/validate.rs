//! `runbook validate`.

use std::path::PathBuf;

use runbook_spec::load_runbook;
use serde_json::{Value, json};

use crate::args::ValidateArgs;
use crate::exit;
use crate::failure::Failure;
use crate::load::{self, Request};
use crate::plugged::{self, Strictness};
use crate::project::Project;
use crate::ui::{self, out, say, style};

/// Checks runbooks without running anything; reports every mistake.
pub(crate) fn run(project: &Project, args: &ValidateArgs) -> Result<u8, Failure> {
    let request = Request {
        env: args.env.clone(),
        ..Request::default()
    };
    let environment = load::environment(project, &request)?;
    let known = project.environments().join("schema.yaml").is_file();
    let schema = if known {
        Some(load::schema(project)?)
    } else {
        None
    };
    let mut broken = 0;
    let mut report = Vec::new();
    let paths = paths(project, args)?;
    for path in &paths {
        let plugged = plugged::for_file(project, path, environment.as_ref())?;
        let (wrong, warnings) = match load_runbook(path, &plugged.catalog, schema.as_ref()) {
            Ok(loaded) => {
                if environment.is_some() {
                    plugged.used(project, &load::uses(&loaded), Strictness::Usual)?;
                }
                (None, loaded.warnings)
            }
            Err(wrong) => (Some(()), wrong),
        };
        broken += usize::from(wrong.is_some());
        report.push(json!({
            "file": Project::shown(path),
            "ok": wrong.is_none(),
            "diagnostics": warnings.to_json(),
        }));
        if args.json {
            continue;
        }
        if !warnings.list.is_empty() {
            let colours = console::colors_enabled_stderr();
            say(&if colours {
                warnings.render_coloured()
            } else {
                warnings.render_plain()
            });
        }
        let word = if wrong.is_none() {
            style::green("ok   ")
        } else {
            style::red("wrong")
        };
        out(&format!("{word} {}\n", Project::shown(path)));
    }
    if args.json {
        ui::json(&Value::Array(report));
    }
    Ok(if broken == 0 { exit::OK } else { exit::USAGE })
}

fn paths(project: &Project, args: &ValidateArgs) -> Result<Vec<PathBuf>, Failure> {
    if !args.files.is_empty() {
        return args
            .files
            .iter()
            // `runbooks/*.yaml` names the scenario files too; they are no runbooks.
            .filter(|file| !file.ends_with(".sandbox.yaml"))
            .map(|file| load::find(project, file))
            .collect();
    }
    let folder = project.runbooks();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map_err(|error| Failure::usage(format!("{}: {error}", Project::shown(&folder))))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            name.ends_with(".yaml") && !name.ends_with(".sandbox.yaml")
        })
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::usage(format!(
            "{} has no runbooks",
            Project::shown(&folder)
        )));
    }
    Ok(paths)
}
