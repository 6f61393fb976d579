//! People: they say random words at random moments, answer questions, and help a run on.

use runbook_core::{Input, InstanceState, Key, Phase, Resolution, Work};
use serde_json::json;

use crate::sim::Sim;
use crate::track::At;

impl Sim {
    /// A person says something, sensible or not.
    pub(crate) fn word(&mut self) {
        let (actor, reason) = ("ann".to_owned(), "because".to_owned());
        let step = self.dice.below(self.book.steps.len());
        let input = match self.dice.roll(16) {
            0 | 1 => Input::Pause { actor, reason },
            2 => Input::Unpause { actor },
            3 => Input::Reopen { actor },
            4..=6 => Input::Retry {
                step,
                downstream: self.dice.chance(50),
                actor,
                reason,
            },
            7 | 8 => Input::Skip {
                step,
                actor,
                reason,
            },
            9 if self.dice.chance(60) => Input::Cancel {
                actor,
                reason: None,
            },
            10 if self.dice.chance(60) => Input::RollBack { actor, reason },
            11..=13 => {
                self.answer_person();
                return;
            }
            _ => {
                self.help(50);
                return;
            }
        };
        self.input(input);
    }

    fn questions(&self) -> Vec<Key> {
        let asks = |(key, at): (&Key, &At)| {
            let gate = matches!(self.book.steps[key.step].work, Work::Gate(_));
            (gate && matches!(at, At::Waiting(_))).then_some(*key)
        };
        self.track.live.iter().filter_map(asks).collect()
    }

    pub(crate) fn is_asking(&self) -> bool {
        !self.questions().is_empty()
    }

    /// A person answers an open question.
    fn answer_person(&mut self) {
        let open = self.questions();
        if open.is_empty() {
            return;
        }
        let key = self.dice.pick(&open);
        let granted = !self.dice.chance(self.world.mood.permanent);
        let actor = format!("p{}", self.dice.roll(3));
        self.input(Input::Answered {
            key,
            actor,
            granted,
            comment: None,
            outputs: json!({}),
        });
    }

    /// A person decides what is in doubt, and lets a held run go on.
    pub(crate) fn help(&mut self, often: u64) {
        if !self.dice.chance(often) {
            return;
        }
        self.answer_person();
        let doubts: Vec<Key> = self
            .run
            .active()
            .filter(|key| self.in_doubt(*key))
            .collect();
        for key in doubts {
            let made = self.world.is_made(key);
            let resolution = match self.dice.roll(3) {
                0 => {
                    self.world.excuse(key);
                    Resolution::Skip
                }
                _ if made => Resolution::Done(json!({})),
                _ => Resolution::Retry,
            };
            self.input(Input::Resolve {
                key,
                actor: "ann".into(),
                reason: "looked".into(),
                resolution,
            });
        }
        if self.run.is_paused() {
            self.input(Input::Reopen {
                actor: "ann".into(),
            });
        }
    }

    fn in_doubt(&self, key: Key) -> bool {
        let state = self.run.instance(key).map(|one| &one.state);
        matches!(state, Some(InstanceState::Live(Phase::InDoubt { .. })))
    }
}

pub(crate) fn is_word(input: &Input) -> bool {
    match input {
        Input::Drive { .. }
        | Input::Prepared { .. }
        | Input::Finished { .. }
        | Input::Tick
        | Input::Noted { .. }
        | Input::Unwind
        | Input::UndoPrepared { .. }
        | Input::Concluded { .. } => false,
        Input::Answered { .. }
        | Input::Cancel { .. }
        | Input::Resolve { .. }
        | Input::Reopen { .. }
        | Input::Pause { .. }
        | Input::Unpause { .. }
        | Input::Retry { .. }
        | Input::Skip { .. }
        | Input::Restore { .. }
        | Input::RollBack { .. } => true,
    }
}
