//! `aws.ec2.instance.run`

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::types::{Instance, LaunchTemplateSpecification, ResourceType};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{instances, tag};
use crate::aws::client::Ec2;
use crate::aws::fault::{Explain, code};
use crate::aws::tags;

/// Makes sure that a subnet has `count` instances of this name, and waits until new ones run.
///
/// Instances are found by their Name tag in the subnet, together with the environment's Project and
/// Environment tags; stopped ones count, ended ones do not. Only missing ones are launched, all of
/// them or none. Undo terminates those that this step launched.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    /// Name tag of each instance and its volumes.
    name: String,
    /// Id or name of the launch template.
    launch_template: String,
    /// Version of the launch template; its default one when absent.
    #[serde(default)]
    version: Option<u32>,
    /// Id of the subnet.
    subnet: String,
    /// How many instances there are to be.
    #[serde(default = "one")]
    count: u16,
    /// Further tags of new instances and their volumes.
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// The instances, those of this name that existed first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ran {
    /// Ids of all of them.
    instance_ids: Vec<String>,
    /// Id of the first.
    instance_id: String,
    /// Availability zone of the first, which is that of the subnet.
    zone: String,
}

/// How many instances existed without this step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    existing: usize,
}

fn one() -> u16 {
    1
}

impl Args for Run {
    const KIND: &'static str = "aws.ec2.instance.run";
    const TIMEOUT: Duration = Duration::from_secs(600);
    const IAM: &'static [&'static str] = &[
        "ec2:CreateTags",
        "ec2:DescribeInstances",
        "ec2:RunInstances",
        "ec2:TerminateInstances",
    ];
    type Client = Ec2;
    type Output = Ran;
}

impl Change for Run {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Token;

    async fn observe(&self, ec2: &Ec2, context: &Context) -> StepResult<Observed<Before, Ran>> {
        let seen = self.look(ec2, context).await?;
        if seen.total() >= usize::from(self.count) && !seen.ours.iter().any(is_pending) {
            let output = seen.output()?;
            return Ok(if seen.ours.is_empty() {
                Observed::Same(output)
            } else {
                Observed::Adopted(output)
            });
        }
        Ok(Observed::Differs(Before {
            existing: seen.others.len(),
        }))
    }

    async fn apply(
        &self,
        before: &Before,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Ran>> {
        let mut seen = self.look(ec2, context).await?;
        // Counted from what was journaled: the request must be the same every time, or its token
        // would not be taken for the same launch.
        let missing = usize::from(self.count).saturating_sub(before.existing);
        if seen.ours.len() < missing {
            seen.ours = self.launch(missing, ec2, context).await?;
        }
        if let Some(ended) = seen.ours.iter().find(|one| instances::is_ending(one)) {
            let why = ended.state_reason().and_then(|reason| reason.message());
            let message = format!(
                "{} ended instead of starting: {}",
                instances::id(ended),
                why.unwrap_or("no reason given"),
            );
            return Err(Fault::new(FaultKind::Unmet, message));
        }
        if seen.ours.iter().any(is_pending) {
            return Ok(tag::again(instances::count(&seen.ours, "running")));
        }
        Ok(Progress::Done(seen.output()?))
    }

    async fn undo(
        &self,
        _: &Before,
        _: Option<&Ran>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let made = instances::search(vec![tag::made(context)], ec2, context).await?;
        let live = made.iter().filter(|one| !instances::is_ending(one));
        let live: Vec<String> = live.map(instances::id).collect();
        if !live.is_empty() {
            ec2.terminate_instances()
                .set_instance_ids(Some(live))
                .send()
                .await
                .explain("ec2:TerminateInstances", context)?;
            return Ok(tag::again(instances::count(&made, "terminated")));
        }
        if made.iter().any(|one| instances::state(one) != "terminated") {
            return Ok(tag::again(instances::count(&made, "terminated")));
        }
        Ok(Progress::Done(()))
    }
}

/// The instances of the wished name.
struct Seen {
    others: Vec<Instance>,
    ours: Vec<Instance>,
}

impl Seen {
    fn total(&self) -> usize {
        self.others.len() + self.ours.len()
    }

    fn output(&self) -> StepResult<Ran> {
        let all: Vec<&Instance> = self.others.iter().chain(&self.ours).collect();
        let Some(first) = all.first() else {
            return Err(Fault::new(
                FaultKind::Invalid,
                "`count` is 0: there is no instance",
            ));
        };
        Ok(Ran {
            instance_id: instances::id(first),
            zone: instances::zone(first),
            instance_ids: all.into_iter().map(instances::id).collect(),
        })
    }
}

impl Run {
    async fn look(&self, ec2: &Ec2, context: &Context) -> StepResult<Seen> {
        let mut filters = tag::named(&self.name, context);
        filters.push(tag::filter("subnet-id", &self.subnet));
        let live = ["pending", "running", "stopping", "stopped"];
        filters.push(tag::any("instance-state-name", live));
        let found = instances::search(filters, ec2, context).await?;
        let (ours, others) = found
            .into_iter()
            .partition(|instance| tag::ours(instance.tags(), context));
        Ok(Seen { others, ours })
    }

    async fn launch(
        &self,
        count: usize,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Vec<Instance>> {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let mut tags = tags::creation(context, Some(&self.name));
        for (key, value) in &self.tags {
            tags.entry(key.clone()).or_insert_with(|| value.clone());
        }
        let launched = ec2
            .run_instances()
            .launch_template(self.template())
            .subnet_id(&self.subnet)
            .min_count(count)
            .max_count(count)
            .client_token(&context.token)
            .tag_specifications(tag::with(ResourceType::Instance, tags.clone()))
            .tag_specifications(tag::with(ResourceType::Volume, tags))
            .send()
            .await
            .explain("ec2:RunInstances", context);
        match launched {
            Ok(answer) => Ok(answer.instances.unwrap_or_default()),
            // The instances of an earlier attempt of this very step were ended by someone or
            // something: never a reason to launch a second set on our own.
            Err(fault) if code(&fault) == Some("IdempotentInstanceTerminated") => Err(fault
                .help("what this step launched was terminated; start a new run to launch again")),
            Err(fault) => Err(fault),
        }
    }

    fn template(&self) -> LaunchTemplateSpecification {
        let version = self
            .version
            .map_or("$Default".to_owned(), |number| number.to_string());
        let template = LaunchTemplateSpecification::builder().version(version);
        if self.launch_template.starts_with("lt-") {
            template.launch_template_id(&self.launch_template).build()
        } else {
            template.launch_template_name(&self.launch_template).build()
        }
    }
}

fn is_pending(instance: &Instance) -> bool {
    instances::state(instance) == "pending"
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::Client;
    use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
    use aws_sdk_ec2::operation::run_instances::RunInstancesOutput;
    use aws_sdk_ec2::operation::terminate_instances::TerminateInstancesOutput;
    use aws_sdk_ec2::types::{InstanceState, InstanceStateName, Placement, Reservation, Tag};
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn run() -> Run {
        serde_json::from_value(serde_json::json!({
            "name": "web", "launch_template": "web", "subnet": "subnet-1", "count": 2,
            "tags": { "Role": "web", "runbook:token": "forged" },
        }))
        .unwrap()
    }

    fn instance(id: &str, token: &str, state: &str) -> Instance {
        let state = InstanceState::builder()
            .name(InstanceStateName::from(state))
            .build();
        Instance::builder()
            .instance_id(id)
            .state(state)
            .placement(Placement::builder().availability_zone("us-east-1a").build())
            .tags(Tag::builder().key("runbook:token").value(token).build())
            .build()
    }

    fn found(instances: &[Instance]) -> Rule {
        let all = Reservation::builder()
            .set_instances(Some(instances.to_vec()))
            .build();
        mock!(Client::describe_instances).then_output(move || {
            DescribeInstancesOutput::builder()
                .reservations(all.clone())
                .build()
        })
    }

    fn launches(count: i32) -> Rule {
        mock!(Client::run_instances)
            .match_requests(move |request| {
                let tags = request.tag_specifications()[0].tags();
                request.client_token() == Some(TOKEN)
                    && request.min_count() == Some(count)
                    && request.max_count() == Some(count)
                    && request.launch_template().and_then(|one| one.version()) == Some("$Default")
                    && tag::value(tags, "Role") == Some("web")
                    && tag::ours(tags, &context())
            })
            .then_output(|| {
                RunInstancesOutput::builder()
                    .instances(instance("i-2", TOKEN, "pending"))
                    .build()
            })
    }

    #[tokio::test]
    async fn observe_counts_what_lives() {
        let look = async |all: &[Instance]| {
            let ec2 = Ec2(answering!(aws_sdk_ec2, [&found(all)]));
            run().observe(&ec2, &context()).await.unwrap()
        };
        let (a, b) = (
            instance("i-1", "x", "running"),
            instance("i-2", "x", "stopped"),
        );
        assert!(matches!(look(&[a.clone(), b]).await, Observed::Same(_)));
        let mine = instance("i-2", TOKEN, "running");
        let Observed::Adopted(output) = look(&[a.clone(), mine]).await else {
            panic!("one of them is this step's own");
        };
        assert_eq!(output.instance_ids, ["i-1", "i-2"]);
        let differs = Observed::Differs(Before { existing: 1 });
        assert_eq!(look(std::slice::from_ref(&a)).await, differs);
        assert_eq!(look(&[a, instance("i-2", TOKEN, "pending")]).await, differs);
    }

    #[tokio::test]
    async fn only_missing_instances_are_launched_and_waited_for() {
        let launch = launches(1);
        let there = found(&[instance("i-1", "x", "running")]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&there, &launch]));
        let progress = run()
            .apply(&Before { existing: 1 }, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(progress, tag::again("0 of 1 running"));
        assert_eq!(launch.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_launch_that_shows_in_part_is_repeated_as_it_was() {
        let launch = launches(2);
        let there = found(&[instance("i-1", TOKEN, "running")]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&there, &launch]));
        run()
            .apply(&Before { existing: 0 }, &ec2, &context())
            .await
            .unwrap();
        assert_eq!(launch.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_second_apply_launches_nothing() {
        let launch = launches(1);
        let there = found(&[
            instance("i-1", "x", "running"),
            instance("i-2", TOKEN, "running"),
        ]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&there, &launch]));
        let done = run()
            .apply(&Before { existing: 1 }, &ec2, &context())
            .await
            .unwrap();
        assert!(matches!(done, Progress::Done(output) if output.zone == "us-east-1a"));
        assert_eq!(launch.num_calls(), 0);
    }

    #[tokio::test]
    async fn undo_terminates_only_what_carries_the_token_and_waits() {
        let terminated = mock!(Client::terminate_instances)
            .match_requests(|request| request.instance_ids() == ["i-2"])
            .then_output(|| TerminateInstancesOutput::builder().build());
        let made = found(&[instance("i-2", TOKEN, "running")]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&made, &terminated]));
        let before = Before { existing: 1 };
        let undone = run().undo(&before, None, &ec2, &context()).await.unwrap();
        assert_eq!(undone, tag::again("0 of 1 terminated"));
        assert_eq!(terminated.num_calls(), 1);

        let gone = found(&[instance("i-2", TOKEN, "terminated")]);
        let ec2 = Ec2(answering!(aws_sdk_ec2, [&gone]));
        let undone = run().undo(&before, None, &ec2, &context()).await.unwrap();
        assert_eq!(undone, Progress::Done(()));
    }
}
