//! What lies outside of the host: the network, the signer, and where secrets come from. Tests of plugins
//! put a script in its place.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use runbook_step::Context;
use url::Url;

use crate::grant::{HttpGrant, Reference};

/// A boxed answer.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How the host shows who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`, from two secrets.
    Basic,
    /// A header of this name.
    Header(String),
}

/// A credential that the host attaches; the plugin names it and never sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// How.
    pub scheme: Scheme,
    /// Which secrets, by name, and where their values come from.
    pub secrets: Vec<(String, Reference)>,
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.secrets.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(":");
        match &self.scheme {
            Scheme::Bearer => write!(f, "bearer:{names}"),
            Scheme::Basic => write!(f, "basic:{names}"),
            Scheme::Header(header) => write!(f, "header:{header}:{names}"),
        }
    }
}

/// A request that was granted.
#[derive(Clone, Debug)]
pub struct HttpCall {
    /// Upper case.
    pub method: String,
    /// Whole address.
    pub url: Url,
    /// As the plugin gave them.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// For the whole exchange.
    pub timeout: Duration,
    /// What the host attaches.
    pub credential: Option<Credential>,
    /// Largest answer, in bytes.
    pub limit: u64,
}

/// An answer, of any status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpFailure {
    /// Its name leads where it must not, or its credential cannot be had.
    Denied(String),
    /// No connection was made: nothing was sent.
    Unreachable(String),
    /// Sent, but no complete answer.
    Interrupted(String),
    /// The answer is larger than allowed.
    TooLarge(u64),
    /// It is no request.
    Invalid(String),
}

/// A request to AWS that was granted, not yet signed.
#[derive(Clone, Debug)]
pub struct AwsCall {
    /// As the endpoint calls it.
    pub service: String,
    /// The action; of a REST call a label.
    pub action: String,
    /// Region.
    pub region: String,
    /// Method.
    pub method: String,
    /// Path, with a leading slash.
    pub path: String,
    /// Query, not encoded.
    pub query: Vec<(String, String)>,
    /// Headers beside those that signing adds.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// For the whole exchange.
    pub timeout: Duration,
    /// Largest answer, in bytes.
    pub limit: u64,
}

/// The network, the signer, and the secrets.
pub trait Transport: Send + Sync {
    /// Sends a request that was granted.
    fn http(
        &self,
        call: HttpCall,
        grant: HttpGrant,
    ) -> Answering<'_, Result<HttpAnswer, HttpFailure>>;

    /// Signs and sends a request to AWS that was granted. Any status is an answer.
    fn aws<'a>(
        &'a self,
        call: AwsCall,
        context: &'a Context,
    ) -> Answering<'a, Result<HttpAnswer, HttpFailure>>;

    /// The value of a secret.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn secret(&self, name: &str, reference: &Reference) -> Result<String, String>;

    /// Ends when the call is to be ended as if its time was up. Only a script does that: a test need not
    /// wait for a clock.
    fn out_of_time(&self) -> Answering<'_, ()> {
        Box::pin(std::future::pending())
    }
}
