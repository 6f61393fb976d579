//! Exit codes: a contract with scripts, documented in `docs/commands.md`.

/// Succeeded.
pub(crate) const OK: u8 = 0;
/// Failed, or rolled back, or cancelled.
pub(crate) const FAILED: u8 = 1;
/// Bad usage, bad file, bad parameter: nothing was done.
pub(crate) const USAGE: u8 = 2;
/// Stopped, waiting for a person.
pub(crate) const WAITING: u8 = 3;
/// Finished, but an objective was missed.
pub(crate) const MISSED: u8 = 4;
/// Refused: lock, freeze, lever, or missing approval.
pub(crate) const REFUSED: u8 = 5;
/// Interrupted, resumable.
pub(crate) const INTERRUPTED: u8 = 130;
