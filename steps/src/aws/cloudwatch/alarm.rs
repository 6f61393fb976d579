//! Look-up of alarms by name, and metric dimensions.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{Dimension, MetricAlarm, StateValue};
use aws_smithy_types::date_time::Format;
use runbook_step::{Context, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::client::CloudWatch;
use crate::aws::fault::{Explain, not_found};

/// The alarm with this name.
pub(super) async fn find(
    cloudwatch: &CloudWatch,
    context: &Context,
    name: &str,
) -> StepResult<Option<MetricAlarm>> {
    let answer = cloudwatch
        .describe_alarms()
        .alarm_names(name)
        .send()
        .await
        .explain("cloudwatch:DescribeAlarms", context)?;
    let mut alarms = answer.metric_alarms.unwrap_or_default().into_iter();
    Ok(alarms.find(|alarm| alarm.alarm_name() == Some(name)))
}

/// The state of an alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
pub(crate) enum Value {
    /// The threshold is crossed.
    #[default]
    Alarm,
    /// The threshold is not crossed.
    Ok,
    /// There are not enough values to tell.
    InsufficientData,
}

/// The state of an alarm, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) state: Value,
    pub(super) reason: String,
    pub(super) at: String,
}

/// The state of an alarm that must exist.
pub(super) async fn now(cloudwatch: &CloudWatch, context: &Context, name: &str) -> StepResult<Now> {
    let alarm = find(cloudwatch, context, name)
        .await?
        .ok_or_else(|| not_found(format_args!("alarm `{name}`")))?;
    let at = alarm.state_updated_timestamp();
    Ok(Now {
        state: match alarm.state_value() {
            Some(StateValue::Alarm) => Value::Alarm,
            Some(StateValue::Ok) => Value::Ok,
            _ => Value::InsufficientData,
        },
        reason: alarm.state_reason().unwrap_or_default().to_owned(),
        at: at
            .and_then(|at| at.fmt(Format::DateTime).ok())
            .unwrap_or_default(),
    })
}

pub(super) fn dimensions(by_name: &BTreeMap<String, String>) -> Vec<Dimension> {
    by_name
        .iter()
        .map(|(name, value)| Dimension::builder().name(name).value(value).build())
        .collect()
}
