//! A person at a terminal: a folder of their own, the binary, and an account in the shared sandbox.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// One person with a state file.
pub struct Person {
    pub folder: tempfile::TempDir,
    account: String,
    /// Where commands are typed.
    pub here: PathBuf,
}

/// What came of a command.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// Everything that was printed.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// Asserts the exit code, showing everything otherwise.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }
}

impl Person {
    /// In the repository itself, with its runbooks.
    pub fn new(account: u32) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            account: format!("{account:012}"),
            here: root(),
        }
    }

    /// In an empty folder.
    pub fn alone() -> Self {
        let person = Self::new(1);
        let here = person.folder.path().to_path_buf();
        Self { here, ..person }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state").join("state.db")
    }

    /// Writes a runbook into the person's folder; its path.
    pub fn runbook(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(format!("{name}.yaml"));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
        command
            .args(args)
            .current_dir(&self.here)
            .stdin(Stdio::null());
        for name in [
            "AWS_ENDPOINT_URL",
            "AWS_PROFILE",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "RUNBOOK_ENV",
        ] {
            command.env_remove(name);
        }
        command
            .env("RUNBOOK_STATE", self.state())
            .env("RUNBOOK_SANDBOX_DIR", sandbox_dir())
            .env("RUNBOOK_SANDBOX_ACCOUNT", &self.account)
            // The sandbox of the tests ends by itself when they have ended.
            .env("RUNBOOK_SANDBOX_IDLE", "300")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("NO_COLOR", "1");
        command
    }

    /// Types a command and waits for its end.
    pub fn types(&self, args: &[&str]) -> Said {
        Said::from(self.command(args).output().unwrap())
    }

    /// Types a command and does not wait.
    pub fn begins(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The newest run as `show --json` tells it.
    pub fn shown(&self, run: &str) -> serde_json::Value {
        let said = self.types(&["show", run, "--json"]).exits(0);
        serde_json::from_str(&said.out).unwrap()
    }

    /// Ids of all runs that were started, newest first.
    pub fn runs(&self) -> Vec<String> {
        let said = self.types(&["list", "--json"]).exits(0);
        let runs: Vec<serde_json::Value> = serde_json::from_str(&said.out).unwrap();
        runs.iter()
            .map(|run| run["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What is in this person's account, line by line.
    pub fn inventory(&self) -> String {
        let options = runbook_sandbox::Options::for_state(sandbox_dir());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let handle = runbook_sandbox::Handle::find(&options).await.unwrap();
            let account = Some(self.account.as_str());
            handle.inventory(&options, account).await.unwrap()
        })
    }

    /// Nothing in this person's account takes time.
    pub fn instant(&self) {
        sandbox();
        let options = runbook_sandbox::Options::for_state(sandbox_dir());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let handle = runbook_sandbox::Handle::find(&options).await.unwrap();
            let instant = runbook_sandbox::Lifecycles::INSTANT;
            handle
                .set_lifecycles(Some(&self.account), instant)
                .await
                .unwrap();
        });
    }
}

/// Folder of the sandbox that all tests share.
fn sandbox_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sandbox")
}

/// Starts the shared sandbox with the binary, once.
pub fn sandbox() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let person = Person::new(1);
        // A sandbox that an older build left behind would serve the old rules.
        person.types(&["sandbox", "stop"]).exits(0);
        person.types(&["sandbox", "start"]).exits(0);
    });
}
