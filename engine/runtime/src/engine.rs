//! Starts runs and drives them.

use std::collections::BTreeMap;
use std::sync::Arc;

use runbook_core::{Event, Journal, Millis, Timestamp};
use runbook_step::scope::Scope;
use runbook_step::{Catalog, Keys, template};
use serde_json::{Value, json};
use thiserror::Error;

use crate::clock::Clock;
use crate::driver::{self, Begin, Drive, DriveError, Ended, Stop};
use crate::pinned::Shelf;
use crate::seen::{Notice, Watcher};
use crate::store::{Created, NewRunRow, Store, StoreError};
use crate::{Definition, new_run_id};

/// What happens at a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GatePolicy {
    /// Let go of the run when nothing but a person can move it.
    #[default]
    Park,
    /// Keep the run and wait for an answer from another process or from a prompt.
    Hold,
    /// Say yes in this name, and record so: nothing real is at stake.
    Grant(String),
}

/// How an engine drives.
#[derive(Clone)]
pub struct Options {
    /// What happens at a question.
    pub gates: GatePolicy,
    /// How long a service may hide what it has just made; a look-up before that is no proof of
    /// absence. AWS: a minute.
    pub settle: Millis,
    /// Replaces the endpoint of the environment, with keys that it takes.
    pub endpoint: Option<(String, Keys)>,
    /// How long a run belongs to a process that is not heard of, in milliseconds; the owner renews it
    /// three times in that span.
    pub lease: Millis,
    /// Where time is read.
    pub clock: Clock,
    /// Gets every notice.
    pub watcher: Watcher,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            gates: GatePolicy::default(),
            settle: 60_000,
            endpoint: None,
            lease: 15_000,
            clock: Clock::default(),
            watcher: Arc::new(|_| {}),
        }
    }
}

/// A run to start.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id; a new one when absent. A run that exists is not made again.
    pub id: Option<String>,
    /// What it pins.
    pub definition: Arc<Definition>,
    /// Checked parameters; secrets are placeholders.
    pub params: Value,
    /// Reference of each secret parameter, by the name in its placeholder.
    pub secrets: BTreeMap<String, String>,
    /// Environment variables that were overridden, for the record.
    pub overrides: Value,
    /// Who asks for it.
    pub actor: String,
    /// What the caller wants to find again.
    pub meta: Value,
    /// The run that waits for it, and the role: `prepare`.
    pub parent: Option<(String, String)>,
    /// A second run with the same key is this one.
    pub idempotency_key: Option<String>,
}

/// A run could not be started. Nothing was done.
#[derive(Debug, Error)]
pub enum StartError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lock's template cannot be rendered.
    #[error("the lock key cannot be rendered: {0}")]
    Lock(String),
    /// The definition cannot be written.
    #[error("the definition cannot be stored: {0}")]
    Definition(#[from] serde_json::Error),
}

/// Starts and drives runs of one state file. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) options: Arc<Options>,
    pub(crate) shelf: Arc<Shelf>,
}

/// A child run that a step waits for.
pub(crate) struct Child<'a> {
    pub(crate) id: String,
    pub(crate) parent: &'a str,
    pub(crate) family: &'a str,
    pub(crate) definition: &'a Arc<Definition>,
    pub(crate) definition_hash: &'a str,
    pub(crate) file: String,
    pub(crate) params: Value,
    pub(crate) env: Value,
    pub(crate) secrets: &'a BTreeMap<String, String>,
}

impl Engine {
    /// An engine over a store and a catalog.
    #[must_use]
    pub fn new(store: Store, catalog: Arc<Catalog>, options: Options) -> Self {
        Self {
            store,
            catalog,
            options: Arc::new(options),
            shelf: Arc::default(),
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Creates a run: from here on it is on disk, pinned and resumable. Its id.
    ///
    /// # Errors
    /// [`StartError`]; nothing was created.
    pub async fn start(&self, new: NewRun) -> Result<String, StartError> {
        let definition = &new.definition;
        let lock = lock_key(
            definition.runbook.lock.as_deref(),
            &new.params,
            &definition.env,
        )?;
        let (hash, text) = definition.encode()?;
        let at = self.now();
        let mut meta = new.meta;
        if !new.secrets.is_empty() {
            meta["secrets"] = json!(new.secrets);
        }
        for _ in 0..8 {
            let id = new.id.clone().unwrap_or_else(new_run_id);
            let (parent, role, family) = match &new.parent {
                Some((parent, role)) => (Some(parent.clone()), role.clone(), parent.clone()),
                None => (None, "root".to_owned(), id.clone()),
            };
            let row = NewRunRow {
                id: id.clone(),
                parent,
                role,
                family,
                runbook: definition.runbook.name.clone(),
                environment: definition.environment.clone(),
                definition: (hash.clone(), Some(text.clone())),
                entry: None,
                params: new.params.clone(),
                meta: meta.clone(),
                lock: lock.clone(),
                idempotency_key: new.idempotency_key.clone(),
                created: at,
                event: Journal {
                    at,
                    event: Event::Created {
                        actor: new.actor.clone(),
                        runbook: definition.runbook.name.clone(),
                        environment: definition.environment.clone(),
                        params: new.params.clone(),
                        overrides: new.overrides.clone(),
                    },
                },
            };
            match self.store.create(row).await? {
                Created::New => return Ok(id),
                Created::Existing(existing)
                    if new.id.is_some() || new.idempotency_key.is_some() =>
                {
                    return Ok(existing);
                }
                // A new random id that is taken: draw another.
                Created::Existing(_) => {}
            }
        }
        Err(StartError::Lock("no free run id was found".to_owned()))
    }

    /// Creates the child run of a step, unless it exists.
    pub(crate) async fn start_child(&self, child: Child<'_>) -> Result<(), StartError> {
        let Some(book) = child.definition.entry(Some(&child.file)) else {
            return Err(StartError::Lock(format!(
                "the definition has no child runbook `{}`",
                child.file
            )));
        };
        let mut env = child.definition.env.clone();
        if let (Value::Object(env), Value::Object(changed)) = (&mut env, &child.env) {
            env.extend(changed.clone());
        }
        let lock = lock_key(book.lock.as_deref(), &child.params, &env)?;
        let at = self.now();
        let row = NewRunRow {
            id: child.id,
            parent: Some(child.parent.to_owned()),
            role: "child".to_owned(),
            family: child.family.to_owned(),
            runbook: book.name.clone(),
            environment: child.definition.environment.clone(),
            definition: (child.definition_hash.to_owned(), None),
            entry: Some(child.file),
            params: child.params.clone(),
            meta: json!({ "env": child.env, "secrets": child.secrets }),
            lock,
            idempotency_key: None,
            created: at,
            event: Journal {
                at,
                event: Event::Created {
                    actor: format!("run {}", child.parent),
                    runbook: book.name.clone(),
                    environment: child.definition.environment.clone(),
                    params: child.params,
                    overrides: Value::Null,
                },
            },
        };
        self.store.create(row).await?;
        Ok(())
    }

    /// Drives a run until it ends, waits for a person, or is stopped.
    ///
    /// # Errors
    /// [`DriveError`]; everything that was recorded stays recorded.
    pub async fn drive(&self, run: &str, actor: &str, stop: Stop) -> Result<Ended, DriveError> {
        self.begin(run, actor, stop, Begin::Go).await
    }

    /// Gives the failed steps of a run another chance and drives it on.
    ///
    /// # Errors
    /// [`DriveError`].
    pub async fn reopen(&self, run: &str, actor: &str, stop: Stop) -> Result<Ended, DriveError> {
        self.begin(run, actor, stop, Begin::Reopen).await
    }

    /// Drives a run on from a restored copy of its journal: what it does not know of may have happened,
    /// and is looked for before anything is done again.
    ///
    /// # Errors
    /// [`DriveError`].
    pub async fn restore(&self, run: &str, actor: &str, stop: Stop) -> Result<Ended, DriveError> {
        self.begin(run, actor, stop, Begin::Restore).await
    }

    async fn begin(
        &self,
        run: &str,
        actor: &str,
        stop: Stop,
        begin: Begin,
    ) -> Result<Ended, DriveError> {
        let drive = Drive {
            engine: self.clone(),
            run: run.to_owned(),
            actor: actor.to_owned(),
            stop,
            begin,
            tie: None,
        };
        driver::drive(drive).await
    }

    /// Now, by the engine's clock.
    pub(crate) fn now(&self) -> Timestamp {
        (self.options.clock.now)()
    }

    pub(crate) fn tell(&self, notice: &Notice) {
        (self.options.watcher)(notice);
    }
}

pub(crate) fn lock_key(
    lock: Option<&str>,
    params: &Value,
    env: &Value,
) -> Result<Option<String>, StartError> {
    let Some(lock) = lock else { return Ok(None) };
    let scope = Scope::new()
        .with("params", params.clone())
        .with("env", env.clone());
    match template::render(&json!(lock), &scope) {
        Ok(Value::String(key)) => Ok(Some(key)),
        Ok(other) => Ok(Some(other.to_string())),
        Err(error) => Err(StartError::Lock(error.to_string())),
    }
}
