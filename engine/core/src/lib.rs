//! The pure core: what a runbook is, what happened to a run of it, and what should be in flight.
//!
//! One loop at the edge calls it: [`Run::decide`] turns an input into journal events, the events are
//! written to disk, [`Run::evolve`] folds them into the state, and [`Run::commands`] says which work
//! should be in flight. Commands follow from the state alone, so recovery after a crash is replay plus
//! the ordinary path; there is no recovery module.
//!
//! This crate knows no clock, file, socket, thread, random source or step name. Time, actors, tokens
//! and jitter arrive inside the inputs.

mod command;
mod decide;
mod event;
mod evolve;
mod fault;
mod fit;
mod input;
mod note;
mod objective;
mod operator;
mod run;
mod runbook;
mod status;
mod time;
mod undo;

pub use command::{Command, Method};
pub use event::{Effect, Event, Journal, Kept, SkipReason};
pub use evolve::Corrupt;
pub use fault::{Executed, Fault, FaultKind, Origin};
pub use input::{Answer, Doubt, Input, Prepared, Resolution};
pub use note::Note;
pub use objective::{Measure, Objective, measure};
pub use run::{Attempt, Instance, InstanceState, Key, Made, Phase, Run, StepRun};
pub use runbook::{
    ForEach, Gate, Limit, Objectives, OnFailure, Param, ParamType, Retry, Runbook, Section, Shape,
    Step, Undo, Until, Work,
};
pub use status::{RunStatus, StepStatus};
pub use time::{Millis, Timestamp, format_millis};
pub use undo::{UndoAttempt, Undoing};
