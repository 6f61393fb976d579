//! `aws.cloudwatch.alarm.wait`

use std::time::Duration;

use runbook_step::{Args, Context, Progress, StepResult, Wait};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alarm::{Now, Value, now};
use crate::aws::client::CloudWatch;

/// Waits until an alarm is in a state.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Await {
    /// Name of the alarm.
    name: String,
    /// The state that is waited for.
    #[serde(default)]
    state: Value,
}

/// The state that was waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Reached {
    /// The state.
    state: Value,
    /// Why the alarm is in this state, in words.
    reason: String,
    /// Since when, as an RFC 3339 time.
    at: String,
}

impl Args for Await {
    const KIND: &'static str = "aws.cloudwatch.alarm.wait";
    const TIMEOUT: Duration = Duration::from_secs(900);
    const IAM: &'static [&'static str] = &["cloudwatch:DescribeAlarms"];
    type Client = CloudWatch;
    type Output = Reached;
}

impl Wait for Await {
    async fn poll(
        &self,
        cloudwatch: &CloudWatch,
        context: &Context,
    ) -> StepResult<Progress<Reached>> {
        let Now { state, reason, at } = now(cloudwatch, context, &self.name).await?;
        if state == self.state {
            return Ok(Progress::Done(Reached { state, reason, at }));
        }
        let shown = |value: Value| {
            serde_json::to_string(&value)
                .unwrap_or_default()
                .replace('"', "")
        };
        Ok(Progress::Again {
            after: Duration::from_secs(5),
            note: format!(
                "alarm {} is {}, not {}",
                self.name,
                shown(state),
                shown(self.state)
            ),
        })
    }
}
