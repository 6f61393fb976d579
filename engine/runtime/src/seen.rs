//! What a run's driver tells whoever watches: printers, tests, later the server.

use std::sync::Arc;

use runbook_core::{Journal, RunStatus, Runbook, Timestamp};

use crate::store::LogRow;

/// One thing to see. Events are told only after they are on disk.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A run is driven from here on.
    Opened {
        /// The run.
        run: String,
        /// The run that waits for it.
        parent: Option<String>,
        /// `root`, `child` or `prepare`.
        role: String,
        /// Its environment.
        environment: String,
        /// Its runbook.
        book: Arc<Runbook>,
        /// Whether an earlier process drove it.
        resumed: bool,
        /// Steps that ended before.
        ended: usize,
        /// When its first owner began.
        started: Option<Timestamp>,
    },
    /// Events were committed.
    Events {
        /// The run.
        run: String,
        /// Number of the first.
        first: u64,
        /// In order.
        events: Vec<Journal>,
        /// The run's status after them.
        status: RunStatus,
    },
    /// A step wrote log lines.
    Logs {
        /// The run.
        run: String,
        /// In order.
        lines: Vec<LogRow>,
    },
    /// The driver has let go of the run.
    Closed {
        /// The run.
        run: String,
        /// Its status.
        status: RunStatus,
    },
}

/// Gets every notice, in order for each run.
pub type Watcher = Arc<dyn Fn(&Notice) + Send + Sync>;
