//! `manual`: a person does something and fills in a form. The engine carries it out.

#![expect(
    dead_code,
    reason = "the engine reads the recorded inputs; the types give the schemas"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::span::Span;

/// Asks a person to do something by hand and to report what came of it.
///
/// The answers to the form become the outputs of the step.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manual {
    /// What has to be done.
    message: String,
    /// What the person reports: name to type and constraints, like the `params` of a runbook.
    #[serde(default)]
    form: BTreeMap<String, Field>,
    /// Who may answer; the runbook's owners when absent.
    #[serde(default)]
    assignees: Vec<String>,
    /// How long an answer is waited for; for ever when absent.
    #[serde(default)]
    expires: Option<Span>,
}

/// One line of the form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Field {
    /// The type of the answer.
    #[serde(rename = "type")]
    kind: FieldType,
    /// What is asked.
    #[serde(default)]
    description: Option<String>,
    /// The answer when none is given.
    #[serde(default)]
    default: Option<Value>,
    /// Has to be false: an answer is kept in clear.
    #[serde(default)]
    secret: bool,
    /// The only answers allowed.
    #[serde(default, rename = "enum")]
    choices: Option<Vec<Value>>,
    /// Regular expression that a text must match.
    #[serde(default)]
    pattern: Option<String>,
    /// Smallest number or duration.
    #[serde(default)]
    min: Option<Value>,
    /// Largest number or duration.
    #[serde(default)]
    max: Option<Value>,
    /// Shortest text or list.
    #[serde(default)]
    min_length: Option<u64>,
    /// Longest text or list.
    #[serde(default)]
    max_length: Option<u64>,
    /// What each element of a list must be.
    #[serde(default)]
    items: Option<Box<Field>>,
}

/// The types that parameters and answers have.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FieldType {
    String,
    Integer,
    Number,
    Boolean,
    Duration,
    List,
    Map,
    #[serde(rename = "aws.region")]
    AwsRegion,
    #[serde(rename = "aws.zone")]
    AwsZone,
    #[serde(rename = "aws.vpc_id")]
    AwsVpcId,
    #[serde(rename = "aws.subnet_id")]
    AwsSubnetId,
    #[serde(rename = "aws.instance_id")]
    AwsInstanceId,
    #[serde(rename = "aws.volume_id")]
    AwsVolumeId,
    #[serde(rename = "aws.snapshot_id")]
    AwsSnapshotId,
    #[serde(rename = "aws.image_id")]
    AwsImageId,
    #[serde(rename = "aws.arn")]
    AwsArn,
    Cidr,
}

/// The answers, by the names of the form.
#[derive(JsonSchema)]
#[serde(transparent)]
pub(crate) struct Answers(Map<String, Value>);
