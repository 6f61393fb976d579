//! `http.check`: asks a URL and compares the answer with what is expected.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_step::{Args, Context, Fault, FaultKind, Query, StepResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::http::{Answer, Call, Http};
use super::http_request::half_a_minute;
use super::span::Span;

/// Asks a URL with GET and fails unless the answer is as expected.
///
/// Nobody answering is a transient fault and is retried; a wrong answer is `unmet` and is not, unless
/// `retry: { on: [unmet] }` says so.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// What to ask: http or https.
    url: String,
    /// Headers by name; `Host` asks one server on behalf of another name.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// How long one request may take.
    #[serde(default = "half_a_minute")]
    timeout: Span,
    /// What the answer must be; a status from 200 to 299 when absent.
    #[serde(default)]
    expect: Expect,
}

/// What an answer must be; every field that is given has to hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct Expect {
    /// The status code; any from 200 to 299 when absent.
    #[serde(default)]
    status: Option<u16>,
    /// A text that the body must contain.
    #[serde(default)]
    body_contains: Option<String>,
    /// A value that the body must contain as JSON: fields that are not named may be there too.
    #[serde(default)]
    json: Option<Value>,
    /// How long the answer may take.
    #[serde(default)]
    max_elapsed: Option<Span>,
}

impl Args for Check {
    const KIND: &'static str = "http.check";
    const TIMEOUT: Duration = Duration::from_secs(120);
    type Client = Http;
    type Output = Answer;
}

impl Query for Check {
    async fn read(&self, http: &Http, context: &Context) -> StepResult<Answer> {
        let call = Call {
            method: reqwest::Method::GET,
            url: &self.url,
            headers: &self.headers,
            body: None,
            timeout: self.timeout.0,
        };
        let answer = http.send(call, context).await?;
        let wrong = self.expect.misses(&answer);
        if wrong.is_empty() {
            Ok(answer)
        } else {
            let message = format!("{} {}", self.url, wrong.join("; "));
            Err(Fault::new(FaultKind::Unmet, message))
        }
    }
}

impl Expect {
    fn misses(&self, answer: &Answer) -> Vec<String> {
        let mut wrong = Vec::new();
        match self.status {
            Some(wanted) if answer.status != wanted => {
                wrong.push(format!("answers {} instead of {wanted}", answer.status));
            }
            None if !(200..300).contains(&answer.status) => {
                wrong.push(format!("answers {} instead of 2xx", answer.status));
            }
            Some(_) | None => {}
        }
        if let Some(text) = &self.body_contains
            && !answer.body.contains(text)
        {
            wrong.push(format!("does not say `{text}`"));
        }
        if let Some(wanted) = &self.json {
            match &answer.json {
                None => wrong.push("does not answer with JSON".to_owned()),
                Some(got) if !contains(got, wanted) => {
                    wrong.push(format!("answers with JSON that does not contain {wanted}"));
                }
                Some(_) => {}
            }
        }
        if let Some(Span(limit)) = self.max_elapsed
            && Duration::from_millis(answer.elapsed_ms) > limit
        {
            let limit = limit.as_millis();
            wrong.push(format!(
                "takes {} ms instead of at most {limit} ms",
                answer.elapsed_ms
            ));
        }
        wrong
    }
}

/// Whether `got` has everything that `wanted` names.
fn contains(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| got.get(key).is_some_and(|got| contains(got, wanted))),
        (got, wanted) => got == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::testing::{answer, serve};
    use super::*;
    use runbook_step::Connect;
    use serde_json::{from_value, json};

    async fn check(url: &str, expect: Value) -> StepResult<Answer> {
        let context = Context::default();
        let http = Http::connect(&context).await?;
        let check: Check = from_value(json!({ "url": url, "expect": expect })).unwrap();
        check.read(&http, &context).await
    }

    #[tokio::test]
    async fn what_is_as_expected_passes() {
        let (url, _) = serve(vec![answer("200 OK", r#"{"ok":true,"zone":"b"}"#)]);
        let expect = json!({
            "status": 200, "body_contains": "zone", "json": { "ok": true }, "max_elapsed": "1m",
        });
        assert_eq!(check(&url, expect).await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn everything_that_is_wrong_is_said() {
        let (url, _) = serve(vec![answer("500 Oops", r#"{"ok":false}"#)]);
        let expect =
            json!({ "body_contains": "zone", "json": { "ok": true }, "max_elapsed": "0s" });
        let fault = check(&url, expect).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unmet);
        for part in [
            "answers 500 instead of 2xx",
            "does not say `zone`",
            r#"contain {"ok":true}"#,
        ] {
            assert!(fault.message.contains(part), "{part}: {fault}");
        }
    }

    #[tokio::test]
    async fn a_refusal_can_be_what_is_expected() {
        let (url, _) = serve(vec![answer("404 Not Found", "")]);
        assert_eq!(
            check(&url, json!({ "status": 404 })).await.unwrap().status,
            404
        );
    }

    #[tokio::test]
    async fn nobody_listening_is_transient() {
        let (url, served) = serve(Vec::new());
        served.join().unwrap();
        assert_eq!(
            check(&url, json!({})).await.unwrap_err().kind,
            FaultKind::Transient
        );
    }
}
