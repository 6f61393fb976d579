//! A grip on a running sandbox.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use ::http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::time::timeout;

use crate::account::{self, DEFAULT_ACCOUNT};
use crate::error::Error;
use crate::fault::{ActiveFault, Fault};
use crate::files;
use crate::http::{self, Request};
use crate::ledger::{Entry, Filter};
use crate::lifecycles::Lifecycles;
use crate::options::Options;
use crate::status::Status;

/// Long, since a machine with too much to do is slow and not broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running sandbox.
#[derive(Debug, Clone)]
pub struct Handle {
    status: Status,
}

impl Handle {
    pub(crate) fn new(status: Status) -> Handle {
        Handle { status }
    }

    /// The sandbox that runs in the folder of `options`.
    ///
    /// # Errors
    /// [`Error::NotRunning`] if there is none that answers.
    pub async fn find(options: &Options) -> Result<Handle, Error> {
        let not_running = || Error::NotRunning {
            dir: options.dir.clone(),
        };
        let text = fs::read_to_string(options.address_file()).map_err(|_| not_running())?;
        let written: Status = serde_json::from_str(&text).map_err(|_| not_running())?;
        // The file may be older than a crash, and its port be somebody else's by now.
        let status = Handle::new(written.clone())
            .status()
            .await
            .map_err(|_| not_running())?;
        if status.pid == written.pid && status.dir == written.dir {
            Ok(Handle { status })
        } else {
            Err(not_running())
        }
    }

    /// The address that stands for every AWS service.
    pub fn url(&self) -> &str {
        &self.status.url
    }

    /// The environment variables that make an AWS SDK use the sandbox, in this
    /// account or in the default one.
    pub fn env(&self, account: Option<&str>) -> Vec<(String, String)> {
        let key = account::key_for(account.unwrap_or(DEFAULT_ACCOUNT));
        let pairs = [
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_ACCESS_KEY_ID", key.as_str()),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_REGION", "us-east-1"),
        ];
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// What the sandbox says about itself now.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn status(&self) -> Result<Status, Error> {
        self.get("status").await
    }

    /// Stops the sandbox and waits until it has let go of its folder.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn stop(&self) -> Result<(), Error> {
        self.request(Method::POST, "stop", Vec::new()).await?;
        let lock = self.status.dir.join("sandbox.lock");
        for _ in 0..100 {
            if files::try_lock(&lock)?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Wipes the whole world: all accounts, faults, tokens and the ledger. The
    /// status that comes back names the new world.
    ///
    /// # Errors
    /// It does not answer, or `account` is given: moto cannot wipe a single
    /// account. Whoever needs an empty one takes another number.
    pub async fn reset(&self, account: Option<&str>) -> Result<Status, Error> {
        let query = account
            .map(|account| format!("?account={account}"))
            .unwrap_or_default();
        parsed(
            self.request(Method::POST, &format!("reset{query}"), Vec::new())
                .await?,
        )
    }

    /// Gives the empty account `to` everything that `from` has, under the same ids, and remembers the
    /// tokens of its calls there. Faults, lifecycles and the ledger stay behind.
    ///
    /// # Errors
    /// It does not answer, or one of the two is no account number.
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        let path = format!("copy?from={from}&to={to}");
        self.request(Method::POST, &path, Vec::new())
            .await
            .map(|_| ())
    }

    /// Injects a fault, or finds the one that has the same key already.
    ///
    /// # Errors
    /// It does not answer, or the fault is malformed.
    pub async fn fault(&self, fault: &Fault) -> Result<ActiveFault, Error> {
        parsed(self.request(Method::POST, "faults", body(fault)).await?)
    }

    /// All faults in force, of all accounts.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn faults(&self) -> Result<Vec<ActiveFault>, Error> {
        self.get("faults").await
    }

    /// Ends the fault of that key, or all faults of the account without one.
    /// What comes back are the ended faults.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn clear(
        &self,
        account: Option<&str>,
        key: Option<&str>,
    ) -> Result<Vec<ActiveFault>, Error> {
        // Finished before the request: it must not be held while another thread may take over.
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("account", account.unwrap_or(DEFAULT_ACCOUNT))
            .extend_pairs(key.map(|key| ("key", key)))
            .finish();
        parsed(
            self.request(Method::DELETE, &format!("faults?{query}"), Vec::new())
                .await?,
        )
    }

    /// The calls that `filter` admits, oldest first.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn ledger(&self, filter: &Filter) -> Result<Vec<Entry>, Error> {
        parsed(self.request(Method::POST, "ledger", body(filter)).await?)
    }

    /// Sets how long things take in one account, or in all others without one.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn set_lifecycles(
        &self,
        account: Option<&str>,
        lifecycles: Lifecycles,
    ) -> Result<(), Error> {
        let query = account
            .map(|account| format!("?account={account}"))
            .unwrap_or_default();
        self.request(
            Method::PUT,
            &format!("lifecycles{query}"),
            body(&lifecycles),
        )
        .await
        .map(|_| ())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        parsed(self.request(Method::GET, path, Vec::new()).await?)
    }

    async fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Json, Error> {
        let unreachable = |source| Error::Unreachable {
            url: self.status.url.clone(),
            source,
        };
        let address: SocketAddr = self
            .status
            .url
            .trim_start_matches("http://")
            .parse()
            .map_err(|error| unreachable(std::io::Error::other(error)))?;
        let mut request = Request::new(method, format!("/_sandbox/{path}"));
        request.body = body.into();
        let reply = timeout(PATIENCE, http::send(address, request))
            .await
            .map_err(|_| unreachable(std::io::ErrorKind::TimedOut.into()))?
            .map_err(unreachable)?;
        let value: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
        if reply.status.is_success() {
            return Ok(value);
        }
        let message = value
            .get("error")
            .and_then(Json::as_str)
            .unwrap_or("without a reason");
        Err(Error::Refused {
            message: message.to_owned(),
        })
    }
}

fn body(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn parsed<T: DeserializeOwned>(value: Json) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Refused {
        message: format!("unexpected answer: {error}"),
    })
}
