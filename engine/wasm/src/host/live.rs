//! The network itself: names are looked up and checked here, so that no name leads where its grant does
//! not, and redirects are left to the plugin, whose next request is checked like the first.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use reqwest::Client;
use reqwest::redirect::Policy;
use runbook_step::{Context, StepResult};
use url::{Host, Url};

use super::transport::{
    Answering, AwsCall, Credential, HttpAnswer, HttpCall, HttpFailure, Scheme, Transport,
};
use crate::grant::{HttpGrant, Reference};

/// A request that only needs to be sent.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Whole address, with its query.
    pub url: String,
    /// Headers, with those of the signature.
    pub headers: Vec<(String, String)>,
}

/// Signs requests to AWS with the credentials of a step.
pub trait Signer: Send + Sync {
    /// Endpoint, credentials and signature for a request.
    fn sign<'a>(
        &'a self,
        call: &'a AwsCall,
        context: &'a Context,
    ) -> Answering<'a, StepResult<Signed>>;
}

const CONNECT: Duration = Duration::from_secs(5);
/// Clients that are kept: each is for one name and the addresses that were checked.
const CLIENTS: usize = 64;

type Clients = BTreeMap<(String, Vec<SocketAddr>), Client>;

/// The network.
pub struct Live {
    signer: Option<Arc<dyn Signer>>,
    clients: Mutex<Clients>,
}

impl Live {
    /// The network; without a signer there is no AWS.
    #[must_use]
    pub fn new(signer: Option<Arc<dyn Signer>>) -> Self {
        Self {
            signer,
            clients: Mutex::default(),
        }
    }

    /// A client for a host whose name was looked up already. A second look-up could say something else.
    fn client(&self, host: &str, addresses: Vec<SocketAddr>) -> Result<Client, HttpFailure> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (host.to_owned(), addresses);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = builder()
            .resolve_to_addrs(host, &key.1)
            .build()
            .map_err(|wrong| HttpFailure::Invalid(chain(&wrong)))?;
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }

    async fn send(&self, call: HttpCall, grant: &HttpGrant) -> Result<HttpAnswer, HttpFailure> {
        let host = call
            .url
            .host_str()
            .ok_or_else(|| HttpFailure::Invalid("the address has no host".to_owned()))?
            .to_owned();
        let addresses = look_up(&call.url, grant).await?;
        let client = self.client(&host, addresses)?;
        let mut headers = call.headers;
        if let Some(credential) = &call.credential {
            headers.push(self.attach(credential)?);
        }
        let request = Request {
            method: call.method,
            url: call.url.to_string(),
            headers,
            body: call.body,
            timeout: call.timeout,
            limit: call.limit,
        };
        exchange(&client, request).await
    }

    fn attach(&self, credential: &Credential) -> Result<(String, String), HttpFailure> {
        let mut values = Vec::new();
        for (name, reference) in &credential.secrets {
            values.push(self.secret(name, reference).map_err(HttpFailure::Denied)?);
        }
        let first = values.first().cloned().unwrap_or_default();
        Ok(match &credential.scheme {
            Scheme::Bearer => ("authorization".to_owned(), format!("Bearer {first}")),
            Scheme::Basic => {
                let pair = base64::engine::general_purpose::STANDARD.encode(values.join(":"));
                ("authorization".to_owned(), format!("Basic {pair}"))
            }
            Scheme::Header(header) => (header.clone(), first),
        })
    }

    async fn send_aws(&self, call: AwsCall, context: &Context) -> Result<HttpAnswer, HttpFailure> {
        let Some(signer) = &self.signer else {
            let why = "nothing here can sign requests to AWS".to_owned();
            return Err(HttpFailure::Denied(why));
        };
        let signed = signer
            .sign(&call, context)
            .await
            .map_err(|fault| HttpFailure::Denied(fault.to_string()))?;
        let client = self.client("", Vec::new())?;
        let request = Request {
            method: call.method,
            url: signed.url,
            headers: signed.headers,
            body: call.body,
            timeout: call.timeout,
            limit: call.limit,
        };
        exchange(&client, request).await
    }
}

impl Transport for Live {
    fn http(
        &self,
        call: HttpCall,
        grant: HttpGrant,
    ) -> Answering<'_, Result<HttpAnswer, HttpFailure>> {
        Box::pin(async move { self.send(call, &grant).await })
    }

    fn aws<'a>(
        &'a self,
        call: AwsCall,
        context: &'a Context,
    ) -> Answering<'a, Result<HttpAnswer, HttpFailure>> {
        Box::pin(self.send_aws(call, context))
    }

    fn secret(&self, name: &str, reference: &Reference) -> Result<String, String> {
        match reference {
            Reference::Env(variable) => std::env::var(variable).map_err(|_| {
                format!("secret `{name}`: the environment variable {variable} is not set")
            }),
            Reference::File(path) => std::fs::read_to_string(path)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .map_err(|error| {
                    format!(
                        "secret `{name}`: {} cannot be read: {error}",
                        path.display()
                    )
                }),
        }
    }
}

/// No redirects: a redirect is a request of its own. No proxy: what it resolves cannot be checked.
fn builder() -> reqwest::ClientBuilder {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .user_agent(concat!("runbook/", env!("CARGO_PKG_VERSION")))
}

/// The addresses of a host, all of them allowed: one that is not may be the one that is used.
async fn look_up(url: &Url, grant: &HttpGrant) -> Result<Vec<SocketAddr>, HttpFailure> {
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(address)) => vec![SocketAddr::new(IpAddr::V4(address), port)],
        Some(Host::Ipv6(address)) => vec![SocketAddr::new(IpAddr::V6(address), port)],
        Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
            .await
            .map_err(|error| HttpFailure::Unreachable(format!("{name}: {error}")))?
            .collect(),
        None => Vec::new(),
    };
    if found.is_empty() {
        let host = url.host_str().unwrap_or_default();
        return Err(HttpFailure::Unreachable(format!("{host} has no address")));
    }
    for address in &found {
        grant.address_allowed(address.ip()).map_err(|why| {
            HttpFailure::Denied(format!("{}: {why}", url.host_str().unwrap_or_default()))
        })?;
    }
    Ok(found)
}

/// A request as it is sent.
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Duration,
    limit: u64,
}

async fn exchange(client: &Client, request: Request) -> Result<HttpAnswer, HttpFailure> {
    let method = reqwest::Method::from_bytes(request.method.as_bytes())
        .map_err(|_| HttpFailure::Invalid(format!("`{}` is no method", request.method)))?;
    let mut sending = client
        .request(method, &request.url)
        .timeout(request.timeout)
        .body(request.body);
    for (name, value) in &request.headers {
        sending = sending.header(name, value);
    }
    let sending = sending
        .build()
        .map_err(|wrong| HttpFailure::Invalid(chain(&wrong)))?;
    let mut response = client.execute(sending).await.map_err(|error| {
        if error.is_connect() {
            HttpFailure::Unreachable(chain(&error))
        } else if error.is_builder() {
            HttpFailure::Invalid(chain(&error))
        } else {
            HttpFailure::Interrupted(chain(&error))
        }
    })?;
    let mut answer = HttpAnswer {
        status: response.status().as_u16(),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.to_string(), value)
            })
            .collect(),
        body: Vec::new(),
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                if answer.body.len() as u64 + chunk.len() as u64 > request.limit {
                    return Err(HttpFailure::TooLarge(request.limit));
                }
                answer.body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(answer),
            Err(error) => return Err(HttpFailure::Interrupted(chain(&error))),
        }
    }
}

/// An error with its causes; the address may hold a secret and is left out.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    if text.is_empty() {
        if error.is_timeout() {
            return "no answer in time".to_owned();
        }
        return "the exchange failed".to_owned();
    }
    text
}
