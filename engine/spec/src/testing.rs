//! A small catalog for tests: one step type of every shape.

#![allow(dead_code, reason = "only the schemas of these types are looked at")]

use std::collections::BTreeMap;

use runbook_core::{Gate, Work};
use runbook_step::catalog::{RetryClass, action, change, engine, pure, query};
use runbook_step::scope::Scope;
use runbook_step::{
    Action, Args, Catalog, Change, Context, Found, Observed, Progress, Query, Repeat, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) fn catalog() -> Catalog {
    Catalog::new(vec![
        query::<Health>(),
        change::<Upsert>(),
        action::<Publish>(),
        engine::<Approval, Approved>("approval", Work::Gate(Gate::Approval)),
        engine::<Manual, Value>("manual", Work::Gate(Gate::Manual)),
        engine::<Timer, Waited>("wait", Work::Timer),
        engine::<Child, Map<String, Value>>("runbook", Work::Child),
        pure::<Assert, Nothing>("assert", nothing),
        pure::<Map<String, Value>, Map<String, Value>>("let", nothing),
    ])
}

fn nothing(_: &Value, _: &Scope) -> StepResult<Value> {
    Ok(json!({}))
}

/// Reads the health of a target group.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Health {
    /// Name or ARN of the target group.
    target_group: String,
    /// Ports to look at.
    #[serde(default)]
    ports: Option<Vec<u16>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Healths {
    healthy: u32,
    targets: Vec<Target>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Target {
    id: String,
    state: String,
}

impl Args for Health {
    const KIND: &'static str = "aws.elbv2.targets.health";
    type Client = ();
    type Output = Healths;
}

impl Query for Health {
    async fn read(&self, (): &(), _: &Context) -> StepResult<Healths> {
        unreachable!("not run")
    }
}

/// Writes a record.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Upsert {
    /// Hosted zone that holds the record.
    zone: String,
    /// Name of the record.
    name: String,
    /// Type of the record.
    #[serde(rename = "type")]
    kind: Kind,
    /// Weight; 0 drains the record.
    #[serde(default)]
    weight: Option<u8>,
    /// Further settings.
    #[serde(default)]
    health: Option<HealthCheck>,
    /// By hand.
    #[serde(default)]
    evaluate: bool,
}

#[derive(Deserialize, JsonSchema)]
enum Kind {
    A,
    /// Another name.
    #[serde(rename = "CNAME")]
    Cname,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HealthCheck {
    /// What to ask.
    path: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Record {
    name: String,
    previous: Option<Target>,
}

impl Args for Upsert {
    const KIND: &'static str = "aws.route53.record.upsert";
    type Client = ();
    type Output = Record;
}

impl Change for Upsert {
    type Before = ();
    const FOUND: Found = Found::Modifies;
    const CLASS: RetryClass = RetryClass::State;

    async fn observe(&self, (): &(), _: &Context) -> StepResult<Observed<(), Record>> {
        unreachable!("not run")
    }

    async fn apply(&self, (): &(), (): &(), _: &Context) -> StepResult<Progress<Record>> {
        unreachable!("not run")
    }

    async fn undo(
        &self,
        (): &(),
        _: Option<&Record>,
        (): &(),
        _: &Context,
    ) -> StepResult<Progress<()>> {
        unreachable!("not run")
    }
}

/// Publishes a message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Publish {
    /// Topic.
    topic: String,
    /// Text.
    message: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Published {
    message_id: String,
}

impl Args for Publish {
    const KIND: &'static str = "aws.sns.publish";
    type Client = ();
    type Output = Published;
}

impl Action for Publish {
    const CLASS: RetryClass = RetryClass::None;

    fn repeat(&self) -> Repeat {
        Repeat::Harmless
    }

    async fn act(&self, (): &(), _: &Context) -> StepResult<Progress<Published>> {
        unreachable!("not run")
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Approval {
    message: String,
    #[serde(default)]
    approvers: Vec<String>,
}

#[derive(JsonSchema)]
struct Approved {
    by: String,
    comment: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Manual {
    message: String,
    #[serde(default)]
    form: BTreeMap<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Timer {
    r#for: String,
}

#[derive(JsonSchema)]
struct Waited {
    waited: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Child {
    file: String,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    env: Map<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Assert {
    that: Expressions,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Expressions {
    One(String),
    All(Vec<String>),
}

#[derive(JsonSchema)]
struct Nothing {}
