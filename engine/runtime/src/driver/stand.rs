//! How a driver stands: what may be dispatched, what only a person can move, when to let go of the run.

use runbook_core::{Command, InstanceState, Key, Method, Phase, Work};

use super::tie::Standing;
use super::{Driver, Ended, Watch};
use crate::engine::GatePolicy;
use crate::prepare::Facts;

impl Driver {
    /// Why to let go of the run now, if at all.
    pub(super) fn ended(&self) -> Option<Ended> {
        let status = self.run.status();
        if status.is_terminal() {
            return Some(Ended::Finished {
                status,
                measures: self.measures(),
                changed: Facts::changed(&self.run),
            });
        }
        if *self.stop.borrow() == Watch::Now {
            return Some(Ended::Interrupted);
        }
        let standing = self.standing();
        if let Some(tie) = &self.tie {
            tie.stand(standing);
        }
        let all_idle = self
            .flying
            .values()
            .all(|flight| flight.standing() != Standing::Busy);
        if self.draining() && all_idle && !self.dispatchable() {
            return Some(Ended::Interrupted);
        }
        let hold = self.engine.options.gates == GatePolicy::Hold;
        match standing {
            // The parent lets go when nothing else of it can move either.
            _ if self.tie.is_some() => None,
            Standing::Busy => None,
            Standing::Waiting => (!hold).then_some(Ended::Waiting),
            Standing::Paused => Some(Ended::Paused),
        }
    }

    /// Whether anything but a person can move the run.
    fn standing(&self) -> Standing {
        if self.dispatchable() {
            return Standing::Busy;
        }
        let mut found = match self.run.is_paused() {
            true => Standing::Paused,
            false => Standing::Busy,
        };
        for key in self.run.active() {
            match self.waits(key) {
                Standing::Busy => return Standing::Busy,
                Standing::Waiting => found = Standing::Waiting,
                Standing::Paused if found == Standing::Busy => found = Standing::Paused,
                Standing::Paused => {}
            }
        }
        if self.run.is_paused() {
            return Standing::Paused;
        }
        found
    }

    fn waits(&self, key: Key) -> Standing {
        if let Some(flight) = self.flying.get(&key) {
            return flight.standing();
        }
        if self.parked.contains(&key) {
            return Standing::Waiting;
        }
        match self.run.instance(key).map(|instance| &instance.state) {
            Some(InstanceState::Live(Phase::InDoubt { .. })) => Standing::Waiting,
            Some(InstanceState::Live(Phase::Waiting { .. }))
                if matches!(self.facts.book.steps[key.step].work, Work::Gate(_)) =>
            {
                Standing::Waiting
            }
            // It was given another chance while the run is held.
            Some(InstanceState::Live(Phase::Retrying { .. }))
                if self.run.is_paused() && self.run.resting().contains(&key) =>
            {
                Standing::Waiting
            }
            _ => Standing::Busy,
        }
    }

    /// Whether a command of this turn still has to be dispatched.
    fn dispatchable(&self) -> bool {
        self.run.commands().iter().any(|command| match command {
            Command::Attempt { key, method, .. } => self.may_fly(*key, *method),
            Command::Prepare { .. }
            | Command::Wake { .. }
            | Command::Unwind
            | Command::PrepareUndo { .. }
            | Command::Conclude => false,
        })
    }

    pub(super) fn may_fly(&self, key: Key, method: Method) -> bool {
        let idle = !self.flying.contains_key(&key) && !self.parked.contains(&key);
        // The step in hand is finished: what it observed is applied, nothing else is begun.
        idle && method != Method::Evaluate && (!self.draining() || method == Method::Apply)
    }
}
