//! `runbook plugin build`.

use std::path::Path;
use std::sync::Arc;

use runbook_wasm::component::{Component, ComponentError};
use runbook_wasm::descriptor::{Descriptor, Lint};
use runbook_wasm::digest::Digest;
use runbook_wasm::host::{self, LoadError, Plugin, Runtime};
use serde_json::{Value, json};

use super::folder::Folder;
use super::page;
use super::toolchain::{self, Telling};
use crate::args::WhichPlugin;
use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::busy::Busy;
use crate::ui::{self, out, say, size, style};

/// A plugin that was built, with its description in it and its machine code in the cache.
pub(super) struct Built {
    pub(super) plugin: Plugin,
    component: Component,
    lints: Vec<Lint>,
}

/// Builds a plugin and says what came of it.
pub(crate) async fn run(
    project: &Project,
    which: &WhichPlugin,
    verbose: bool,
    json: bool,
) -> Result<u8, Failure> {
    let folder = Folder::find(project, which)?;
    let telling = Telling {
        verbose,
        quiet: json,
    };
    let built = build(&plugins::open()?, &folder, telling).await?;
    if json {
        ui::json(&built.to_json(&folder));
        return Ok(exit::OK);
    }
    built.tell_lints();
    let descriptor = built.plugin.descriptor();
    out(&format!(
        "\n{}\n  {}  {}\n{}",
        page::title(descriptor),
        Project::shown(&folder.component()),
        page::facts(&built.component),
        page::body(descriptor)
    ));
    out(&format!(
        "\nnext: runbook plugin test{}\n",
        folder.argument(project)
    ));
    Ok(exit::OK)
}

/// Builds a plugin, lets it describe itself where it can do nothing, and compiles it.
pub(super) async fn build(
    runtime: &Runtime,
    folder: &Folder,
    telling: Telling,
) -> Result<Built, Failure> {
    let raw = toolchain::build(folder, telling).await?;
    let bytes: Arc<[u8]> = read(&raw)?.into();
    let what = format!("compile {}: {}", folder.name, size(bytes.len() as u64));
    let compiled = runtime.is_compiled(&Digest::of(&bytes));
    let busy = Busy::new(&what, telling.quiet || compiled);
    let built = host::embed_descriptor(runtime, bytes).await;
    let built = built.map_err(|wrong| refused(folder, &wrong))?;
    let component = Component::read(&built).map_err(|wrong| refused(folder, &wrong.into()))?;
    let lints = match component.descriptor() {
        Ok(Some(descriptor)) => lints(folder, &descriptor, &component)?,
        Ok(None) => Vec::new(),
        Err(wrong) => return Err(refused(folder, &wrong.into())),
    };
    let plugin = Plugin::load(runtime, built.clone().into())
        .await
        .map_err(|wrong| refused(folder, &wrong))?;
    busy.done();
    write(&folder.component(), &built)?;
    Ok(Built {
        plugin,
        component,
        lints,
    })
}

impl Built {
    /// What is legal and wrong all the same.
    pub(super) fn tell_lints(&self) {
        for lint in &self.lints {
            say(&format!("  {}  {lint}\n", style::bold("note")));
        }
    }

    fn to_json(&self, folder: &Folder) -> Value {
        let mut value = page::to_json(&self.component, Some(self.plugin.descriptor()));
        value["file"] = json!(Project::shown(&folder.component()));
        let lints = self.lints.iter().map(ToString::to_string);
        value["lints"] = json!(lints.collect::<Vec<_>>());
        value
    }
}

/// What is wrong with it; refused when it cannot work like that.
fn lints(
    folder: &Folder,
    descriptor: &Descriptor,
    component: &Component,
) -> Result<Vec<Lint>, Failure> {
    let lints = descriptor.lint(Some(component));
    let fatal: Vec<String> = lints
        .iter()
        .filter(|lint| lint.is_fatal())
        .map(|lint| format!("  {lint}"))
        .collect();
    if !fatal.is_empty() {
        return Err(Failure {
            report: Some(fatal.join("\n")),
            ..Failure::new(
                exit::FAILED,
                format!("plugin {} cannot work as it is", folder.name),
            )
        });
    }
    if descriptor.name != folder.name {
        return Err(Failure::new(
            exit::FAILED,
            format!(
                "the package is called {} and the plugin describes itself as {}",
                folder.name, descriptor.name
            ),
        )
        .help("give both the same name, in kebab-case"));
    }
    Ok(lints)
}

fn refused(folder: &Folder, wrong: &LoadError) -> Failure {
    let failure = Failure::new(
        exit::FAILED,
        format!(
            "plugin {} was built and cannot be used: {wrong}",
            folder.name
        ),
    );
    match wrong {
        LoadError::Component(ComponentError::Module) => {
            failure.help("see docs/plugins.md for how a component is built")
        }
        LoadError::Describe(_) => failure.help(
            "it is asked in an instance that may do nothing: no requests, one second, 64 MiB",
        ),
        _ => failure,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::new(
            exit::FAILED,
            format!(
                "the build left no component at {}: {error}",
                Project::shown(path)
            ),
        )
    })
}

/// Whole or not at all: whoever tests or adds it meanwhile reads one of the two.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let beside = path.with_extension("wasm.new");
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&beside, bytes))
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|error| {
            Failure::new(
                exit::FAILED,
                format!("cannot write {}: {error}", Project::shown(path)),
            )
        })
}
