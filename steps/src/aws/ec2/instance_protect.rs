//! `aws.ec2.instance.protect`

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{AttributeBooleanValue, InstanceAttributeName};
use runbook_step::{Args, Change, Context, Found, Observed, Progress, RetryClass, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::client::Ec2;
use crate::aws::fault::{Expect, Explain};

/// Protects instances against termination and against being stopped, or takes protection off.
///
/// Undo gives every instance its earlier protection back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Protect {
    /// Ids of the instances.
    instances: Vec<String>,
    /// Whether they are protected against termination.
    #[serde(default = "yes")]
    termination: bool,
    /// Whether they are protected against being stopped; absent: as they are.
    #[serde(default)]
    stop: Option<bool>,
}

/// The protection before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Protected {
    /// Earlier protection of each instance, by its id.
    previous: BTreeMap<String, Protection>,
}

/// The protection of one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Protection {
    /// Against termination.
    termination: bool,
    /// Against being stopped; absent when it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop: Option<bool>,
}

fn yes() -> bool {
    true
}

impl Args for Protect {
    const KIND: &'static str = "aws.ec2.instance.protect";
    const IAM: &'static [&'static str] = &[
        "ec2:DescribeInstanceAttribute",
        "ec2:ModifyInstanceAttribute",
    ];
    type Client = Ec2;
    type Output = Protected;
}

impl Change for Protect {
    type Before = Protected;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Observed<Protected, Protected>> {
        let mut previous = BTreeMap::new();
        for id in &self.instances {
            previous.insert(id.clone(), self.of(id, ec2, context).await?);
        }
        let same = previous.values().all(|one| *one == self.wished());
        let previous = Protected { previous };
        Ok(if same {
            Observed::Same(previous)
        } else {
            Observed::Differs(previous)
        })
    }

    async fn apply(
        &self,
        before: &Protected,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<Protected>> {
        let wished = self.wished();
        for (id, earlier) in &before.previous {
            wished.write(id, earlier, ec2, context).await?;
        }
        Ok(Progress::Done(before.clone()))
    }

    async fn undo(
        &self,
        before: &Protected,
        _: Option<&Protected>,
        ec2: &Ec2,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let wished = self.wished();
        for (id, earlier) in &before.previous {
            // What is gone needs no protection.
            earlier.write(id, &wished, ec2, context).await.or_absent()?;
        }
        Ok(Progress::Done(()))
    }
}

impl Protect {
    fn wished(&self) -> Protection {
        Protection {
            termination: self.termination,
            stop: self.stop,
        }
    }

    async fn of(&self, id: &str, ec2: &Ec2, context: &Context) -> StepResult<Protection> {
        let ask = |name: InstanceAttributeName| async move {
            ec2.describe_instance_attribute()
                .instance_id(id)
                .attribute(name)
                .send()
                .await
                .explain("ec2:DescribeInstanceAttribute", context)
        };
        let on = |value: Option<&AttributeBooleanValue>| {
            value
                .and_then(AttributeBooleanValue::value)
                .unwrap_or_default()
        };
        let termination = ask(InstanceAttributeName::DisableApiTermination).await?;
        let stop = match self.stop {
            Some(_) => {
                let answer = ask(InstanceAttributeName::DisableApiStop).await?;
                Some(on(answer.disable_api_stop()))
            }
            None => None,
        };
        Ok(Protection {
            termination: on(termination.disable_api_termination()),
            stop,
        })
    }
}

impl Protection {
    /// Writes what differs from `earlier`; the API takes one attribute in each call.
    async fn write(self, id: &str, earlier: &Self, ec2: &Ec2, context: &Context) -> StepResult<()> {
        let value = |on: bool| AttributeBooleanValue::builder().value(on).build();
        let mut calls = Vec::new();
        if self.termination != earlier.termination {
            let call = ec2.modify_instance_attribute().instance_id(id);
            calls.push(call.disable_api_termination(value(self.termination)));
        }
        if let Some(stop) = self.stop.filter(|_| self.stop != earlier.stop) {
            let call = ec2.modify_instance_attribute().instance_id(id);
            calls.push(call.disable_api_stop(value(stop)));
        }
        for call in calls {
            call.send()
                .await
                .explain("ec2:ModifyInstanceAttribute", context)?;
        }
        Ok(())
    }
}
