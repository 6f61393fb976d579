//! What is in an account, through the AWS API, so that two worlds can be compared.

use std::process::Stdio;

use tokio::process::Command;

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
        let python = python::prepare(options, &|_| {}).await?;
        let failed = |output: String| Error::Inventory { output };
        let output = Command::new(python.interpreter())
            .args(["-c", SCRIPT])
            .envs(self.env(account))
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        String::from_utf8(output.stdout).map_err(|error| failed(error.to_string()))
    }
}
