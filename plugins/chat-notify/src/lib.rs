//! Messages to Slack, Mattermost, or anything that takes their JSON.

use runbook_plugin::prelude::*;
use std::collections::BTreeMap;

/// Settings of the environment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where messages are posted: an incoming webhook, or Slack's
    /// `https://slack.com/api/chat.postMessage`.
    url: String,
    /// Where messages are edited: Slack's `https://slack.com/api/chat.update`.
    update_url: Option<String>,
    /// Channel of a message that names none.
    channel: Option<String>,
    /// Whether the secret `chat_token` is sent as a bearer token; a webhook
    /// needs none.
    #[serde(default)]
    token: bool,
}

/// How much attention a message asks for.
#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody has to act.
    Critical,
}

impl Severity {
    fn mark(self) -> &'static str {
        match self {
            Self::Info => "",
            Self::Warning => ":warning: ",
            Self::Critical => ":rotating_light: ",
        }
    }
}

/// A message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// What it says, in the chat's own markup.
    #[schemars(length(min = 1))]
    text: String,
    /// Where; the channel of the settings if left out.
    channel: Option<String>,
    /// How much attention it asks for.
    #[serde(default)]
    severity: Severity,
    /// Facts shown below the text, by name.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// Id of the message that this one answers.
    thread: Option<String>,
}

/// A change to a message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Id of the message, from the output of `post`.
    id: String,
    /// What it says now.
    #[schemars(length(min = 1))]
    text: String,
    /// Where it is; the channel of the settings if left out.
    channel: Option<String>,
    /// How much attention it asks for now.
    #[serde(default)]
    severity: Severity,
}

/// Where the message is.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Posted {
    /// Channel as the chat names it, or as it was given.
    channel: Option<String>,
    /// Id for `thread` and `update`; a webhook returns none.
    id: Option<String>,
}

struct Post;

impl Step for Post {
    const NAME: &'static str = "post";
    const SUMMARY: &'static str = "Post a message";
    // A chat has no idempotency key: a second post is a second message.
    const IDEMPOTENCY: Idempotency = Idempotency::Once;
    const TYPICAL_MS: Option<u64> = Some(500);
    const PLAN: bool = true;
    const IRREVERSIBLE: Option<&'static str> = Some("what people have read stays read");
    type Input = Message;
    type Output = Posted;

    fn examples() -> Vec<Value> {
        vec![json!({
            "text": "Failover of app.example.com started",
            "severity": "critical",
            "fields": { "region": "us-west-2" },
        })]
    }

    fn run(message: Message) -> StepResult<Outcome<Posted>> {
        let config: Config = context::config()?;
        let body = message.body(&config);
        send(&config, &config.url, &body)
    }

    fn plan(message: Message) -> StepResult<Vec<Effect>> {
        let config: Config = context::config()?;
        let channel = message.channel.as_deref().or(config.channel.as_deref());
        let place = channel.unwrap_or("the channel of the webhook");
        Ok(vec![Effect {
            after: Some(message.body(&config)),
            ..Effect::new(format!("post to {place}: {}", message.text))
        }])
    }
}

struct Update;

impl Step for Update {
    const NAME: &'static str = "update";
    const SUMMARY: &'static str = "Change the text of a message that was posted";
    const IDEMPOTENCY: Idempotency = Idempotency::Idempotent;
    const TYPICAL_MS: Option<u64> = Some(500);
    const PLAN: bool = true;
    type Input = Edit;
    type Output = Posted;

    fn examples() -> Vec<Value> {
        vec![json!({ "id": "1732459200.000100", "text": "Failover done in 10 s" })]
    }

    fn run(edit: Edit) -> StepResult<Outcome<Posted>> {
        let config: Config = context::config()?;
        let Some(url) = &config.update_url else {
            return Err(StepError::permanent(
                "no-update-url",
                "this chat cannot change messages: set `update_url` in the plugin's config",
            ));
        };
        let Edit {
            id,
            text,
            channel,
            severity,
        } = edit;
        let mut body = json!({ "ts": id, "text": format!("{}{text}", severity.mark()) });
        if let Some(channel) = channel.as_ref().or(config.channel.as_ref()) {
            body["channel"] = channel.as_str().into();
        }
        send(&config, url, &body)
    }

    fn plan(edit: Edit) -> StepResult<Vec<Effect>> {
        Ok(vec![Effect::new(format!(
            "change message {} to: {}",
            edit.id, edit.text
        ))])
    }
}

impl Message {
    fn body(&self, config: &Config) -> Value {
        let mut text = format!("{}{}", self.severity.mark(), self.text);
        for (name, value) in &self.fields {
            text.push_str(&format!("\n*{name}*: {value}"));
        }
        let mut body = json!({ "text": text });
        if let Some(channel) = self.channel.as_ref().or(config.channel.as_ref()) {
            body["channel"] = channel.as_str().into();
        }
        if let Some(thread) = &self.thread {
            body["thread_ts"] = thread.as_str().into();
        }
        body
    }
}

fn send(config: &Config, url: &str, body: &Value) -> StepResult<Outcome<Posted>> {
    let mut request = http::post(url).json(body);
    if config.token {
        request = request.bearer("chat_token");
    }
    let reply = request.send()?.success()?;
    // A webhook answers `ok` in plain text; an API answers with an object.
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if answer["ok"] == false {
        return Err(refusal(&answer, reply.header("retry-after")));
    }
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    let channel = text("channel").or_else(|| body["channel"].as_str().map(str::to_owned));
    Ok(Outcome::Done(Posted {
        channel,
        id: text("ts"),
    }))
}

/// Slack says no with status 200.
fn refusal(answer: &Value, retry_after: Option<&str>) -> StepError {
    let reason = answer["error"].as_str().unwrap_or("no reason given");
    let (code, message) = (
        format!("chat-{reason}"),
        format!("the chat refused: {reason}"),
    );
    match reason {
        "ratelimited" | "rate_limited" => {
            let seconds = retry_after
                .and_then(|value| value.parse::<u64>().ok())
                .unwrap_or(30);
            StepError::retryable(code, message).after_ms(seconds * 1000)
        }
        "service_unavailable" => StepError::retryable(code, message),
        // Slack's own documentation: the operation may have succeeded.
        "internal_error" | "fatal_error" => StepError::ambiguous(code, message),
        _ => StepError::permanent(code, message),
    }
}

runbook_plugin::plugin! {
    config: Config,
    wants: [
        Want::Optional(&Want::Http("POST https://*:*/*", "post to the chat that `url` and `update_url` name")),
        Want::Optional(&Want::Http("POST http://*:*/*", "the same for a chat inside the private network")),
        Want::Optional(&Want::Attach("chat_token", "bearer token, when `token` is set")),
    ],
    steps: [Post, Update],
    exports: [preview],
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_plugin::fake::Fake;

    fn message(with: Value) -> Message {
        serde_json::from_value(with).unwrap()
    }

    #[test]
    fn a_webhook_that_answers_in_text_is_enough() {
        let host = Fake::new()
            .config(json!({ "url": "http://chat/hook", "channel": "#ops" }))
            .http(200, json!("ok"))
            .install();
        let outcome = Post::run(message(json!({ "text": "hello" }))).unwrap();
        assert!(matches!(outcome, Outcome::Done(Posted { id: None, .. })));
        assert_eq!(
            host.sent(),
            [r##"POST http://chat/hook {"channel":"#ops","text":"hello"}"##]
        );
    }

    #[test]
    fn an_answer_that_is_lost_leaves_the_message_in_doubt() {
        let _host = Fake::new()
            .config(json!({ "url": "http://chat/hook" }))
            .http_cut()
            .install();
        let error = Post::run(message(json!({ "text": "hello" })))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(
            (error.kind, error.code.as_str()),
            (Kind::Ambiguous, "http-interrupted")
        );
    }

    #[test]
    fn a_preview_sends_nothing() {
        let host = Fake::new()
            .config(json!({ "url": "http://chat/hook" }))
            .dry_run()
            .install();
        let error = Post::run(message(json!({ "text": "hello" })))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.code, "dry-run");
        assert!(host.sent().is_empty());
    }
}
