//! `aws.ec2.instance.start`

use std::time::Duration;

use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{instances, tag};
use crate::aws::client::Ec2;
use crate::aws::fault::Explain;

/// Starts instances that are stopped, and waits until all run.
///
/// Undo stops those that were stopped before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// Ids of the instances.
    instances: Vec<String>,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Started {
    /// Ids of the instances that were not running before.
    changed: Vec<String>,
}

impl Args for Start {
    const KIND: &'static str = "aws.ec2.instance.start";
    const TIMEOUT: Duration = Duration::from_secs(600);
    const IAM: &'static [&'static str] = &[
        "ec2:DescribeInstances",
        "ec2:StartInstances",
        "ec2:StopInstances",
    ];
    type Client = Ec2;
    type Output = Started;
}

impl Change for Start {
    type Before = Started;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Observed<Started, Started>> {
        let found = instances::all(&self.instances, ec2, context).await?;
        instances::alive(&found, "running")?;
        let changed = instances::in_states(&found, &["stopped", "stopping"]);
        if found.iter().all(|one| instances::state(one) == "running") {
            return Ok(Observed::Same(Started { changed }));
        }
        Ok(Observed::Differs(Started { changed }))
    }

    async fn apply(
        &self,
        before: &Started,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Started>> {
        if bring_up(&self.instances, ec2, context).await? {
            return Ok(Progress::Done(before.clone()));
        }
        Ok(tag::again("instances are starting"))
    }

    async fn undo(
        &self,
        before: &Started,
        _: Option<&Started>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        if super::instance_stop::bring_down(&before.changed, false, ec2, context).await? {
            return Ok(Progress::Done(()));
        }
        Ok(tag::again("instances are stopping"))
    }
}

/// One step towards all of them running; whether they do.
pub(super) async fn bring_up(ids: &[String], ec2: &Ec2, context: &Context) -> StepResult<bool> {
    let found = instances::all(ids, ec2, context).await?;
    instances::alive(&found, "running")?;
    let stopped = instances::in_states(&found, &["stopped"]);
    if !stopped.is_empty() {
        let answer = ec2
            .start_instances()
            .set_instance_ids(Some(stopped))
            .send()
            .await;
        answer.explain("ec2:StartInstances", context)?;
        return Ok(false);
    }
    Ok(found.iter().all(|one| instances::state(one) == "running"))
}
