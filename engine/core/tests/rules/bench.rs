//! A run that is driven by hand.

use std::sync::Arc;

use runbook_core::{
    Answer, Command, Doubt, Effect, Event, Fault, FaultKind, Input, Journal, Key, Made, Prepared,
    Resolution, Run, RunStatus, Runbook, StepStatus, Timestamp, Undoing,
};
use serde_json::{Value, json};

/// A run that is driven by hand.
pub(crate) struct Bench {
    pub(crate) run: Run,
    pub(crate) now: i64,
    epoch: u64,
}

pub(crate) fn step(id: &str, work: Value, needs: &[usize], more: Value) -> Value {
    let mut step = json!({
        "id": id, "uses": "any", "work": work, "needs": needs, "timeout": 10_000,
        "retry": { "attempts": 2, "delay": 100, "max_delay": 100, "backoff": 1.0, "jitter": false,
                   "on": ["transient"] },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        step[name] = value.clone();
    }
    step
}

pub(crate) fn action() -> Value {
    json!({ "call": "action" })
}

pub(crate) fn create() -> Value {
    json!({ "call": "create" })
}

pub(crate) fn key(step: usize) -> Key {
    Key { step, item: 0 }
}

pub(crate) fn done(effect: Effect) -> Answer {
    Answer::Done {
        outputs: json!({}),
        effect,
        at: None,
    }
}

pub(crate) fn failed(kind: FaultKind) -> Answer {
    Answer::Failed {
        fault: Fault::new(kind, "no"),
        share: 1.0,
    }
}

impl Bench {
    pub(crate) fn new(more: Value, steps: Vec<Value>) -> Self {
        let mut book = json!({ "name": "rules", "steps": steps });
        for (name, value) in more.as_object().into_iter().flatten() {
            book[name] = value.clone();
        }
        let book: Runbook = serde_json::from_value(book).unwrap();
        let mut bench = Self {
            run: Run::new(Arc::new(book)),
            now: 1_000,
            epoch: 0,
        };
        bench.drive();
        bench
    }

    /// A create that changed something in each of two generations, in a run that goes back.
    pub(crate) fn twice_and_back() -> Self {
        let mut bench = Self::new(Value::Null, vec![step("a", create(), &[], Value::Null)]);
        bench.succeed(0, Effect::Changed);
        bench.retry(0, false);
        bench.succeed(0, Effect::Changed);
        bench.roll_back();
        bench.input(Input::Unwind);
        bench
    }

    pub(crate) fn input(&mut self, input: Input) -> Vec<Event> {
        let at = Timestamp(self.now);
        let events = self.run.decide(at, input);
        for event in events.clone() {
            self.run.evolve(&Journal { at, event }).unwrap();
        }
        events
    }

    pub(crate) fn drive(&mut self) {
        self.epoch += 1;
        let epoch = self.epoch;
        self.input(Input::Drive {
            actor: "ann".into(),
            epoch,
        });
    }

    pub(crate) fn prepare(&mut self, step: usize, item: Option<usize>) -> Vec<Event> {
        let gate = matches!(
            self.run.book().steps[step].work,
            runbook_core::Work::Gate(_)
        );
        let prepared = Prepared::Start {
            token: "t".into(),
            inputs: json!({}),
            wait: gate.then(|| (None, "a person".to_owned())),
        };
        self.input(Input::Prepared {
            step,
            item,
            prepared,
        })
    }

    pub(crate) fn expand(&mut self, step: usize, count: usize) {
        let prepared = Prepared::Items(vec![Value::Null; count]);
        self.input(Input::Prepared {
            step,
            item: None,
            prepared,
        });
    }

    pub(crate) fn finish(&mut self, key: Key, answer: Answer) -> Vec<Event> {
        let undo = self.run.instance(key).unwrap().undo.as_ref();
        let number = match undo.and_then(Undoing::attempt) {
            Some(attempt) => attempt.number,
            None => self.run.instance(key).unwrap().last_number(),
        };
        self.input(Input::Finished {
            key,
            number,
            answer,
        })
    }

    pub(crate) fn succeed(&mut self, step: usize, effect: Effect) {
        self.prepare(step, None);
        self.finish(key(step), done(effect));
    }

    pub(crate) fn fail(&mut self, step: usize) -> Vec<Event> {
        self.prepare(step, None);
        self.finish(key(step), failed(FaultKind::Denied))
    }

    pub(crate) fn tick(&mut self) -> Vec<Event> {
        self.input(Input::Tick)
    }

    pub(crate) fn retry(&mut self, step: usize, downstream: bool) -> Vec<Event> {
        let (actor, reason) = ("ann".into(), "because".into());
        self.input(Input::Retry {
            step,
            downstream,
            actor,
            reason,
        })
    }

    pub(crate) fn skip(&mut self, step: usize) -> Vec<Event> {
        let (actor, reason) = ("ann".into(), "because".into());
        self.input(Input::Skip {
            step,
            actor,
            reason,
        })
    }

    pub(crate) fn pause(&mut self) -> Vec<Event> {
        let (actor, reason) = ("ann".into(), "because".into());
        self.input(Input::Pause { actor, reason })
    }

    pub(crate) fn unpause(&mut self) -> Vec<Event> {
        self.input(Input::Unpause {
            actor: "ann".into(),
        })
    }

    pub(crate) fn reopen(&mut self) -> Vec<Event> {
        self.input(Input::Reopen {
            actor: "ann".into(),
        })
    }

    pub(crate) fn cancel(&mut self) -> Vec<Event> {
        self.input(Input::Cancel {
            actor: "ann".into(),
            reason: None,
        })
    }

    pub(crate) fn roll_back(&mut self) -> Vec<Event> {
        let (actor, reason) = ("ann".into(), "because".into());
        self.input(Input::RollBack { actor, reason })
    }

    pub(crate) fn resolve(&mut self, step: usize, resolution: Resolution) -> Vec<Event> {
        self.input(Input::Resolve {
            key: key(step),
            actor: "ann".into(),
            reason: "looked".into(),
            resolution,
        })
    }

    pub(crate) fn conclude(&mut self) -> RunStatus {
        self.input(Input::Concluded {
            outputs: json!({}),
            missed: false,
            broken: false,
        });
        self.run.status()
    }

    pub(crate) fn prepare_undo(&mut self, key: Key) -> Vec<Event> {
        let prepared = Ok(("u".to_owned(), None));
        self.input(Input::UndoPrepared { key, prepared })
    }

    /// What a rollback takes back next of a step.
    pub(crate) fn next_back(&self, step: usize) -> Made {
        let work = self.run.book().steps[step].work;
        let instance = self.run.instance(key(step)).unwrap();
        instance.next_back(work).unwrap().into_owned()
    }

    pub(crate) fn ended(&self, step: usize) -> Option<StepStatus> {
        self.run.steps()[step].ended
    }

    pub(crate) fn is_prepared(&self, step: usize) -> bool {
        let wanted = |one: &Command| matches!(one, Command::Prepare { step: s, .. } if *s == step);
        self.run.commands().iter().any(wanted)
    }
}

pub(crate) fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::kind).collect()
}

pub(crate) fn doubt() -> Answer {
    Answer::Doubt(Doubt {
        why: "nothing can tell".into(),
    })
}
