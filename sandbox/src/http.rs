//! Whole requests and replies, and how to send one over the loopback interface.

use std::io;
use std::net::SocketAddr;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A request that has arrived as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A reply as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn new(method: Method, target: impl Into<String>) -> Request {
        Request {
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl Reply {
    pub(crate) fn new(
        status: StatusCode,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Reply {
            status,
            headers,
            body: body.into(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Sets a header whose value may be unfit for one, in which case it stays away.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    pub(crate) fn with_body(mut self, body: impl Into<Bytes>) -> Reply {
        self.body = body.into();
        self
    }
}

/// Headers that belong to one connection and are not passed on.
const HOP: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::UPGRADE,
];

/// Removes the headers that belong to one connection.
pub(crate) fn strip_hop(headers: &mut HeaderMap) {
    for name in HOP {
        headers.remove(name);
    }
}

/// Sends `request` over a new connection. moto closes after each answer anyway,
/// and an answer lost with a reused connection would be a call that ran twice.
pub(crate) async fn send(to: SocketAddr, request: Request) -> io::Result<Reply> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
    });
    let Request {
        method,
        target,
        mut headers,
        body,
    } = request;
    strip_hop(&mut headers);
    if !headers.contains_key(header::HOST) {
        let host = HeaderValue::from_str(&to.to_string()).map_err(io::Error::other)?;
        headers.insert(header::HOST, host);
    }
    let mut message = ::http::Request::builder()
        .method(method)
        .uri(target)
        .body(Full::new(body))
        .map_err(io::Error::other)?;
    *message.headers_mut() = headers;
    let (mut head, body) = sender
        .send_request(message)
        .await
        .map_err(io::Error::other)?
        .into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    strip_hop(&mut head.headers);
    Ok(Reply {
        status: head.status,
        headers: head.headers,
        body,
    })
}
