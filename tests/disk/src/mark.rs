//! What the tests put into the order of writes: what was promised, and what was done outside.

/// A call that reached the world outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The run.
    pub run: String,
    /// The step, with `[item]` for an item of a `for_each`.
    pub step: String,
    /// Number of the attempt.
    pub attempt: u32,
    /// What was asked.
    pub verb: Verb,
    /// The token that came with it.
    pub token: String,
}

/// What a call asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// To read.
    Read,
    /// To look for what a change makes.
    Observe,
    /// To make something.
    Make,
    /// To act, where doubles do no harm.
    Send,
    /// To act, where a double is one too many.
    Strike,
}

/// A point in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The store said that the journal of a run is on disk up to this event.
    Acknowledged {
        /// The run.
        run: String,
        /// Number of its last event.
        seq: u64,
    },
    /// The store said that so many more log lines of a run are on disk.
    Logged {
        /// The run.
        run: String,
        /// How many.
        lines: usize,
    },
    /// Something happened outside.
    Called(Call),
}
