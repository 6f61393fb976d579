//! The schema of environments.

use serde_json::{Map, Value, json};

use super::{DRAFT, declaration};
use crate::environment::EnvironmentSchema;

/// The schema of `environments/NAME.yaml`; with the declared variables, `vars` is typed too.
#[must_use]
pub fn environment_schema(declared: Option<&EnvironmentSchema>) -> Value {
    let properties = json!({
        "name": { "type": "string", "description": "Name of the environment, as its file is called." },
        "protected": { "type": "boolean", "default": false, "description": "Whether a run asks for the environment's name, or takes --confirm." },
        "aws": aws(),
        "tags": { "type": "object", "additionalProperties": { "type": "string" }, "description": "Tags for everything that is created." },
        "vars": vars(declared),
        "schedules": { "type": "array", "items": schedule(), "description": "Runs that start by themselves." },
        "freeze": { "type": "array", "items": freeze(), "description": "When nothing may run." },
        "plugins": plugins(),
        "secrets": secrets("Where `secrets.NAME` comes from: env:NAME or file:PATH."),
    });
    json!({
        "$schema": DRAFT,
        "$id": "environment.schema.json",
        "title": "Environment",
        "description": "The values that a runbook finds under `env`.",
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn vars(declared: Option<&EnvironmentSchema>) -> Value {
    let about = "The variables that environments/schema.yaml declares.";
    let Some(schema) = declared else {
        return json!({ "type": "object", "description": about });
    };
    let properties: Map<String, Value> = schema
        .vars
        .iter()
        .map(|(name, variable)| (name.clone(), declaration::variable(variable)))
        .collect();
    let required: Vec<&String> = schema
        .vars
        .iter()
        .filter(|(_, variable)| variable.param.default.is_none())
        .map(|(name, _)| name)
        .collect();
    json!({
        "type": "object",
        "description": about,
        "required": required,
        "additionalProperties": false,
        "properties": properties,
    })
}

fn aws() -> Value {
    let text = |about: &str| json!({ "type": ["string", "null"], "description": about });
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "Where AWS calls go.",
        "properties": {
            "region": text("Region of calls; absent: as the AWS tools find it."),
            "standby_region": text("Region of the standby, for runbooks to name."),
            "profile": text("Named profile; absent: as the AWS tools find it."),
            "role_arn": text("Role to assume."),
            "endpoint_url": text("Endpoint for every service."),
        },
    })
}

fn schedule() -> Value {
    json!({
        "type": "object",
        "required": ["name", "runbook", "cron"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "description": "Name of the schedule." },
            "runbook": { "type": "string", "description": "The runbook, by name." },
            "cron": { "type": "string", "description": "Minute, hour, day, month, weekday." },
            "timezone": { "type": "string", "default": "UTC", "description": "IANA time zone." },
            "catch_up": { "enum": ["latest", "all", "none"], "default": "latest", "description": "What happens to slots that were missed." },
            "overlap": { "enum": ["skip", "queue", "allow"], "default": "skip", "description": "What happens while the last run still goes on." },
            "params": { "type": "object", "description": "Parameters of the run." },
        },
    })
}

fn freeze() -> Value {
    json!({
        "type": "object",
        "required": ["name", "from", "to"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "description": "Name of the freeze." },
            "from": { "type": "string", "description": "From this date or time on." },
            "to": { "type": "string", "description": "Until this date, which is part of it, or time." },
            "allow": { "type": "array", "items": { "type": "string" }, "description": "Runbooks that may run all the same." },
        },
    })
}

fn plugins() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "What plugins may do at most; nothing by default.",
        "properties": {
            "allow": { "type": "array", "items": { "type": "string" }, "description": "Plugins that may be loaded." },
            "ceiling": ceiling(),
            "secrets": secrets("Secrets that plugins may ask for: env:NAME or file:PATH."),
            "config": { "type": "object", "description": "Configuration by plugin." },
            "unsigned": { "type": "boolean", "description": "Whether plugins without a signature may be loaded; absent: yes, unless there are signers." },
            "signers": { "type": "array", "items": { "type": "string" }, "description": "Signers of whom one has to have signed a plugin; absent: anyone whom the project names." },
        },
    })
}

fn ceiling() -> Value {
    let patterns = |pattern: &str, about: &str| json!({ "type": "array", "items": { "type": "string", "pattern": pattern }, "description": about });
    json!({
        "type": "object",
        "additionalProperties": false,
        "description": "Grants that no plugin can pass, by kind.",
        "properties": {
            "http": patterns("://", "Requests: `METHOD https://host[:port][/path*]`; without a method, GET and HEAD."),
            "aws": patterns(":| /", "Calls of AWS: `service:Action[*][@region]` or `service METHOD /path*`."),
            "private_network": { "type": "boolean", "default": false, "description": "Whether names may lead into private networks." },
            "state": { "type": "boolean", "default": false, "description": "Whether plugins may keep state." },
        },
    })
}

fn secrets(about: &str) -> Value {
    json!({
        "type": "object",
        "additionalProperties": { "type": "string", "pattern": "^(env|file):.+" },
        "description": about,
    })
}
