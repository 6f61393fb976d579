//! moto as a child process that cannot outlive us.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::error::Error;
use crate::files;
use crate::options::Options;
use crate::python::Python;

const WRAPPER: &str = include_str!("moto_main.py");
const PATIENCE: Duration = Duration::from_secs(90);

/// A running moto. Its standard input is our grip on it: it ends when the pipe
/// closes, which the system does even when we are killed.
pub(crate) struct Moto {
    child: Child,
    grip: Option<ChildStdin>,
    log: PathBuf,
    address: SocketAddr,
}

impl Moto {
    /// Starts moto on a port of its choice and waits until it listens.
    pub(crate) async fn start(python: &Python, options: &Options) -> Result<Moto, Error> {
        let script = options.dir.join("moto_main.py");
        fs::write(&script, WRAPPER).map_err(Error::disk(&script))?;
        let log = options.moto_log();
        let errors = File::create(&log).map_err(Error::disk(&log))?;
        let mut child = Command::new(python.interpreter())
            .args(["-I", "-u"])
            .arg(&script)
            // Loading the 980 canned images makes the first call take seconds.
            .env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            .env("MOTO_ACM_VALIDATION_WAIT", "1")
            .env_remove("MOTO_ACCOUNT_ID")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(errors))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::disk(python.interpreter()))?;
        let grip = child.stdin.take();
        match timeout(PATIENCE, announced_port(&mut child)).await {
            Ok(Some(port)) => Ok(Moto {
                child,
                grip,
                log,
                address: ([127, 0, 0, 1], port).into(),
            }),
            Ok(None) | Err(_) => Err(Error::Moto {
                log: files::tail(&log),
            }),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns only when moto has ended by itself.
    pub(crate) async fn died(&mut self) -> Error {
        if let Err(error) = self.child.wait().await {
            tracing::warn!(%error, "cannot wait for moto");
        }
        Error::Moto {
            log: files::tail(&self.log),
        }
    }

    /// Lets go of moto and waits for its end.
    pub(crate) async fn stop(mut self) {
        drop(self.grip.take());
        if timeout(Duration::from_secs(2), self.child.wait())
            .await
            .is_err()
            && let Err(error) = self.child.kill().await
        {
            tracing::warn!(%error, "cannot end moto");
        }
    }
}

async fn announced_port(child: &mut Child) -> Option<u16> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(port) = line.strip_prefix("PORT ") {
            // moto prints now and then; an unread pipe would stop it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return port.trim().parse().ok();
        }
    }
    None
}
