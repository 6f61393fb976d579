//! What a run pins of a plugin, and what it may do by that.

use std::sync::Arc;

use runbook_spec::Environment;
use runbook_wasm::descriptor::Descriptor;
use runbook_wasm::grant::{Ceiling, CeilingSource, Layers, Permissions};
use runbook_wasm::host::Setup;
use runbook_wasm::limits::{Limits, LimitsGiven};
use runbook_wasm::project::{PROJECT_FILE, Project};
use serde_json::{Value, json};

use super::{Found, chain, drive};
use crate::failure::Failure;

/// What a run pins of a plugin: which one, and what it may do.
pub(super) fn pin(plugin: &Found, environment: Option<&Environment>) -> Value {
    let allowed = environment.map(|one| {
        let plugins = &one.plugins;
        let mut given = serde_json::to_value(plugins).unwrap_or_default();
        given["allow"] = json!(
            plugins
                .allow
                .iter()
                .filter(|name| **name == plugin.name)
                .collect::<Vec<_>>()
        );
        given["config"] = json!(
            plugins
                .config
                .get(&plugin.name)
                .map(|own| json!({ (plugin.name.clone()): own }))
                .unwrap_or_else(|| json!({}))
        );
        json!({
            "name": one.name,
            "plugins": given,
            "regions": [&one.aws.region, &one.aws.standby_region],
        })
    });
    json!({
        "digest": plugin.digest.to_string(),
        "version": plugin.descriptor.version.to_string(),
        "project": plugin.stanza,
        "environment": allowed,
    })
}

/// Permissions, limits and settings from what is pinned.
pub(super) fn setup(descriptor: &Descriptor, name: &str, pinned: &Value) -> Result<Setup, Failure> {
    let text = json!({ "plugins": { name: pinned["project"] } });
    let parsed = Project::parse(PROJECT_FILE, &without_signers(text).to_string())
        .map_err(|wrong| Failure::usage(format!("plugin {name}: {}", wrong.why)))?;
    let own = parsed.plugins.get(name);
    let ceiling = ceiling(pinned)?;
    let config = ceiling
        .config
        .get(name)
        .cloned()
        .unwrap_or_else(|| json!({}));
    Ok(Setup {
        permissions: Arc::new(Permissions::new(Layers {
            plugin: name.to_owned(),
            wants: descriptor.wants.clone(),
            grant: own.map(|own| own.grant.clone()).unwrap_or_default(),
            environment: ceiling,
            step: None,
        })),
        limits: Limits::effective(
            &own.map(|own| own.limits).unwrap_or_default(),
            &LimitsGiven::default(),
        ),
        config: config.to_string().into(),
        dry_run: false,
        transport: drive::transport(),
    })
}

/// Signatures were looked at when the run began.
fn without_signers(mut text: Value) -> Value {
    if let Some(plugins) = text["plugins"].as_object_mut() {
        for plugin in plugins.values_mut() {
            if let Some(plugin) = plugin.as_object_mut() {
                plugin.remove("signed_by");
            }
        }
    }
    text
}

/// What the environment allows at most, as it is pinned.
pub(super) fn ceiling(pinned: &Value) -> Result<Ceiling, Failure> {
    let environment = &pinned["environment"];
    let called = environment["name"].as_str().unwrap_or_default();
    let regions: Vec<String> = environment["regions"]
        .as_array()
        .map(|all| {
            all.iter()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default();
    Ceiling::parse(CeilingSource {
        environment: called,
        file: &format!("environments/{called}.yaml"),
        plugins: &environment["plugins"],
        regions: &regions,
    })
    .map_err(|wrong| Failure::usage(chain(&wrong)))
}
