//! `runbook plugin list`: what the project uses, and what each of it may do in each environment.

use std::collections::BTreeMap;

use runbook_runtime::Store;
use runbook_runtime::store::Filter;
use runbook_spec::Environment;
use runbook_wasm::component::Component;
use runbook_wasm::descriptor::Descriptor;
use runbook_wasm::grant::{Ceiling, Effective, Layers, Permissions};
use runbook_wasm::lock::{Lock, Locked};
use runbook_wasm::project::{PROJECT_FILE, Plugin};
use serde_json::{Value, json};

use crate::exit;
use crate::failure::Failure;
use crate::load::{self, Request};
use crate::plugins;
use crate::project::Project;
use crate::state;
use crate::ui::{self, out, say, style};

/// One plugin, as far as it is known here.
struct Row<'a> {
    plugin: &'a Plugin,
    locked: Option<&'a Locked>,
    /// What it says of itself, when its component is in the store.
    descriptor: Option<Descriptor>,
    /// By environment.
    may: BTreeMap<String, May>,
    /// Runs that have not ended and use it, each with the component that it began with.
    runs: Vec<Using>,
}

/// A run that uses a plugin.
#[derive(Clone)]
struct Using {
    run: String,
    plugin: String,
    component: String,
}

/// The runs that have not ended, as far as they use plugins.
fn using(project: &Project) -> Result<Vec<Using>, Failure> {
    if !Store::exists(project.state()) {
        return Ok(Vec::new());
    }
    let snapshot = state::snapshot(project)?;
    let live = Filter {
        live: true,
        roots: true,
        ..Filter::default()
    };
    let mut found = Vec::new();
    for info in snapshot.list(&live)? {
        let definition = snapshot.definition(&info)?;
        found.extend(definition.plugins.iter().map(|(name, pinned)| Using {
            run: info.id.clone(),
            plugin: name.clone(),
            component: pinned["digest"].as_str().unwrap_or_default().to_owned(),
        }));
    }
    Ok(found)
}

/// What a plugin may do in an environment.
struct May {
    loaded: bool,
    effective: Effective,
    /// What it wants and does not get, in a line each.
    missing: Vec<String>,
}

/// Lists the plugins of the project.
pub(crate) fn run(project: &Project, json: bool) -> Result<u8, Failure> {
    let known = plugins::project(project)?;
    let lock = plugins::lock(project)?;
    let ceilings = ceilings(project)?;
    let runs = using(project)?;
    let rows: Vec<Row<'_>> = known
        .plugins
        .values()
        .map(|plugin| row(project, plugin, (&lock, &ceilings, &runs)))
        .collect();
    if json {
        let rows: Vec<Value> = rows.iter().map(Row::to_json).collect();
        ui::json(&json!(rows));
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        say(
            "the project uses no plugins\n\nnext: runbook plugin new NAME --lang rust|python|js\n      runbook plugin add SOURCE\n",
        );
        return Ok(exit::OK);
    }
    for row in &rows {
        row.print();
    }
    let forgotten = lock
        .plugins
        .keys()
        .filter(|name| !known.plugins.contains_key(*name));
    for name in forgotten {
        say(&format!(
            "{}  {name} is locked and does not stand in {PROJECT_FILE}\n",
            style::bold("note")
        ));
    }
    Ok(exit::OK)
}

/// What every environment of the project allows at most.
fn ceilings(project: &Project) -> Result<Vec<Ceiling>, Failure> {
    let names = runbook_spec::environments(&project.environments());
    let one = |name: String| {
        let request = Request {
            env: Some(name),
            ..Request::default()
        };
        let environment: Option<Environment> = load::environment(project, &request)?;
        environment
            .map(|environment| plugins::ceiling(project, &environment))
            .transpose()
    };
    let found: Result<Vec<Option<Ceiling>>, Failure> = names.into_iter().map(one).collect();
    Ok(found?.into_iter().flatten().collect())
}

fn row<'a>(
    project: &Project,
    plugin: &'a Plugin,
    (lock, ceilings, runs): (&'a Lock, &[Ceiling], &[Using]),
) -> Row<'a> {
    let locked = lock.plugins.get(&plugin.name);
    let descriptor = locked.and_then(|locked| {
        let stored = plugins::store(project).get(&locked.component).ok()?;
        Component::read(&stored.bytes).ok()?.descriptor().ok()?
    });
    let mut may = BTreeMap::new();
    for ceiling in ceilings {
        let permissions = Permissions::new(Layers {
            plugin: plugin.name.clone(),
            wants: descriptor
                .as_ref()
                .map(|one| one.wants.clone())
                .unwrap_or_default(),
            grant: plugin.grant.clone(),
            environment: ceiling.clone(),
            step: None,
        });
        let loaded = permissions.load().is_ok();
        let missing = match loaded {
            true => permissions
                .missing()
                .iter()
                .map(|one| one.short())
                .collect(),
            false => Vec::new(),
        };
        let effective = permissions.effective();
        may.insert(
            ceiling.environment.clone(),
            May {
                loaded,
                effective,
                missing,
            },
        );
    }
    Row {
        plugin,
        locked,
        descriptor,
        may,
        runs: runs
            .iter()
            .filter(|one| one.plugin == plugin.name)
            .cloned()
            .collect(),
    }
}

impl Row<'_> {
    fn print(&self) {
        let name = &self.plugin.name;
        let source = self.plugin.source.to_string();
        let Some(locked) = self.locked else {
            out(&format!(
                "{}  {source}\n  {}: `runbook plugin add {name}`\n\n",
                style::bold(name),
                style::red("not locked, so it does not run")
            ));
            return;
        };
        let signer = match &locked.signer {
            Some(signer) => format!("  signed by {signer}"),
            None => String::new(),
        };
        out(&format!(
            "{}  {source}{signer}\n  {}\n",
            style::bold(&format!("{name} {}", locked.version)),
            style::dim(&locked.component.to_string())
        ));
        match &self.descriptor {
            Some(descriptor) => {
                let steps: Vec<String> = descriptor
                    .steps
                    .iter()
                    .map(|step| format!("plugin:{name}/{}", step.name))
                    .collect();
                out(&format!("  {}\n", steps.join("  ")));
            }
            None => out(&format!(
                "  its component is not here: `runbook plugin verify {name}` fetches it\n"
            )),
        }
        if self.may.is_empty() {
            out(
                "  runs nowhere: the project has no environments/, and so nothing that lets it in\n",
            );
        }
        for (environment, may) in &self.may {
            out(&format!("  {:<12} {}\n", environment, may.line()));
            for missing in &may.missing {
                out(&format!("  {:<12} {}\n", "", style::dim(missing)));
            }
        }
        for using in &self.runs {
            let same = using.component == locked.component.to_string();
            let which = match same {
                true => String::new(),
                false => format!(
                    ", with the component that it began with: {}",
                    using.component
                ),
            };
            out(&format!(
                "  run {} uses it{which}\n",
                style::bold(&using.run)
            ));
        }
        out("\n");
    }

    fn to_json(&self) -> Value {
        let locked = self.locked;
        let may: BTreeMap<&String, Value> = self
            .may
            .iter()
            .map(|(name, may)| (name, may.to_json()))
            .collect();
        let steps = self.descriptor.as_ref().map(|one| {
            let names = one.steps.iter();
            names
                .map(|step| format!("plugin:{}/{}", self.plugin.name, step.name))
                .collect::<Vec<_>>()
        });
        json!({
            "name": self.plugin.name,
            "source": self.plugin.source.to_string(),
            "version": locked.map(|one| one.version.to_string()),
            "component": locked.map(|one| one.component.to_string()),
            "signer": locked.and_then(|one| one.signer.clone()),
            "steps": steps,
            "environments": may,
            "runs": self.runs.iter().map(|one| json!({ "run": one.run, "component": one.component })).collect::<Vec<_>>(),
        })
    }
}

impl May {
    fn line(&self) -> String {
        if !self.loaded {
            return style::dim("may not be loaded");
        }
        let words = self.words();
        match words.is_empty() {
            true => "may only compute".to_owned(),
            false => words.join("  "),
        }
    }

    fn words(&self) -> Vec<String> {
        let Effective {
            http,
            aws,
            secrets,
            state,
            once,
        } = &self.effective;
        let mut words: Vec<String> = http.iter().map(ToString::to_string).collect();
        words.extend(aws.iter().map(ToString::to_string));
        words.extend(
            secrets
                .iter()
                .map(|(name, usage)| format!("secret {name} ({usage})")),
        );
        words.extend(state.then(|| "state".to_owned()));
        words.extend(once.iter().map(|step| format!("once {step}")));
        words
    }

    fn to_json(&self) -> Value {
        json!({ "loaded": self.loaded, "may": self.words(), "missing": self.missing })
    }
}
