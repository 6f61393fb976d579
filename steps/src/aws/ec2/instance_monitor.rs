//! `aws.ec2.instance.monitor`

use aws_sdk_ec2::types::{Instance, MonitoringState};
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instances;
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain};

/// Turns detailed monitoring of instances on or off.
///
/// Undo turns it back on those that changed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Monitor {
    /// Ids of the instances.
    instances: Vec<String>,
    /// Metrics every minute (true) or every five minutes.
    #[serde(default = "yes")]
    detailed: bool,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Monitored {
    /// Ids of the instances that had it the other way.
    changed: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Args for Monitor {
    const KIND: &'static str = "aws.ec2.instance.monitor";
    const IAM: &'static [&'static str] = &[
        "ec2:DescribeInstances",
        "ec2:MonitorInstances",
        "ec2:UnmonitorInstances",
    ];
    type Client = Ec2;
    type Output = Monitored;
}

impl Change for Monitor {
    type Before = Monitored;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Observed<Monitored, Monitored>> {
        let found = instances::all(&self.instances, ec2, context).await?;
        let other = found.iter().filter(|one| is_detailed(one) != self.detailed);
        let changed: Vec<String> = other.map(instances::id).collect();
        Ok(if changed.is_empty() {
            Observed::Same(Monitored { changed })
        } else {
            Observed::Differs(Monitored { changed })
        })
    }

    async fn apply(
        &self,
        before: &Monitored,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Monitored>> {
        write(&before.changed, self.detailed, ec2, context).await?;
        Ok(Progress::Done(before.clone()))
    }

    async fn undo(
        &self,
        before: &Monitored,
        _: Option<&Monitored>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        write(&before.changed, !self.detailed, ec2, context)
            .await
            .or_absent()?;
        Ok(Progress::Done(()))
    }
}

async fn write(ids: &[String], detailed: bool, ec2: &Ec2, context: &Context) -> StepResult<()> {
    let ids = Some(ids.to_vec());
    if detailed {
        let answer = ec2.monitor_instances().set_instance_ids(ids).send().await;
        answer.explain("ec2:MonitorInstances", context)?;
    } else {
        let answer = ec2.unmonitor_instances().set_instance_ids(ids).send().await;
        answer.explain("ec2:UnmonitorInstances", context)?;
    }
    Ok(())
}

fn is_detailed(instance: &Instance) -> bool {
    matches!(
        instance
            .monitoring()
            .and_then(|monitoring| monitoring.state()),
        Some(MonitoringState::Enabled | MonitoringState::Pending)
    )
}
