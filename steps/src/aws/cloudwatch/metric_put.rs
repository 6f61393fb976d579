//! `aws.cloudwatch.metric.put`

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{MetricDatum, StandardUnit};
use runbook_step::{
    Action, Args, Context, Fault, FaultKind, Progress, Repeat, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alarm::dimensions;
use crate::aws::client::CloudWatch;
use crate::aws::fault::Explain;

/// Writes one value of a metric of your own.
///
/// CloudWatch counts a value that arrives twice twice: a crash inside the call makes the step in
/// doubt, unless `repeatable` says that a second value does no harm, as with a metric that is read as
/// its maximum.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Put {
    /// Namespace; not one that begins with `AWS/`.
    namespace: String,
    /// Name of the metric.
    metric: String,
    /// The value.
    value: f64,
    /// Unit, such as `Seconds` or `Count`; none when absent.
    #[serde(default)]
    unit: Option<String>,
    /// Dimensions by name.
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    /// The value may be written again when nobody knows whether it arrived.
    #[serde(default)]
    repeatable: bool,
}

/// The value that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Written {
    /// The value.
    value: f64,
}

impl Args for Put {
    const KIND: &'static str = "aws.cloudwatch.metric.put";
    const IAM: &'static [&'static str] = &["cloudwatch:PutMetricData"];
    type Client = CloudWatch;
    type Output = Written;
}

impl Action for Put {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        if self.repeatable {
            Repeat::Harmless
        } else {
            Repeat::Never
        }
    }

    async fn act(
        &self,
        cloudwatch: &CloudWatch,
        context: &Context,
    ) -> StepResult<Progress<Written>> {
        let unit = match self.unit.as_deref() {
            Some(unit) if !StandardUnit::values().contains(&unit) => {
                let message = format!("`{unit}` is not a unit of CloudWatch");
                return Err(Fault::new(FaultKind::Invalid, message)
                    .help(format!("one of {}", StandardUnit::values().join(", "))));
            }
            unit => unit.map(StandardUnit::from),
        };
        let datum = MetricDatum::builder()
            .metric_name(&self.metric)
            .value(self.value)
            .set_unit(unit)
            .set_dimensions(Some(dimensions(&self.dimensions)))
            .build();
        cloudwatch
            .put_metric_data()
            .namespace(&self.namespace)
            .metric_data(datum)
            .send()
            .await
            .explain("cloudwatch:PutMetricData", context)?;
        Ok(Progress::Done(Written { value: self.value }))
    }
}
