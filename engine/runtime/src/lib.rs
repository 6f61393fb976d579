//! Drives runs: the store that journals them, the loop that decides, records and acts, and the worker
//! that carries attempts out.

pub mod backup;
mod clock;
mod definition;
pub mod doctor;
mod driver;
mod engine;
pub mod fail;
mod gate;
mod lease;
mod pinned;
mod prepare;
mod project;
mod redefine;
mod seen;
mod shelf;
pub mod store;
mod token;
mod worker;

pub use clock::{Clock, now, rfc3339, timestamp};
pub use definition::Definition;
pub use driver::{DriveError, Ended, Stop, Watch};
pub use engine::{Engine, GatePolicy, NewRun, Options, StartError};
pub use redefine::{Edit, RedefineError, compare};
pub use seen::{Notice, Watcher};
pub use store::{RawCommits, RawError, Store, StoreError};
pub use token::{new_run_id, token};
