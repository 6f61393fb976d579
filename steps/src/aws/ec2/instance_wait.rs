//! `aws.ec2.instance.wait`

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::types::SummaryStatus;
use runbook_step::{Args, Context, Progress, StepResult, Wait};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{instances, tag};
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain};

/// Waits until instances are in a state, and on demand until their status checks pass.
///
/// It fails at once when an instance ends that is to be in another state.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Until {
    /// Ids of the instances.
    instances: Vec<String>,
    /// State to wait for: `running`, `stopped` or `terminated`.
    #[serde(default)]
    state: State,
    /// Waits until the status checks of the machine and its host pass as well.
    #[serde(default)]
    status_ok: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Running,
    Stopped,
    Terminated,
}

/// The states at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct States {
    /// State of each instance, by its id.
    states: BTreeMap<String, String>,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Terminated => "terminated",
        }
    }
}

impl Args for Until {
    const KIND: &'static str = "aws.ec2.instance.wait";
    const TIMEOUT: Duration = Duration::from_secs(600);
    const IAM: &'static [&'static str] = &["ec2:DescribeInstanceStatus", "ec2:DescribeInstances"];
    type Client = Ec2;
    type Output = States;
}

impl Wait for Until {
    async fn poll(&self, ec2: &Ec2, context: &Context) -> StepResult<Progress<States>> {
        let wished = self.state.name();
        // What was launched a moment ago may not show yet.
        let Some(found) = instances::all(&self.instances, ec2, context)
            .await
            .or_absent()?
        else {
            return Ok(tag::again("instances do not show yet"));
        };
        instances::alive(&found, wished)?;
        if found.iter().any(|one| instances::state(one) != wished) {
            return Ok(tag::again(instances::count(&found, wished)));
        }
        if self.status_ok && matches!(self.state, State::Running) {
            let passed = self.passed(ec2, context).await?;
            if passed < self.instances.len() {
                let note = format!("status ok on {passed} of {}", self.instances.len());
                return Ok(Progress::Again {
                    after: Duration::from_secs(5),
                    note,
                });
            }
        }
        let state = |one| (instances::id(one), instances::state(one).to_owned());
        Ok(Progress::Done(States {
            states: found.iter().map(state).collect(),
        }))
    }
}

impl Until {
    /// How many instances pass both status checks.
    async fn passed(&self, ec2: &Ec2, context: &Context) -> StepResult<usize> {
        let answer = ec2
            .describe_instance_status()
            .set_instance_ids(Some(self.instances.clone()))
            .send()
            .await
            .explain("ec2:DescribeInstanceStatus", context)?;
        let ok = |status: Option<&SummaryStatus>| status == Some(&SummaryStatus::Ok);
        let passed = answer.instance_statuses().iter().filter(|one| {
            ok(one.instance_status().and_then(|status| status.status()))
                && ok(one.system_status().and_then(|status| status.status()))
        });
        Ok(passed.count())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::describe_instance_status::DescribeInstanceStatusOutput;
    use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
    use aws_sdk_ec2::types::{
        Instance, InstanceState, InstanceStateName, InstanceStatus, InstanceStatusSummary,
        Reservation,
    };
    use aws_smithy_mocks::{Rule, mock};
    use runbook_step::FaultKind;

    use super::*;
    use crate::aws::testing::{answering, context};

    fn until() -> Until {
        serde_json::from_value(serde_json::json!({ "instances": ["i-1"], "status_ok": true }))
            .unwrap()
    }

    fn found(state: &str) -> Rule {
        let state = InstanceState::builder()
            .name(InstanceStateName::from(state))
            .build();
        let instance = Instance::builder().instance_id("i-1").state(state).build();
        let all = Reservation::builder().instances(instance).build();
        mock!(Client::describe_instances).then_output(move || {
            DescribeInstancesOutput::builder()
                .reservations(all.clone())
                .build()
        })
    }

    fn status(status: SummaryStatus) -> Rule {
        let summary = InstanceStatusSummary::builder().status(status).build();
        let one = InstanceStatus::builder()
            .instance_status(summary.clone())
            .system_status(summary)
            .build();
        mock!(Client::describe_instance_status).then_output(move || {
            DescribeInstanceStatusOutput::builder()
                .instance_statuses(one.clone())
                .build()
        })
    }

    #[tokio::test]
    async fn running_is_not_enough_when_the_checks_are_asked_for() {
        let poll = async |checks: SummaryStatus| {
            let ec2 = Ec2(answering!(
                aws_sdk_ec2,
                [&found("running"), &status(checks)]
            ));
            until().poll(&ec2, &context()).await.unwrap()
        };
        assert!(matches!(
            poll(SummaryStatus::Initializing).await,
            Progress::Again { note, .. } if note == "status ok on 0 of 1"
        ));
        assert!(matches!(poll(SummaryStatus::Ok).await, Progress::Done(_)));
    }

    #[tokio::test]
    async fn an_instance_that_ends_is_not_waited_for() {
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found("shutting-down")]));
        let fault = until().poll(&ec2, &context()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unmet);
        assert_eq!(
            fault.message,
            "i-1 is shutting-down, it cannot become running"
        );
    }
}
