//! `aws.ec2.instance.stop`

use std::time::Duration;

use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{instances, tag};
use crate::aws::client::Ec2;
use crate::aws::fault::Explain;

/// Stops instances that run, and waits until all are stopped.
///
/// Undo starts those that ran before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    /// Ids of the instances.
    instances: Vec<String>,
    /// Pulls the plug instead of shutting the operating system down.
    #[serde(default)]
    force: bool,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Stopped {
    /// Ids of the instances that were not stopped before.
    changed: Vec<String>,
}

impl Args for Stop {
    const KIND: &'static str = "aws.ec2.instance.stop";
    const TIMEOUT: Duration = Duration::from_secs(600);
    const IAM: &'static [&'static str] = &[
        "ec2:DescribeInstances",
        "ec2:StartInstances",
        "ec2:StopInstances",
    ];
    type Client = Ec2;
    type Output = Stopped;
}

impl Change for Stop {
    type Before = Stopped;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Observed<Stopped, Stopped>> {
        let found = instances::all(&self.instances, ec2, context).await?;
        instances::alive(&found, "stopped")?;
        let changed = instances::in_states(&found, &["running", "pending"]);
        if found.iter().all(|one| instances::state(one) == "stopped") {
            return Ok(Observed::Same(Stopped { changed }));
        }
        Ok(Observed::Differs(Stopped { changed }))
    }

    async fn apply(
        &self,
        before: &Stopped,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Stopped>> {
        if bring_down(&self.instances, self.force, ec2, context).await? {
            return Ok(Progress::Done(before.clone()));
        }
        Ok(tag::again("instances are stopping"))
    }

    async fn undo(
        &self,
        before: &Stopped,
        _: Option<&Stopped>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        if super::instance_start::bring_up(&before.changed, ec2, context).await? {
            return Ok(Progress::Done(()));
        }
        Ok(tag::again("instances are starting"))
    }
}

/// One step towards all of them being stopped; whether they are.
pub(super) async fn bring_down(
    ids: &[String],
    force: bool,
    ec2: &Ec2,
    context: &Context,
) -> StepResult<bool> {
    let found = instances::all(ids, ec2, context).await?;
    instances::alive(&found, "stopped")?;
    let running = instances::in_states(&found, &["running"]);
    if !running.is_empty() {
        let call = ec2
            .stop_instances()
            .set_instance_ids(Some(running))
            .force(force);
        call.send().await.explain("ec2:StopInstances", context)?;
        return Ok(false);
    }
    Ok(found.iter().all(|one| instances::state(one) == "stopped"))
}
