//! What a step says to the cloud and what it hears: one JSON line each way, one connection a call.

use std::net::SocketAddr;
use std::sync::OnceLock;

use runbook_step::{Context, Executed, Fault, FaultKind, StepResult};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// How the cloud tells a repeated call from a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It remembers tokens and answers a repeated one from memory.
    Token,
    /// It keeps tags and finds by them.
    Tag,
    /// A name is there once.
    Name,
    /// A value is put; putting it again changes nothing.
    State,
    /// It cannot.
    None,
    /// It acts every time, and can say whether it has.
    LookUp,
    /// Nothing is changed.
    Read,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Is there a resource with this tag or name?
    Find,
    /// Make one.
    Create,
    /// Take away what carries this token.
    Delete,
    /// The value of this name.
    Get,
    /// Set it.
    Put,
    /// Set it back.
    Restore,
    /// Act.
    Act,
    /// Has it acted for this token?
    LookUp,
    /// Read something.
    Read,
    /// What the ledger knows of this token: for people, never refused, not a call.
    Inspect,
}

impl Op {
    /// Whether it takes back what another call did.
    pub fn takes_back(self) -> bool {
        matches!(self, Self::Delete | Self::Restore)
    }

    /// Whether it is there to change something.
    pub fn changes(self) -> bool {
        match self {
            Self::Create | Self::Delete | Self::Put | Self::Restore | Self::Act => true,
            Self::Find | Self::Get | Self::LookUp | Self::Read | Self::Inspect => false,
        }
    }
}

/// One call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    pub op: Op,
    pub mode: Mode,
    pub run: String,
    pub step: String,
    pub token: String,
    pub attempt: u32,
    /// Who calls.
    pub process: u32,
    pub name: String,
    pub value: Value,
    /// The first so many calls of this kind for this token are throttled.
    pub throttle: u32,
    /// Whether it is refused for good.
    pub deny: bool,
}

/// The answer to one call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What was found or made.
    pub id: Option<String>,
    /// The token that it carries.
    pub token: Option<String>,
    /// The value, or how often it was asked.
    pub value: Value,
    /// Refused: `throttled`, `exists`, `denied`.
    pub refused: Option<String>,
}

static CLOUD: OnceLock<SocketAddr> = OnceLock::new();

/// Where this process finds the cloud.
pub fn connect_to(address: SocketAddr) {
    let _ = CLOUD.set(address);
}

impl Call {
    /// A call of the attempt that runs in `context`.
    pub fn new(op: Op, mode: Mode, context: &Context, name: &str) -> Self {
        Self {
            op,
            mode,
            run: context.run.clone(),
            step: context.step.clone(),
            token: context.token.clone(),
            attempt: context.attempt,
            process: std::process::id(),
            name: name.to_owned(),
            value: Value::Null,
            throttle: 0,
            deny: false,
        }
    }

    /// Sends it. What breaks on the way may have happened.
    pub async fn send(&self) -> StepResult<Reply> {
        let broken = |why: String| Fault {
            executed: Executed::Unknown,
            ..Fault::new(FaultKind::Transient, why)
        };
        // As the clients of real steps do, before each request.
        if !runbook_step::lease::holds() {
            return Err(Fault::new(FaultKind::Internal, "the lease ran out"));
        }
        let line = self
            .exchange()
            .await
            .map_err(|error| broken(error.to_string()))?;
        let reply: Reply = serde_json::from_str(&line)
            .map_err(|error| broken(format!("the answer was lost: {error}")))?;
        match reply.refused.as_deref() {
            Some("throttled") => Err(Fault::new(FaultKind::Throttled, "slow down")),
            Some("denied") => Err(Fault::new(FaultKind::Denied, "not yours")),
            Some(_) | None => Ok(reply),
        }
    }

    async fn exchange(&self) -> std::io::Result<String> {
        let address = CLOUD.get().ok_or(std::io::ErrorKind::NotConnected)?;
        let mut stream = TcpStream::connect(address).await?;
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        stream.write_all(line.as_bytes()).await?;
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next_line().await?.unwrap_or_default();
        // A second answer to the same call is the first one again, and nobody's business.
        while let Some(again) = lines.next_line().await? {
            assert_eq!(again, first);
        }
        Ok(first)
    }
}
