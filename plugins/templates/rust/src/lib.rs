//! What this plugin is for, in one sentence.

use runbook_plugin::prelude::*;

/// Settings of the environment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the service.
    url: String,
}

/// What `with:` holds.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Greeting {
    /// Whom to greet.
    whom: String,
}

/// What later steps can use.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Greeted {
    /// Id that the service gave it.
    id: String,
}

struct Greet;

impl Step for Greet {
    const NAME: &'static str = "greet";
    const SUMMARY: &'static str = "Say hello to somebody";
    // The service knows the key, and takes a second request with it for the first.
    const IDEMPOTENCY: Idempotency = Idempotency::Keyed;
    type Input = Greeting;
    type Output = Greeted;

    fn run(input: Greeting) -> StepResult<Outcome<Greeted>> {
        let config: Config = context::config()?;
        let reply = http::post(format!("{}/greetings", config.url))
            .header("idempotency-key", context::idempotency_key())
            .bearer("token")
            .json(&json!({ "text": format!("hello {}", input.whom) }))
            .send()?
            .success()?;
        reply.json().map(Outcome::Done)
    }
}

runbook_plugin::plugin! {
    config: Config,
    wants: [
        Want::Http("POST https://*/greetings", "send greetings to the service"),
        Want::Attach("token", "the service's token"),
    ],
    steps: [Greet],
    // What your steps implement: recovery (reconcile), compensation (undo), preview (plan).
    exports: [],
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_plugin::fake::Fake;

    #[test]
    fn it_says_hello() {
        let host = Fake::new()
            .config(json!({ "url": "https://api.example.com" }))
            .http(201, json!({ "id": "g1" }))
            .install();
        let outcome = Greet::run(Greeting { whom: "world".into() }).unwrap();
        assert!(matches!(outcome, Outcome::Done(Greeted { id }) if id == "g1"));
        assert_eq!(host.sent().len(), 1);
    }
}
