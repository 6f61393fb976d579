//! The document that `describe` returns.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::step::{Entry, Step};

/// What a plugin needs from its host, with the reason that a reviewer reads.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// Requests: `POST https://hooks.example.com/*`.
    Http(&'static str, &'static str),
    /// A secret that the host attaches to requests; its value stays outside.
    Attach(&'static str, &'static str),
    /// A secret whose value the plugin reads.
    Read(&'static str, &'static str),
    /// An AWS action: `rds:DescribeDBInstances`.
    Aws(&'static str, &'static str),
    /// Values that survive the run.
    State(&'static str),
    /// Something that the plugin does its work without: one of several
    /// places, or a stand-in. It need not be granted.
    Optional(&'static Want),
}

impl Want {
    fn json(self) -> Value {
        match self {
            Self::Http(pattern, why) => json!({ "http": pattern, "why": why }),
            Self::Attach(name, why) => json!({ "secret": name, "use": "attach", "why": why }),
            Self::Read(name, why) => json!({ "secret": name, "use": "read", "why": why }),
            Self::Aws(action, why) => json!({ "aws": action, "why": why }),
            Self::State(why) => json!({ "state": true, "why": why }),
            Self::Optional(want) => {
                let mut want = want.json();
                want["optional"] = true.into();
                want
            }
        }
    }
}

/// What the macro `plugin!` knows.
#[derive(Clone, Copy)]
pub struct Plugin {
    /// Package name; also the name in `uses: plugin:NAME/TYPE`.
    pub name: &'static str,
    /// Package version.
    pub version: &'static str,
    /// Package description.
    pub summary: &'static str,
    /// Package homepage, or empty.
    pub homepage: &'static str,
    /// Schema of the settings.
    pub config: fn() -> Value,
    /// What it needs from the host.
    pub wants: &'static [Want],
    /// Its step types.
    pub steps: &'static [Entry],
}

impl Plugin {
    /// The descriptor.
    pub fn describe(&self) -> Value {
        let mut document = json!({
            "descriptor": "runbook.plugin/1",
            "name": self.name,
            "version": self.version,
            "summary": self.summary,
            "config": (self.config)(),
            "wants": self.wants.iter().map(|want| want.json()).collect::<Vec<_>>(),
            "steps": self.steps.iter().map(|entry| (entry.describe)()).collect::<Vec<_>>(),
        });
        if !self.homepage.is_empty() {
            document["homepage"] = self.homepage.into();
        }
        document
    }
}

/// The part of the descriptor that is about one step type.
pub(crate) fn step<S: Step>() -> Value {
    let mut document = Map::new();
    document.insert("name".into(), S::NAME.into());
    document.insert("summary".into(), S::SUMMARY.into());
    document.insert("input".into(), input_schema::<S::Input>());
    document.insert(
        "output".into(),
        schema::<S::Output>(SchemaSettings::for_serialize),
    );
    document.insert("idempotency".into(), S::IDEMPOTENCY.name().into());
    if let Some(ms) = S::TYPICAL_MS {
        document.insert("typical_ms".into(), ms.into());
    }
    if S::UNDO {
        document.insert("undo".into(), true.into());
    }
    if S::PLAN {
        document.insert("plan".into(), true.into());
    }
    if let Some(reason) = S::IRREVERSIBLE {
        document.insert("irreversible".into(), reason.into());
    }
    let examples: Vec<_> = S::examples()
        .into_iter()
        .map(|with| json!({ "with": with }))
        .collect();
    if !examples.is_empty() {
        document.insert("examples".into(), examples.into());
    }
    document.into()
}

/// The schema of something that the plugin reads.
pub fn input_schema<T: JsonSchema>() -> Value {
    schema::<T>(SchemaSettings::for_deserialize)
}

/// The settings of a plugin that has none.
pub fn no_config() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

fn schema<T: JsonSchema>(contract: fn(SchemaSettings) -> SchemaSettings) -> Value {
    let settings = contract(SchemaSettings::draft2020_12()).with(|settings| {
        // The contract says which draft it is, and a plugin has no reader for it.
        settings.meta_schema = None;
    });
    let schema: Schema = settings.into_generator().into_root_schema_for::<T>();
    schema.to_value()
}
