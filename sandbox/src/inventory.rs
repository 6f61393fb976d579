//! What is in an account, through the AWS API, so that two worlds can be compared.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::account::DEFAULT_ACCOUNT;
use crate::error::Error;
use crate::handle::Handle;
use crate::options::Options;
use crate::python;

/// Asks with boto3, which comes with moto: what is compared does not come from code of this project.
const SCRIPT: &str = include_str!("inventory.py");

impl Handle {
    /// Everything in an account that has a name, one JSON object a line, sorted. Ids, which differ
    /// between two worlds that are otherwise the same, are replaced by names; what a run leaves of
    /// itself (tags `runbook:…`, times) is left out.
    ///
    /// # Errors
    /// The script failed; the error holds its words.
    pub async fn inventory(
        &self,
        options: &Options,
        account: Option<&str>,
    ) -> Result<String, Error> {
        let account = account.unwrap_or(DEFAULT_ACCOUNT);
        Inventory::start(self, options).await?.of(account).await
    }
}

/// A process that tells what is in one account after the other: most of the time that a single
/// inventory takes is its start.
#[derive(Debug)]
pub struct Inventory {
    child: Child,
    accounts: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Inventory {
    /// Starts the process, which ends when this is dropped.
    ///
    /// # Errors
    /// There is no Python environment and none can be made, or the script does not start.
    pub async fn start(handle: &Handle, options: &Options) -> Result<Self, Error> {
        let python = python::prepare(options, &|_| {}).await?;
        let mut child = Command::new(python.interpreter())
            .args(["-c", SCRIPT])
            .envs(handle.env(None))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (accounts, answers) = pipes.ok_or_else(|| failed("it has no pipes"))?;
        Ok(Self {
            child,
            accounts,
            lines: BufReader::new(answers).lines(),
        })
    }

    /// What is in an account, as [`Handle::inventory`] tells it.
    ///
    /// # Errors
    /// The script failed; the error holds its words.
    pub async fn of(&mut self, account: &str) -> Result<String, Error> {
        let line = format!("{account}\n");
        if self.accounts.write_all(line.as_bytes()).await.is_err() {
            return Err(self.words().await);
        }
        let mut found = String::new();
        while let Ok(Some(line)) = self.lines.next_line().await {
            if line.is_empty() {
                return Ok(found);
            }
            found.push_str(&line);
            found.push('\n');
        }
        Err(self.words().await)
    }

    /// What the script said when it ended.
    async fn words(&mut self) -> Error {
        let mut words = String::new();
        if let Some(mut errors) = self.child.stderr.take()
            && let Err(error) = errors.read_to_string(&mut words).await
        {
            return failed(error);
        }
        failed(words)
    }
}

fn failed(why: impl ToString) -> Error {
    Error::Inventory {
        output: why.to_string(),
    }
}
