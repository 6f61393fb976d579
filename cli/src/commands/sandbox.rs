//! `runbook sandbox`.

use runbook_sandbox::{Fault, Handle, Options, Status};
use serde_json::json;

use crate::args::{SandboxArgs, SandboxCommand};
use crate::failure::Failure;
use crate::project::Project;
use crate::scenario;
use crate::ui::{self, out, say};

/// Starts, stops, shows, resets, breaks or serves the sandbox.
pub(crate) async fn run(project: &Project, args: &SandboxArgs) -> Result<u8, Failure> {
    let dir = args.dir.clone().unwrap_or_else(|| project.sandbox());
    let mut options = scenario::options(&dir);
    match &args.command {
        SandboxCommand::Start { port, idle } => {
            options.port = *port;
            options.idle = idle.map(std::time::Duration::from_secs).or(options.idle);
            let handle = scenario::ensure(&options).await?;
            status(&handle, args.json).await?;
        }
        SandboxCommand::Stop => match Handle::find(&options).await {
            Ok(handle) => {
                handle.stop().await?;
                say("the sandbox has stopped\n");
            }
            Err(runbook_sandbox::Error::NotRunning { .. }) => say("no sandbox is running\n"),
            Err(error) => return Err(error.into()),
        },
        SandboxCommand::Status => match Handle::find(&options).await {
            Ok(handle) => status(&handle, args.json).await?,
            Err(runbook_sandbox::Error::NotRunning { .. }) if args.json => {
                ui::json(&json!({ "running": false }));
            }
            Err(runbook_sandbox::Error::NotRunning { .. }) => {
                out("no sandbox is running; `runbook sandbox start` starts one\n");
            }
            Err(error) => return Err(error.into()),
        },
        SandboxCommand::Reset => {
            let handle = Handle::find(&options).await?;
            let status = handle.reset(None).await?;
            say(&format!("the sandbox is empty (world {})\n", status.world));
        }
        SandboxCommand::Fault { fault, key, clear } => {
            let handle = Handle::find(&options).await?;
            let order = (fault.as_deref(), key.as_deref(), *clear);
            faults(&handle, order, args.json).await?;
        }
        SandboxCommand::Serve { port, idle } => {
            options.port = *port;
            options.idle = idle.map(std::time::Duration::from_secs);
            serve(options).await?;
        }
    }
    Ok(0)
}

async fn serve(options: Options) -> Result<(), Failure> {
    let told = |stage| say(&format!("sandbox: {stage}\n"));
    let ready = |status: &Status| say(&format!("sandbox: listening on {}\n", status.url));
    Ok(runbook_sandbox::serve(options, &told, ready).await?)
}

async fn status(handle: &Handle, as_json: bool) -> Result<(), Failure> {
    let status = handle.status().await?;
    if as_json {
        let mut value = serde_json::to_value(&status).unwrap_or_default();
        value["running"] = json!(true);
        ui::json(&value);
        return Ok(());
    }
    let mut text = format!(
        "sandbox at {}\n\n  process {}   world {}   {} calls   {} faults\n\n",
        status.url, status.pid, status.world, status.calls, status.faults
    );
    text.push_str("To use it with any AWS tool:\n\n");
    for (name, value) in handle.env(None) {
        text.push_str(&format!("  export {name}={value}\n"));
    }
    out(&text);
    Ok(())
}

async fn faults(
    handle: &Handle,
    (fault, key, clear): (Option<&str>, Option<&str>, bool),
    as_json: bool,
) -> Result<(), Failure> {
    if clear {
        let ended = handle.clear(None, key).await?;
        say(&format!("{} faults mended\n", ended.len()));
        return Ok(());
    }
    if let Some(text) = fault {
        let kind = serde_json::from_str(text).map_err(|error| {
            Failure::usage(format!("not a fault: {error}"))
                .help(r#"for example {"kind":"zone_down","zone":"us-east-1a"}; sandbox/README.md has all of them"#)
        })?;
        let key = key.unwrap_or("cli").to_owned();
        let active = handle
            .fault(&Fault {
                key,
                account: None,
                fault: kind,
            })
            .await?;
        say(&format!(
            "`{}` is broken since {}\n",
            active.fault.key, active.since
        ));
        return Ok(());
    }
    let active = handle.faults().await?;
    if as_json {
        ui::json(&serde_json::to_value(&active).unwrap_or_default());
        return Ok(());
    }
    for one in active {
        let what = serde_json::to_string(&one.fault.fault).unwrap_or_default();
        out(&format!(
            "{}  since {}  {} hits  {what}\n",
            one.fault.key, one.since, one.hits
        ));
    }
    Ok(())
}
