//! `shell.run`: runs one command.

use std::collections::BTreeMap;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use runbook_step::{
    Action, Args, Context, Fault, FaultKind, Progress, Repeat, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

/// More of an output than this is not kept.
const OUTPUT_LIMIT: usize = 1024 * 1024;

/// So many lines of each output stand in the log of a failure.
const SHOWN_LINES: usize = 20;

/// How long an ended command's outputs are read while something else holds them open.
const LEFT_OPEN: Duration = Duration::from_secs(1);

/// Runs one command: a program with its arguments, no shell unless the list names one.
///
/// The environment is empty but for `PATH`, `HOME`, what `env` gives, and `RUNBOOK_RUN`,
/// `RUNBOOK_STEP` and `RUNBOOK_TOKEN`: the token is the same on every attempt, so that a script can
/// tell a repetition. The command is killed when the step's time is over or the run ends.
///
/// A crash inside the command makes the step in doubt, unless `repeatable` says that it may run again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    /// The program and its arguments.
    #[schemars(length(min = 1))]
    argv: Vec<String>,
    /// Variables of the environment.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The folder to run it in; the one that `runbook` was started in when absent.
    #[serde(default)]
    cwd: Option<String>,
    /// What it reads from its standard input; nothing when absent.
    #[serde(default)]
    stdin: Option<String>,
    /// The exit codes that mean success.
    #[serde(default = "zero")]
    success_codes: Vec<i32>,
    /// The command may run again when nobody knows whether it ran.
    #[serde(default)]
    repeatable: bool,
}

fn zero() -> Vec<i32> {
    vec![0]
}

/// What the command left behind.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ran {
    /// Its exit code.
    code: i32,
    /// Its standard output without the last newline, the first MiB at most.
    stdout: String,
    /// Its standard error without the last newline, the first MiB at most.
    stderr: String,
    /// Its standard output, when that is JSON.
    json: Option<Value>,
}

impl Args for Run {
    const KIND: &'static str = "shell.run";
    const TIMEOUT: Duration = Duration::from_secs(600);
    type Client = ();
    type Output = Ran;
}

impl Action for Run {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        if self.repeatable {
            Repeat::Harmless
        } else {
            Repeat::Never
        }
    }

    async fn act(&self, (): &(), context: &Context) -> StepResult<Progress<Ran>> {
        let mut child = self.spawn(context)?;
        let (mut stdout, mut stderr) = (Kept::default(), Kept::default());
        let status = self.finish(&mut child, &mut stdout, &mut stderr).await;
        let status = status.map_err(|error| {
            let message = format!("cannot wait for `{}`: {error}", self.argv[0]);
            Fault::new(FaultKind::Transient, message).unknown_effect()
        })?;
        for (name, output) in [("stdout", &stdout), ("stderr", &stderr)] {
            if output.cut {
                context
                    .log
                    .line(format!("{name} of `{}` is cut at 1 MiB", self.argv[0]));
            }
        }
        let (stdout, stderr) = (stdout.text(), stderr.text());
        self.judge(status, &stdout, &stderr).inspect_err(|_| {
            for (name, text) in [("stdout", &stdout), ("stderr", &stderr)] {
                for line in last_lines(text) {
                    context.log.line(format!("{name}: {line}"));
                }
            }
        })
    }
}

impl Run {
    fn spawn(&self, context: &Context) -> StepResult<Child> {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Err(Fault::new(
                FaultKind::Invalid,
                "`argv` is empty: name a program",
            ));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .stdin(if self.stdin.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("RUNBOOK_RUN", &context.run)
            .env("RUNBOOK_STEP", &context.step)
            .env("RUNBOOK_TOKEN", &context.token)
            .envs(&self.env);
        if let Some(folder) = &self.cwd {
            if !std::path::Path::new(folder).is_dir() {
                let message = format!("`cwd` is not a folder: {folder}");
                return Err(Fault::new(FaultKind::Invalid, message));
            }
            command.current_dir(folder);
        }
        command.spawn().map_err(|error| {
            let fault = Fault::new(
                FaultKind::Invalid,
                format!("cannot run `{program}`: {error}"),
            );
            if error.kind() == std::io::ErrorKind::NotFound {
                fault.help("is it installed, and is its folder in PATH?")
            } else {
                fault
            }
        })
    }

    /// Feeds and reads the command until it has ended.
    async fn finish(
        &self,
        child: &mut Child,
        stdout: &mut Kept,
        stderr: &mut Kept,
    ) -> std::io::Result<ExitStatus> {
        let (input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // All at once: a command that waits for its input to end, or for its output to be read, must
        // not wait for ever.
        let mut streams = pin!(async {
            tokio::join!(
                feed(input, self.stdin.as_deref()),
                stdout.read(output),
                stderr.read(errors)
            )
        });
        let mut ended = pin!(child.wait());
        tokio::select! {
            _ = &mut streams => ended.await,
            status = &mut ended => {
                // Something that the command left running may hold its outputs open.
                let _ = tokio::time::timeout(LEFT_OPEN, streams).await;
                status
            }
        }
    }

    fn judge(&self, status: ExitStatus, stdout: &str, stderr: &str) -> StepResult<Progress<Ran>> {
        let program = &self.argv[0];
        let Some(code) = status.code() else {
            // Nobody knows how far it came.
            let message = format!("`{program}` was killed: {status}");
            return Err(Fault::new(FaultKind::Transient, message).unknown_effect());
        };
        if self.success_codes.contains(&code) {
            return Ok(Progress::Done(Ran {
                code,
                stdout: stdout.to_owned(),
                stderr: stderr.to_owned(),
                json: serde_json::from_str(stdout).ok(),
            }));
        }
        let said: String = stderr
            .lines()
            .last()
            .unwrap_or_default()
            .chars()
            .take(400)
            .collect();
        let mut message = format!("`{program}` ended with code {code}");
        if !said.is_empty() {
            message.push_str(&format!(": {said}"));
        }
        Err(Fault::new(FaultKind::Unmet, message))
    }
}

async fn feed(stdin: Option<ChildStdin>, text: Option<&str>) {
    if let (Some(mut stdin), Some(text)) = (stdin, text) {
        // A command need not read its input; its exit code tells whether that was right.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
}

/// The end of an output, for the log of a failure.
fn last_lines(text: &str) -> impl Iterator<Item = &str> {
    let skipped = text.lines().count().saturating_sub(SHOWN_LINES);
    text.lines().skip(skipped)
}

/// What is kept of an output.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

impl Kept {
    /// Reads to the end, so that the command is never blocked, and keeps the beginning.
    async fn read(&mut self, output: Option<impl AsyncRead + Unpin>) {
        let Some(mut output) = output else {
            return;
        };
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read) = output.read(&mut buffer).await {
            if read == 0 {
                break;
            }
            let room = read.min(OUTPUT_LIMIT - self.bytes.len());
            self.bytes.extend_from_slice(&buffer[..room]);
            self.cut |= room < read;
        }
    }

    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        text.strip_suffix('\r').unwrap_or(text).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    async fn run(with: Value) -> StepResult<Ran> {
        let context = Context {
            run: "7f3k".to_owned(),
            step: "smoke[2]".to_owned(),
            token: "t0ken".to_owned(),
            ..Context::default()
        };
        let run: Run = from_value(with).unwrap();
        match run.act(&(), &context).await? {
            Progress::Done(ran) => Ok(ran),
            Progress::Again { note, .. } => panic!("{note}"),
        }
    }

    fn sh(script: &str) -> Value {
        json!({ "argv": ["sh", "-c", script] })
    }

    #[tokio::test]
    async fn gives_code_and_outputs_without_their_last_newline() {
        let ran = run(sh("echo one; echo two; echo oops >&2")).await.unwrap();
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (0, "one\ntwo", "oops")
        );
        assert_eq!(ran.json, None);
        let ran = run(sh(r#"echo '{"n": 1}'"#)).await.unwrap();
        assert_eq!(ran.json, Some(json!({ "n": 1 })));
    }

    #[tokio::test]
    async fn the_environment_is_empty_but_for_what_is_said() {
        let mut with =
            sh("env | sort | cut -d= -f1 | grep -vE '^(_|PWD|SHLVL|OLDPWD)$' | tr '\\n' ' '");
        with["env"] = json!({ "COLOUR": "blue" });
        let names = run(with).await.unwrap().stdout;
        let expected: Vec<&str> = [
            "COLOUR",
            "HOME",
            "PATH",
            "RUNBOOK_RUN",
            "RUNBOOK_STEP",
            "RUNBOOK_TOKEN",
        ]
        .into_iter()
        .filter(|name| *name != "HOME" || std::env::var_os("HOME").is_some())
        .collect();
        assert_eq!(names.trim_end().split(' ').collect::<Vec<_>>(), expected);
        let ran = run(sh("echo $RUNBOOK_RUN $RUNBOOK_STEP $RUNBOOK_TOKEN"))
            .await
            .unwrap();
        assert_eq!(ran.stdout, "7f3k smoke[2] t0ken");
    }

    #[tokio::test]
    async fn input_and_output_of_a_mebibyte_do_not_block() {
        let text = "x".repeat(1024 * 1024 + 7);
        let ran = run(json!({ "argv": ["cat"], "stdin": text }))
            .await
            .unwrap();
        assert_eq!(ran.stdout.len(), OUTPUT_LIMIT);
        let ran = run(json!({ "argv": ["true"], "stdin": text }))
            .await
            .unwrap();
        assert_eq!(ran.code, 0);
    }

    #[tokio::test]
    async fn what_a_command_leaves_running_does_not_hold_it_up() {
        let started = std::time::Instant::now();
        let ran = run(sh("sleep 20 & echo started")).await.unwrap();
        assert_eq!(ran.stdout, "started");
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[tokio::test]
    async fn the_log_of_a_failure_has_the_end_of_its_outputs() {
        let context = Context::default();
        let run: Run = from_value(sh("seq 1 30; echo why >&2; exit 1")).unwrap();
        run.act(&(), &context).await.unwrap_err();
        let lines = context.log.take();
        assert_eq!(lines.len(), 21);
        assert_eq!(
            (lines[0].as_str(), lines[20].as_str()),
            ("stdout: 11", "stderr: why")
        );
    }

    #[tokio::test]
    async fn other_codes_fail_unless_they_are_named() {
        let fault = run(sh("echo why >&2; exit 3")).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unmet);
        assert_eq!(fault.message, "`sh` ended with code 3: why");
        let mut with = sh("exit 3");
        with["success_codes"] = json!([0, 3]);
        assert_eq!(run(with).await.unwrap().code, 3);
    }

    #[tokio::test]
    async fn a_missing_program_or_folder_is_said() {
        let fault = run(json!({ "argv": ["no-such-program-here"] }))
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert!(
            fault.message.contains("no-such-program-here") && fault.help.is_some(),
            "{fault}"
        );
        let fault = run(json!({ "argv": ["true"], "cwd": "/no/such/folder" }))
            .await
            .unwrap_err();
        assert_eq!(fault.message, "`cwd` is not a folder: /no/such/folder");
        assert_eq!(
            run(json!({ "argv": [] })).await.unwrap_err().kind,
            FaultKind::Invalid
        );
    }

    #[tokio::test]
    async fn a_dropped_attempt_kills_its_command() {
        let folder = std::env::temp_dir().join(format!("runbook-shell-{}", std::process::id()));
        let pid = folder.to_str().unwrap();
        let script = format!("echo $$ > {pid}; exec sleep 60");
        let attempt = run(sh(&script));
        let limit = Duration::from_secs(2);
        assert!(tokio::time::timeout(limit, attempt).await.is_err());
        let process = std::fs::read_to_string(&folder).unwrap();
        std::fs::remove_file(&folder).unwrap();
        let alive = || {
            std::fs::read_to_string(format!("/proc/{}/stat", process.trim()))
                .is_ok_and(|stat| !stat.contains(") Z"))
        };
        for _ in 0..200 {
            if !alive() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the command outlived its attempt");
    }
}
