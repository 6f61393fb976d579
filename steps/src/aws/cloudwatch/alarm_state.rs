//! `aws.cloudwatch.alarm.state`

use runbook_step::{Args, Context, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alarm::{Now, Value, now};
use crate::aws::client::CloudWatch;

/// Reads the state of an alarm.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// Name of the alarm.
    name: String,
}

/// The state of an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Read {
    /// Name of the alarm.
    name: String,
    /// Its state.
    state: Value,
    /// Why it is in this state, in words.
    reason: String,
    /// Since when, as an RFC 3339 time.
    at: String,
}

impl Args for State {
    const KIND: &'static str = "aws.cloudwatch.alarm.state";
    const IAM: &'static [&'static str] = &["cloudwatch:DescribeAlarms"];
    type Client = CloudWatch;
    type Output = Read;
}

impl Query for State {
    async fn read(&self, cloudwatch: &CloudWatch, context: &Context) -> StepResult<Read> {
        let Now { state, reason, at } = now(cloudwatch, context, &self.name).await?;
        let name = self.name.clone();
        Ok(Read {
            name,
            state,
            reason,
            at,
        })
    }
}
