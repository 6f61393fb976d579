//! One file for each command.

pub(crate) mod answer;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod cancel;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod logs;
#[cfg(feature = "plugins")]
pub(crate) mod plugin;
#[cfg(not(feature = "plugins"))]
#[path = "no_plugins.rs"]
pub(crate) mod plugin;
pub(crate) mod report;
pub(crate) mod resolve;
pub(crate) mod resume;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod steps;
pub(crate) mod test;
pub(crate) mod validate;
pub(crate) mod word;
