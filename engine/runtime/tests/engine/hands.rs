//! An operator at work: drives in the background, looks, says words.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use runbook_core::{Event, Runbook};
use runbook_runtime::store::Signal;
use runbook_runtime::{DriveError, Ended, Engine, Watch, now};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::world::{World, drive};

/// A run that is driven in the background.
pub struct Going {
    task: JoinHandle<Result<Ended, DriveError>>,
    _keep: watch::Sender<Watch>,
}

pub fn go(engine: &Engine, id: &str) -> Going {
    let (keep, stop) = watch::channel(Watch::Go);
    let (engine, id) = (engine.clone(), id.to_owned());
    Going {
        task: tokio::spawn(async move { engine.drive(&id, "tester", stop).await }),
        _keep: keep,
    }
}

impl Going {
    pub async fn ended(self) -> Ended {
        self.task.await.unwrap().unwrap()
    }

    /// Lets go of everything, as a kill would.
    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Waits for a sight, for as long as a slow machine may take.
pub async fn until(mut sight: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !sight() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing to see");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub async fn say(engine: &Engine, run: &str, signal: Signal) {
    engine
        .store()
        .signal(run, "ann", now(), signal)
        .await
        .unwrap();
}

/// Drives on after a kill: the tasks of child runs end a moment after their parent's.
pub async fn drive_on(engine: &Engine, id: &str) -> Ended {
    loop {
        match drive(engine, id).await {
            Ok(ended) => return ended,
            Err(DriveError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

pub async fn reopen(engine: &Engine, id: &str) -> Result<Ended, DriveError> {
    let (_keep, stop) = watch::channel(Watch::Go);
    engine.reopen(id, "ann", stop).await
}

pub fn pause() -> Signal {
    Signal::Pause {
        reason: "look first".into(),
    }
}

pub fn cancel() -> Signal {
    Signal::Cancel { reason: None }
}

pub fn roll_back() -> Signal {
    Signal::RollBack {
        reason: "undo it".into(),
    }
}

pub fn retry(step: &str, downstream: bool) -> Signal {
    Signal::Retry {
        step: step.into(),
        downstream,
        reason: "once more".into(),
    }
}

pub fn skip(step: &str) -> Signal {
    Signal::Skip {
        step: step.into(),
        reason: "not needed".into(),
    }
}

pub fn yes(step: &str) -> Signal {
    Signal::Answer {
        step: step.into(),
        item: None,
        granted: true,
        comment: None,
        form: Value::Null,
    }
}

pub fn one_child(child: Runbook) -> BTreeMap<String, Runbook> {
    BTreeMap::from([("child.yaml".to_owned(), child)])
}

/// Tokens of the attempts of a step, in order.
pub fn tokens(world: &World, run: &str, step: &str) -> Vec<String> {
    let events = world.snapshot().events(run, 0).unwrap();
    let token = |event: &Event| match event {
        Event::AttemptStarted {
            step: id, token, ..
        } if id == step => Some(token.clone()),
        _ => None,
    };
    events
        .iter()
        .filter_map(|row| token(&row.entry.event))
        .collect()
}

pub fn count(world: &World, run: &str, line: &str) -> usize {
    let journal = world.journal(run);
    journal.iter().filter(|one| *one == line).count()
}
