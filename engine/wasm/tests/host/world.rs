//! Everything around a call of a plugin, put together by the test.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runbook_core::{Key, Note};
use runbook_step::notes::{Held, Notes, Shelf, Shelving};
use runbook_step::{Aws, Context};
use runbook_wasm::descriptor::Descriptor;
use runbook_wasm::grant::{
    AwsPattern, Ceiling, Grant, HttpGrant, HttpPattern, Layers, Permissions, Reference, Use,
};
use runbook_wasm::host::transport::{
    Answering, AwsCall, HttpAnswer, HttpCall, HttpFailure, Transport,
};
use runbook_wasm::host::{Ended, Failure, Outcome, Plugin, Setup, Verb};
use runbook_wasm::limits::Limits;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// What the secret of the tests is worth.
pub(crate) const SECRET: &str = "s3cr3t/of+the tests";

/// Everything that happened, in its order.
pub(crate) type Events = Arc<Mutex<Vec<String>>>;

/// What a plugin may do in a test, and how much.
pub(crate) struct World {
    pub(crate) http: Vec<&'static str>,
    pub(crate) aws: Vec<&'static str>,
    pub(crate) private: bool,
    pub(crate) state: bool,
    pub(crate) secret: Option<Use>,
    pub(crate) secret_at: Reference,
    pub(crate) limits: Limits,
    pub(crate) dry_run: bool,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// Whether notes arrive on the disk.
    pub(crate) durable: bool,
    pub(crate) kept: Option<String>,
    pub(crate) shelf: Arc<Memory>,
    pub(crate) events: Events,
}

impl Default for World {
    fn default() -> Self {
        Self {
            http: Vec::new(),
            aws: Vec::new(),
            private: false,
            state: false,
            secret: None,
            secret_at: Reference::Env("TOKEN".to_owned()),
            // A machine that is busy must not end a test.
            limits: Limits {
                cpu: Duration::from_secs(60),
                call: Duration::from_secs(300),
                silence: Duration::from_secs(300),
                ..Limits::default()
            },
            dry_run: false,
            transport: None,
            durable: true,
            kept: None,
            shelf: Arc::default(),
            events: Events::default(),
        }
    }
}

/// A call that ended, and what it left behind.
pub(crate) struct After {
    pub(crate) ended: Ended,
    pub(crate) log: Vec<String>,
    pub(crate) events: Vec<String>,
}

impl After {
    /// The outputs of a step that is done.
    pub(crate) fn done(self) -> Value {
        match self.ended.answer {
            Ok(Outcome::Done(outputs)) => outputs,
            other => panic!("not done: {other:?}; log: {:?}", self.log),
        }
    }

    /// Why it failed.
    pub(crate) fn failure(&self) -> &Failure {
        match &self.ended.answer {
            Err(failure) => failure,
            Ok(outcome) => panic!("no failure: {outcome:?}"),
        }
    }
}

impl World {
    fn permissions(&self, plugin: &str) -> Permissions {
        let http = |one: &&str| one.parse::<HttpPattern>().expect("a pattern");
        let aws = |one: &&str| one.parse::<AwsPattern>().expect("a pattern");
        let mut grant = Grant {
            file: "plugins/plugins.yaml".to_owned(),
            http: self.http.iter().map(http).collect(),
            aws: self.aws.iter().map(aws).collect(),
            state: self.state,
            ..Grant::default()
        };
        let mut environment = Ceiling {
            environment: "test".to_owned(),
            file: "environments/test.yaml".to_owned(),
            allow: vec![plugin.to_owned()],
            http: grant.http.clone(),
            aws: grant.aws.clone(),
            private_network: self.private,
            state: self.state,
            regions: vec!["us-east-1".to_owned()],
            ..Ceiling::default()
        };
        if let Some(usage) = self.secret {
            grant.secrets.insert("token".to_owned(), usage);
            environment
                .secrets
                .insert("token".to_owned(), self.secret_at.clone());
        }
        let mut wants: Vec<Value> = self.http.iter().map(|one| json!({ "http": one })).collect();
        wants.extend(self.aws.iter().map(|one| json!({ "aws": one })));
        wants.push(json!({ "state": true }));
        wants.push(json!({ "secret": "token", "use": "read" }));
        let descriptor = json!({
            "descriptor": "runbook.plugin/1", "name": plugin, "version": "0.1.0", "wants": wants,
            "steps": [{ "name": "one", "idempotency": "pure" }],
        });
        let descriptor = Descriptor::parse(descriptor.to_string()).expect("a descriptor");
        Permissions::new(Layers {
            plugin: plugin.to_owned(),
            wants: descriptor.wants,
            grant,
            environment,
            step: None,
        })
    }

    /// Calls a step type.
    pub(crate) async fn call(&self, plugin: &Plugin, step: &str, with: Value, verb: Verb) -> After {
        let (sender, mut notes) = mpsc::unbounded_channel();
        let transport = self.transport.clone();
        let setup = Setup {
            permissions: Arc::new(self.permissions(&plugin.descriptor().name)),
            limits: self.limits,
            config: "{}".into(),
            dry_run: self.dry_run,
            transport: transport.unwrap_or_else(|| Arc::new(Played(self.events.clone()))),
        };
        let context = Context {
            run: "r1".to_owned(),
            step: step.to_owned(),
            token: "r1/step".to_owned(),
            attempt: 1,
            environment: "test".to_owned(),
            notes: Notes::new(sender, Key { step: 0, item: 0 }, 1),
            kept: self.kept.clone(),
            aws: Aws {
                region: Some("us-east-1".to_owned()),
                ..Aws::default()
            },
            shelf: Some(self.shelf.clone()),
            ..Context::default()
        };
        let log = context.log.clone();
        let (events, durable) = (self.events.clone(), self.durable);
        let desk = tokio::spawn(async move {
            while let Some(entry) = notes.recv().await {
                events.lock().unwrap().push(match entry.note {
                    Note::Call {
                        request, changes, ..
                    } => format!("call {changes} {request}"),
                    Note::Returned { outcome, .. } => format!("returned {outcome}"),
                    Note::Checkpoint { state } => format!("checkpoint {state}"),
                });
                if let Some(written) = entry.written {
                    let _ = written.send(durable);
                }
            }
        });
        let ended = plugin.call(step, with, verb, (setup, context)).await;
        desk.await.unwrap();
        let events = self.events.lock().unwrap().clone();
        After {
            ended,
            log: log.take(),
            events,
        }
    }

    /// Runs a step type.
    pub(crate) async fn run(&self, plugin: &Plugin, step: &str, with: Value) -> After {
        self.call(plugin, step, with, Verb::Run).await
    }
}

/// An outside that answers everything with 200, and remembers what it was sent.
struct Played(Events);

impl Played {
    fn answer(&self, what: String) -> Result<HttpAnswer, HttpFailure> {
        self.0.lock().unwrap().push(format!("sent {what}"));
        Ok(HttpAnswer {
            status: 200,
            ..HttpAnswer::default()
        })
    }
}

impl Transport for Played {
    fn http(&self, call: HttpCall, _: HttpGrant) -> Answering<'_, Result<HttpAnswer, HttpFailure>> {
        let auth = call
            .credential
            .map(|one| format!(" {one}"))
            .unwrap_or_default();
        let what = format!("{} {}{auth}", call.method, call.url);
        Box::pin(async move { self.answer(what) })
    }

    fn aws<'a>(
        &'a self,
        call: AwsCall,
        _: &'a Context,
    ) -> Answering<'a, Result<HttpAnswer, HttpFailure>> {
        let what = format!("{}:{}", call.service, call.action);
        Box::pin(async move { self.answer(what) })
    }

    fn secret(&self, _: &str, _: &Reference) -> Result<String, String> {
        Ok(SECRET.to_owned())
    }
}

/// An outside that never answers.
pub(crate) struct Silent;

impl Transport for Silent {
    fn http(&self, _: HttpCall, _: HttpGrant) -> Answering<'_, Result<HttpAnswer, HttpFailure>> {
        Box::pin(std::future::pending())
    }

    fn aws<'a>(
        &'a self,
        _: AwsCall,
        _: &'a Context,
    ) -> Answering<'a, Result<HttpAnswer, HttpFailure>> {
        Box::pin(std::future::pending())
    }

    fn secret(&self, _: &str, _: &Reference) -> Result<String, String> {
        Err("there is none".to_owned())
    }
}

/// A shelf that lives as long as a test.
#[derive(Debug, Default)]
pub(crate) struct Memory(pub(crate) Mutex<BTreeMap<String, Vec<u8>>>);

impl Shelf for Memory {
    fn get(&self, owner: &str, key: &str) -> Result<Held, String> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .get(&format!("{owner}/{key}"))
            .cloned())
    }

    fn set<'a>(
        &'a self,
        owner: &'a str,
        key: &'a str,
        expected: Option<Held>,
        value: Held,
    ) -> Shelving<'a> {
        let done: Pin<Box<dyn Future<Output = Result<bool, String>> + Send>> =
            Box::pin(async move {
                let (mut values, key) = (self.0.lock().unwrap(), format!("{owner}/{key}"));
                if expected.is_some_and(|expected| expected.as_ref() != values.get(&key)) {
                    return Ok(false);
                }
                match value {
                    Some(value) => values.insert(key, value),
                    None => values.remove(&key),
                };
                Ok(true)
            });
        done
    }
}
