//! `runbook plugin inspect`: everything that can be known of a component without running it.

use std::path::PathBuf;

use runbook_wasm::component::Component;
use runbook_wasm::source::Source;
use serde_json::json;

use super::folder::Folder;
use super::page;
use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::{self, out};

/// Shows a component.
pub(crate) async fn run(
    project: &Project,
    what: &str,
    markdown: bool,
    json: bool,
) -> Result<u8, Failure> {
    let (from, bytes) = find(project, what).await?;
    let component = Component::read(&bytes)
        .map_err(|wrong| Failure::usage(format!("{from} cannot be read: {wrong}")))?;
    let descriptor = component
        .descriptor()
        .map_err(|wrong| Failure::usage(format!("{from} cannot be read: {wrong}")))?;
    let fits = component.check_wit();
    if json {
        let mut value = page::to_json(&component, descriptor.as_ref());
        value["fits"] = json!(fits.is_ok());
        value["problem"] = json!(fits.err().map(|wrong| wrong.to_string()));
        ui::json(&value);
        return Ok(exit::OK);
    }
    let Some(descriptor) = descriptor else {
        out(&format!(
            "{from}  {}\n{}",
            page::facts(&component),
            page::interfaces(&component)
        ));
        return Err(Failure::usage(format!(
            "{from} does not say what it is: no descriptor is built in"
        ))
        .help("`runbook plugin build` builds it in"));
    };
    if markdown {
        out(&page::markdown(&component, &descriptor));
        return Ok(exit::OK);
    }
    out(&format!(
        "{}\n  {from}  {}\n{}{}",
        page::title(&descriptor),
        page::facts(&component),
        page::body(&descriptor),
        page::interfaces(&component)
    ));
    match fits {
        Ok(()) => Ok(exit::OK),
        Err(wrong) => Err(Failure::usage(wrong.to_string())),
    }
}

/// The bytes that an argument names, and what to call them: a component, a folder, or a plugin of the
/// project.
async fn find(project: &Project, what: &str) -> Result<(String, Vec<u8>), Failure> {
    let path = PathBuf::from(what);
    if path.is_file() {
        return Ok((what.to_owned(), read(&path)?));
    }
    if let Ok(source @ Source::Oci(_)) = what.parse::<Source>() {
        let found = plugins::fetch(project, &source, what).await?;
        return Ok((what.to_owned(), found.bytes));
    }
    let known = plugins::project(project)?;
    if let Some(plugin) = known.plugins.get(what) {
        let found = plugins::fetch(project, &plugin.source, what).await?;
        return Ok((plugin.source.to_string(), found.bytes));
    }
    let which = crate::args::WhichPlugin {
        plugin: Some(what.to_owned()),
    };
    let folder = Folder::find(project, &which)?;
    let component = folder.component();
    if !component.is_file() {
        return Err(
            Failure::usage(format!("{} is not there", Project::shown(&component)))
                .help(format!("runbook plugin build{}", folder.argument(project))),
        );
    }
    Ok((Project::shown(&component), read(&component)?))
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", Project::shown(path))))
}
