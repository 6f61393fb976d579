//! A compiled runbook: names resolved, defaults filled in, expressions still text.
//!
//! It is data. A run pins one by content hash and never reads the file again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{FaultKind, Millis};

/// One runbook, ready to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    /// Kebab-case name.
    pub name: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Who is told, who may approve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// Declared parameters by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// What is measured in every run.
    #[serde(default)]
    pub objectives: Objectives,
    /// Template of the lock key; one live run per key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// Deadline of the main steps, from the start of the run; holds while nothing drives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// What a passed deadline of the run means.
    #[serde(default, skip_serializing_if = "is_stop")]
    pub on_failure: OnFailure,
    /// The steps of all sections: main ones first, in the order of the file.
    pub steps: Vec<Step>,
    /// Output name to template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Value>,
}

fn is_stop(policy: &OnFailure) -> bool {
    *policy == OnFailure::Stop
}

impl Runbook {
    /// Index of the step with this id.
    #[must_use]
    pub fn index_of(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }
}

/// Targets for recovery, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    /// Recovery time objective: from the incident until service is restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<Millis>,
    /// Recovery point objective: age of the newest usable recovery point at the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Millis>,
}

/// A declared parameter or environment variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Used when no value is given; may be a template over `env`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The value never reaches the store, a log or an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// The only values allowed.
    #[serde(default, rename = "enum", skip_serializing_if = "Option::is_none")]
    pub choices: Option<Vec<Value>>,
    /// Regular expression that a string must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Smallest number or duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Value>,
    /// Largest number or duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Value>,
    /// Shortest string or list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u64>,
    /// Longest string or list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
    /// What each element of a list must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Param>>,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// true or false.
    Boolean,
    /// A span such as `30s` or `1h30m`.
    Duration,
    /// A list.
    List,
    /// A map.
    Map,
    /// An AWS region such as `us-east-1`.
    #[serde(rename = "aws.region")]
    AwsRegion,
    /// An availability zone such as `us-east-1a`.
    #[serde(rename = "aws.zone")]
    AwsZone,
    /// A VPC id.
    #[serde(rename = "aws.vpc_id")]
    AwsVpcId,
    /// A subnet id.
    #[serde(rename = "aws.subnet_id")]
    AwsSubnetId,
    /// An instance id.
    #[serde(rename = "aws.instance_id")]
    AwsInstanceId,
    /// A volume id.
    #[serde(rename = "aws.volume_id")]
    AwsVolumeId,
    /// A snapshot id.
    #[serde(rename = "aws.snapshot_id")]
    AwsSnapshotId,
    /// An image id.
    #[serde(rename = "aws.image_id")]
    AwsImageId,
    /// An Amazon resource name.
    #[serde(rename = "aws.arn")]
    AwsArn,
    /// An IPv4 or IPv6 network such as `10.0.0.0/16`.
    Cidr,
}

/// Where in the file a step stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// `steps`.
    #[default]
    Main,
    /// `finally`: runs when the main steps have ended, however they ended.
    Finally,
    /// `on_cancel`: runs when an operator cancelled the run.
    OnCancel,
}

/// What a failed step means for the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Start nothing more, let running steps end, run `finally`, fail.
    #[default]
    Stop,
    /// Go on; the run ends with warnings.
    Continue,
    /// Undo what succeeded, newest first.
    Rollback,
    /// Start nothing more and wait for an operator.
    Pause,
}

/// One step of a runbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the file.
    pub id: String,
    /// One line for people, a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The step type's name, such as `aws.ec2.vpc.ensure`.
    pub uses: String,
    /// What kind of work it is; taken from the catalog.
    pub work: Work,
    /// Inputs; string leaves are templates.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub with: Value,
    /// Section of the file.
    #[serde(default)]
    pub section: Section,
    /// Indexes of the steps that it waits for; all in the same section.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
    /// Ids of the steps whose outputs its templates and expressions read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<String>,
    /// CEL; false skips the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Runs once for each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// Asks again until an expression over the outputs holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// Deadline for the step with all its retries, from its first attempt.
    pub timeout: Millis,
    /// How failed attempts are repeated.
    #[serde(default)]
    pub retry: Retry,
    /// What its failure means.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// How it is taken back.
    #[serde(default)]
    pub undo: Undo,
    /// Why its type cannot be taken back, for changes that cannot; taken from the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
    /// Named point in time that it reaches when it succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marks: Option<String>,
    /// Template: the region of its AWS calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Template: the role that it assumes for its AWS calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// What a plugin's step may do at most, where its author narrows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Value>,
}

/// What kind of work a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Evaluated by the engine itself, free of effects.
    Pure,
    /// A durable timer.
    Timer,
    /// A person's answer.
    Gate(Gate),
    /// A run of another runbook.
    Child,
    /// A call of a step type that leaves the process.
    Call(Shape),
}

/// What is asked of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Yes or no.
    Approval,
    /// Answers to a form.
    Manual,
    /// To go on.
    Pause,
}

/// How a step type behaves when it is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Reads; reads again.
    Query,
    /// Observes, then modifies what exists; applies again.
    Modify,
    /// Observes, then creates; looks its own resource up before it creates again.
    Create,
    /// Acts; whether it may act again is the step's own word.
    Action,
    /// Polls; polls again.
    Wait,
}

/// Runs a step once for each item of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForEach {
    /// CEL that gives the list.
    pub over: String,
    /// Items in flight at once.
    pub max_parallel: u32,
    /// Sizes of one batch after another, instead of `max_parallel`: the next batch starts when every
    /// item before it has ended; the last size is kept as a window over the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ramp: Vec<Limit>,
    /// Failed items that are tolerated.
    #[serde(default)]
    pub max_failures: Limit,
}

impl ForEach {
    /// The first item that may not start yet, of `total` items of which `next` is the first that was
    /// not started, `live` are in an attempt and `done` have ended.
    #[must_use]
    pub fn window(&self, total: usize, next: usize, live: usize, done: usize) -> usize {
        let sliding = |size: usize| total.min(next + size.saturating_sub(live));
        let Some((last, batches)) = self.ramp.split_last() else {
            return sliding((self.max_parallel as usize).max(1));
        };
        let mut start = 0;
        for size in batches {
            let size = size.of(total).max(1);
            let end = start + size;
            if next < end {
                let open = next > start || done >= start;
                // Items that were given another chance count too.
                return if open { end.min(sliding(size)) } else { next };
            }
            start = end;
        }
        if next > start || done >= start {
            sliding(last.of(total).max(1))
        } else {
            next
        }
    }
}

impl ForEach {
    /// How many of `total` items may be in an attempt at once, when `next` is the first that was not
    /// started.
    #[must_use]
    pub fn at_once(&self, total: usize, next: usize) -> usize {
        let Some((last, batches)) = self.ramp.split_last() else {
            return (self.max_parallel as usize).max(1);
        };
        let mut start = 0;
        for size in batches {
            let size = size.of(total).max(1);
            start += size;
            if next <= start {
                return size;
            }
        }
        last.of(total).max(1)
    }
}

/// A number of items, or a share of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// So many.
    Count(u32),
    /// So many in a hundred.
    Percent(f64),
}

impl Default for Limit {
    fn default() -> Self {
        Self::Count(0)
    }
}

impl Limit {
    /// How many of `total` this allows.
    #[must_use]
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a share of a list's length"
            )]
            Self::Percent(percent) => (total as f64 * percent / 100.0).floor() as usize,
        }
    }
}

/// Asks again until an expression holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Until {
    /// CEL over this attempt's outputs.
    pub that: String,
    /// How long to wait before the next question.
    pub interval: Millis,
}

/// How failed attempts are repeated. Jitter is full: the delay is a random share of the computed one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// Delay before the second attempt.
    pub delay: Millis,
    /// Largest delay.
    pub max_delay: Millis,
    /// Factor from one delay to the next.
    pub backoff: f64,
    /// Whether the delay is a random share of the computed one.
    pub jitter: bool,
    /// Classes that are repeated; others are permanent.
    pub on: Vec<FaultKind>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            delay: 2_000,
            max_delay: 30_000,
            backoff: 2.0,
            jitter: true,
            on: vec![
                FaultKind::Throttled,
                FaultKind::Transient,
                FaultKind::Conflict,
            ],
        }
    }
}

impl Retry {
    /// Delay before the attempt after `attempt` (1 is the first), `share` (0 to 1) of it when jittered.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "delays are far below 2^52 milliseconds"
    )]
    pub fn delay_after(&self, attempt: u32, share: f64) -> Millis {
        let power = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let full = (self.delay as f64 * self.backoff.powi(power)).min(self.max_delay as f64);
        let share = if self.jitter {
            share.clamp(0.0, 1.0)
        } else {
            1.0
        };
        (full * share) as Millis
    }
}

/// How a step is taken back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undo {
    /// As its type does it.
    #[default]
    Own,
    /// Not at all, by the author's word.
    None,
    /// By another step type.
    With {
        /// The step type.
        uses: String,
        /// Its inputs.
        with: Value,
    },
}
