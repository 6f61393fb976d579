//! Ways out of the sandbox, by the host's door and past it.

use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use crate::bindings::runbook::plugin::{aws as raw_aws, http as raw_http};
use crate::{Attempt, done, size, text};

/// `{ "ok": … }` or `{ "refused": … }`.
fn tell<T, E: std::fmt::Display>(result: Result<T, E>, shown: impl Fn(T) -> Value) -> Attempt {
    match result {
        Ok(value) => done(json!({ "ok": shown(value) })),
        Err(problem) => done(json!({ "refused": problem.to_string() })),
    }
}

pub fn reads_env(_: &Value) -> Attempt {
    let names: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
    done(json!({ "variables": names, "arguments": std::env::args().count() }))
}

pub fn reads_files(_: &Value) -> Attempt {
    let read: Vec<_> = [
        "/etc/passwd",
        "/proc/self/environ",
        "Cargo.toml",
        "../../etc/hosts",
    ]
    .into_iter()
    .filter(|path| std::fs::read(path).is_ok())
    .collect();
    let listed: Vec<_> = ["/", ".", "/tmp"]
        .into_iter()
        .filter(|path| std::fs::read_dir(path).is_ok())
        .collect();
    done(json!({ "read": read, "listed": listed }))
}

pub fn writes_files(_: &Value) -> Attempt {
    let written: Vec<_> = ["/tmp/hostile", "hostile", "/hostile"]
        .into_iter()
        .filter(|path| std::fs::write(path, "was here").is_ok())
        .collect();
    done(json!({ "written": written }))
}

pub fn opens_tcp(input: &Value) -> Attempt {
    tell(TcpStream::connect(text(input, "address")), |_| {
        json!("connected")
    })
}

pub fn listens_tcp(_: &Value) -> Attempt {
    tell(TcpListener::bind("127.0.0.1:0"), |_| json!("listening"))
}

pub fn opens_udp(input: &Value) -> Attempt {
    let sent = UdpSocket::bind("0.0.0.0:0")
        .and_then(|socket| socket.send_to(b"x", text(input, "address")));
    tell(sent, |bytes| json!(bytes))
}

pub fn resolves_name(input: &Value) -> Attempt {
    tell(text(input, "address").to_socket_addrs(), |found| {
        json!(found.count())
    })
}

/// `method`, `url`, `headers` (object), `secret` (bearer), `body`.
pub fn http(input: &Value) -> Attempt {
    let headers = input["headers"].as_object().into_iter().flatten();
    let request = raw_http::Request {
        method: text(input, "method").into(),
        url: text(input, "url").into(),
        headers: headers
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into()))
            .collect(),
        body: vec![b'x'; size(input, 0)],
        timeout_ms: input["timeout_ms"].as_u64().map(|ms| ms as u32),
        auth: input["secret"]
            .as_str()
            .map(|name| raw_http::Auth::Bearer(name.into())),
    };
    match raw_http::send(&request) {
        Ok(reply) => done(json!({ "status": reply.status, "bytes": reply.body.len() })),
        Err(problem) => done(json!({ "refused": format!("{problem:?}") })),
    }
}

pub fn many_requests(input: &Value) -> Attempt {
    let mut sent = 0;
    for _ in 0..size(input, 10_000) {
        let request = raw_http::Request {
            method: "GET".into(),
            url: text(input, "url").into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
            auth: None,
        };
        if let Err(problem) = raw_http::send(&request) {
            return done(json!({ "sent": sent, "refused": format!("{problem:?}") }));
        }
        sent += 1;
    }
    done(json!({ "sent": sent }))
}

/// Waits for a server that may never answer.
pub fn sleeps_in_host_call(input: &Value) -> Attempt {
    http(&json!({ "method": "GET", "url": input["url"] }))
}

/// `service`, `action`, `params` (object); `rest` with `method` and `path`
/// instead calls the action by another name.
pub fn aws(input: &Value) -> Attempt {
    let params = input["params"].as_object().into_iter().flatten();
    let form = match input["rest"].as_object() {
        Some(_) => raw_aws::Input::Rest(raw_aws::RestInput {
            method: text(&input["rest"], "method").into(),
            path: text(&input["rest"], "path").into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
        }),
        None => raw_aws::Input::Query(raw_aws::QueryInput {
            api_version: "2014-10-31".into(),
            params: params
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().into()))
                .collect(),
        }),
    };
    let request = raw_aws::Request {
        service: text(input, "service").into(),
        action: text(input, "action").into(),
        region: input["region"].as_str().map(Into::into),
        identity: input["identity"].as_str().map(Into::into),
        input: form,
    };
    match raw_aws::call(&request) {
        Ok(reply) => done(json!({ "status": reply.status, "bytes": reply.body.len() })),
        Err(problem) => done(json!({ "refused": format!("{problem:?}") })),
    }
}

/// The same door under another name: WASI's own client.
pub fn wasi_http(input: &Value) -> Attempt {
    tell(send(text(input, "url")), |status| json!(status))
}

fn send(url: &str) -> Result<u16, String> {
    use wasip2::http::outgoing_handler::handle;
    use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};

    let (scheme, rest) = url.split_once("://").ok_or("no scheme in the URL")?;
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(&Method::Get).map_err(|()| "method")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
    request
        .set_authority(Some(authority))
        .map_err(|()| "authority")?;
    request
        .set_path_with_query(Some(path))
        .map_err(|()| "path")?;
    let reply = handle(request, None).map_err(|code| format!("{code:?}"))?;
    reply.subscribe().block();
    match reply.get() {
        Some(Ok(Ok(response))) => Ok(response.status()),
        Some(Ok(Err(code))) => Err(format!("{code:?}")),
        Some(Err(())) | None => Err("no answer".into()),
    }
}
