//! A host for unit tests: `cargo test` runs a step natively, and this answers.
//!
//! ```
//! use runbook_plugin::{fake::Fake, http};
//! use serde_json::json;
//!
//! let fake = Fake::new().config(json!({ "url": "http://chat" })).http(200, json!({ "ok": true }));
//! let guard = fake.install();
//! http::post("http://chat/post").json(&json!({ "text": "hi" })).send().unwrap();
//! assert_eq!(guard.sent(), ["POST http://chat/post {\"text\":\"hi\"}"]);
//! ```

use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use crate::bindings::host::{aws_types, http_types};

/// What the host answers, and what it was asked.
#[derive(Default)]
pub struct Fake {
    config: Option<Value>,
    resume: Option<String>,
    dry_run: bool,
    http: VecDeque<Result<http_types::Response, http_types::HttpError>>,
    aws: VecDeque<Result<aws_types::Response, aws_types::AwsError>>,
    secrets: BTreeMap<String, String>,
    state: BTreeMap<String, Vec<u8>>,
    sent: Vec<String>,
}

thread_local! {
    static HOST: RefCell<Fake> = RefCell::default();
}

/// The installed host; it is gone when this is dropped.
pub struct Guard(());

impl Fake {
    /// A host that knows nothing and answers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Settings of the plugin.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.config = Some(config);
        self
    }

    /// What a pause or a checkpoint left behind.
    #[must_use]
    pub fn resume(mut self, state: &Value) -> Self {
        self.resume = Some(state.to_string());
        self
    }

    /// A preview.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// The value of a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// The next HTTP answer.
    #[must_use]
    pub fn http(self, status: u16, body: Value) -> Self {
        self.http_with(status, &[], body)
    }

    /// The next HTTP answer, with headers.
    #[must_use]
    pub fn http_with(mut self, status: u16, headers: &[(&str, &str)], body: Value) -> Self {
        let headers = headers
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        let body = body.to_string().into_bytes();
        self.http.push_back(Ok(http_types::Response {
            status,
            headers,
            body,
        }));
        self
    }

    /// The next HTTP request leaves and is not answered.
    #[must_use]
    pub fn http_cut(mut self) -> Self {
        self.http.push_back(Err(http_types::HttpError::Interrupted(
            "connection reset".into(),
        )));
        self
    }

    /// The next AWS answer.
    #[must_use]
    pub fn aws(mut self, body: &str) -> Self {
        let (request_id, body) = ("fake".into(), body.as_bytes().to_vec());
        self.aws.push_back(Ok(aws_types::Response {
            status: 200,
            request_id,
            body,
        }));
        self
    }

    /// The next AWS request is refused by the service.
    #[must_use]
    pub fn aws_refuses(mut self, status: u16, code: &str) -> Self {
        self.aws
            .push_back(Err(aws_types::AwsError::Service(aws_types::ServiceError {
                status,
                code: code.into(),
                message: "refused".into(),
                request_id: "fake".into(),
            })));
        self
    }

    /// Answers this thread until the guard is dropped.
    pub fn install(self) -> Guard {
        crate::error::forget_changes();
        HOST.set(self);
        Guard(())
    }
}

impl Guard {
    /// What was asked so far: `METHOD URL BODY`, `service:Action params`,
    /// `checkpoint STATE`.
    pub fn sent(&self) -> Vec<String> {
        HOST.with_borrow(|host| host.sent.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        HOST.take();
    }
}

/// The functions of the contract.
#[doc(hidden)]
#[allow(missing_docs, reason = "they mirror the contract")]
pub mod host {
    use super::HOST;
    use crate::bindings::host::{aws_types, http_types, log_types};

    pub fn send(
        request: &http_types::Request,
    ) -> Result<http_types::Response, http_types::HttpError> {
        let body = String::from_utf8_lossy(&request.body);
        let line = format!("{} {} {body}", request.method, request.url);
        HOST.with_borrow_mut(|host| {
            host.sent.push(line.trim_end().to_owned());
            host.http.pop_front().unwrap_or_else(|| {
                Err(http_types::HttpError::Unreachable(
                    "the test gave no answer".into(),
                ))
            })
        })
    }

    pub fn call(request: &aws_types::Request) -> Result<aws_types::Response, aws_types::AwsError> {
        let input = match &request.input {
            aws_types::Input::Json(json) => json.body.clone(),
            aws_types::Input::Query(query) => query
                .params
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
                .join("&"),
            aws_types::Input::Rest(rest) => format!("{} {}", rest.method, rest.path),
        };
        HOST.with_borrow_mut(|host| {
            host.sent
                .push(format!("{}:{} {input}", request.service, request.action));
            host.aws.pop_front().unwrap_or_else(|| {
                Err(aws_types::AwsError::Unreachable(
                    "the test gave no answer".into(),
                ))
            })
        })
    }

    pub fn save(state: &str) -> Result<(), String> {
        HOST.with_borrow_mut(|host| {
            host.sent.push(format!("checkpoint {state}"));
            host.resume = Some(state.to_owned());
        });
        Ok(())
    }

    pub fn write(_: log_types::Level, _: &str, _: &[(String, String)]) {}

    pub mod progress {
        pub fn report(_: &str, _: Option<u8>) {}
        pub fn heartbeat() {}
    }

    pub mod secrets {
        use crate::fake::HOST;

        pub fn get(name: &str) -> Result<String, String> {
            HOST.with_borrow(|host| host.secrets.get(name).cloned())
                .ok_or_else(|| format!("secret `{name}` is not granted"))
        }
    }

    pub mod context {
        use crate::fake::HOST;

        pub fn run_id() -> String {
            "r1".into()
        }
        pub fn step_id() -> String {
            "step".into()
        }
        pub fn attempt() -> u32 {
            1
        }
        pub fn idempotency_key() -> String {
            "r1/step".into()
        }
        pub fn environment() -> String {
            "test".into()
        }
        pub fn dry_run() -> bool {
            HOST.with_borrow(|host| host.dry_run)
        }
        pub fn config() -> String {
            HOST.with_borrow(|host| {
                host.config
                    .as_ref()
                    .map_or_else(|| "{}".into(), ToString::to_string)
            })
        }
        pub fn resume_state() -> Option<String> {
            HOST.with_borrow(|host| host.resume.clone())
        }
        pub fn remaining_ms() -> u64 {
            60_000
        }
        pub fn cancelled() -> bool {
            false
        }
    }

    pub mod state {
        use crate::bindings::host::state_types::StateError;
        use crate::fake::HOST;

        pub fn get(key: &str) -> Result<Option<Vec<u8>>, StateError> {
            Ok(HOST.with_borrow(|host| host.state.get(key).cloned()))
        }
        pub fn put(key: &str, value: &[u8]) -> Result<(), StateError> {
            HOST.with_borrow_mut(|host| host.state.insert(key.into(), value.into()));
            Ok(())
        }
        pub fn replace(key: &str, expected: Option<&[u8]>, value: &[u8]) -> Result<(), StateError> {
            if get(key)?.as_deref() != expected {
                return Err(StateError::Conflict);
            }
            put(key, value)
        }
        pub fn delete(key: &str) -> Result<(), StateError> {
            HOST.with_borrow_mut(|host| host.state.remove(key));
            Ok(())
        }
    }
}
