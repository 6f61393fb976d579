//! A state file and a cloud, and the processes that are started over them.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
#[cfg(target_os = "linux")]
use std::time::Duration;

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
    /// How long its right lasts without renewal, in place of the usual one; milliseconds.
    pub lease: Option<u64>,
}

/// A process that was started.
pub struct Running {
    child: Child,
    go: PathBuf,
    points: PathBuf,
}

/// How a process ended.
pub struct End {
    pub status: ExitStatus,
    pub said: String,
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends.
    pub fn end(self) -> End {
        let output = self.child.wait_with_output().unwrap();
        End {
            status: output.status,
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }
    }

    /// Waits until it has stopped itself; whether it has, and has not ended instead.
    #[cfg(target_os = "linux")]
    pub fn stopped(&mut self) -> bool {
        let path = format!("/proc/{}/stat", self.id());
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            // The name in brackets may hold anything; the state is the letter after it.
            let stat = std::fs::read_to_string(&path).unwrap_or_default();
            let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
            if state.starts_with('T') {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets it go on.
    #[cfg(target_os = "linux")]
    pub fn go_on(&self) {
        std::fs::write(&self.go, b"").unwrap();
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-CONT", &id]).status();
        assert!(sent.unwrap().success());
    }

    /// The points that it has reached.
    pub fn points(&self) -> Vec<String> {
        lines(&self.points)
    }
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
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
        self.drive_as(&Order {
            abort_at,
            ..self.order("points", state)
        })
    }

    /// Starts a process that goes on from a restored state file, as its operator knows.
    pub fn restore(&self, state: &Path) -> Result<Drive, String> {
        self.drive_as(&Order {
            restored: true,
            ..self.order("points", state)
        })
    }

    /// What a process is to do that writes its points down under `name`.
    pub fn order(&self, name: &str, state: &Path) -> Order {
        Order {
            scenario: self.scenario.name.to_owned(),
            state: state.to_path_buf(),
            cloud: self.ledger.address,
            abort_at: None,
            stop_at: None,
            stop_first: None,
            go: self.folder.path().join(format!("{name}.go")),
            pause: self.manner.pause,
            points: self.folder.path().join(name),
            threads: self.manner.threads,
            reopen: self.scenario.reopen + self.manner.reopen,
            timeout: self.manner.timeout,
            settle: self.scenario.hidden.1 + self.manner.settle,
            lease: self.manner.lease,
            patience: None,
            restored: false,
        }
    }

    /// Starts a process.
    pub fn begin(&self, order: &Order) -> Running {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "the_process_that_dies",
                "--include-ignored",
                "--nocapture",
            ])
            .env(VARIABLE, serde_json::to_string(order).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running {
            child,
            go: order.go.clone(),
            points: order.points.clone(),
        }
    }

    fn drive_as(&self, order: &Order) -> Result<Drive, String> {
        let end = self.begin(order).end();
        self.ledger.next_drive();
        match (end.status.code(), end.status.signal()) {
            (Some(0), _) => Ok(Drive::Ended),
            (_, Some(6))
                if order
                    .abort_at
                    .is_some_and(|last| self.points().len() >= last) =>
            {
                Ok(Drive::Died)
            }
            _ => Err(format!("{}: {}", end.status, end.said)),
        }
    }

    /// The points that the last process reached.
    pub fn points(&self) -> Vec<String> {
        lines(&self.folder.path().join("points"))
    }
}
