//! One sandbox: the emulator, and everything the proxy knows besides.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::http::{HeaderValue, Method, StatusCode};

use crate::call::{self, Call, form_body};
use crate::error::Error;
use crate::faults::Faults;
use crate::http::{self, Reply, Request};
use crate::ledger::Ledger;
use crate::lifecycles::Lifecycles;
use crate::memory::{Locks, Memory};
use crate::options::Options;
use crate::wire::refusal::Refusal;

/// One sandbox.
pub(crate) struct World {
    moto: SocketAddr,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    pub(crate) locks: Locks,
    memory: Mutex<Memory>,
    lifecycles: Mutex<Paces>,
    id: Mutex<String>,
}

/// How long things take, by account.
struct Paces {
    usual: Lifecycles,
    of_account: HashMap<String, Lifecycles>,
}

/// A service of the query protocol, as the proxy itself calls it.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    Ec2,
    LoadBalancing,
    CloudWatch,
}

impl Service {
    fn scope_and_version(self) -> (&'static str, &'static str) {
        match self {
            Service::Ec2 => ("ec2", "2016-11-15"),
            Service::LoadBalancing => ("elasticloadbalancing", "2015-12-01"),
            Service::CloudWatch => ("monitoring", "2010-08-01"),
        }
    }
}

impl World {
    /// A fresh world in front of a fresh moto.
    pub(crate) fn new(moto: SocketAddr, options: &Options) -> Result<World, Error> {
        Ok(World {
            moto,
            ledger: Ledger::create(&options.ledger_file())?,
            faults: Faults::default(),
            locks: Locks::default(),
            memory: Mutex::default(),
            lifecycles: Mutex::new(Paces {
                usual: options.lifecycles,
                of_account: HashMap::new(),
            }),
            id: Mutex::new(new_id()),
        })
    }

    /// What the proxy remembers. Never hold it across a call to moto.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long things take in this account; the usual time without one.
    pub(crate) fn lifecycles(&self, account: Option<&str>) -> Lifecycles {
        let paces = self
            .lifecycles
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        account
            .and_then(|account| paces.of_account.get(account))
            .copied()
            .unwrap_or(paces.usual)
    }

    /// Sets how long things take in this account, or usually without one.
    pub(crate) fn set_lifecycles(&self, account: Option<String>, lifecycles: Lifecycles) {
        let mut paces = self
            .lifecycles
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match account {
            Some(account) => {
                paces.of_account.insert(account, lifecycles);
            }
            None => paces.usual = lifecycles,
        }
    }

    fn paces(&self) -> MutexGuard<'_, Paces> {
        self.lifecycles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> String {
        self.id
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Wipes every account and becomes another world.
    pub(crate) async fn reset(&self) -> std::io::Result<()> {
        http::send(self.moto, Request::new(Method::POST, "/moto-api/reset")).await?;
        *self.memory() = Memory::default();
        self.faults.clear_all();
        self.ledger.clear();
        self.paces().of_account.clear();
        *self.id.lock().unwrap_or_else(PoisonError::into_inner) = new_id();
        Ok(())
    }

    /// Gives the account `to` everything that `from` has: resources, and what is remembered of its
    /// calls. Faults and the ledger stay behind.
    pub(crate) async fn copy(&self, from: &str, to: &str) -> std::io::Result<()> {
        let target = format!("/sandbox-copy?from={from}&to={to}");
        let reply = http::send(self.moto, Request::new(Method::POST, target)).await?;
        if !reply.status.is_success() {
            let why = reply.headers.get("x-moto-failure");
            let why = why.and_then(|why| why.to_str().ok()).unwrap_or_default();
            return Err(std::io::Error::other(why.to_owned()));
        }
        self.memory().copy(from, to);
        Ok(())
    }

    /// Passes a call to moto as it is.
    pub(crate) async fn pass(&self, call: &Call) -> Reply {
        let mut request = call.request.clone();
        choose_account(&mut request, &call.account);
        match http::send(self.moto, request).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::warn!(%error, operation = call.operation, "moto does not answer");
                Refusal::with(
                    503,
                    "ServiceUnavailable",
                    format!("the sandbox's emulator does not answer: {error}"),
                )
                .reply(call.protocol)
            }
        }
    }

    /// Asks moto something on the proxy's own behalf, in the place of `call`.
    pub(crate) async fn ask(
        &self,
        call: &Call,
        service: Service,
        action: &str,
        params: &[(&str, &str)],
    ) -> Reply {
        self.ask_at([&call.account, &call.region], service, action, params)
            .await
    }

    /// Asks moto something in this account and region.
    pub(crate) async fn ask_at(
        &self,
        [account, region]: [&str; 2],
        service: Service,
        action: &str,
        params: &[(&str, &str)],
    ) -> Reply {
        let (scope, version) = service.scope_and_version();
        let mut request = Request::new(Method::POST, "/");
        request.body = form_body(
            [("Action", action), ("Version", version)]
                .into_iter()
                .chain(params.iter().copied()),
        );
        call::set(
            &mut request,
            "content-type",
            "application/x-www-form-urlencoded",
        );
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential=sandbox/20260101/{region}/{scope}/aws4_request, SignedHeaders=host, Signature=0"
        );
        call::set(&mut request, "authorization", &credential);
        choose_account(&mut request, account);
        http::send(self.moto, request)
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%error, action, "moto does not answer the proxy");
                Reply::new(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "")
            })
    }
}

fn choose_account(request: &mut Request, account: &str) {
    if let Ok(value) = HeaderValue::from_str(account) {
        request.headers.insert("x-moto-account-id", value);
    }
}

fn new_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}
