//! What an attempt puts down while it is in flight: the calls that it makes, and what it wants to find
//! again after a crash.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Event, Instance, InstanceState, Key, Phase, Run, Undoing};

/// One note of an attempt in flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Note {
    /// A call is about to leave.
    Call {
        /// Counts the calls of the attempt from 1.
        call: u32,
        /// What is asked of whom, without secrets.
        request: Value,
        /// It can change something.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        changes: bool,
    },
    /// What came of a call. One that has no such note was cut off: nobody knows whether it arrived.
    Returned {
        /// Which.
        call: u32,
        /// The service's answer in short, without secrets.
        outcome: Value,
    },
    /// What the step wants to find again.
    Checkpoint {
        /// The step type's own text.
        state: String,
    },
}

impl Run {
    /// A note of an attempt that is not in flight any more is not believed.
    pub(crate) fn noted(&self, key: Key, number: u32, note: Note) -> Vec<Event> {
        if !self.may_note(key, number) {
            return Vec::new();
        }
        vec![Event::Noted {
            step: self.name(key.step),
            item: self.item(key),
            attempt: number,
            note,
        }]
    }

    /// Whether this attempt is in flight, forwards or backwards.
    pub(crate) fn may_note(&self, key: Key, number: u32) -> bool {
        self.instance(key)
            .is_some_and(|instance| flying(instance) == Some(number))
    }

    /// Folds a note into the state.
    pub(crate) fn evolve_noted(&mut self, key: Key, note: &Note) {
        let instance = &mut self.steps[key.step].instances[key.item];
        match (note, &mut instance.undo) {
            (Note::Checkpoint { state }, Some(Undoing::Flying(undo))) => {
                undo.kept = Some(state.clone());
            }
            (Note::Checkpoint { state }, _) => {
                if let Some(attempt) = &mut instance.attempt {
                    attempt.kept = Some(state.clone());
                }
            }
            (Note::Call { changes: true, .. }, None) => {
                if let Some(attempt) = &mut instance.attempt {
                    attempt.touched = true;
                }
            }
            (Note::Call { .. } | Note::Returned { .. }, _) => {}
        }
    }
}

/// Number of the attempt that is in flight.
fn flying(instance: &Instance) -> Option<u32> {
    match (&instance.undo, &instance.state) {
        (Some(Undoing::Flying(undo)), _) => Some(undo.number),
        (None, InstanceState::Live(Phase::Flying)) => {
            instance.attempt.as_ref().map(|attempt| attempt.number)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::Note;
    use crate::{Answer, Event, Fault, FaultKind, Input, Journal, Key, Run, Timestamp};

    const KEY: Key = Key { step: 0, item: 0 };

    /// A run of one action that is in flight for the first time.
    fn flying() -> (Run, Vec<Journal>) {
        let book = json!({"name": "x", "on_failure": "rollback", "steps": [
            {"id": "a", "uses": "any", "work": {"call": "action"}, "timeout": 1000,
             "retry": {"attempts": 3, "delay": 1, "max_delay": 1, "backoff": 1.0, "jitter": true,
                       "on": ["transient"]}},
        ]});
        let run = Run::new(Arc::new(serde_json::from_value(book).unwrap()));
        let begun = json!({"at": 1, "kind": "started", "actor": "ann", "epoch": 1});
        let start = json!({"at": 1, "kind": "attempt_started", "step": "a", "attempt": 1,
                           "token": "t", "inputs": {}, "deadline": 1001});
        let journal: Vec<Journal> = [begun, start]
            .into_iter()
            .map(|line| serde_json::from_value(line).unwrap())
            .collect();
        (run.replay(&journal).unwrap(), journal)
    }

    fn tell(run: &mut Run, input: Input) -> Vec<Event> {
        let events = run.decide(Timestamp(2), input);
        for event in &events {
            let entry = Journal {
                at: Timestamp(2),
                event: event.clone(),
            };
            run.evolve(&entry).unwrap();
        }
        events
    }

    fn note(number: u32, note: Note) -> Input {
        Input::Noted {
            key: KEY,
            number,
            note,
        }
    }

    fn checkpoint(state: &str) -> Note {
        Note::Checkpoint {
            state: state.to_owned(),
        }
    }

    #[test]
    fn a_checkpoint_outlives_its_attempt() {
        let (mut run, _) = flying();
        assert_eq!(tell(&mut run, note(1, checkpoint("half"))).len(), 1);
        let call = Note::Call {
            call: 1,
            request: json!({"http": "POST https://a.example/"}),
            changes: true,
        };
        tell(&mut run, note(1, call));
        let fault = Fault::new(FaultKind::Transient, "lost");
        let answer = Answer::Failed { fault, share: 0.0 };
        tell(
            &mut run,
            Input::Finished {
                key: KEY,
                number: 1,
                answer,
            },
        );
        let again = Journal {
            at: Timestamp(5),
            event: Event::AttemptStarted {
                step: "a".to_owned(),
                item: None,
                attempt: 2,
                token: "t".to_owned(),
                inputs: None,
                deadline: Timestamp(1001),
            },
        };
        run.evolve(&again).unwrap();
        let attempt = run.instance(KEY).unwrap().attempt.as_ref().unwrap();
        assert_eq!(attempt.kept.as_deref(), Some("half"));
        assert!(attempt.touched);
    }

    #[test]
    fn a_call_that_only_reads_touches_nothing() {
        let (mut run, _) = flying();
        let call = Note::Call {
            call: 1,
            request: json!({}),
            changes: false,
        };
        tell(&mut run, note(1, call));
        assert!(!run.instance(KEY).unwrap().attempt.as_ref().unwrap().touched);
    }

    #[test]
    fn a_superseded_attempt_notes_nothing() {
        let (mut run, _) = flying();
        assert_eq!(tell(&mut run, note(2, checkpoint("x"))), []);
        let answer = Answer::Done {
            outputs: json!({}),
            effect: crate::Effect::Changed,
            at: None,
        };
        tell(
            &mut run,
            Input::Finished {
                key: KEY,
                number: 1,
                answer,
            },
        );
        assert_eq!(tell(&mut run, note(1, checkpoint("late"))), []);
        let late = Journal {
            at: Timestamp(9),
            event: Event::Noted {
                step: "a".to_owned(),
                item: None,
                attempt: 1,
                note: checkpoint("late"),
            },
        };
        assert!(run.evolve(&late).is_err(), "a journal cannot say so either");
    }
}
