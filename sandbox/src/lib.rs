//! A local AWS on the loopback interface: moto behind a proxy that tells the
//! truth where moto does not, and breaks things on request.
//!
//! [`ensure`] gives a running sandbox to a command line, [`serve`] is what the
//! background process runs, [`start_in_thread`] is for tests. All of them end
//! in a [`Handle`], whose [`Handle::env`] is everything a program needs to talk
//! to the sandbox instead of AWS.
//!
//! The crate knows nothing of runbooks. A program that uses the sandbox only
//! sees an endpoint address.
#![warn(missing_docs)]

mod account;
mod call;
mod control;
mod ensure;
mod error;
mod fault;
mod faults;
mod files;
mod handle;
mod http;
mod inventory;
mod ledger;
mod lifecycles;
mod memory;
mod moto;
mod options;
mod progress;
mod proxy;
mod python;
mod rules;
mod serve;
mod status;
mod wire;
mod world;

pub use account::DEFAULT_ACCOUNT;
pub use ensure::ensure;
pub use error::Error;
pub use fault::{ActiveFault, AlarmState, Calls, Fault, Kind};
pub use handle::Handle;
pub use inventory::Inventory;
pub use ledger::{Entry, Filter, Verdict};
pub use lifecycles::Lifecycles;
pub use options::Options;
pub use progress::{Progress, Report};
pub use python::{Python, prepare};
pub use serve::{serve, start_in_thread};
pub use status::Status;
