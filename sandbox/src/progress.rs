//! What a person is told while the sandbox gets ready.

use std::fmt;

/// One stage on the way to a running sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The virtual environment is being made.
    CreatingEnvironment,
    /// The pinned packages are being installed. Happens once.
    Installing,
    /// The emulator is starting.
    Starting,
    /// The sandbox answers.
    Ready,
}

/// Receives each stage as it begins.
pub type Report<'a> = dyn Fn(Progress) + Send + Sync + 'a;

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Progress::CreatingEnvironment => "creating a Python environment",
            Progress::Installing => "installing moto 5.2.5 (about 40 s, once)",
            Progress::Starting => "starting moto",
            Progress::Ready => "ready",
        })
    }
}
