//! `aws.ec2.instance.terminate`

use std::time::Duration;

use aws_sdk_ec2::types::{AttributeBooleanValue, Instance};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{instances, tag};
use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain};

/// Terminates instances for good, and waits until they are gone.
///
/// An instance that does not exist counts as gone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terminate {
    /// Ids of the instances.
    instances: Vec<String>,
    /// Takes their termination protection off first.
    #[serde(default)]
    unprotect: bool,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Terminated {
    /// Ids of the instances that lived before.
    changed: Vec<String>,
}

impl Args for Terminate {
    const KIND: &'static str = "aws.ec2.instance.terminate";
    const TIMEOUT: Duration = Duration::from_secs(900);
    const IAM: &'static [&'static str] = &[
        "ec2:DescribeInstances",
        "ec2:ModifyInstanceAttribute",
        "ec2:TerminateInstances",
    ];
    type Client = Ec2;
    type Output = Terminated;
}

impl Change for Terminate {
    type Before = Terminated;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;
    const IRREVERSIBLE: Option<&'static str> = Some("a terminated instance cannot be brought back");

    async fn observe(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Observed<Terminated, Terminated>> {
        let found = self.look(ec2, context).await?;
        let live = found.iter().filter(|one| !instances::is_ending(one));
        let changed: Vec<String> = live.map(instances::id).collect();
        if found
            .iter()
            .all(|one| instances::state(one) == "terminated")
        {
            return Ok(Observed::Same(Terminated { changed }));
        }
        Ok(Observed::Differs(Terminated { changed }))
    }

    async fn apply(
        &self,
        before: &Terminated,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Terminated>> {
        let found = self.look(ec2, context).await?;
        let live = found.iter().filter(|one| !instances::is_ending(one));
        let live: Vec<String> = live.map(instances::id).collect();
        if live.is_empty() {
            if found
                .iter()
                .all(|one| instances::state(one) == "terminated")
            {
                return Ok(Progress::Done(before.clone()));
            }
            return Ok(tag::again(instances::count(&found, "terminated")));
        }
        if self.unprotect {
            for id in &live {
                ec2.modify_instance_attribute()
                    .instance_id(id)
                    .disable_api_termination(AttributeBooleanValue::builder().value(false).build())
                    .send()
                    .await
                    .explain("ec2:ModifyInstanceAttribute", context)?;
            }
        }
        let answer = ec2
            .terminate_instances()
            .set_instance_ids(Some(live))
            .send()
            .await;
        answer.explain("ec2:TerminateInstances", context)?;
        Ok(tag::again(instances::count(&found, "terminated")))
    }

    async fn undo(
        &self,
        before: &Terminated,
        _: Option<&Terminated>,
        _: &Ec2,
        _: &Context,
    ) -> StepResult<Progress<()>> {
        if before.changed.is_empty() {
            return Ok(Progress::Done(()));
        }
        let message = format!("{} cannot be brought back", before.changed.join(", "));
        Err(Fault::new(FaultKind::Invalid, message))
    }
}

impl Terminate {
    async fn look(&self, ec2: &Ec2, context: &Context) -> StepResult<Vec<Instance>> {
        let mut found = Vec::new();
        // One by one only where one is missing: the API refuses them all for one unknown id.
        if let Some(all) = instances::all(&self.instances, ec2, context)
            .await
            .or_absent()?
        {
            return Ok(all);
        }
        for id in &self.instances {
            let one = instances::all(std::slice::from_ref(id), ec2, context)
                .await
                .or_absent()?;
            found.extend(one.unwrap_or_default());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
    use aws_sdk_ec2::operation::terminate_instances::TerminateInstancesOutput;
    use aws_sdk_ec2::types::{InstanceState, InstanceStateName, Reservation};
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{answering, context};

    fn terminate() -> Terminate {
        Terminate {
            instances: vec!["i-1".to_owned()],
            unprotect: false,
        }
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

    #[tokio::test]
    async fn it_terminates_once_and_waits_until_it_is_over() {
        for (state, calls, done) in [
            ("running", 1, false),
            ("shutting-down", 0, false),
            ("terminated", 0, true),
        ] {
            let call = mock!(Client::terminate_instances)
                .then_output(|| TerminateInstancesOutput::builder().build());
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&found(state), &call]));
            let before = Terminated {
                changed: vec!["i-1".to_owned()],
            };
            let progress = terminate().apply(&before, &ec2, &context()).await.unwrap();
            let is_done = matches!(progress, Progress::Done(_));
            assert_eq!((call.num_calls(), is_done), (calls, done), "{state}");
        }
    }

    #[tokio::test]
    async fn it_cannot_be_undone() {
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&found("terminated")]));
        let before = Terminated {
            changed: vec!["i-1".to_owned()],
        };
        let fault = terminate()
            .undo(&before, None, &ec2, &context())
            .await
            .unwrap_err();
        assert_eq!(fault.message, "i-1 cannot be brought back");
    }
}
