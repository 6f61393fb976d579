//! One sandbox for all who ask, in a process that outlives them.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::files;
use crate::handle::Handle;
use crate::options::Options;
use crate::progress::{Progress, Report};
use crate::python::prepare;

const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(25);

/// Gives the running sandbox, starting one if there is none.
///
/// `daemon` must run [`crate::serve`] on the same folder. It becomes a process
/// of its own group which survives the caller, even by SIGKILL. Of two callers
/// at once one starts it and both get it.
///
/// # Errors
/// The environment cannot be built, or the process ends before it is ready.
pub async fn ensure(
    options: &Options,
    daemon: Command,
    progress: &Report<'_>,
) -> Result<Handle, Error> {
    if let Ok(handle) = Handle::find(options).await {
        return Ok(handle);
    }
    files::make_dir(&options.dir)?;
    let _turn = files::lock(&options.ensure_lock()).await?;
    if let Ok(handle) = Handle::find(options).await {
        return Ok(handle);
    }
    prepare(options, progress).await?;
    progress(Progress::Starting);
    let child = spawn(options, daemon)?;
    let handle = wait(options, child).await?;
    progress(Progress::Ready);
    Ok(handle)
}

fn spawn(options: &Options, mut daemon: Command) -> Result<Child, Error> {
    let log = options.daemon_log();
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&log)
        .map_err(Error::disk(&log))?;
    let errors = file.try_clone().map_err(Error::disk(&log))?;
    daemon
        .stdin(Stdio::null())
        .stdout(Stdio::from(file))
        .stderr(Stdio::from(errors))
        .process_group(0)
        .spawn()
        .map_err(Error::disk(daemon.get_program()))
}

async fn wait(options: &Options, mut child: Child) -> Result<Handle, Error> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok(handle) = Handle::find(options).await {
            return Ok(handle);
        }
        let ended = child
            .try_wait()
            .map_err(Error::disk(&options.dir))?
            .is_some();
        // It also ends when a process that a killed caller left behind serves the folder.
        if ended && files::try_lock(&options.serve_lock())?.is_some() {
            return Err(Error::Daemon {
                log: files::tail(&options.daemon_log()),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Error::Slow {
        seconds: PATIENCE.as_secs(),
        log: files::tail(&options.daemon_log()),
    })
}
