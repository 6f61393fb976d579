//! What `http.request` and `http.check` share: one client, one way to send, one answer.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use runbook_step::{Connect, Context, Fault, FaultKind, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More of a body than this is not kept.
const BODY_LIMIT: usize = 1024 * 1024;

/// The client that every HTTP step shares.
pub(crate) struct Http(reqwest::Client);

impl Connect for Http {
    async fn connect(_: &Context) -> StepResult<Self> {
        static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
        if let Some(client) = CLIENT.get() {
            return Ok(Self(client.clone()));
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("runbook/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::limited(5))
            .build()
            .map_err(|error| Fault::new(FaultKind::Internal, format!("no HTTP client: {error}")))?;
        Ok(Self(CLIENT.get_or_init(|| client).clone()))
    }
}

/// What is sent.
pub(super) struct Call<'a> {
    pub(super) method: reqwest::Method,
    pub(super) url: &'a str,
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) body: Option<Body<'a>>,
    pub(super) timeout: Duration,
}

/// A request's body.
pub(super) enum Body<'a> {
    Text(&'a str),
    Json(&'a Value),
}

/// The answer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// Status code.
    pub(super) status: u16,
    /// Headers, their names in lower case; several of one name are joined by `, `.
    pub(super) headers: BTreeMap<String, String>,
    /// The body as text, its first MiB at most.
    pub(super) body: String,
    /// The body, when it is JSON.
    pub(super) json: Option<Value>,
    /// Milliseconds from the request until the body had arrived.
    pub(super) elapsed_ms: u64,
}

impl Http {
    pub(super) async fn send(&self, call: Call<'_>, context: &Context) -> StepResult<Answer> {
        let mut request = self
            .0
            .request(call.method, call.url)
            .headers(headers(call.headers)?)
            .timeout(call.timeout);
        request = match call.body {
            None => request,
            Some(Body::Text(text)) => request.body(text.to_owned()),
            Some(Body::Json(value)) => request.json(value),
        };
        let started = Instant::now();
        let response = request
            .send()
            .await
            .map_err(|error| explain(error, call.url))?;
        let status = response.status().as_u16();
        let headers = shown(response.headers());
        let (bytes, cut) = read(response)
            .await
            .map_err(|error| explain(error, call.url))?;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if cut {
            context
                .log
                .line(format!("the body of {} is cut at 1 MiB", call.url));
        }
        Ok(Answer {
            status,
            headers,
            json: serde_json::from_slice(&bytes).ok(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            elapsed_ms,
        })
    }
}

/// Reads what is kept of the body, and says whether there was more.
async fn read(mut response: reqwest::Response) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = BODY_LIMIT - bytes.len();
        if chunk.len() > room {
            bytes.extend_from_slice(&chunk[..room]);
            return Ok((bytes, true));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, false))
}

fn headers(wished: &BTreeMap<String, String>) -> StepResult<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in wished {
        // The value may be a secret: only the name is shown.
        let wrong = || {
            Fault::new(
                FaultKind::Invalid,
                format!("header `{name}` cannot be sent"),
            )
        };
        let key: HeaderName = name.parse().map_err(|_| wrong())?;
        let value: HeaderValue = value.parse().map_err(|_| wrong())?;
        headers.append(key, value);
    }
    Ok(headers)
}

fn shown(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        shown
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    shown
}

fn explain(error: reqwest::Error, url: &str) -> Fault {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        reason = cause.to_string();
        source = cause.source();
    }
    if error.is_builder() {
        return Fault::new(FaultKind::Invalid, format!("cannot ask {url}: {reason}"));
    }
    if error.is_redirect() {
        return Fault::new(
            FaultKind::Invalid,
            format!("{url} redirects more than 5 times"),
        );
    }
    if error.is_connect() {
        let message = format!("cannot connect to {url}: {reason}");
        return Fault::new(FaultKind::Transient, message);
    }
    let message = if error.is_timeout() {
        format!("no answer from {url} in time")
    } else {
        format!("no whole answer from {url}: {reason}")
    };
    Fault::new(FaultKind::Transient, message).unknown_effect()
}

#[cfg(test)]
pub(super) mod testing {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    /// Serves one connection for each answer, and gives the requests as they came in.
    pub(crate) fn serve(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            answers
                .iter()
                .map(|answer| one(&listener, answer))
                .collect()
        });
        (url, served)
    }

    fn one(listener: &TcpListener, answer: &str) -> String {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .filter_map(|line| line.split_once(": "))
                    .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                    .map_or(0, |(_, length)| length.parse().unwrap());
                if body.len() >= length {
                    // A client that has read enough may be gone already.
                    let _ = stream.write_all(answer.as_bytes());
                    return text;
                }
            }
        }
    }

    /// An HTTP/1.1 answer that closes the connection.
    pub(crate) fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nx-node: a\r\nx-node: b\r\nconnection: close\r\n\r\n{body}"
        )
    }
}
