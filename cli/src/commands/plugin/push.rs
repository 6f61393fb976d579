//! `runbook plugin push`.

use std::path::{Path, PathBuf};

use runbook_wasm::component::Component;
use runbook_wasm::oci::{self, Credentials, Push, PushError};
use runbook_wasm::sign;
use serde_json::json;

use super::folder::Folder;
use crate::args::WhichPlugin;
use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::busy::Busy;
use crate::ui::{self, out, size};

/// What was typed.
pub(crate) struct Wish<'a> {
    pub(crate) reference: &'a str,
    pub(crate) which: &'a WhichPlugin,
    pub(crate) signature: Option<&'a Path>,
    pub(crate) json: bool,
}

/// Puts a component into a registry, with its signature if there is one.
pub(crate) async fn run(project: &Project, wish: &Wish<'_>) -> Result<u8, Failure> {
    let path = component(project, wish.which)?;
    let reference = wish.reference.trim_start_matches("oci://");
    let bytes = std::fs::read(&path).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", Project::shown(&path)))
    })?;
    let described = Component::read(&bytes).map(|one| one.descriptor.is_some());
    match described {
        Ok(true) => {}
        Ok(false) => {
            return Err(Failure::usage(format!(
                "{} does not say what it is: no descriptor is built in",
                Project::shown(&path)
            ))
            .help("`runbook plugin build` builds it in"));
        }
        Err(wrong) => return Err(plugins::usage(&wrong)),
    }
    let signature = match wish.signature {
        Some(file) => Some(std::fs::read_to_string(file)),
        None => sign::beside(&path).transpose(),
    };
    let signature = signature
        .transpose()
        .map_err(|error| Failure::usage(format!("the signature cannot be read: {error}")))?;
    let title = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let what = format!("push {title}: {}", size(bytes.len() as u64));
    let busy = Busy::new(&what, wish.json);
    let push = Push {
        title: &title,
        bytes: &bytes,
        signature: signature.as_deref(),
    };
    let pushed = oci::push(reference, push, &Credentials::from_environment()).await;
    let manifest = pushed.map_err(|wrong| {
        let code = match wrong {
            PushError::Registry { .. } => exit::FAILED,
            _ => exit::USAGE,
        };
        Failure {
            code,
            ..plugins::usage(&wrong)
        }
    })?;
    drop(busy);
    if wish.json {
        ui::json(&json!({
            "reference": format!("oci://{reference}"), "manifest": manifest.to_string(),
            "component": runbook_wasm::digest::Digest::of(&bytes).to_string(), "signed": signature.is_some(),
        }));
        return Ok(exit::OK);
    }
    let signed = match signature {
        Some(_) => "with its signature",
        None => "without a signature",
    };
    out(&format!(
        "oci://{reference}  {manifest}  {signed}\n\nnext: runbook plugin add oci://{reference}\n"
    ));
    Ok(exit::OK)
}

/// A component itself, or that of a plugin's folder.
fn component(project: &Project, which: &WhichPlugin) -> Result<PathBuf, Failure> {
    if let Some(given) = &which.plugin
        && Path::new(given).is_file()
    {
        return Ok(PathBuf::from(given));
    }
    let folder = Folder::find(project, which)?;
    let path = folder.component();
    match path.is_file() {
        true => Ok(path),
        false => Err(
            Failure::usage(format!("{} is not there", Project::shown(&path)))
                .help(format!("runbook plugin build{}", folder.argument(project))),
        ),
    }
}
