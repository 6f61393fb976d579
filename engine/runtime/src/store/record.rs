//! What is written: one commit is one record, and every state row can be derived from it.

use runbook_core::{Journal, RunStatus, StepStatus, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A run to be created.
#[derive(Clone, Debug)]
pub struct NewRunRow {
    /// Its id.
    pub id: String,
    /// The run that waits for it.
    pub parent: Option<String>,
    /// `root`, `child` or `prepare`.
    pub role: String,
    /// The root of its tree.
    pub family: String,
    /// The runbook's name.
    pub runbook: String,
    /// The environment's name.
    pub environment: String,
    /// Hash and text of the definition; the text is absent when it is stored already.
    pub definition: (String, Option<String>),
    /// Which child of the definition.
    pub entry: Option<String>,
    /// Parameters, secrets as references.
    pub params: Value,
    /// What the process that starts it wants to find again.
    pub meta: Value,
    /// The lock that it holds while it is live.
    pub lock: Option<String>,
    /// A second run with the same key is this one.
    pub idempotency_key: Option<String>,
    /// When.
    pub created: Timestamp,
    /// Its first event.
    pub event: Journal,
}

/// One commit of a run.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The run.
    pub run: String,
    /// Last event that the writer knows.
    pub expected_seq: u64,
    /// The writer's fencing epoch.
    pub epoch: u64,
    /// New events.
    pub events: Vec<Journal>,
    /// State rows that follow from them.
    pub rows: Rows,
    /// Log lines that ride along.
    pub logs: Vec<LogRow>,
    /// Last signal that was taken.
    pub signal: Option<i64>,
    /// The run had ended and goes on: it needs its lock again.
    pub reopens: bool,
    /// Hash and text of the definition that it has from here on; its step rows are all given anew.
    pub definition: Option<(String, String)>,
}

/// State rows, derived from the events of one commit.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The run's own row.
    pub run: Option<RunRow>,
    /// Rows of steps and items that changed.
    pub steps: Vec<StepRow>,
    /// Effects that were intended or became known.
    pub effects: Vec<EffectRow>,
    /// Questions that were asked or answered.
    pub approvals: Vec<ApprovalRow>,
}

/// What a run's row shows.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its status.
    pub status: RunStatus,
    /// When the first owner began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Its outputs, once it ended.
    pub outputs: Option<Value>,
}

/// What a step's row shows.
#[derive(Clone, Debug)]
pub struct StepRow {
    /// Index in the runbook.
    pub step: usize,
    /// Item; -1 for the step itself.
    pub item: i64,
    /// The step's id.
    pub id: String,
    /// Its status.
    pub status: StepStatus,
    /// Its attempt.
    pub attempt: u32,
    /// When its first attempt started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// The core's own form.
    pub body: String,
}

/// What is known of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    /// A call may be on its way.
    Intended,
    /// It happened.
    Confirmed,
    /// It did not happen.
    Absent,
    /// Nobody can tell.
    InDoubt,
}

impl EffectState {
    /// The number in the store.
    #[must_use]
    pub fn code(self) -> i64 {
        match self {
            Self::Intended => 0,
            Self::Confirmed => 1,
            Self::Absent => 2,
            Self::InDoubt => 3,
        }
    }

    /// The state with this number.
    #[must_use]
    pub fn from_code(code: i64) -> Self {
        match code {
            1 => Self::Confirmed,
            2 => Self::Absent,
            3 => Self::InDoubt,
            _ => Self::Intended,
        }
    }
}

/// One effect.
#[derive(Clone, Debug, Serialize)]
pub struct EffectRow {
    /// The step's id.
    pub step: String,
    /// The item, 0 for a plain step.
    pub item: u32,
    /// The attempt.
    pub attempt: u32,
    /// Number of the call within the attempt.
    pub call: u32,
    /// Its token.
    pub token: String,
    /// Hash of the request.
    pub request: String,
    /// When the call is given up.
    pub deadline: Timestamp,
    /// What is known.
    pub state: EffectState,
    /// The service's id of the last request.
    pub request_id: Option<String>,
    /// What was made or changed.
    pub resource: Option<String>,
}

/// One question.
#[derive(Clone, Debug, Serialize)]
pub struct ApprovalRow {
    /// The run.
    pub run: String,
    /// The step's id.
    pub step: String,
    /// The item, 0 for a plain step.
    pub item: u32,
    /// What is asked.
    pub message: String,
    /// When.
    pub asked: Timestamp,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// When it was answered or expired.
    pub answered: Option<Timestamp>,
}

/// One line that a step wrote.
#[derive(Clone, Debug, Serialize)]
pub struct LogRow {
    /// The step's id.
    pub step: String,
    /// The item.
    pub item: Option<u32>,
    /// The attempt.
    pub attempt: u32,
    /// When it was taken from the step.
    pub at: Timestamp,
    /// The line.
    pub line: String,
}

/// A person's word to a run, from any process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// Yes or no to a gate.
    Answer {
        /// The step's id.
        step: String,
        /// The item.
        item: Option<u32>,
        /// Yes or no.
        granted: bool,
        /// What they said.
        comment: Option<String>,
        /// Answers to a form.
        #[serde(default)]
        form: Value,
    },
    /// End the run.
    Cancel {
        /// Why.
        reason: Option<String>,
    },
    /// Hold the run.
    Pause {
        /// Why.
        reason: String,
    },
    /// Let a held run go on; failed work gets another chance.
    Resume,
    /// Run a step again.
    Retry {
        /// The step's id.
        step: String,
        /// With every step that depends on it.
        downstream: bool,
        /// Why.
        reason: String,
    },
    /// Do without a step.
    Skip {
        /// The step's id.
        step: String,
        /// Why.
        reason: String,
    },
    /// Take back what succeeded.
    RollBack {
        /// Why.
        reason: String,
    },
    /// What became of an attempt in doubt.
    Resolve {
        /// The step's id.
        step: String,
        /// The item.
        item: Option<u32>,
        /// `done`, `retry` or `skip`.
        how: String,
        /// Outputs, when done.
        outputs: Value,
        /// Why.
        reason: String,
    },
}
