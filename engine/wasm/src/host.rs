//! Runs plugins: WebAssembly components in instances of their own, with limits, and with nothing but what
//! they are granted.

mod aws;
mod bindings;
mod cache;
mod call;
mod engine;
mod failure;
mod guest;
mod invoke;
mod live;
mod outgoing;
mod plugin;
mod stderr;
pub mod transport;

pub use cache::Cache;
pub use call::Setup;
pub use engine::Runtime;
pub use failure::{Failure, Kind};
pub use invoke::{Ended, Outcome, Verb};
pub use live::{Live, Signed, Signer};
pub use plugin::{LoadError, Plugin, describe_component, embed_descriptor};
