//! The sandbox as a process of its own. The test binary plays the command line.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use runbook_sandbox::{Error, Handle, Options, Progress, ensure, prepare, serve, start_in_thread};

use crate::support::{block_on, scratch};

const DIR: &str = "SANDBOX_TEST_DIR";

/// How long moto may outlive its sandbox; a fraction of a second on a quiet machine.
const DEATH: Duration = Duration::from_secs(5);

/// Not a test: what the daemon of the other tests runs.
#[test]
#[ignore = "run by other tests as a daemon"]
fn daemon() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let mut options = Options::for_state(PathBuf::from(dir));
    options.idle = Some(Duration::from_secs(120));
    block_on(serve(options, &|_| {}, |_| {})).unwrap();
}

fn daemon_command(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["process::daemon", "--exact", "--ignored", "--nocapture"])
        .env(DIR, dir);
    command
}

/// Whether a process runs, by the command line that the system shows.
fn pids_of(dir: &Path) -> Vec<u32> {
    let output = Command::new("ps")
        .args(["-eo", "pid=,args="])
        .output()
        .unwrap();
    let script = dir.join("moto_main.py");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains(script.to_str().unwrap()))
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect()
}

fn within(limit: Duration, what: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if what() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn two_callers_at_once_get_one_sandbox() {
    let dir = scratch("two");
    let options = Options::for_state(&dir);
    let told = Mutex::new(Vec::new());
    let tell = |progress| told.lock().unwrap().push(progress);
    let (one, two) = block_on(async {
        tokio::join!(
            ensure(&options, daemon_command(&dir), &tell),
            ensure(&options, daemon_command(&dir), &tell)
        )
    });
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.url(), two.url());
    assert!(
        told.into_inner()
            .unwrap()
            .ends_with(&[Progress::Starting, Progress::Ready])
    );
    assert_eq!(pids_of(&dir).len(), 1);
    block_on(one.stop()).unwrap();
    assert!(within(DEATH, || pids_of(&dir).is_empty()));
}

#[test]
fn moto_dies_with_the_daemon() {
    let dir = scratch("kill");
    let options = Options::for_state(&dir);
    let handle = block_on(ensure(&options, daemon_command(&dir), &|_| {})).unwrap();
    let pid = block_on(handle.status()).unwrap().pid;
    assert_eq!(pids_of(&dir).len(), 1);
    Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .unwrap();
    assert!(within(DEATH, || pids_of(&dir).is_empty()));
    // What a crash leaves behind does not count, and another one can start.
    assert!(block_on(Handle::find(&options)).is_err());
    let again = block_on(ensure(&options, daemon_command(&dir), &|_| {})).unwrap();
    block_on(again.stop()).unwrap();
}

/// Not a test: a caller that is killed while it uses the sandbox.
#[test]
#[ignore = "run by another test as a caller"]
fn caller() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else {
        return;
    };
    block_on(ensure(
        &Options::for_state(&dir),
        daemon_command(&dir),
        &|_| {},
    ))
    .unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn the_daemon_survives_its_caller() {
    let dir = scratch("survives");
    let options = Options::for_state(&dir);
    let mut caller = Command::new(std::env::current_exe().unwrap())
        .args(["process::caller", "--exact", "--ignored"])
        .env(DIR, &dir)
        .spawn()
        .unwrap();
    let ready = || block_on(Handle::find(&options)).is_ok();
    assert!(within(Duration::from_secs(60), ready));
    caller.kill().unwrap();
    caller.wait().unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let handle = block_on(Handle::find(&options)).unwrap();
    block_on(handle.stop()).unwrap();
}

#[test]
fn a_daemon_that_fails_shows_its_log() {
    let options = Options::for_state(scratch("fails"));
    let mut daemon = Command::new("sh");
    daemon.args(["-c", "echo out of luck >&2; exit 3"]);
    let error = block_on(ensure(&options, daemon, &|_| {})).unwrap_err();
    assert!(
        matches!(&error, Error::Daemon { log } if log.contains("out of luck")),
        "{error}"
    );
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut options = Options::for_state(scratch("port"));
    options.port = Some(port);
    let error = start_in_thread(options).unwrap_err();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert!(error.remedy().contains("another port"));
}

#[test]
fn a_folder_is_served_once() {
    let dir = scratch("once");
    let handle = start_in_thread(Options::for_state(&dir)).unwrap();
    assert!(matches!(
        start_in_thread(Options::for_state(&dir)).unwrap_err(),
        Error::Busy { .. }
    ));
    block_on(handle.stop()).unwrap();
}

#[test]
fn an_idle_sandbox_ends() {
    let dir = scratch("idle");
    let mut options = Options::for_state(&dir);
    options.idle = Some(Duration::from_millis(200));
    start_in_thread(options).unwrap();
    assert!(within(Duration::from_secs(5), || !dir
        .join("sandbox.json")
        .exists()));
}

/// Not a test: what runs without Python.
#[test]
#[ignore = "run by another test without Python on its search path"]
fn prepare_alone() {
    let mut options = Options::for_state(scratch("alone"));
    options.cache = scratch("no-cache");
    let error = block_on(prepare(&options, &|_| {})).unwrap_err();
    assert!(matches!(error, Error::NoPython), "{error}");
    assert!(error.remedy().contains("python3-venv"));
}

#[test]
fn no_python_is_said_so() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["process::prepare_alone", "--exact", "--ignored"])
        .env("PATH", scratch("no-path"));
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
