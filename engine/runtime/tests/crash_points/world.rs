//! A state file and a cloud, and the processes that are started over them.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::child::{Order, VARIABLE};
use crate::ledger::{Ledger, Planned};
use crate::scenario::Scenario;

/// What became of a process.
#[derive(Debug, PartialEq, Eq)]
pub enum Drive {
    /// It drove the run to its end.
    Ended,
    /// It died where it was told to.
    Died,
}

/// How the processes of a world are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// With several threads.
    pub threads: bool,
    /// How long after its point a process dies; milliseconds.
    pub pause: u64,
    /// How often a run that failed is given another chance, beyond what the scenario says.
    pub reopen: u32,
    /// The timeout of every step, in place of its own; milliseconds.
    pub timeout: Option<u64>,
    /// How long the engine waits before it believes that nothing is there, beyond what the scenario
    /// says; milliseconds.
    pub settle: u64,
}

/// A state file and a cloud.
pub struct World {
    pub scenario: &'static Scenario,
    pub ledger: Ledger,
    pub manner: Manner,
    folder: tempfile::TempDir,
}

/// Where the kernel keeps what a dead process wrote, and no disk slows thousands of them down.
fn base() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_path_buf()
    } else {
        std::env::temp_dir()
    }
}

impl World {
    pub fn new(scenario: &'static Scenario, manner: Manner, plan: Vec<Planned>) -> Self {
        let folder = tempfile::tempdir_in(base()).unwrap();
        Self {
            ledger: Ledger::start(folder.path(), scenario.hidden.0, plan),
            scenario,
            manner,
            folder,
        }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// Copies the state file as a backup would while nobody has it open.
    pub fn back_up(&self, name: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        for part in ["", "-wal"] {
            let with = |path: &Path| {
                let mut text = path.as_os_str().to_owned();
                text.push(part);
                PathBuf::from(text)
            };
            if with(&self.state()).exists() {
                std::fs::copy(with(&self.state()), with(&copy)).unwrap();
            }
        }
        copy
    }

    /// Starts a process over the state file; it may be told to die.
    pub fn drive(&self, abort_at: Option<usize>) -> Result<Drive, String> {
        self.drive_over(&self.state(), abort_at)
    }

    /// Starts a process over any state file.
    pub fn drive_over(&self, state: &Path, abort_at: Option<usize>) -> Result<Drive, String> {
        let order = Order {
            scenario: self.scenario.name.to_owned(),
            state: state.to_path_buf(),
            cloud: self.ledger.address,
            abort_at,
            pause: self.manner.pause,
            points: self.folder.path().join("points"),
            threads: self.manner.threads,
            reopen: self.scenario.reopen + self.manner.reopen,
            timeout: self.manner.timeout,
            settle: self.scenario.hidden.1 + self.manner.settle,
        };
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "the_process_that_dies",
                "--include-ignored",
                "--nocapture",
            ])
            .env(VARIABLE, serde_json::to_string(&order).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        self.ledger.next_drive();
        match (output.status.code(), output.status.signal()) {
            (Some(0), _) => Ok(Drive::Ended),
            (_, Some(6)) if abort_at.is_some_and(|last| self.points().len() >= last) => {
                Ok(Drive::Died)
            }
            _ => Err(format!(
                "{}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            )),
        }
    }

    /// The points that the last process reached.
    pub fn points(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("points"));
        text.unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}
