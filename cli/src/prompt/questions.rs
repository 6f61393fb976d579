//! Which question stands at the prompt, and what a typed line means for it. No terminal in here.

use std::collections::VecDeque;

use runbook_core::{Event, Gate};

/// One open question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The run that asks.
    pub(crate) run: String,
    /// The step's id.
    pub(crate) step: String,
    /// The item, for a `for_each`.
    pub(crate) item: Option<u32>,
    /// The step's name with those of the steps above it.
    pub(crate) name: String,
    /// What is asked.
    pub(crate) message: String,
    /// Yes or no, or to go on.
    pub(crate) gate: Gate,
}

impl Question {
    fn is(&self, run: &str, step: &str, item: Option<u32>) -> bool {
        // Rows of the store have the item 0 for a plain step.
        let item = item.unwrap_or(0);
        self.run == run && self.step == step && self.item.unwrap_or(0) == item
    }
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The question that it answers.
    pub(crate) question: Question,
    /// Yes or no.
    pub(crate) granted: bool,
    /// What was said with it.
    pub(crate) comment: Option<String>,
}

/// What came of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It answers the question that stood there.
    Reply(Reply),
    /// It answers nothing: the question is put once more, for this reason.
    Again(String),
    /// Nothing was asked.
    Nothing,
}

/// The open questions of all runs that a command drives, oldest first. The first one is at the prompt.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    open: VecDeque<Question>,
    /// The question that somebody may have begun to answer went away: the beginning of that answer is
    /// still in the terminal's line, and stands before what is typed next.
    stale: bool,
    /// The answer that came last: run, step, item, and who said what.
    said: Option<(String, String, u32, String)>,
}

impl Questions {
    /// The one at the prompt.
    pub(crate) fn current(&self) -> Option<&Question> {
        self.open.front()
    }

    /// Puts a question behind the others, unless it is there.
    pub(crate) fn put(&mut self, question: Question) {
        let there = |one: &Question| one.is(&question.run, &question.step, question.item);
        if !self.open.iter().any(there) {
            self.open.push_back(question);
        }
    }

    /// What has to be typed.
    pub(crate) fn choices(&self) -> String {
        match self.current() {
            None => String::new(),
            Some(Question { gate, name, .. }) if self.stale => match gate {
                Gate::Pause => format!("[type `{name}` to go on]"),
                Gate::Approval | Gate::Manual => {
                    format!("[`{name} y` or `{name} n`, then a comment]")
                }
            },
            Some(Question { gate, .. }) => match gate {
                Gate::Pause => "[Enter goes on]".to_owned(),
                Gate::Approval | Gate::Manual => "[y/N, then a comment]".to_owned(),
            },
        }
    }

    /// Takes a line that was typed.
    pub(crate) fn line(&mut self, line: &str) -> Taken {
        let stale = std::mem::take(&mut self.stale);
        let Some(question) = self.open.front() else {
            return Taken::Nothing;
        };
        let mut text = line.trim();
        if stale {
            // The last question's answer must never become this one's.
            let rest = text.strip_prefix(question.name.as_str());
            match rest.filter(|rest| rest.is_empty() || rest.starts_with(' ')) {
                Some(rest) => text = rest.trim(),
                None => {
                    let why = "that may have been meant for the question before";
                    return Taken::Again(why.to_owned());
                }
            }
        }
        let (word, comment) = text.split_once(' ').unwrap_or((text, ""));
        let granted = match (question.gate, word.to_lowercase().as_str()) {
            (Gate::Pause, _) | (_, "y" | "yes") => true,
            (_, "" | "n" | "no") => false,
            (_, other) => return Taken::Again(format!("`{other}` is neither yes nor no")),
        };
        let comment = if question.gate == Gate::Pause {
            text
        } else {
            comment.trim()
        };
        let comment = (!comment.is_empty()).then(|| comment.to_owned());
        match self.open.pop_front() {
            Some(question) => Taken::Reply(Reply {
                question,
                granted,
                comment,
            }),
            None => Taken::Nothing,
        }
    }

    /// Nobody answers the question at the prompt here.
    pub(crate) fn pass(&mut self) -> Option<Question> {
        self.open.pop_front()
    }

    /// Takes an event of a run; a question that nobody has to answer any more, and why.
    pub(crate) fn event(&mut self, run: &str, event: &Event) -> Option<(Question, String)> {
        let (step, item, why) = match event {
            Event::Answered {
                step,
                item,
                actor,
                granted,
                ..
            } => {
                // It may want more answers than this one; then it stays open.
                let word = if *granted { "granted" } else { "rejected" };
                let said = format!("{word} by {actor}");
                self.said = Some((run.to_owned(), step.clone(), item.unwrap_or(0), said));
                return None;
            }
            Event::Succeeded { step, item, .. } => (step, *item, self.said(run, step, *item)),
            Event::Failed {
                step, item, fault, ..
            } => {
                let said = self.said(run, step, *item);
                (step, *item, said.or_else(|| Some(fault.message.clone())))
            }
            Event::StepCancelled { step, item } => (step, *item, Some("cancelled".to_owned())),
            Event::StepSkipped { step, actor, .. } => {
                let index = self
                    .open
                    .iter()
                    .position(|one| one.run == run && one.step == *step)?;
                return self.remove(index, format!("skipped by {actor}"));
            }
            _ => return None,
        };
        let index = self.open.iter().position(|one| one.is(run, step, item))?;
        self.remove(index, why.unwrap_or_else(|| "answered".to_owned()))
    }

    /// A run is let go; its questions are not asked here any more.
    pub(crate) fn close(&mut self, run: &str) {
        while let Some(index) = self.open.iter().position(|one| one.run == run) {
            self.remove(index, String::new());
        }
    }

    fn said(&mut self, run: &str, step: &str, item: Option<u32>) -> Option<String> {
        let (said_run, said_step, said_item, _) = self.said.as_ref()?;
        let same = said_run == run && said_step == step && *said_item == item.unwrap_or(0);
        let (.., said) = self.said.take_if(|_| same)?;
        Some(said)
    }

    fn remove(&mut self, index: usize, why: String) -> Option<(Question, String)> {
        self.stale |= index == 0;
        Some((self.open.remove(index)?, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn question(step: &str, gate: Gate) -> Question {
        Question {
            run: "r".to_owned(),
            step: step.to_owned(),
            item: None,
            name: step.to_owned(),
            message: "Really?".to_owned(),
            gate,
        }
    }

    fn asked(steps: &[&str]) -> Questions {
        let mut questions = Questions::default();
        for step in steps {
            questions.put(question(step, Gate::Approval));
        }
        questions
    }

    fn event(value: serde_json::Value) -> Event {
        serde_json::from_value(value).unwrap()
    }

    fn answered(step: &str) -> Event {
        event(json!({"kind": "answered", "step": step, "actor": "bo", "granted": true}))
    }

    fn succeeded(step: &str) -> Event {
        event(json!({"kind": "succeeded", "step": step, "attempt": 1, "outputs": {}}))
    }

    fn reply(taken: Taken) -> (String, bool, Option<String>) {
        match taken {
            Taken::Reply(reply) => (reply.question.step, reply.granted, reply.comment),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_answers_the_question_at_the_prompt() {
        let mut questions = asked(&["a", "b", "c"]);
        let said = reply(questions.line("Yes all is well\n"));
        assert_eq!(said, ("a".into(), true, Some("all is well".into())));
        assert_eq!(reply(questions.line("\n")), ("b".into(), false, None));
        assert!(matches!(questions.line("yy"), Taken::Again(_)));
        assert_eq!(reply(questions.line("n")), ("c".into(), false, None));
        assert_eq!(questions.line("y"), Taken::Nothing);
    }

    #[test]
    fn enter_lets_a_pause_go_on() {
        let mut questions = Questions::default();
        questions.put(question("stop", Gate::Pause));
        assert_eq!(questions.choices(), "[Enter goes on]");
        assert_eq!(reply(questions.line("\n")), ("stop".into(), true, None));
    }

    #[test]
    fn an_answer_from_elsewhere_takes_the_question_away() {
        let mut questions = asked(&["a", "b"]);
        assert_eq!(questions.event("r", &answered("a")), None);
        assert_eq!(questions.event("other", &succeeded("a")), None);
        let (gone, why) = questions.event("r", &succeeded("a")).unwrap();
        assert_eq!((gone.step.as_str(), why.as_str()), ("a", "granted by bo"));
        assert_eq!(questions.current().unwrap().step, "b");
    }

    #[test]
    fn one_of_two_approvals_leaves_the_question_open() {
        let mut questions = asked(&["a"]);
        questions.event("r", &answered("a"));
        assert_eq!(questions.current().unwrap().step, "a");
        assert_eq!(reply(questions.line("y")), ("a".into(), true, None));
    }

    #[test]
    fn an_expired_and_a_cancelled_question_say_so() {
        let mut questions = asked(&["a", "b"]);
        let expired = event(json!({"kind": "failed", "step": "a", "attempt": 1,
            "fault": {"kind": "rejected", "message": "nobody answered in time"}}));
        let (_, why) = questions.event("r", &expired).unwrap();
        assert_eq!(why, "nobody answered in time");
        let cancelled = event(json!({"kind": "step_cancelled", "step": "b"}));
        assert_eq!(questions.event("r", &cancelled).unwrap().1, "cancelled");
        assert_eq!(questions.current(), None);
    }

    #[test]
    fn what_was_begun_for_a_question_that_went_away_does_not_answer_the_next() {
        let mut questions = asked(&["a", "b"]);
        questions.event("r", &succeeded("a"));
        assert_eq!(questions.choices(), "[`b y` or `b n`, then a comment]");
        assert!(matches!(questions.line("y"), Taken::Again(_)));
        // The terminal's line is empty again.
        assert_eq!(questions.choices(), "[y/N, then a comment]");
        assert_eq!(reply(questions.line("y")), ("b".into(), true, None));

        let mut questions = asked(&["a", "b"]);
        questions.event("r", &succeeded("a"));
        let said = reply(questions.line("b y fine"));
        assert_eq!(said, ("b".into(), true, Some("fine".into())));
    }

    #[test]
    fn a_question_behind_another_goes_away_without_a_trace_at_the_prompt() {
        let mut questions = asked(&["a", "b", "c"]);
        questions.event("r", &succeeded("b"));
        assert_eq!(reply(questions.line("y")), ("a".into(), true, None));
        assert_eq!(questions.current().unwrap().step, "c");
        questions.close("r");
        assert_eq!(questions.current(), None);
    }

    #[test]
    fn a_question_is_asked_once() {
        let mut questions = asked(&["a", "a"]);
        reply(questions.line("y"));
        assert_eq!(questions.current(), None);
    }
}
