//! The few calls of Cloudflare's API that are needed.

use runbook_plugin::prelude::*;

/// Settings of the environment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the API.
    #[serde(default = "base_url")]
    base_url: String,
}

fn base_url() -> String {
    "https://api.cloudflare.com/client/v4".into()
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Address, name or text.
    pub content: String,
    /// Seconds; 1 leaves it to Cloudflare.
    pub ttl: u32,
    /// Whether Cloudflare stands in front of it.
    #[serde(default)]
    pub proxied: bool,
}

/// A record with its id.
#[derive(Clone, Deserialize)]
pub struct Found {
    pub id: String,
    #[serde(flatten)]
    pub record: Record,
}

#[derive(Deserialize)]
struct Answer<T> {
    result: T,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    code: u32,
    message: String,
}

/// One name and type in one zone.
pub struct Api {
    base_url: String,
}

impl Api {
    /// The API of this environment.
    pub fn new() -> StepResult<Self> {
        let config: Config = context::config()?;
        Ok(Self {
            base_url: config.base_url.trim_end_matches('/').to_owned(),
        })
    }

    /// The id of a zone, given by name or by id.
    pub fn zone(&self, zone: &str) -> StepResult<String> {
        if zone.len() == 32 && zone.bytes().all(|one| one.is_ascii_hexdigit()) {
            return Ok(zone.to_owned());
        }
        let url = format!("{}/zones?name={}", self.base_url, encode(zone));
        let zones: Answer<Vec<Id>> = ask(http::get(url))?;
        match zones.result.into_iter().next() {
            Some(found) => Ok(found.id),
            None => Err(StepError::permanent(
                "dns-no-zone",
                format!("the token sees no zone `{zone}` at Cloudflare"),
            )),
        }
    }

    /// The record of this name and type. More than one is a set that this
    /// plugin must not guess about.
    pub fn find(&self, zone: &str, kind: &str, name: &str) -> StepResult<Option<Found>> {
        let url = format!("{}?type={kind}&name={}", self.records(zone), encode(name));
        let mut found: Answer<Vec<Found>> = ask(http::get(url))?;
        match found.result.len() {
            0 | 1 => Ok(found.result.pop()),
            many => Err(StepError::permanent(
                "dns-several-records",
                format!("{name} has {many} {kind} records; this plugin changes single ones"),
            )),
        }
    }

    /// Makes a record, and returns its id.
    pub fn create(&self, zone: &str, body: &Value) -> StepResult<String> {
        let made: Answer<Id> = ask(http::post(self.records(zone)).json(body))?;
        Ok(made.result.id)
    }

    /// Changes a record.
    pub fn update(&self, zone: &str, id: &str, record: &Record) -> StepResult<()> {
        let url = format!("{}/{id}", self.records(zone));
        ask::<Value>(http::patch(url).json(record)).map(|_| ())
    }

    /// Removes a record.
    pub fn remove(&self, zone: &str, id: &str) -> StepResult<()> {
        let url = format!("{}/{id}", self.records(zone));
        ask::<Value>(http::delete(url)).map(|_| ())
    }

    fn records(&self, zone: &str) -> String {
        format!("{}/zones/{zone}/dns_records", self.base_url)
    }
}

fn ask<T: serde::de::DeserializeOwned>(request: http::Request) -> StepResult<T> {
    let reply = request.bearer("cloudflare_token").send()?;
    if !(200..300).contains(&reply.status) {
        let mut error = reply.failure();
        // Cloudflare's own words are better than the first 200 letters of its JSON.
        if let Ok(Refusal { errors }) = serde_json::from_slice(&reply.body) {
            let reasons: Vec<_> = errors
                .iter()
                .map(|one| format!("{} ({})", one.message, one.code))
                .collect();
            if !reasons.is_empty() {
                error.message = format!("Cloudflare refused: {}", reasons.join("; "));
            }
        }
        return Err(error);
    }
    reply.json()
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
