//! `runbook plugin verify`.

use runbook_wasm::grant::Ceiling;
use runbook_wasm::host::Runtime;
use runbook_wasm::lock::Lock;
use runbook_wasm::project::{PROJECT_FILE, Plugin, Project as Plugins};
use runbook_wasm::source::{Found, Source};
use serde_json::{Value, json};

use super::candidate::Candidate;
use crate::exit;
use crate::failure::Failure;
use crate::load::{self, Request};
use crate::plugins;
use crate::project::Project;
use crate::ui::{self, out, style};

/// What was typed.
pub(crate) struct Wish<'a> {
    /// One plugin; all when absent.
    pub(crate) name: Option<&'a str>,
    pub(crate) env: Option<&'a str>,
    pub(crate) json: bool,
}

/// What came of one check: what it showed, or why not.
type Check = (&'static str, Result<String, String>);

/// Everything that the checks are made with.
struct Desk<'a> {
    project: &'a Project,
    runtime: Runtime,
    known: Plugins,
    lock: Lock,
    ceiling: Option<Ceiling>,
}

/// Checks plugins against the lock, their signatures, and what they say of themselves.
pub(crate) async fn run(project: &Project, wish: &Wish<'_>) -> Result<u8, Failure> {
    let request = Request {
        env: wish.env.map(str::to_owned),
        ..Request::default()
    };
    let environment = load::environment(project, &request)?;
    let desk = Desk {
        project,
        runtime: plugins::open()?,
        known: plugins::project(project)?,
        lock: plugins::lock(project)?,
        ceiling: environment
            .map(|environment| plugins::ceiling(project, &environment))
            .transpose()?,
    };
    let chosen = plugins::chosen(&desk.known, wish.name)?;
    let mut wrong = 0;
    let mut report = Vec::new();
    for plugin in chosen {
        let checks = desk.check(plugin, wish.json).await;
        wrong += usize::from(checks.iter().any(|(_, result)| result.is_err()));
        if wish.json {
            report.push(to_json(plugin, &checks));
        } else {
            print(plugin, &checks);
        }
    }
    if wish.json {
        ui::json(&json!(report));
    }
    Ok(match wrong {
        0 => exit::OK,
        _ => exit::FAILED,
    })
}

impl Desk<'_> {
    async fn check(&self, plugin: &Plugin, quiet: bool) -> Vec<Check> {
        let mut checks = Vec::new();
        let name = &plugin.name;
        let text = |failure: Failure| failure.message;
        let found = match self.fetch(plugin).await {
            Ok(found) => found,
            Err(failure) => return vec![("source", Err(text(failure)))],
        };
        let from = found
            .path
            .as_deref()
            .map_or_else(|| plugin.source.to_string(), Project::shown);
        checks.push(("source", Ok(from)));
        let digest = runbook_wasm::digest::Digest::of(&found.bytes);
        let locked = self.lock.check(name, &digest);
        let same = locked.is_ok();
        checks.push((
            "lock",
            match &locked {
                Ok(locked) => Ok(locked.component.to_string()),
                Err(wrong) => Err(wrong.to_string()),
            },
        ));
        // What nobody has looked at is not run, not even to hear what it is.
        if !same {
            return checks;
        }
        let candidate = match Candidate::look(&self.runtime, name, found, quiet).await {
            Ok(candidate) => candidate,
            Err(failure) => {
                checks.push(("instance", Err(text(failure))));
                return checks;
            }
        };
        let signer = candidate.signer(&self.known, (name, Some(plugin)), self.ceiling.as_ref());
        checks.push((
            "signature",
            match signer {
                Ok(Some(signer)) => Ok(format!("by {signer}")),
                Ok(None) => Ok("none, and none is asked for".to_owned()),
                Err(failure) => Err(text(failure)),
            },
        ));
        checks.push(("descriptor", described(&candidate).await));
        if let Some(ceiling) = &self.ceiling {
            checks.push((
                "environment",
                match ceiling.allows(name) {
                    true => Ok(format!("{} lets it in", ceiling.environment)),
                    false => Err(format!(
                        "{} does not let it in: add {name} to plugins.allow in {}",
                        ceiling.environment, ceiling.file
                    )),
                },
            ));
        }
        let kept = candidate.keep(self.project);
        checks.push((
            "store",
            match kept {
                Ok(()) => Ok("its component is here".to_owned()),
                Err(failure) => Err(text(failure)),
            },
        ));
        checks
    }

    /// The component from where it comes; from a registry by the digest that was locked, and not by a tag
    /// that may lead elsewhere by now.
    async fn fetch(&self, plugin: &Plugin) -> Result<Found, Failure> {
        let locked = self.lock.plugins.get(&plugin.name);
        let pinned = match (&plugin.source, locked.and_then(|one| one.manifest)) {
            (Source::Oci(reference), Some(manifest)) => {
                Source::Oci(at(reference, &manifest.to_string()))
            }
            (source, _) => source.clone(),
        };
        plugins::fetch(self.project, &pinned, &plugin.name).await
    }
}

/// The reference with a digest in place of its tag.
fn at(reference: &str, digest: &str) -> String {
    let path = reference.rfind('/').map_or(0, |slash| slash + 1);
    let name = reference[path..]
        .find([':', '@'])
        .map_or(reference.len(), |end| path + end);
    format!("{}@{digest}", &reference[..name])
}

/// Whether it says of itself what is built in; it is instantiated for that.
async fn described(candidate: &Candidate) -> Result<String, String> {
    let live = candidate.loaded.describe().await;
    let live = live.map_err(|wrong| wrong.to_string())?;
    let built_in = candidate.descriptor();
    match live.digest() == built_in.digest() {
        true => Ok(format!("{} {}, as it says itself", live.name, live.version)),
        false => Err(format!(
            "what is built in is not what the plugin says of itself: {} built in, {} said; build it anew",
            built_in.digest(),
            live.digest()
        )),
    }
}

fn print(plugin: &Plugin, checks: &[Check]) {
    out(&format!("{}\n", style::bold(&plugin.name)));
    for (name, result) in checks {
        let (word, text) = match result {
            Ok(text) => (style::green("ok   "), text),
            Err(text) => (style::red("FAIL "), text),
        };
        out(&format!("  {word} {name:<12} {text}\n"));
    }
}

fn to_json(plugin: &Plugin, checks: &[Check]) -> Value {
    let rows = checks.iter().map(|(name, result)| {
        let text = match result {
            Ok(text) | Err(text) => text,
        };
        json!({ "check": name, "ok": result.is_ok(), "text": text })
    });
    json!({
        "name": plugin.name,
        "ok": checks.iter().all(|(_, result)| result.is_ok()),
        "checks": rows.collect::<Vec<_>>(),
        "file": PROJECT_FILE,
    })
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn a_digest_takes_the_place_of_a_tag() {
        assert_eq!(
            at("localhost:5000/sre/chat:0.3", "sha256:ab"),
            "localhost:5000/sre/chat@sha256:ab"
        );
        assert_eq!(
            at("r.example.com/chat@sha256:cd", "sha256:ab"),
            "r.example.com/chat@sha256:ab"
        );
    }
}
