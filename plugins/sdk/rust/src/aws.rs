//! AWS requests that the host signs and sends.

use serde::{Serialize, de::DeserializeOwned};

use crate::bindings::host::aws_types as raw;
use crate::bindings::host::call;
use crate::error::{StepError, StepResult, note_change};

/// A request to a Query service (RDS, STS, SNS, IAM, EC2, ELB, ...).
pub fn query(service: &str, api_version: &str, action: &str) -> Request {
    let params = Vec::new();
    let input = raw::Input::Query(raw::QueryInput {
        api_version: api_version.into(),
        params,
    });
    Request::new(service, action, input)
}

/// A request to a JSON service (ECS, SSM, DynamoDB, ...); the target is
/// `PREFIX.ACTION`, the version `1.0` or `1.1`.
pub fn json(service: &str, target_prefix: &str, json_version: &str, action: &str) -> Request {
    let input = raw::Input::Json(raw::JsonInput {
        target_prefix: target_prefix.into(),
        json_version: json_version.into(),
        body: "{}".into(),
    });
    Request::new(service, action, input)
}

/// A request under construction.
#[must_use = "a request does nothing until it is called"]
pub struct Request {
    raw: raw::Request,
    problem: Option<StepError>,
}

impl Request {
    fn new(service: &str, action: &str, input: raw::Input) -> Self {
        let raw = raw::Request {
            service: service.into(),
            action: action.into(),
            region: None,
            identity: None,
            input,
        };
        Self { raw, problem: None }
    }

    /// Adds a parameter to a Query request.
    pub fn param(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        match &mut self.raw.input {
            raw::Input::Query(query) => query.params.push((name.into(), value.to_string())),
            raw::Input::Json(_) | raw::Input::Rest(_) => {
                self.problem = Some(StepError::permanent(
                    "aws-invalid",
                    format!("{}: parameters belong to Query services", self.label()),
                ));
            }
        }
        self
    }

    /// Sets the body of a JSON request.
    pub fn body(mut self, body: &impl Serialize) -> Self {
        match (&mut self.raw.input, serde_json::to_string(body)) {
            (raw::Input::Json(json), Ok(text)) => json.body = text,
            (_, Err(error)) => self.problem = Some(error.into()),
            (raw::Input::Query(_) | raw::Input::Rest(_), Ok(_)) => {
                self.problem = Some(StepError::permanent(
                    "aws-invalid",
                    format!("{}: a JSON body belongs to JSON services", self.label()),
                ));
            }
        }
        self
    }

    /// Asks another region than that of the environment.
    pub fn region(mut self, region: Option<impl Into<String>>) -> Self {
        self.raw.region = region.map(Into::into);
        self
    }

    /// Uses another account or role, by its alias in the environment.
    pub fn identity(mut self, alias: Option<impl Into<String>>) -> Self {
        self.raw.identity = alias.map(Into::into);
        self
    }

    /// Sends it, and explains a failure.
    pub fn call(self) -> StepResult<Response> {
        let (label, mutating) = (self.label(), self.mutates());
        self.try_call()
            .map_err(|error| error.explain(&label, mutating))
    }

    /// Sends it, for a plugin that tells the failures apart itself.
    pub fn try_call(self) -> Result<Response, AwsError> {
        if let Some(problem) = self.problem {
            return Err(AwsError::Invalid(problem.message));
        }
        let mutating = self.mutates();
        if mutating && crate::context::dry_run() {
            return Err(AwsError::DryRun);
        }
        let answer = call(&self.raw);
        if mutating
            && !matches!(
                answer,
                Err(raw::AwsError::Denied(_) | raw::AwsError::Unreachable(_))
            )
        {
            note_change();
        }
        answer
            .map(|raw| Response {
                request_id: raw.request_id,
                body: raw.body,
            })
            .map_err(AwsError::from)
    }

    fn label(&self) -> String {
        format!("{}:{}", self.raw.service, self.raw.action)
    }

    fn mutates(&self) -> bool {
        !["Get", "List", "Describe", "Head"]
            .iter()
            .any(|verb| self.raw.action.starts_with(verb))
    }
}

/// Why a request has no result. Not a [`std::error::Error`], for the reason
/// given at [`crate::http::HttpError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsError {
    /// Not granted.
    Denied(String),
    /// Too fast; nothing was done.
    Throttled(ServiceError),
    /// The service said no.
    Service(ServiceError),
    /// Nothing was sent.
    Unreachable(String),
    /// Sent, but not answered.
    Interrupted(String),
    /// The request makes no sense.
    Invalid(String),
    /// The call is a preview and the action could change something, so it was
    /// not even tried.
    DryRun,
}

/// What a service says when it says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The HTTP status.
    pub status: u16,
    /// AWS's name of the error.
    pub code: String,
    /// AWS's sentence.
    pub message: String,
    /// For AWS's support.
    pub request_id: String,
}

impl AwsError {
    /// AWS's name of the error, when the service gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Throttled(error) | Self::Service(error) => Some(&error.code),
            Self::Denied(_)
            | Self::Unreachable(_)
            | Self::Interrupted(_)
            | Self::Invalid(_)
            | Self::DryRun => None,
        }
    }

    /// The error of a step whose request failed in this way.
    pub fn explain(self, request: &str, mutating: bool) -> StepError {
        match self {
            Self::Denied(reason) => {
                StepError::permanent("aws-denied", format!("{request}: {reason}"))
            }
            Self::Unreachable(reason) => {
                StepError::retryable("aws-unreachable", format!("{request}: {reason}"))
            }
            Self::Interrupted(reason) => StepError::unanswered(
                mutating,
                "aws-interrupted".into(),
                format!("{request}: no complete answer: {reason}"),
            ),
            Self::Throttled(error) => StepError::retryable(error.label(), error.sentence(request)),
            Self::Service(error) if error.status >= 500 => {
                StepError::unanswered(mutating, error.label(), error.sentence(request))
            }
            Self::Service(error) => StepError::permanent(error.label(), error.sentence(request)),
            Self::Invalid(reason) => StepError::permanent("aws-invalid", reason),
            Self::DryRun => StepError::dry_run(request),
        }
    }
}

impl ServiceError {
    fn label(&self) -> String {
        format!("aws-{}", self.code)
    }

    fn sentence(&self, request: &str) -> String {
        format!(
            "{request}: {} ({}, request {})",
            self.message, self.code, self.request_id
        )
    }
}

impl From<raw::ServiceError> for ServiceError {
    fn from(error: raw::ServiceError) -> Self {
        Self {
            status: error.status,
            code: error.code,
            message: error.message,
            request_id: error.request_id,
        }
    }
}

impl From<raw::AwsError> for AwsError {
    fn from(error: raw::AwsError) -> Self {
        match error {
            raw::AwsError::Denied(reason) => Self::Denied(reason),
            raw::AwsError::Throttled(error) => Self::Throttled(error.into()),
            raw::AwsError::Service(error) => Self::Service(error.into()),
            raw::AwsError::Unreachable(reason) => Self::Unreachable(reason),
            raw::AwsError::Interrupted(reason) => Self::Interrupted(reason),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// For AWS's support.
    pub request_id: String,
    /// XML of a Query service, JSON of a JSON service.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> StepResult<T> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The text of the first XML element of this name. Enough for the flat
    /// answers of Query services, and far smaller than a parser.
    pub fn xml_text(&self, element: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body);
        let (_, rest) = body.split_once(&format!("<{element}>"))?;
        let (text, _) = rest.split_once(&format!("</{element}>"))?;
        Some(unescape(text.trim()))
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
