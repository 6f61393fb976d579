//! AWS requests of a plugin: the host builds, signs and sends them, so that what was granted is what is
//! asked, and no credential reaches the plugin.

use std::time::Instant;

use serde_json::{Value, json};
use url::form_urlencoded;
use wasmtime::Result;

use super::bindings::runbook::plugin::aws as wit;
use super::call::Call;
use super::guest::{Guest, REQUEST_TIMEOUT};
use super::outgoing;
use super::transport::{AwsCall, HttpAnswer, HttpFailure};
use crate::digest::Digest;
use crate::grant;

type Answer = std::result::Result<wit::Response, wit::AwsError>;

impl wit::Host for Guest {
    async fn call(&mut self, request: wit::Request) -> Result<Answer> {
        let call = self.call.clone();
        Ok(call.aws(request).await)
    }
}

impl Call {
    async fn aws(&self, request: wit::Request) -> Answer {
        let _waits = self.waits();
        let denied = |why: &str| wit::AwsError::Denied(self.refuse(why));
        if let Some(identity) = &request.identity {
            return Err(denied(&format!(
                "no identity `{identity}` is known: calls go out as the step's own role (`role_arn`)"
            )));
        }
        let Some(region) = request
            .region
            .clone()
            .or_else(|| self.context.aws.region.clone())
        else {
            return Err(denied(
                "no region: neither the plugin nor the environment names one",
            ));
        };
        let rest = match &request.input {
            wit::Input::Rest(rest) => Some((rest.method.as_str(), rest.path.as_str())),
            wit::Input::Json(_) | wit::Input::Query(_) => None,
        };
        let asked = grant::AwsCall {
            service: &request.service,
            action: Some(&request.action),
            rest,
            region: &region,
        };
        if let Err(refusal) = self.setup.permissions.aws(&asked) {
            return Err(denied(&refusal.to_string()));
        }
        let changes = grant::is_changing(&asked);
        self.only_reads(changes).map_err(wit::AwsError::Denied)?;
        if let wit::Input::Rest(rest) = &request.input
            && let Some(name) = signed(&rest.headers)
        {
            return Err(denied(&format!("`{name}` is set by the host, which signs")));
        }
        let label = format!("{}:{}@{region}", request.service, request.action);
        let Some(number) = self.next_request() else {
            return Err(denied(&format!(
                "a call may send {} requests; `limits.requests` in plugins.yaml allows more",
                self.setup.limits.requests
            )));
        };
        let unsigned = self.build(request, region);
        let note = json!({ "aws": label, "body": Digest::of(&unsigned.body).to_string() });
        self.leaves(number, note, changes)
            .await
            .map_err(wit::AwsError::Denied)?;
        let begun = Instant::now();
        let answer = self.setup.transport.aws(unsigned, &self.context).await;
        let answer = self.read(answer);
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.returned(number, outcome(&answer, ms));
        answer
    }

    /// The request on the wire. Action and target are the host's, whatever the plugin put beside them.
    fn build(&self, request: wit::Request, region: String) -> AwsCall {
        let (service, action) = (request.service, request.action);
        let mut call = AwsCall {
            service,
            region,
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: REQUEST_TIMEOUT.min(self.left()),
            limit: self.setup.limits.http_body,
            action: action.clone(),
        };
        match request.input {
            wit::Input::Json(json) => {
                call.headers = vec![
                    (
                        "content-type".to_owned(),
                        format!("application/x-amz-json-{}", json.json_version),
                    ),
                    (
                        "x-amz-target".to_owned(),
                        format!("{}.{action}", json.target_prefix),
                    ),
                ];
                call.body = json.body.into_bytes();
            }
            wit::Input::Query(query) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.append_pair("Action", &action);
                form.append_pair("Version", &query.api_version);
                let own = |name: &str| matches!(name, "Action" | "Version");
                for (name, value) in query.params.iter().filter(|(name, _)| !own(name)) {
                    form.append_pair(name, value);
                }
                call.headers = vec![(
                    "content-type".to_owned(),
                    "application/x-www-form-urlencoded".to_owned(),
                )];
                call.body = form.finish().into_bytes();
            }
            wit::Input::Rest(rest) => {
                call.method = rest.method.to_ascii_uppercase();
                call.path = rest.path;
                call.query = rest.query;
                call.headers = rest.headers;
                call.body = rest.body;
            }
        }
        call
    }

    fn read(&self, answer: std::result::Result<HttpAnswer, HttpFailure>) -> Answer {
        let answer = answer.map_err(|failure| match failure {
            HttpFailure::Denied(why) | HttpFailure::Invalid(why) => wit::AwsError::Denied(why),
            HttpFailure::Unreachable(why) => wit::AwsError::Unreachable(self.hide(why)),
            HttpFailure::Interrupted(why) => wit::AwsError::Interrupted(self.hide(why)),
            HttpFailure::TooLarge(limit) => {
                wit::AwsError::Interrupted(format!("the answer has more than {limit} bytes"))
            }
        })?;
        let request_id = request_id(&answer);
        if !request_id.is_empty() {
            self.context.requests.line(request_id.clone());
        }
        if answer.status < 300 {
            return Ok(wit::Response {
                status: answer.status,
                request_id,
                body: answer.body,
            });
        }
        let error = service_error(&answer, request_id);
        if throttled(&error) {
            return Err(wit::AwsError::Throttled(error));
        }
        Err(wit::AwsError::Service(error))
    }
}

/// A header that is the host's: what it signs, and the signature.
fn signed(headers: &[(String, String)]) -> Option<String> {
    const OURS: [&str; 4] = [
        "authorization",
        "host",
        "x-amz-date",
        "x-amz-security-token",
    ];
    let mut names = headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    names.find(|name| OURS.contains(&name.as_str()) || outgoing::is_ours(name))
}

fn outcome(answer: &Answer, ms: u64) -> Value {
    match answer {
        Ok(answer) => {
            json!({ "status": answer.status, "request_id": answer.request_id, "ms": ms })
        }
        Err(wit::AwsError::Throttled(error) | wit::AwsError::Service(error)) => json!({
            "status": error.status, "code": error.code, "request_id": error.request_id, "ms": ms,
        }),
        Err(wit::AwsError::Denied(why)) => json!({ "error": "denied", "why": why, "ms": ms }),
        Err(wit::AwsError::Unreachable(why)) => {
            json!({ "error": "unreachable", "why": why, "ms": ms })
        }
        Err(wit::AwsError::Interrupted(why)) => {
            json!({ "error": "interrupted", "why": why, "ms": ms })
        }
    }
}

fn header<'a>(answer: &'a HttpAnswer, name: &str) -> Option<&'a str> {
    let found = answer
        .headers
        .iter()
        .find(|(own, _)| own.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

fn request_id(answer: &HttpAnswer) -> String {
    header(answer, "x-amzn-requestid")
        .or_else(|| header(answer, "x-amz-request-id"))
        .map(str::to_owned)
        .or_else(|| {
            let text = String::from_utf8_lossy(&answer.body);
            element(&text, "RequestId").or_else(|| element(&text, "RequestID"))
        })
        .unwrap_or_default()
}

/// What an error answer says, in JSON or in XML.
fn service_error(answer: &HttpAnswer, request_id: String) -> wit::ServiceError {
    let text = String::from_utf8_lossy(&answer.body);
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    // `namespace#Code` and `Code:http://…` are both seen.
    let code = header(answer, "x-amzn-errortype")
        .or_else(|| json["__type"].as_str())
        .or_else(|| json["code"].as_str())
        .map(|code| code.rsplit('#').next().unwrap_or(code))
        .map(|code| code.split(':').next().unwrap_or(code).to_owned())
        .or_else(|| element(&text, "Code"))
        .unwrap_or_else(|| format!("Http{}", answer.status));
    let message = json["message"]
        .as_str()
        .or_else(|| json["Message"].as_str())
        .map(str::to_owned)
        .or_else(|| element(&text, "Message"))
        .unwrap_or_default();
    wit::ServiceError {
        status: answer.status,
        code,
        message,
        request_id,
    }
}

/// The text of the first element of this name.
fn element(text: &str, name: &str) -> Option<String> {
    let from = text.find(&format!("<{name}>"))? + name.len() + 2;
    let to = text[from..].find(&format!("</{name}>"))? + from;
    Some(text[from..to].to_owned())
}

/// The codes that AWS uses when it is asked too much.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
fn throttled(error: &wit::ServiceError) -> bool {
    const CODES: [&str; 12] = [
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    ];
    error.status == 429 || CODES.contains(&error.code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn the_signature_is_the_hosts() {
        let headers = |name: &str| [(name.to_owned(), String::new())];
        assert_eq!(
            signed(&headers("Authorization")).as_deref(),
            Some("authorization")
        );
        assert!(signed(&headers("Connection")).is_some());
        assert_eq!(signed(&headers("x-amz-meta-a")), None);
    }

    #[test]
    fn errors_are_read_in_both_notations() {
        let xml = answer(
            400,
            "<ErrorResponse><Error><Code>DBInstanceNotFound</Code><Message>no</Message></Error>\
             <RequestId>r-1</RequestId></ErrorResponse>",
        );
        let error = service_error(&xml, request_id(&xml));
        assert_eq!(
            (
                error.code.as_str(),
                error.message.as_str(),
                error.request_id.as_str()
            ),
            ("DBInstanceNotFound", "no", "r-1")
        );
        let json = answer(
            400,
            r#"{"__type":"a.b#ThrottlingException","message":"slow"}"#,
        );
        let error = service_error(&json, String::new());
        assert_eq!(error.code, "ThrottlingException");
        assert!(throttled(&error));
    }
}
