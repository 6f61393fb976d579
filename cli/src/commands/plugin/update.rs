//! `runbook plugin update`.

use runbook_wasm::component::Component;
use runbook_wasm::descriptor::Descriptor;
use runbook_wasm::lock::{Lock, Locked};
use runbook_wasm::project::{PROJECT_FILE, Plugin};
use serde_json::json;

use super::candidate::{self, Candidate};
use super::difference;
use crate::exit;
use crate::failure::Failure;
use crate::plugins;
use crate::project::Project;
use crate::ui::{self, out, say, style};

/// What was typed.
pub(crate) struct Wish<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) yes: bool,
    pub(crate) json: bool,
}

/// Looks for newer components, shows what changed, and locks them.
pub(crate) async fn run(project: &Project, wish: &Wish<'_>) -> Result<u8, Failure> {
    let known = plugins::project(project)?;
    let mut lock = plugins::lock(project)?;
    let runtime = plugins::open()?;
    let mut report = Vec::new();
    for plugin in plugins::chosen(&known, wish.name)? {
        let name = &plugin.name;
        let Some(locked) = lock.plugins.get(name).cloned() else {
            return Err(Failure::usage(format!("plugin {name} is not locked yet"))
                .help(format!("runbook plugin add {name}")));
        };
        let found = plugins::fetch(project, &plugin.source, name).await?;
        if runbook_wasm::digest::Digest::of(&found.bytes) == locked.component {
            if !wish.json {
                out(&format!("{name} {} is up to date\n", locked.version));
            }
            report.push(json!({ "name": name, "changed": false, "component": locked.component.to_string() }));
            continue;
        }
        let candidate = Candidate::look(&runtime, name, found, wish.json).await?;
        let signer = candidate.signer(&known, (name, Some(plugin)), None)?;
        let lines = changes(project, (plugin, &locked), &candidate);
        if !wish.json {
            show(name, &locked, &candidate, &lines);
        }
        if !wish.yes {
            let again = || match wish.name {
                Some(name) => format!("runbook plugin update {name} --yes"),
                None => "runbook plugin update --yes".to_owned(),
            };
            candidate::confirm("Lock the new one? [y/N] ", wish.json, again)?;
        }
        candidate.keep(project)?;
        let new = candidate.locked(&plugin.source, signer);
        report.push(json!({
            "name": name, "changed": true, "from": locked.component.to_string(),
            "component": new.component.to_string(), "changes": lines,
        }));
        lock.plugins.insert(name.clone(), new);
        save(project, &lock)?;
        if !wish.json {
            out(&format!(
                "{name} {} is locked: {}\n",
                candidate.descriptor().version,
                candidate.digest()
            ));
        }
    }
    if wish.json {
        ui::json(&json!(report));
    }
    Ok(exit::OK)
}

fn save(project: &Project, lock: &Lock) -> Result<(), Failure> {
    lock.save(project.root())
        .map_err(|wrong| plugins::usage(&wrong))
}

fn show(name: &str, locked: &Locked, candidate: &Candidate, lines: &[String]) {
    say(&format!(
        "{}\n  from {}\n  to   {}\n",
        style::bold(&format!(
            "{name} {} → {}",
            locked.version,
            candidate.descriptor().version
        )),
        locked.component,
        candidate.digest()
    ));
    for line in lines {
        say(&format!("  {line}\n"));
    }
    say("\n");
}

/// What is different, for somebody who has to decide.
fn changes(
    project: &Project,
    (plugin, locked): (&Plugin, &Locked),
    candidate: &Candidate,
) -> Vec<String> {
    let new = candidate.descriptor();
    let Some(old) = before(project, locked) else {
        let mut lines = vec!["the old component is not here to be compared with".to_owned()];
        if locked.wants != new.wants_digest() {
            lines.push("it wants something else than before; it wants now:".to_owned());
            lines.extend(
                new.wants
                    .iter()
                    .map(|want| format!("  {}", want.kind.sentence())),
            );
        }
        return lines;
    };
    let mut lines = difference::wants(&old, new);
    if lines.iter().any(|line| line.starts_with("wants to")) {
        lines.push(format!(
            "nothing of that is granted by this: {PROJECT_FILE} has what `{}` may do",
            plugin.name
        ));
    }
    lines.extend(difference::steps(&old, new));
    if lines.is_empty() {
        lines.push("it wants the same, and its step types take and give the same".to_owned());
    }
    lines
}

fn before(project: &Project, locked: &Locked) -> Option<Descriptor> {
    let stored = plugins::store(project).get(&locked.component).ok()?;
    Component::read(&stored.bytes).ok()?.descriptor().ok()?
}
