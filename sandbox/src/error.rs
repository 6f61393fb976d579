//! Why there is no sandbox, and what to do about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the sandbox could not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// No usable Python on the search path.
    #[error("no Python 3.10 or newer found")]
    NoPython,
    /// Python lacks the module that makes virtual environments.
    #[error("{python} cannot make a virtual environment: its venv or ensurepip module is missing")]
    NoVenv {
        /// The interpreter that was asked.
        python: PathBuf,
    },
    /// A command that builds the Python environment failed.
    #[error("{command} failed:\n{output}")]
    Install {
        /// What was run.
        command: String,
        /// The last lines of its output.
        output: String,
    },
    /// The port that was asked for is taken.
    #[error("port {port} of 127.0.0.1 is in use")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The port that was asked for cannot be had.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port; 0 stands for any.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The emulator ended or did not answer.
    #[error("moto did not start:\n{log}")]
    Moto {
        /// The last lines of its log.
        log: String,
    },
    /// The background process ended before it was ready.
    #[error("the sandbox ended before it was ready:\n{log}")]
    Daemon {
        /// The last lines of its log.
        log: String,
    },
    /// The background process is alive but does not become ready.
    #[error("the sandbox was not ready after {seconds} s:\n{log}")]
    Slow {
        /// How long was waited.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// Another process serves this folder already.
    #[error("another sandbox is starting or running in {}", dir.display())]
    Busy {
        /// The folder.
        dir: PathBuf,
    },
    /// There is no sandbox to talk to.
    #[error("no sandbox is running in {}", dir.display())]
    NotRunning {
        /// The folder.
        dir: PathBuf,
    },
    /// What is in an account could not be listed.
    #[error("the account cannot be listed:\n{output}")]
    Inventory {
        /// The last words of the script.
        output: String,
    },
    /// The sandbox refused a request to its control endpoint.
    #[error("the sandbox refused: {message}")]
    Refused {
        /// Its words.
        message: String,
    },
    /// The sandbox stopped answering.
    #[error("the sandbox at {url} does not answer")]
    Unreachable {
        /// Its address.
        url: String,
        /// What the connection said.
        source: io::Error,
    },
    /// A file or folder could not be written or read.
    #[error("cannot use {}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// What a person can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Error::NoPython => {
                "install Python 3.10 or newer, e.g. `apt-get install python3 python3-venv`".into()
            }
            Error::NoVenv { .. } => "`apt-get install python3-venv`".into(),
            Error::Install { .. } => {
                "check that pip can reach its package index (pip.conf, PIP_INDEX_URL, proxy), then try again; \
                 it is needed only once"
                    .into()
            }
            Error::PortInUse { .. } | Error::Listen { .. } => {
                "choose another port, or leave the port out to get a free one".into()
            }
            Error::Moto { .. } => {
                "if a module is missing, delete the sandbox folder of the runbook cache and try again".into()
            }
            Error::Daemon { .. } | Error::Slow { .. } => {
                "read the log above; `runbook sandbox serve` shows it live".into()
            }
            Error::Inventory { .. } => "`runbook sandbox status` tells whether it still runs".into(),
            Error::Busy { .. } => "use that one, or stop it with `runbook sandbox stop`".into(),
            Error::NotRunning { .. } | Error::Unreachable { .. } => {
                "start one with `runbook sandbox start`".into()
            }
            Error::Refused { .. } => "correct the request".into(),
            Error::Disk { .. } => "check the folder's permissions and free space".into(),
        }
    }

    /// Adapts an I/O error on `path`.
    pub(crate) fn disk(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::Disk { path, source }
    }
}
