//! `runbook plugin add`.

use std::path::{Path, PathBuf};

use runbook_wasm::lock::Lock;
use runbook_wasm::project::{PROJECT_FILE, Plugin, Project as Plugins};
use runbook_wasm::source::Source;
use serde_json::json;

use super::candidate::{self, Candidate};
use super::folder::Folder;
use super::{page, stanza};
use crate::args::WhichPlugin;
use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::{self, out, say, style};

/// What was typed.
pub(crate) struct Wish<'a> {
    pub(crate) source: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) yes: bool,
    pub(crate) json: bool,
}

/// Takes a plugin into the project: somebody looks at what it wants, it is granted and locked.
pub(crate) async fn run(project: &Project, wish: &Wish<'_>) -> Result<u8, Failure> {
    let known = plugins::project(project)?;
    let mut lock = plugins::lock(project)?;
    let (source, given) = match known.plugins.get(wish.source) {
        Some(plugin) => {
            let name = wish.name.unwrap_or(&plugin.name);
            (plugin.source.clone(), Some(name))
        }
        None => (source(project, wish.source)?, wish.name),
    };
    let own = guessed(project, &source);
    // A folder's component has the package's name, whatever the plugin is called here.
    let source = match (source, given) {
        (Source::Path(path), Some(name)) if name != own && project.root().join(&path).is_dir() => {
            Source::Path(path.join("dist").join(format!("{own}.wasm")))
        }
        (source, _) => source,
    };
    let probe = given.map_or(own, str::to_owned);
    let found = plugins::fetch(project, &source, &probe).await?;
    let candidate = Candidate::look(&plugins::open()?, &probe, found, wish.json).await?;
    let name = given.unwrap_or(&candidate.descriptor().name).to_owned();
    if wish.name.is_some() || given.is_none() {
        free(&known, &lock, &name)?;
    }
    if let Some(locked) = lock.plugins.get(&name) {
        lock.check(&name, &candidate.digest())
            .map_err(|changed| plugins::usage(&changed))?;
        return Err(Failure::usage(format!(
            "plugin {name} {} is locked already",
            locked.version
        ))
        .help("runbook plugin list"));
    }
    let standing = known.plugins.get(&name);
    let signer = candidate.signer(&known, (&name, standing), None)?;
    let text = match standing {
        Some(_) => None,
        None => Some(with_entry(project, (&name, &source), &candidate)?),
    };
    if !wish.json {
        show(&name, &candidate, signer.as_deref(), standing);
    }
    agreed(wish, text.is_some())?;
    candidate.keep(project)?;
    if let Some(text) = &text {
        plugins::write(&project.root().join(PROJECT_FILE), text)?;
    }
    lock.plugins
        .insert(name.clone(), candidate.locked(&source, signer));
    lock.save(project.root())
        .map_err(|wrong| plugins::usage(&wrong))?;
    told(project, &name, wish.json, &candidate);
    Ok(exit::OK)
}

/// A name that nothing else in the project has.
fn free(known: &Plugins, lock: &Lock, name: &str) -> Result<(), Failure> {
    if known.plugins.contains_key(name) {
        let help = match lock.plugins.contains_key(name) {
            true => format!(
                "`runbook plugin update {name}` looks for a newer one; --name gives this one another name"
            ),
            false => {
                format!("`runbook plugin add {name}` locks it; --name gives this one another name")
            }
        };
        return Err(Failure::usage(format!(
            "{PROJECT_FILE} has a plugin `{name}` already; nothing was done"
        ))
        .help(help));
    }
    if !runbook_wasm::descriptor::is_kebab(name) {
        return Err(Failure::usage(format!(
            "`{name}` is no name for a plugin; nothing was done"
        ))
        .help("lower case, digits and single hyphens"));
    }
    Ok(())
}

/// What an argument means: a source as the file writes it, a folder, a component, or a name under
/// `plugins/`.
fn source(project: &Project, text: &str) -> Result<Source, Failure> {
    if text.starts_with("oci://") || text.starts_with("path:") {
        return text.parse().map_err(|wrong| plugins::usage(&wrong));
    }
    let path = PathBuf::from(text);
    if path.is_file() {
        return Ok(Source::Path(from_root(project, &path)));
    }
    let which = WhichPlugin {
        plugin: Some(text.to_owned()),
    };
    let folder = Folder::find(project, &which).map_err(|failure| {
        failure.help(
            "name a folder, a component, or a registry: oci://registry.example.com/sre/chat:0.3",
        )
    })?;
    Ok(Source::Path(from_root(project, &folder.path)))
}

/// The path as the project's file writes it: below the project's folder where it is.
fn from_root(project: &Project, path: &Path) -> PathBuf {
    let whole = path.canonicalize();
    let root = project.root().canonicalize();
    match (whole, root) {
        (Ok(whole), Ok(root)) => whole
            .strip_prefix(&root)
            .map_or_else(|_| whole.clone(), Path::to_path_buf),
        _ => path.to_owned(),
    }
}

/// The name under which a folder's component is looked for.
fn guessed(project: &Project, source: &Source) -> String {
    match source {
        Source::Path(path) => match Folder::read(&project.root().join(path)) {
            Ok(folder) => folder.name,
            Err(_) => path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default(),
        },
        Source::Oci(reference) => reference.clone(),
    }
}

/// The project's file with the plugin in it; read again before anything is written.
fn with_entry(
    project: &Project,
    (name, source): (&str, &Source),
    candidate: &Candidate,
) -> Result<String, Failure> {
    let path = project.root().join(PROJECT_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(Failure::usage(format!(
                "cannot read {}: {error}",
                Project::shown(&path)
            )));
        }
    };
    let entry = stanza::entry(name, &source.to_string(), candidate.descriptor());
    let new = stanza::insert(&text, &entry).filter(|new| {
        Plugins::parse(PROJECT_FILE, new).is_ok_and(|plugins| plugins.plugins.contains_key(name))
    });
    new.ok_or_else(|| Failure {
        report: Some(entry.join("\n")),
        ..Failure::usage(format!(
            "the entry cannot be put into {PROJECT_FILE}, which is written in another form"
        ))
        .help(format!(
            "put it under `plugins` by hand, then `runbook plugin add {name}`"
        ))
    })
}

fn show(name: &str, candidate: &Candidate, signer: Option<&str>, standing: Option<&Plugin>) {
    let by = match signer {
        Some(signer) => format!("signed by {signer}"),
        None => "not signed".to_owned(),
    };
    say(&format!(
        "{}\n  {}  {by}\n{}\n",
        page::title(candidate.descriptor()),
        page::facts(&candidate.component),
        page::body(candidate.descriptor())
    ));
    for once in candidate::once(candidate.descriptor()) {
        say(&format!(
            "    run {} though it cannot be repeated after a crash\n",
            style::bold(&once)
        ));
    }
    if standing.is_some() {
        say(&format!(
            "  what it may do stands in {PROJECT_FILE} under `{name}`\n"
        ));
    }
}

/// Whether somebody agreed.
fn agreed(wish: &Wish<'_>, grants: bool) -> Result<(), Failure> {
    if wish.yes {
        return Ok(());
    }
    let question = match grants {
        true => "Grant this and lock it? [y/N] ",
        false => "Lock it? [y/N] ",
    };
    candidate::confirm(question, wish.json, || {
        format!("runbook plugin add {} --yes", wish.source)
    })
}

fn told(project: &Project, name: &str, json: bool, candidate: &Candidate) {
    let environments = runbook_spec::environments(&project.environments());
    if json {
        let mut value = page::to_json(&candidate.component, Some(candidate.descriptor()));
        value["plugin"] = json!(name);
        ui::json(&value);
        return;
    }
    out(&format!(
        "{name} {} is locked: {}\n",
        candidate.descriptor().version,
        candidate.digest()
    ));
    let mut next = Vec::new();
    if let Some(one) = environments.first() {
        out(&format!(
            "no environment lets it in before its file says so: plugins: {{ allow: [{name}], ceiling: … }}\n"
        ));
        next.push(format!("edit environments/{one}.yaml"));
    }
    next.push("runbook plugin list".to_owned());
    out(&format!("\nnext: {}\n", next.join("\n      ")));
}
