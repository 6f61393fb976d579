//! One turn of the loop: pure work, dispatch, and waiting for the world.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_core::{
    Answer, Command, Effect, Fault, Input, InstanceState, Key, Method, Phase, Work,
};
use serde_json::Value;

use super::flight::{Flight, Landed};
use super::{DriveError, Driver, POLL};
use crate::engine::GatePolicy;
use crate::store::LogRow;
use crate::worker::{done, failed};
use crate::{fail, gate};

/// Events that one commit holds when nothing outside is waited for. Steps that are free of effects ride
/// along; ten thousand of them would be kept in memory, and shown to nobody, until the last one is done.
const MOST: usize = 1_000;

impl Driver {
    /// Carries out everything that needs nothing from outside, until nothing of that kind is left. False
    /// when it is not all done, but enough for one commit.
    pub(super) fn settle(&mut self) -> Result<bool, DriveError> {
        loop {
            let mut moved = self.grant()?;
            for command in self.run.commands() {
                if self.batch.len() >= MOST {
                    return Ok(false);
                }
                moved |= match command {
                    Command::Prepare { step, item } if !self.draining() => {
                        let prepared = self.facts.prepare(
                            &self.run,
                            &self.engine.catalog,
                            self.engine.now(),
                            step,
                            item,
                        );
                        self.changes(Input::Prepared {
                            step,
                            item,
                            prepared,
                        })?
                    }
                    Command::Attempt {
                        key,
                        number,
                        method: Method::Evaluate,
                    } if self.facts.book.steps[key.step].work == Work::Pure => {
                        let answer = self.evaluate(key);
                        self.changes(Input::Finished {
                            key,
                            number,
                            answer,
                        })?
                    }
                    Command::Conclude if !self.draining() => self.conclude()?,
                    Command::Unwind if !self.draining() => self.changes(Input::Unwind)?,
                    Command::PrepareUndo { key } if !self.draining() => {
                        let prepared =
                            self.facts
                                .prepare_undo(&self.run, &self.engine.catalog, key);
                        self.changes(Input::UndoPrepared { key, prepared })?
                    }
                    Command::Unwind
                    | Command::PrepareUndo { .. }
                    | Command::Prepare { .. }
                    | Command::Attempt { .. }
                    | Command::Wake { .. }
                    | Command::Conclude => false,
                };
            }
            if !moved {
                return Ok(true);
            }
        }
    }

    fn changes(&mut self, input: Input) -> Result<bool, DriveError> {
        let before = self.batch.len();
        self.input(input)?;
        Ok(self.batch.len() > before)
    }

    fn evaluate(&mut self, key: Key) -> Answer {
        match self.facts.evaluate(&self.run, &self.engine.catalog, key) {
            Ok(outputs) => {
                self.log_line(key, &outputs);
                done(outputs, Effect::None)
            }
            Err(fault) => self.failed(fault),
        }
    }

    fn failed(&self, fault: Fault) -> Answer {
        failed(fault, (self.engine.options.clock.share)())
    }

    /// What a pure step gives as `log_line` goes to the log; nothing else does.
    fn log_line(&mut self, key: Key, outputs: &Value) {
        if self.facts.book.steps[key.step].uses == "log"
            && let Some(line) = outputs.get("message").and_then(Value::as_str)
        {
            self.keep_lines(key, 1, vec![line.to_owned()]);
        }
    }

    fn conclude(&mut self) -> Result<bool, DriveError> {
        let missed = self.measures().iter().any(|measure| !measure.met());
        // What was promised and cannot be given is a failure; what the steps did stays done.
        let (outputs, broken) = match self.facts.outputs(&self.run) {
            Ok(outputs) => (outputs, false),
            Err(fault) => (serde_json::json!({ "$error": fault.to_string() }), true),
        };
        self.changes(Input::Concluded {
            outputs,
            missed,
            broken,
        })
    }

    /// Says yes to every open question where nothing real is at stake, but to those that ask for more than
    /// a yes.
    fn grant(&mut self) -> Result<bool, DriveError> {
        let GatePolicy::Grant(actor) = self.engine.options.gates.clone() else {
            return Ok(false);
        };
        if !self.has_gates {
            return Ok(false);
        }
        let open: Vec<Key> = self
            .run
            .active()
            .filter(|key| self.is_question(*key))
            .collect();
        let mut moved = false;
        for key in open {
            let Some(form) = gate::unasked(&self.run, key) else {
                continue;
            };
            let by = (actor.as_str(), self.engine.now());
            let outputs = gate::answer(&self.run, key, by, None, form);
            moved |= self.changes(Input::Answered {
                key,
                actor: actor.clone(),
                granted: true,
                comment: None,
                outputs,
            })?;
        }
        Ok(moved)
    }

    fn is_question(&self, key: Key) -> bool {
        matches!(self.facts.book.steps[key.step].work, Work::Gate(_))
            && matches!(
                self.run.instance(key).map(|instance| &instance.state),
                Some(InstanceState::Live(Phase::Waiting { .. }))
            )
    }

    #[expect(clippy::cast_possible_truncation, reason = "lists are far shorter")]
    pub(super) fn item(&self, key: Key) -> Option<u32> {
        let looped = self.facts.book.steps[key.step].for_each.is_some();
        looped.then_some(key.item as u32)
    }

    /// Puts into flight what should be, and ends what should not.
    pub(super) fn dispatch(&mut self) {
        let mut wanted = BTreeMap::new();
        for command in self.run.commands() {
            if let Command::Attempt {
                key,
                number,
                method,
            } = command
            {
                wanted.insert(key, (number, method));
            }
        }
        for (key, (number, method)) in &wanted {
            if self.may_fly(*key, *method) {
                let alone = wanted.len() == 1 && self.flying.is_empty();
                self.launch(*key, *number, *method, alone);
            }
        }
        if self.run.is_cancelled() {
            self.flying.values().for_each(Flight::cancel);
        }
        // What is dropped here is ended with it.
        self.flying
            .retain(|key, flight| wanted.get(key).is_some_and(|one| one.0 == flight.number));
    }

    /// Waits until the world has something to say, and takes it in.
    pub(super) async fn wait(&mut self) -> Result<(), DriveError> {
        let due = self.run.next_wake();
        let nap = due.map_or(POLL, |due| {
            Duration::from_millis(due.since(self.engine.now())).min(POLL)
        });
        let nap = nap.min(self.lease.due_in().max(Duration::from_millis(1)));
        let ordered = async {
            match &mut self.tie {
                Some(tie) => tie.orders.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(first) = self.landed.recv() => {
                self.land_one(first)?;
                while let Ok(next) = self.landed.try_recv() {
                    self.land_one(next)?;
                }
            }
            Ok(()) = self.stop.changed() => {}
            true = ordered => {}
            Some(entry) = self.notes.recv() => self.take_note(entry)?,
            () = tokio::time::sleep(nap) => {}
        }
        self.take_notes()?;
        self.look_around().await?;
        if due.is_some_and(|due| due <= self.engine.now()) {
            self.input(Input::Tick)?;
        }
        Ok(())
    }

    /// Takes signals and renews the lease, each when it is time, however much lands.
    pub(super) async fn look_around(&mut self) -> Result<(), DriveError> {
        let now = (self.engine.options.clock.monotonic)();
        if now >= self.looked + POLL {
            self.looked = now;
            self.take_signals()?;
        }
        if self.lease.is_due() {
            let since = self.lease.moment();
            let at = self.engine.now();
            let (run, epoch) = (&self.facts.id, self.claim.epoch);
            self.engine.store.renew(run, epoch, at).await?;
            self.lease.renewed(since);
        }
        Ok(())
    }

    fn land_one(&mut self, (key, number, landed): (Key, u32, Landed)) -> Result<(), DriveError> {
        fail::point("answer.landed");
        // In order: what it put down comes before what came of it.
        self.take_notes()?;
        if let Some(flight) = self.flying.get(&key)
            && flight.number == number
        {
            let (lines, requests) = (flight.log.take(), flight.requests.take());
            self.keep_lines(key, number, lines);
            if let Some(request) = requests.last() {
                self.requests.insert(key, request.clone());
            }
            self.flying.remove(&key);
        }
        match landed {
            // It is launched again by the next turn, which looks before it acts.
            Landed::Stalled => {
                self.stalled.insert(key);
                Ok(())
            }
            Landed::Answer(answer) => {
                self.stalled.remove(&key);
                let answer = self.until(key, answer);
                self.input(Input::Finished {
                    key,
                    number,
                    answer,
                })
            }
            Landed::Parked => {
                self.parked.insert(key);
                Ok(())
            }
            Landed::Lost(error) => Err(*error),
        }
    }

    /// A query with `until` is asked again while it does not hold.
    fn until(&self, key: Key, answer: Answer) -> Answer {
        let Some(until) = &self.facts.book.steps[key.step].until else {
            return answer;
        };
        let Answer::Done {
            outputs,
            effect,
            at,
        } = answer
        else {
            return answer;
        };
        match self.facts.until(&self.run, key, &until.that, &outputs) {
            Ok(Ok(())) => Answer::Done {
                outputs,
                effect,
                at,
            },
            Ok(Err(saw)) => Answer::Again {
                at: self.engine.now().plus(until.interval),
                note: seen(&saw),
            },
            Err(fault) => self.failed(fault),
        }
    }

    /// Takes what people have said since; whether there was anything.
    pub(super) fn take_signals(&mut self) -> Result<bool, DriveError> {
        if self.snapshot.is_none() {
            self.snapshot = Some(self.engine.store.snapshot()?);
        }
        let Some(snapshot) = &self.snapshot else {
            return Ok(false);
        };
        let signals = snapshot.signals(&self.facts.id, self.signal)?;
        let any = !signals.is_empty();
        for (id, at, actor, signal) in signals {
            self.signal = id;
            self.signal_taken = true;
            let input = signal.and_then(|signal| gate::input(&self.run, at, actor, signal));
            if let Some(input) = input {
                self.input(input)?;
            }
        }
        Ok(any)
    }

    pub(super) fn keep_lines(&mut self, key: Key, attempt: u32, lines: Vec<String>) {
        let (step, item, at) = (
            self.facts.book.steps[key.step].id.clone(),
            self.item(key),
            self.engine.now(),
        );
        self.logs.extend(lines.into_iter().map(|line| LogRow {
            step: step.clone(),
            item,
            attempt,
            at,
            line,
        }));
    }

    pub(super) fn gather_logs(&mut self) {
        let lines: Vec<(Key, u32, Vec<String>)> = self
            .flying
            .iter()
            .map(|(key, flight)| (*key, flight.number, flight.log.take()))
            .collect();
        for (key, number, lines) in lines {
            self.keep_lines(key, number, lines);
        }
    }
}

/// What an expression saw, on one short line.
fn seen(saw: &Value) -> String {
    let text = match saw {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    if text.chars().count() <= 160 {
        return text;
    }
    let short: String = text.chars().take(159).collect();
    format!("{short}…")
}
