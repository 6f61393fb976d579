//! What the world tells the scheduler. Time, actors, tokens and jitter arrive inside.

use serde_json::Value;

use crate::{Effect, Fault, Key, Note, Timestamp};

/// What the world tells the scheduler. Time, actors, tokens and jitter arrive inside.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// An owner begins or takes over.
    Drive {
        /// Who.
        actor: String,
        /// Its fencing epoch.
        epoch: u64,
    },
    /// A [`Command::Prepare`](crate::Command::Prepare) was carried out.
    Prepared {
        /// The step.
        step: usize,
        /// The item.
        item: Option<usize>,
        /// What came of it.
        prepared: Prepared,
    },
    /// A [`Command::Attempt`](crate::Command::Attempt) was carried out.
    Finished {
        /// Which.
        key: Key,
        /// The attempt that it belongs to; a superseded one is not believed.
        number: u32,
        /// What came of it.
        answer: Answer,
    },
    /// An attempt in flight puts something down.
    Noted {
        /// Which.
        key: Key,
        /// The attempt that it belongs to; a superseded one is not believed.
        number: u32,
        /// What.
        note: Note,
    },
    /// Time passed.
    Tick,
    /// A person answered a gate.
    Answered {
        /// The gate.
        key: Key,
        /// Who.
        actor: String,
        /// Yes or no.
        granted: bool,
        /// What they said.
        comment: Option<String>,
        /// The gate's outputs when this answer opens it.
        outputs: Value,
    },
    /// An operator wants the run to end.
    Cancel {
        /// Who.
        actor: String,
        /// Why.
        reason: Option<String>,
    },
    /// A person knows what became of an attempt in doubt.
    Resolve {
        /// Which.
        key: Key,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
        /// What.
        resolution: Resolution,
    },
    /// A held run goes on; failed steps get another chance.
    Reopen {
        /// Who.
        actor: String,
    },
    /// An operator holds the run.
    Pause {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// An operator lets a held run go on, and nothing else.
    Unpause {
        /// Who.
        actor: String,
    },
    /// An operator wants a step to run again.
    Retry {
        /// The step.
        step: usize,
        /// Whether every step that depends on it runs again too.
        downstream: bool,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// An operator wants the run to do without a step.
    Skip {
        /// The step.
        step: usize,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// The journal may be older than the world: what it does not know of may have happened.
    Restore {
        /// Who.
        actor: String,
    },
    /// What succeeded is to be taken back.
    RollBack {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// A [`Command::Unwind`](crate::Command::Unwind) was carried out.
    Unwind,
    /// A [`Command::PrepareUndo`](crate::Command::PrepareUndo) was carried out.
    UndoPrepared {
        /// Which.
        key: Key,
        /// Token, and rendered inputs of an undo by another step type.
        prepared: Result<(String, Option<Value>), Fault>,
    },
    /// A [`Command::Conclude`](crate::Command::Conclude) was carried out.
    Concluded {
        /// The runbook's outputs.
        outputs: Value,
        /// Whether an objective was missed.
        missed: bool,
        /// Whether its outputs could not be computed.
        broken: bool,
    },
}

/// A step or an item made ready.
#[derive(Clone, Debug, PartialEq)]
pub enum Prepared {
    /// Its condition is false.
    Skip {
        /// The values that the condition saw.
        saw: Value,
    },
    /// It runs once for each of these.
    Items(Vec<Value>),
    /// It can start.
    Start {
        /// Derived from run, step, item, generation and inputs.
        token: String,
        /// The rendered inputs.
        inputs: Value,
        /// For gates and timers: when it ends by itself, and what it waits for.
        wait: Option<(Option<Timestamp>, String)>,
    },
    /// An expression or template failed.
    Unfit(Fault),
}

/// Why nothing can tell what happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubt {
    /// What is known, for the person who decides.
    pub why: String,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is done.
    Done {
        /// Outputs.
        outputs: Value,
        /// What it did.
        effect: Effect,
        /// Its output `at`, for marks.
        at: Option<Timestamp>,
    },
    /// A change saw what is there and has to be made.
    Observed(Value),
    /// Not yet.
    Again {
        /// When to go on.
        at: Timestamp,
        /// What it waits for.
        note: String,
    },
    /// It failed.
    Failed {
        /// Why.
        fault: Fault,
        /// Random share (0 to 1) of the delay before the next attempt.
        share: f64,
    },
    /// The effect is unknown and nothing can tell.
    Doubt(Doubt),
}

/// What became of an attempt in doubt.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// It was done, with these outputs.
    Done(Value),
    /// It was not done: try again.
    Retry,
    /// It does not matter.
    Skip,
}
