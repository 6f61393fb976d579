//! Requests to granted hosts, with errors that say what the engine may do.

use serde::{Serialize, de::DeserializeOwned};

use crate::bindings::host::http_types as raw;
use crate::bindings::host::send;
use crate::error::{StepError, StepResult, note_change};

/// A request that only reads.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

/// A request that may change something.
pub fn post(url: impl Into<String>) -> Request {
    request("POST", url)
}

/// A request that replaces something.
pub fn put(url: impl Into<String>) -> Request {
    request("PUT", url)
}

/// A request that changes a part of something.
pub fn patch(url: impl Into<String>) -> Request {
    request("PATCH", url)
}

/// A request that removes something.
pub fn delete(url: impl Into<String>) -> Request {
    request("DELETE", url)
}

/// A request with any method.
pub fn request(method: impl Into<String>, url: impl Into<String>) -> Request {
    let method = method.into().to_ascii_uppercase();
    let reads = matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
    Request {
        raw: raw::Request {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
            auth: None,
        },
        reads,
        problem: None,
    }
}

/// A request under construction.
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    raw: raw::Request,
    reads: bool,
    problem: Option<StepError>,
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.raw.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.raw.body = bytes,
            Err(error) => self.problem = Some(error.into()),
        }
        self.header("content-type", "application/json")
    }

    /// Sends bytes.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.raw.body = body.into();
        self.header("content-type", content_type)
    }

    /// Lets the host add `Authorization: Bearer` from the named secret.
    pub fn bearer(mut self, secret: impl Into<String>) -> Self {
        self.raw.auth = Some(raw::Auth::Bearer(secret.into()));
        self
    }

    /// Lets the host add basic authentication from two named secrets.
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.raw.auth = Some(raw::Auth::Basic((user.into(), password.into())));
        self
    }

    /// Lets the host fill a header from the named secret.
    pub fn secret_header(mut self, header: impl Into<String>, secret: impl Into<String>) -> Self {
        self.raw.auth = Some(raw::Auth::Header((header.into(), secret.into())));
        self
    }

    /// Gives up after this time.
    pub fn timeout_ms(mut self, ms: u32) -> Self {
        self.raw.timeout_ms = Some(ms);
        self
    }

    /// States that this request changes nothing although its method could
    /// (a search by POST), so that losing its answer is harmless.
    pub fn reads(mut self) -> Self {
        self.reads = true;
        self
    }

    /// Sends it. Any status is an answer; see [`Response::success`].
    pub fn send(self) -> StepResult<Response> {
        let (reads, label) = (self.reads, self.label());
        self.try_send()
            .map_err(|error| error.explain(&label, !reads))
    }

    /// Sends it, for a plugin that tells the failures apart itself.
    pub fn try_send(mut self) -> Result<Response, HttpError> {
        if let Some(problem) = self.problem.take() {
            return Err(HttpError::Invalid(problem.message));
        }
        let label = self.label();
        if !self.reads && crate::context::dry_run() {
            return Err(HttpError::DryRun);
        }
        let answer = send(&self.raw).map_err(HttpError::from);
        let left = !matches!(
            answer,
            Err(HttpError::Denied(_)
                | HttpError::Unreachable(_)
                | HttpError::Invalid(_)
                | HttpError::DryRun)
        );
        if left && !self.reads {
            note_change();
        }
        answer.map(|raw| Response {
            status: raw.status,
            headers: raw.headers,
            body: raw.body,
            reads: self.reads,
            label,
        })
    }

    fn label(&self) -> String {
        // The query may hold what should not be in a message.
        let url = self.raw.url.split(['?', '#']).next().unwrap_or_default();
        format!("{} {url}", self.raw.method)
    }
}

/// Why there is no answer. Deliberately not a [`std::error::Error`]: `?` has to
/// know whether the request could change something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// Not granted.
    Denied(String),
    /// Nothing was sent.
    Unreachable(String),
    /// Sent, but not answered in full.
    Interrupted(String),
    /// The body is larger than this limit.
    TooLarge(u64),
    /// The request makes no sense.
    Invalid(String),
    /// The call is a preview and the request could change something, so it was
    /// not even tried.
    DryRun,
}

impl HttpError {
    /// The error of a step whose request failed in this way.
    pub fn explain(self, request: &str, mutating: bool) -> StepError {
        match self {
            Self::Denied(reason) => {
                StepError::permanent("http-denied", format!("{request}: {reason}"))
            }
            Self::Unreachable(reason) => {
                StepError::retryable("http-unreachable", format!("{request}: {reason}"))
            }
            Self::Interrupted(reason) => StepError::unanswered(
                mutating,
                "http-interrupted".into(),
                format!("{request}: no complete answer: {reason}"),
            ),
            Self::TooLarge(limit) => {
                let message = format!("{request}: the body is larger than {limit} bytes");
                // Whether it was the request's or the answer's body is not known.
                match mutating {
                    true => StepError::ambiguous("http-too-large", message),
                    false => StepError::permanent("http-too-large", message),
                }
            }
            Self::Invalid(reason) => {
                StepError::permanent("http-invalid", format!("{request}: {reason}"))
            }
            Self::DryRun => StepError::dry_run(request),
        }
    }
}

impl From<raw::HttpError> for HttpError {
    fn from(error: raw::HttpError) -> Self {
        match error {
            raw::HttpError::Denied(reason) => Self::Denied(reason),
            raw::HttpError::Unreachable(reason) => Self::Unreachable(reason),
            raw::HttpError::Interrupted(reason) => Self::Interrupted(reason),
            raw::HttpError::TooLarge(limit) => Self::TooLarge(limit),
            raw::HttpError::Invalid(reason) => Self::Invalid(reason),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers as they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    reads: bool,
    label: String,
}

impl Response {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> StepResult<T> {
        serde_json::from_slice(&self.body).map_err(|error| StepError {
            message: format!("{}: answer: {error}", self.label),
            ..error.into()
        })
    }

    /// Itself if the status is 2xx, else what the status means.
    pub fn success(self) -> StepResult<Self> {
        if (200..300).contains(&self.status) {
            Ok(self)
        } else {
            Err(self.failure())
        }
    }

    /// What this status means as a failure: 429 and 503 say "later", other 5xx
    /// leave a change in doubt, the rest will not get better.
    pub fn failure(&self) -> StepError {
        let code = format!("http-{}", self.status);
        let excerpt: String = self.text().trim().chars().take(200).collect();
        let message = match excerpt.is_empty() {
            true => format!("{} answered {}", self.label, self.status),
            false => format!("{} answered {}: {excerpt}", self.label, self.status),
        };
        let error = match self.status {
            408 | 425 | 429 | 503 => StepError::retryable(code, message),
            500..=599 => StepError::unanswered(!self.reads, code, message),
            _ => StepError::permanent(code, message),
        };
        // A date would need a clock; only the number of seconds is understood.
        match self
            .header("retry-after")
            .and_then(|value| value.trim().parse::<u64>().ok())
        {
            Some(seconds) => error.after_ms(seconds.saturating_mul(1000)),
            None => error,
        }
    }
}
