//! `aws.cloudwatch.alarm.put`

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{ComparisonOperator, MetricAlarm, Statistic, Tag};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alarm::{dimensions, find};
use crate::aws::client::CloudWatch;
use crate::aws::fault::{Expect, Explain};
use crate::aws::tags;
use crate::control::span::Span;

/// Makes an alarm on a metric, or changes one.
///
/// It is found by its name. Undo puts the previous definition back, or deletes an alarm that was not
/// there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Put {
    /// Name, unique in the region.
    name: String,
    /// Namespace of the metric, such as `AWS/ApplicationELB`.
    namespace: String,
    /// Name of the metric.
    metric: String,
    /// Dimensions of the metric, by name.
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`, or a percentile such as `p99`.
    statistic: String,
    /// The time over which one value is taken.
    #[serde(default = "a_minute")]
    period: Span,
    /// So many values in a row decide.
    #[serde(default = "one")]
    evaluation_periods: u16,
    /// What the values are compared with.
    threshold: f64,
    /// How they are compared.
    comparison: Comparison,
    /// What a missing value counts as.
    #[serde(default)]
    treat_missing_data: Gap,
    /// ARNs that are told when the alarm goes off, such as topics.
    #[serde(default)]
    alarm_actions: BTreeSet<String>,
    /// ARNs that are told when the alarm is over.
    #[serde(default)]
    ok_actions: BTreeSet<String>,
    /// What the alarm means, for people.
    #[serde(default)]
    description: Option<String>,
}

/// How values are compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
enum Comparison {
    /// Above.
    #[serde(rename = "GreaterThanThreshold")]
    Above,
    /// Above or equal.
    #[serde(rename = "GreaterThanOrEqualToThreshold")]
    AboveOrEqual,
    /// Below.
    #[serde(rename = "LessThanThreshold")]
    Below,
    /// Below or equal.
    #[serde(rename = "LessThanOrEqualToThreshold")]
    BelowOrEqual,
}

impl Comparison {
    fn name(self) -> &'static str {
        match self {
            Self::Above => "GreaterThanThreshold",
            Self::AboveOrEqual => "GreaterThanOrEqualToThreshold",
            Self::Below => "LessThanThreshold",
            Self::BelowOrEqual => "LessThanOrEqualToThreshold",
        }
    }
}

/// What a missing value counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum Gap {
    /// Nothing: without values there is not enough data.
    #[default]
    Missing,
    /// Within the threshold.
    NotBreaching,
    /// Beyond the threshold.
    Breaching,
    /// The alarm stays as it is.
    Ignore,
}

impl Gap {
    fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotBreaching => "notBreaching",
            Self::Breaching => "breaching",
            Self::Ignore => "ignore",
        }
    }
}

fn a_minute() -> Span {
    Span::seconds(60)
}

fn one() -> u16 {
    1
}

/// The alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Alarm {
    /// Its ARN.
    alarm_arn: String,
}

/// Everything that defines an alarm: CloudWatch writes definitions as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    namespace: String,
    metric: String,
    dimensions: BTreeMap<String, String>,
    statistic: String,
    period: i32,
    evaluation_periods: i32,
    datapoints_to_alarm: Option<i32>,
    threshold: f64,
    comparison: String,
    treat_missing_data: String,
    low_samples: Option<String>,
    unit: Option<String>,
    enabled: bool,
    alarm_actions: BTreeSet<String>,
    ok_actions: BTreeSet<String>,
    no_data_actions: BTreeSet<String>,
    description: Option<String>,
}

/// The definition before; none when there was no alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Before {
    previous: Option<Definition>,
}

impl Args for Put {
    const KIND: &'static str = "aws.cloudwatch.alarm.put";
    const IAM: &'static [&'static str] = &[
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
    ];
    type Client = CloudWatch;
    type Output = Alarm;
}

impl Change for Put {
    type Before = Before;
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(
        &self,
        cloudwatch: &CloudWatch,
        context: &Context,
    ) -> StepResult<Observed<Before, Alarm>> {
        let Some(alarm) = find(cloudwatch, context, &self.name).await? else {
            return Ok(Observed::Differs(Before { previous: None }));
        };
        let previous = Definition::read(&alarm)?;
        Ok(if self.wish(Some(&previous)) == previous {
            Observed::Same(output(&alarm))
        } else {
            Observed::Differs(Before {
                previous: Some(previous),
            })
        })
    }

    async fn apply(
        &self,
        before: &Before,
        cloudwatch: &CloudWatch,
        context: &Context,
    ) -> StepResult<Progress<Alarm>> {
        let wish = self.wish(before.previous.as_ref());
        if let Some(alarm) = find(cloudwatch, context, &self.name).await?
            && Definition::read(&alarm)? == wish
        {
            return Ok(Progress::Done(output(&alarm)));
        }
        self.write(cloudwatch, context, &wish).await?;
        // The answer does not carry the ARN.
        Ok(match find(cloudwatch, context, &self.name).await? {
            Some(alarm) => Progress::Done(output(&alarm)),
            None => Progress::Again {
                after: std::time::Duration::from_secs(2),
                note: format!("alarm {} is made but not visible yet", self.name),
            },
        })
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Alarm>,
        cloudwatch: &CloudWatch,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let now = find(cloudwatch, context, &self.name).await?;
        let now = now.as_ref().map(Definition::read).transpose()?;
        if now == before.previous {
            return Ok(Progress::Done(()));
        }
        match (&now, &before.previous) {
            (Some(now), previous) if *now == self.wish(previous.as_ref()) => match previous {
                Some(previous) => self.write(cloudwatch, context, previous).await?,
                None => {
                    cloudwatch
                        .delete_alarms()
                        .alarm_names(&self.name)
                        .send()
                        .await
                        .explain("cloudwatch:DeleteAlarms", context)
                        .or_absent()?;
                }
            },
            (Some(_) | None, _) => {
                let message = format!(
                    "alarm `{}` was changed since; it is left as it is",
                    self.name
                );
                return Err(Fault::new(FaultKind::Conflict, message));
            }
        }
        Ok(Progress::Done(()))
    }
}

fn output(alarm: &MetricAlarm) -> Alarm {
    Alarm {
        alarm_arn: alarm.alarm_arn().unwrap_or_default().to_owned(),
    }
}

impl Put {
    /// The definition as it shall be; what the inputs do not name stays as it is.
    fn wish(&self, previous: Option<&Definition>) -> Definition {
        Definition {
            namespace: self.namespace.clone(),
            metric: self.metric.clone(),
            dimensions: self.dimensions.clone(),
            statistic: self.statistic.clone(),
            period: self.period.as_seconds(),
            evaluation_periods: i32::from(self.evaluation_periods),
            datapoints_to_alarm: previous.and_then(|previous| {
                // As many as there are no longer.
                let count = previous.datapoints_to_alarm?;
                (count <= i32::from(self.evaluation_periods)).then_some(count)
            }),
            threshold: self.threshold,
            comparison: self.comparison.name().to_owned(),
            treat_missing_data: self.treat_missing_data.name().to_owned(),
            low_samples: previous.and_then(|previous| previous.low_samples.clone()),
            unit: previous.and_then(|previous| previous.unit.clone()),
            enabled: previous.is_none_or(|previous| previous.enabled),
            alarm_actions: self.alarm_actions.clone(),
            ok_actions: self.ok_actions.clone(),
            no_data_actions: previous
                .map(|previous| previous.no_data_actions.clone())
                .unwrap_or_default(),
            description: self
                .description
                .clone()
                .or_else(|| previous.and_then(|previous| previous.description.clone())),
        }
    }

    async fn write(
        &self,
        cloudwatch: &CloudWatch,
        context: &Context,
        wish: &Definition,
    ) -> StepResult<()> {
        let list = |arns: &BTreeSet<String>| Some(arns.iter().cloned().collect());
        let named = Statistic::values().contains(&wish.statistic.as_str());
        let tags = tags::creation(context, None)
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        cloudwatch
            .put_metric_alarm()
            .alarm_name(&self.name)
            .namespace(&wish.namespace)
            .metric_name(&wish.metric)
            .set_dimensions(Some(dimensions(&wish.dimensions)))
            .set_statistic(named.then(|| wish.statistic.as_str().into()))
            .set_extended_statistic((!named).then(|| wish.statistic.clone()))
            .period(wish.period)
            .evaluation_periods(wish.evaluation_periods)
            .set_datapoints_to_alarm(wish.datapoints_to_alarm)
            .threshold(wish.threshold)
            .comparison_operator(wish.comparison.as_str().into())
            .treat_missing_data(&wish.treat_missing_data)
            .set_evaluate_low_sample_count_percentile(wish.low_samples.clone())
            .set_unit(wish.unit.as_deref().map(Into::into))
            .actions_enabled(wish.enabled)
            .set_alarm_actions(list(&wish.alarm_actions))
            .set_ok_actions(list(&wish.ok_actions))
            .set_insufficient_data_actions(list(&wish.no_data_actions))
            .set_alarm_description(wish.description.clone())
            // CloudWatch takes them for a new alarm only.
            .set_tags(Some(tags))
            .send()
            .await
            .explain("cloudwatch:PutMetricAlarm", context)?;
        Ok(())
    }
}

impl Definition {
    /// Reads an alarm; refuses those that could not be written back.
    fn read(alarm: &MetricAlarm) -> StepResult<Self> {
        let (Some(metric), Some(period)) = (alarm.metric_name(), alarm.period()) else {
            let name = alarm.alarm_name().unwrap_or_default();
            let message = format!("alarm `{name}` exists and is computed from several metrics");
            return Err(Fault::new(FaultKind::Invalid, message)
                .help("this step only knows alarms on one metric: choose another name"));
        };
        let text = |text: &str| text.to_owned();
        let statistic = alarm.statistic().map(Statistic::as_str);
        Ok(Self {
            namespace: alarm.namespace().unwrap_or_default().to_owned(),
            metric: metric.to_owned(),
            dimensions: alarm
                .dimensions()
                .iter()
                .filter_map(|one| Some((one.name()?.to_owned(), one.value()?.to_owned())))
                .collect(),
            statistic: statistic
                .or(alarm.extended_statistic())
                .unwrap_or_default()
                .to_owned(),
            period,
            evaluation_periods: alarm.evaluation_periods().unwrap_or_default(),
            // All of them is what an absent number means.
            datapoints_to_alarm: alarm
                .datapoints_to_alarm()
                .filter(|count| Some(*count) != alarm.evaluation_periods()),
            threshold: alarm.threshold().unwrap_or_default(),
            comparison: alarm
                .comparison_operator()
                .map_or("", ComparisonOperator::as_str)
                .to_owned(),
            treat_missing_data: alarm.treat_missing_data().unwrap_or("missing").to_owned(),
            low_samples: alarm.evaluate_low_sample_count_percentile().map(text),
            unit: alarm.unit().map(|unit| unit.as_str().to_owned()),
            enabled: alarm.actions_enabled().unwrap_or(true),
            alarm_actions: alarm.alarm_actions().iter().cloned().collect(),
            ok_actions: alarm.ok_actions().iter().cloned().collect(),
            no_data_actions: alarm.insufficient_data_actions().iter().cloned().collect(),
            description: alarm
                .alarm_description()
                .map(text)
                .filter(|text| !text.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::Client;
    use aws_sdk_cloudwatch::operation::delete_alarms::DeleteAlarmsOutput;
    use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
    use aws_sdk_cloudwatch::operation::put_metric_alarm::PutMetricAlarmOutput;
    use aws_sdk_cloudwatch::types::Dimension;
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::{answering, context};

    fn step() -> Put {
        from_value(json!({
            "name": "unhealthy", "namespace": "AWS/ApplicationELB", "metric": "UnHealthyHostCount",
            "dimensions": { "TargetGroup": "tg" }, "statistic": "Maximum", "threshold": 1,
            "comparison": "GreaterThanOrEqualToThreshold", "evaluation_periods": 2,
            "alarm_actions": ["arn:b", "arn:a"],
        }))
        .unwrap()
    }

    fn alarm(threshold: f64) -> MetricAlarm {
        MetricAlarm::builder()
            .alarm_name("unhealthy")
            .alarm_arn("arn:alarm")
            .namespace("AWS/ApplicationELB")
            .metric_name("UnHealthyHostCount")
            .dimensions(Dimension::builder().name("TargetGroup").value("tg").build())
            .statistic(Statistic::Maximum)
            .period(60)
            .evaluation_periods(2)
            .datapoints_to_alarm(2)
            .threshold(threshold)
            .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
            .alarm_actions("arn:a")
            .alarm_actions("arn:b")
            .insufficient_data_actions("arn:c")
            .alarm_description("by hand")
            .build()
    }

    fn there(threshold: f64) -> Rule {
        mock!(Client::describe_alarms).then_output(move || {
            DescribeAlarmsOutput::builder()
                .metric_alarms(alarm(threshold))
                .build()
        })
    }

    fn absent() -> Rule {
        mock!(Client::describe_alarms).then_output(|| DescribeAlarmsOutput::builder().build())
    }

    fn puts(threshold: f64) -> Rule {
        mock!(Client::put_metric_alarm)
            .match_requests(move |request| {
                request.threshold() == Some(threshold)
                    && request.insufficient_data_actions() == ["arn:c"]
                    && request.alarm_description() == Some("by hand")
            })
            .then_output(|| PutMetricAlarmOutput::builder().build())
    }

    fn client(rules: &[&Rule]) -> CloudWatch {
        CloudWatch(answering!(aws_sdk_cloudwatch, rules))
    }

    #[tokio::test]
    async fn one_that_is_as_wished_is_left_alone() {
        let cloudwatch = client(&[&there(1.0)]);
        let same = Observed::Same(output(&alarm(1.0)));
        assert_eq!(step().observe(&cloudwatch, &context()).await, Ok(same));
    }

    #[tokio::test]
    async fn what_the_inputs_do_not_name_is_kept_and_undo_restores_all() {
        let forward = puts(1.0);
        let cloudwatch = client(&[&there(5.0), &forward]);
        let Ok(Observed::Differs(before)) = step().observe(&cloudwatch, &context()).await else {
            panic!("it differs");
        };
        step()
            .apply(&before, &cloudwatch, &context())
            .await
            .unwrap();
        assert_eq!(forward.num_calls(), 1);

        let back = puts(5.0);
        let cloudwatch = client(&[&there(1.0), &back]);
        step()
            .undo(&before, None, &cloudwatch, &context())
            .await
            .unwrap();
        assert_eq!(back.num_calls(), 1);

        let cloudwatch = client(&[&there(9.0)]);
        let fault = step()
            .undo(&before, None, &cloudwatch, &context())
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Conflict);
    }

    #[tokio::test]
    async fn undo_deletes_one_that_was_not_there() {
        let mut step = step();
        let deleted =
            mock!(Client::delete_alarms).then_output(|| DeleteAlarmsOutput::builder().build());
        let before = Before { previous: None };
        let cloudwatch = client(&[&absent(), &deleted]);
        assert_eq!(
            step.observe(&cloudwatch, &context()).await,
            Ok(Observed::Differs(before.clone()))
        );
        step.undo(&before, None, &cloudwatch, &context())
            .await
            .unwrap();
        assert_eq!(deleted.num_calls(), 0);

        step.description = Some("by hand".to_owned());
        let own = mock!(Client::describe_alarms).then_output(|| {
            let alarm = MetricAlarm::builder()
                .set_insufficient_data_actions(None)
                .alarm_name("unhealthy")
                .namespace("AWS/ApplicationELB")
                .metric_name("UnHealthyHostCount")
                .dimensions(Dimension::builder().name("TargetGroup").value("tg").build())
                .statistic(Statistic::Maximum)
                .period(60)
                .evaluation_periods(2)
                .threshold(1.0)
                .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
                .alarm_actions("arn:a")
                .alarm_actions("arn:b")
                .alarm_description("by hand")
                .build();
            DescribeAlarmsOutput::builder().metric_alarms(alarm).build()
        });
        let cloudwatch = client(&[&own, &deleted]);
        step.undo(&before, None, &cloudwatch, &context())
            .await
            .unwrap();
        assert_eq!(deleted.num_calls(), 1);
    }

    #[tokio::test]
    async fn one_that_is_computed_from_several_metrics_is_refused() {
        let math = mock!(Client::describe_alarms).then_output(|| {
            let alarm = MetricAlarm::builder().alarm_name("unhealthy").build();
            DescribeAlarmsOutput::builder().metric_alarms(alarm).build()
        });
        let fault = step()
            .observe(&client(&[&math]), &context())
            .await
            .unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
    }
}
