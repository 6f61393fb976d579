//! `http.request`: sends one HTTP request.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_step::{
    Action, Args, Context, Fault, FaultKind, Progress, Repeat, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::http::{Answer, Body, Call, Http};
use super::span::Span;

/// Sends one HTTP request.
///
/// A status of 400 or above is a failure: 429 as throttled, 401 and 403 as denied, 404 and 410 as not
/// found, 5xx as transient. To look at such a status instead, use `http.check` with
/// `expect: { status: 404 }`. A body is read up to 1 MiB, and at most 5 redirects are followed.
///
/// A crash inside the request makes the step in doubt, unless the method is GET or HEAD or
/// `repeatable` says that it may be sent again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The method.
    #[serde(default)]
    method: Method,
    /// Where to send it: http or https.
    url: String,
    /// Headers by name.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body as text; not together with `json`.
    #[serde(default)]
    body: Option<String>,
    /// The body as a value that is sent as JSON; not together with `body`.
    #[serde(default)]
    json: Option<Value>,
    /// How long one request may take.
    #[serde(default = "half_a_minute")]
    timeout: Span,
    /// The request may be sent again when nobody knows whether it arrived.
    #[serde(default)]
    repeatable: bool,
}

/// A request method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

pub(super) fn half_a_minute() -> Span {
    Span::seconds(30)
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
            Method::Options => Self::OPTIONS,
        }
    }
}

impl Args for Request {
    const KIND: &'static str = "http.request";
    const TIMEOUT: Duration = Duration::from_secs(120);
    type Client = Http;
    type Output = Answer;
}

impl Action for Request {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        if self.repeatable || matches!(self.method, Method::Get | Method::Head) {
            Repeat::Harmless
        } else {
            Repeat::Never
        }
    }

    async fn act(&self, http: &Http, context: &Context) -> StepResult<Progress<Answer>> {
        let body = match (&self.body, &self.json) {
            (Some(_), Some(_)) => {
                return Err(Fault::new(
                    FaultKind::Invalid,
                    "give `body` or `json`, not both",
                ));
            }
            (Some(text), None) => Some(Body::Text(text)),
            (None, Some(value)) => Some(Body::Json(value)),
            (None, None) => None,
        };
        let call = Call {
            method: self.method.into(),
            url: &self.url,
            headers: &self.headers,
            body,
            timeout: self.timeout.0,
        };
        let answer = http.send(call, context).await?;
        match refusal(answer.status) {
            None => Ok(Progress::Done(answer)),
            Some(kind) => Err(self.refused(kind, &answer)),
        }
    }
}

impl Request {
    fn refused(&self, kind: FaultKind, answer: &Answer) -> Fault {
        let said: String = answer
            .body
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(200)
            .collect();
        let mut message = format!("{} answers {}", self.url, answer.status);
        if !said.is_empty() {
            message.push_str(&format!(": {said}"));
        }
        let fault = Fault::new(kind, message);
        // A server that broke may have done the work before.
        if kind == FaultKind::Transient {
            fault.unknown_effect()
        } else {
            fault
        }
    }
}

fn refusal(status: u16) -> Option<FaultKind> {
    match status {
        401 | 403 => Some(FaultKind::Denied),
        404 | 410 => Some(FaultKind::NotFound),
        409 | 423 => Some(FaultKind::Conflict),
        429 => Some(FaultKind::Throttled),
        400..=499 => Some(FaultKind::Invalid),
        500.. => Some(FaultKind::Transient),
        0..=399 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::testing::{answer, serve};
    use super::*;
    use runbook_step::{Connect, Executed};
    use serde_json::{from_value, json};

    async fn act(with: Value) -> StepResult<Answer> {
        let context = Context::default();
        let http = Http::connect(&context).await?;
        let request: Request = from_value(with).unwrap();
        match request.act(&http, &context).await? {
            Progress::Done(answer) => Ok(answer),
            Progress::Again { note, .. } => panic!("{note}"),
        }
    }

    #[tokio::test]
    async fn sends_what_is_given_and_gives_what_comes_back() {
        let (url, served) = serve(vec![answer("201 Created", r#"{"id":7}"#)]);
        let with = json!({
            "method": "POST",
            "url": format!("{url}/orders"),
            "headers": { "X-Key": "k" },
            "json": { "n": 1 },
        });
        let got = act(with).await.unwrap();
        assert_eq!(got.status, 201);
        assert_eq!(got.json, Some(json!({ "id": 7 })));
        assert_eq!(got.headers["x-node"], "a, b");
        let sent = served.join().unwrap().remove(0);
        assert!(sent.starts_with("POST /orders HTTP/1.1\r\n"), "{sent}");
        assert!(sent.contains("x-key: k\r\n"), "{sent}");
        assert!(sent.ends_with(r#"{"n":1}"#), "{sent}");
    }

    #[tokio::test]
    async fn a_status_of_refusal_is_a_fault_of_its_class() {
        for (status, kind, executed) in [
            ("403 Forbidden", FaultKind::Denied, Executed::No),
            ("404 Not Found", FaultKind::NotFound, Executed::No),
            ("422 Unprocessable", FaultKind::Invalid, Executed::No),
            ("429 Too Many", FaultKind::Throttled, Executed::No),
            ("503 Busy", FaultKind::Transient, Executed::Unknown),
        ] {
            let (url, _) = serve(vec![answer(status, "why\nmore")]);
            let fault = act(json!({ "url": url })).await.unwrap_err();
            assert_eq!((fault.kind, fault.executed), (kind, executed), "{status}");
            assert!(fault.message.ends_with(": why"), "{fault}");
        }
    }

    #[tokio::test]
    async fn nobody_listening_is_transient_and_had_no_effect() {
        let (url, served) = serve(Vec::new());
        served.join().unwrap();
        let fault = act(json!({ "url": url })).await.unwrap_err();
        assert_eq!(
            (fault.kind, fault.executed),
            (FaultKind::Transient, Executed::No)
        );
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_has_an_unknown_effect() {
        let (url, _) = serve(vec![
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_owned(),
        ]);
        let fault = act(json!({ "url": url, "method": "POST" }))
            .await
            .unwrap_err();
        assert_eq!(
            (fault.kind, fault.executed),
            (FaultKind::Transient, Executed::Unknown)
        );
    }

    #[tokio::test]
    async fn a_body_is_kept_up_to_a_mebibyte() {
        let (url, _) = serve(vec![answer("200 OK", &"x".repeat(1024 * 1024 + 1))]);
        assert_eq!(
            act(json!({ "url": url })).await.unwrap().body.len(),
            1024 * 1024
        );
    }

    #[test]
    fn only_what_is_said_to_be_repeatable_may_repeat() {
        let repeat = |with: Value| from_value::<Request>(with).unwrap().repeat();
        assert_eq!(repeat(json!({ "url": "http://a" })), Repeat::Harmless);
        assert_eq!(
            repeat(json!({ "url": "http://a", "method": "POST" })),
            Repeat::Never
        );
        let said = json!({ "url": "http://a", "method": "POST", "repeatable": true });
        assert_eq!(repeat(said), Repeat::Harmless);
    }
}
