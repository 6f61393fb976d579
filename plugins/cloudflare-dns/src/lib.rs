//! DNS records at Cloudflare: read, compare, write, and put back.

mod api;

use api::{Api, Config, Found, Record};
use runbook_plugin::prelude::*;

/// Types of records that hold one value.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub enum Type {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    #[serde(rename = "AAAA")]
    Aaaa,
    /// Another name.
    #[serde(rename = "CNAME")]
    Cname,
    /// A text.
    #[serde(rename = "TXT")]
    Txt,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Txt => "TXT",
        }
    }
}

/// What a name shall say.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Zone, by name or id.
    #[schemars(length(min = 1))]
    zone: String,
    /// Full name of the record.
    #[schemars(length(min = 1))]
    name: String,
    /// Type of the record.
    #[serde(rename = "type")]
    kind: Type,
    /// Address, name or text.
    #[schemars(length(min = 1))]
    content: String,
    /// Seconds; 1 leaves it to Cloudflare.
    #[serde(default = "automatic")]
    ttl: u32,
    /// Whether Cloudflare stands in front of it.
    #[serde(default)]
    proxied: bool,
}

/// A name that shall say nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unwanted {
    /// Zone, by name or id.
    #[schemars(length(min = 1))]
    zone: String,
    /// Full name of the record.
    #[schemars(length(min = 1))]
    name: String,
    /// Type of the record.
    #[serde(rename = "type")]
    kind: Type,
}

fn automatic() -> u32 {
    1
}

/// What was there and what is there now; undo needs both.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// Id of the zone.
    zone_id: String,
    /// What the name said; null if nothing.
    before: Option<Record>,
    /// What it says now; null if nothing.
    after: Option<Record>,
    /// Whether anything had to be done.
    changed: bool,
}

/// Note from just before the first change.
#[derive(Serialize, Deserialize)]
struct Note {
    before: Option<Record>,
}

/// A name in a zone, and the way to change what it says.
struct Place {
    api: Api,
    zone_id: String,
    kind: Type,
    name: String,
}

impl Place {
    fn new(zone: &str, kind: Type, name: &str) -> StepResult<Self> {
        let api = Api::new()?;
        let zone_id = api.zone(zone)?;
        Ok(Self {
            api,
            zone_id,
            kind,
            name: name.to_owned(),
        })
    }

    fn now(&self) -> StepResult<Option<Found>> {
        self.api.find(&self.zone_id, self.kind.name(), &self.name)
    }

    /// Makes the name say `after`. Repeating it is harmless: it reads first.
    fn bring(&self, after: Option<Record>) -> StepResult<Changed> {
        let found = self.now()?;
        let now = found.as_ref().map(|found| found.record.clone());
        // An attempt that was lost has already overwritten what undo must restore.
        let before = match context::resume::<Note>()? {
            Some(note) => note.before,
            None => now.clone(),
        };
        if now != after {
            checkpoint::save(&Note {
                before: before.clone(),
            })?;
            self.write(found, after.as_ref())?;
            log::info(
                format!("{}: {} -> {}", self.name, show(&now), show(&after)),
                &[],
            );
        }
        let changed = before != after;
        Ok(Changed {
            zone_id: self.zone_id.clone(),
            before,
            after,
            changed,
        })
    }

    fn write(&self, found: Option<Found>, after: Option<&Record>) -> StepResult<()> {
        match (found, after) {
            (None, None) => Ok(()),
            (Some(found), None) => self.api.remove(&self.zone_id, &found.id),
            (Some(found), Some(record)) => self.api.update(&self.zone_id, &found.id, record),
            (None, Some(record)) => {
                let mut body = serde_json::to_value(record)?;
                body["type"] = self.kind.name().into();
                body["name"] = self.name.as_str().into();
                self.api.create(&self.zone_id, &body).map(|_| ())
            }
        }
    }

    /// Restores what was there, unless somebody has changed it since.
    fn restore(&self, output: Changed) -> StepResult<Outcome<Value>> {
        let found = self.now()?;
        let now = found.as_ref().map(|found| found.record.clone());
        if now != output.before {
            if now != output.after {
                return Err(StepError::permanent(
                    "dns-changed-since",
                    format!(
                        "{} says {} and not {} as this run left it: somebody changed it; \
                         it was {} before",
                        self.name,
                        show(&now),
                        show(&output.after),
                        show(&output.before)
                    ),
                ));
            }
            self.write(found, output.before.as_ref())?;
        }
        Ok(Outcome::Done(json!({ "restored": output.before })))
    }

    fn preview(&self, after: Option<Record>) -> StepResult<Vec<Effect>> {
        let now = self.now()?.map(|found| found.record);
        if now == after {
            return Ok(Vec::new());
        }
        let (from, to) = (show(&now), show(&after));
        Ok(vec![Effect {
            summary: format!("{} {}: {from} -> {to}", self.name, self.kind.name()),
            before: Some(json!(now)),
            after: Some(json!(after)),
        }])
    }
}

fn show(record: &Option<Record>) -> String {
    match record {
        None => "nothing".into(),
        Some(Record {
            content,
            proxied: true,
            ..
        }) => format!("{content} (proxied)"),
        Some(Record { content, .. }) => content.clone(),
    }
}

impl Wanted {
    fn place(&self) -> StepResult<Place> {
        Place::new(&self.zone, self.kind, &self.name)
    }

    fn record(&self) -> Option<Record> {
        // Cloudflare gives every proxied record its own time to live.
        let ttl = if self.proxied { 1 } else { self.ttl };
        Some(Record {
            content: self.content.clone(),
            ttl,
            proxied: self.proxied,
        })
    }
}

struct Set;

impl Step for Set {
    const NAME: &'static str = "set";
    const SUMMARY: &'static str = "Make a name say something, or leave it when it already does";
    const IDEMPOTENCY: Idempotency = Idempotency::Idempotent;
    const TYPICAL_MS: Option<u64> = Some(1_500);
    const UNDO: bool = true;
    const PLAN: bool = true;
    type Input = Wanted;
    type Output = Changed;

    fn examples() -> Vec<Value> {
        vec![json!({
            "zone": "example.com",
            "name": "app.example.com",
            "type": "A",
            "content": "192.0.2.7",
            "ttl": 60,
        })]
    }

    fn run(input: Wanted) -> StepResult<Outcome<Changed>> {
        input.place()?.bring(input.record()).map(Outcome::Done)
    }

    fn undo(input: Wanted, output: Changed) -> StepResult<Outcome<Value>> {
        input.place()?.restore(output)
    }

    fn plan(input: Wanted) -> StepResult<Vec<Effect>> {
        input.place()?.preview(input.record())
    }
}

struct Remove;

impl Step for Remove {
    const NAME: &'static str = "remove";
    const SUMMARY: &'static str = "Make a name say nothing";
    const IDEMPOTENCY: Idempotency = Idempotency::Idempotent;
    const TYPICAL_MS: Option<u64> = Some(1_500);
    const UNDO: bool = true;
    const PLAN: bool = true;
    type Input = Unwanted;
    type Output = Changed;

    fn examples() -> Vec<Value> {
        vec![json!({ "zone": "example.com", "name": "old.example.com", "type": "CNAME" })]
    }

    fn run(input: Unwanted) -> StepResult<Outcome<Changed>> {
        Place::new(&input.zone, input.kind, &input.name)?
            .bring(None)
            .map(Outcome::Done)
    }

    fn undo(input: Unwanted, output: Changed) -> StepResult<Outcome<Value>> {
        Place::new(&input.zone, input.kind, &input.name)?.restore(output)
    }

    fn plan(input: Unwanted) -> StepResult<Vec<Effect>> {
        Place::new(&input.zone, input.kind, &input.name)?.preview(None)
    }
}

runbook_plugin::plugin! {
    config: Config,
    wants: [
        Want::Http("GET https://api.cloudflare.com/client/v4/*", "see what a name says"),
        Want::Http("POST https://api.cloudflare.com/client/v4/*", "make a record"),
        Want::Http("PATCH https://api.cloudflare.com/client/v4/*", "change a record"),
        Want::Http("DELETE https://api.cloudflare.com/client/v4/*", "remove a record"),
        Want::Optional(&Want::Http("GET http://127.0.0.1:*/*", "a stand-in for Cloudflare in a rehearsal")),
        Want::Optional(&Want::Http("POST http://127.0.0.1:*/*", "a stand-in for Cloudflare in a rehearsal")),
        Want::Optional(&Want::Http("PATCH http://127.0.0.1:*/*", "a stand-in for Cloudflare in a rehearsal")),
        Want::Optional(&Want::Http("DELETE http://127.0.0.1:*/*", "a stand-in for Cloudflare in a rehearsal")),
        Want::Attach("cloudflare_token", "API token that may edit the DNS of the zone"),
    ],
    steps: [Set, Remove],
    exports: [compensation, preview],
}
