//! Requests that leave a plugin: checked against its grants, put down, sent, and put down again. The
//! plugin's own interfaces and `wasi:http` lead through the same gate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};
use url::Url;
use wasmtime::Result;
use wasmtime_wasi_http::{Error as WasiError, RequestOptions, WasiBody, WasiHttpHooks};

use super::bindings::runbook::plugin as wit;
use super::call::Call;
use super::guest::{Guest, REQUEST_TIMEOUT};
use super::transport::{Credential, HttpAnswer, HttpCall, HttpFailure, Scheme};
use crate::digest::Digest;
use crate::grant::Use;

/// A request before it is checked.
struct Wish {
    method: String,
    url: Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Option<Duration>,
    auth: Option<(Scheme, Vec<String>)>,
}

/// Methods that change nothing.
fn reads(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// An address without what may be secret: its query and its user.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_fragment(None);
    if url.query().is_some() {
        url.set_query(Some("…"));
        return url.to_string().replace("?%E2%80%A6", "?…");
    }
    url.to_string()
}

impl Call {
    async fn send(&self, wish: Wish) -> Result<HttpAnswer, HttpFailure> {
        let _waits = self.waits();
        let grant = self
            .setup
            .permissions
            .http(&wish.method, &wish.url)
            .map_err(|refusal| HttpFailure::Denied(self.refuse(&refusal.to_string())))?;
        let changes = !reads(&wish.method);
        self.only_reads(changes).map_err(HttpFailure::Denied)?;
        let limit = self.setup.limits.http_body;
        if wish.body.len() as u64 > limit {
            return Err(HttpFailure::TooLarge(limit));
        }
        own_headers(&wish.headers)?;
        let credential = self.credential(&wish)?;
        let number = self.number().map_err(HttpFailure::Denied)?;
        let mut request = json!({ "http": format!("{} {}", wish.method, shown(&wish.url)) });
        if !wish.body.is_empty() {
            request["body"] = json!(Digest::of(&wish.body).to_string());
        }
        if let Some(credential) = &credential {
            request["auth"] = json!(credential.to_string());
        }
        self.leaves(number, request, changes)
            .await
            .map_err(HttpFailure::Denied)?;
        let timeout = wish.timeout.unwrap_or(REQUEST_TIMEOUT).min(self.left());
        let call = HttpCall {
            method: wish.method,
            url: wish.url,
            headers: wish.headers,
            body: wish.body,
            timeout,
            credential,
            limit,
        };
        let begun = Instant::now();
        let answer = self.setup.transport.http(call, grant).await;
        self.returned(number, outcome(&answer, begun.elapsed()));
        answer
    }

    pub(crate) fn number(&self) -> Result<u32, String> {
        self.next_request().ok_or_else(|| {
            self.refuse(&format!(
                "a call may send {} requests; `limits.requests` in plugins.yaml allows more",
                self.setup.limits.requests
            ))
        })
    }

    /// The credential that a request names; the plugin may not send its header itself.
    fn credential(&self, wish: &Wish) -> Result<Option<Credential>, HttpFailure> {
        let Some((scheme, names)) = &wish.auth else {
            return Ok(None);
        };
        let header = match scheme {
            Scheme::Bearer | Scheme::Basic => "authorization",
            Scheme::Header(header) => header,
        };
        if wish
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(header))
        {
            let why = format!("`{header}` is set by the host and by the plugin");
            return Err(HttpFailure::Invalid(why));
        }
        let (mut secrets, mut values) = (Vec::new(), Vec::new());
        for name in names {
            let reference = self
                .setup
                .permissions
                .secret(name, Use::Attach)
                .map_err(|refusal| HttpFailure::Denied(self.refuse(&refusal.to_string())))?;
            if let Ok(value) = self.setup.transport.secret(name, &reference) {
                self.know(name, &value);
                values.push(value);
            }
            secrets.push((name.clone(), reference));
        }
        if *scheme == Scheme::Basic {
            // What travels is both together, encoded.
            self.know(&names.join(":"), &values.join(":"));
        }
        Ok(Some(Credential {
            scheme: scheme.clone(),
            secrets,
        }))
    }
}

/// Headers that say to whom a request goes and where it ends: the host's, since it checked the address.
const OURS: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header, in lower case, is not for a plugin to set.
pub(crate) fn is_ours(name: &str) -> bool {
    OURS.contains(&name)
}

/// Refuses a request with a header that is not for a plugin to set.
fn own_headers(headers: &[(String, String)]) -> Result<(), HttpFailure> {
    let lower = |(name, _): &(String, String)| name.to_ascii_lowercase();
    let ours = headers.iter().map(lower).find(|name| is_ours(name));
    match ours {
        Some(name) => Err(HttpFailure::Invalid(format!("`{name}` is set by the host"))),
        None => Ok(()),
    }
}

/// What is put down of an answer.
fn outcome(answer: &Result<HttpAnswer, HttpFailure>, took: Duration) -> Value {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match answer {
        Ok(answer) => json!({ "status": answer.status, "ms": ms, "bytes": answer.body.len() }),
        Err(failure) => {
            let (kind, why) = match failure {
                HttpFailure::Denied(why) => ("denied", why.clone()),
                HttpFailure::Unreachable(why) => ("unreachable", why.clone()),
                HttpFailure::Interrupted(why) => ("interrupted", why.clone()),
                HttpFailure::TooLarge(limit) => ("too_large", format!("more than {limit} bytes")),
                HttpFailure::Invalid(why) => ("invalid", why.clone()),
            };
            json!({ "error": kind, "why": why, "ms": ms })
        }
    }
}

impl wit::http::Host for Guest {
    async fn send(
        &mut self,
        request: wit::http::Request,
    ) -> Result<Result<wit::http::Response, wit::http::HttpError>> {
        use wit::http::{Auth, HttpError};
        let url = match Url::parse(&request.url) {
            Ok(url) => url,
            Err(wrong) => {
                let why = format!("`{}` is no address: {wrong}", request.url);
                return Ok(Err(HttpError::Invalid(why)));
            }
        };
        let wish = Wish {
            method: request.method.to_ascii_uppercase(),
            url,
            headers: request.headers,
            body: request.body,
            timeout: request
                .timeout_ms
                .map(|ms| Duration::from_millis(ms.into())),
            auth: request.auth.map(|auth| match auth {
                Auth::Bearer(name) => (Scheme::Bearer, vec![name]),
                Auth::Basic((user, password)) => (Scheme::Basic, vec![user, password]),
                Auth::Header((header, name)) => (Scheme::Header(header), vec![name]),
            }),
        };
        let call = self.call.clone();
        Ok(match call.send(wish).await {
            Ok(answer) => Ok(wit::http::Response {
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
            }),
            Err(failure) => Err(match failure {
                HttpFailure::Denied(why) => HttpError::Denied(why),
                HttpFailure::Unreachable(why) => HttpError::Unreachable(call.hide(why)),
                HttpFailure::Interrupted(why) => HttpError::Interrupted(call.hide(why)),
                HttpFailure::TooLarge(limit) => HttpError::TooLarge(limit),
                HttpFailure::Invalid(why) => HttpError::Invalid(why),
            }),
        })
    }
}

/// `wasi:http` of an instance.
pub(crate) struct Hooks(pub(crate) Arc<Call>);

/// What `wasi:http` gives for one request.
type Sending = Box<
    dyn Future<
            Output = std::result::Result<
                (
                    http::Response<WasiBody>,
                    Box<dyn Future<Output = std::result::Result<(), WasiError>> + Send>,
                ),
                WasiError,
            >,
        > + Send,
>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = std::result::Result<(), WasiError>> + Send>,
    ) -> Sending {
        let call = self.0.clone();
        Box::new(async move {
            let answer = carry(&call, request, options).await?;
            let done: Box<dyn Future<Output = std::result::Result<(), WasiError>> + Send> =
                Box::new(async { Ok(()) });
            Ok((answer, done))
        })
    }
}

async fn carry(
    call: &Call,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> std::result::Result<http::Response<WasiBody>, WasiError> {
    let (parts, body) = request.into_parts();
    let limit = call.setup.limits.http_body;
    let body = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX))
        .collect()
        .await
        .map_err(|_| WasiError::HttpRequestBodySize(Some(limit)))?
        .to_bytes();
    let url = Url::parse(&parts.uri.to_string()).map_err(|_| WasiError::HttpRequestUriInvalid)?;
    let headers = parts
        .headers
        .iter()
        .filter(|(name, _)| ![http::header::HOST, http::header::CONTENT_LENGTH].contains(name))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect();
    let wish = Wish {
        method: parts.method.as_str().to_ascii_uppercase(),
        url,
        headers,
        body: body.to_vec(),
        timeout: options.and_then(|options| options.first_byte_timeout),
        auth: None,
    };
    let answer = call.send(wish).await.map_err(|failure| match failure {
        HttpFailure::Denied(_) => WasiError::HttpRequestDenied,
        HttpFailure::Unreachable(_) => WasiError::ConnectionRefused,
        HttpFailure::Interrupted(_) => WasiError::HttpResponseIncomplete,
        HttpFailure::TooLarge(limit) => WasiError::HttpResponseBodySize(Some(limit)),
        HttpFailure::Invalid(_) => WasiError::HttpRequestUriInvalid,
    })?;
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(answer.body))
        .map_err(|never| match never {})
        .boxed_unsync();
    response
        .body(body)
        .map_err(|wrong| WasiError::InternalError(Some(wrong.to_string())))
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{own_headers, shown};

    #[test]
    fn whom_a_request_goes_to_is_not_for_a_plugin_to_say() {
        let headers = |name: &str| [(name.to_owned(), "a".to_owned())];
        assert!(own_headers(&headers("hOst")).is_err());
        assert!(own_headers(&headers("x-host")).is_ok());
    }

    #[test]
    fn what_may_be_secret_in_an_address_is_not_put_down() {
        let url = Url::parse("https://u:p@a.example/x?token=s3cr3t#f").unwrap();
        assert_eq!(shown(&url), "https://a.example/x?…");
    }
}
