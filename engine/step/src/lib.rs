//! What a step is: four shapes, the faults they end in, the templates and expressions that feed
//! them, and the catalog that lists them.
//!
//! The engine knows only the shapes. A step type holds its typed arguments and its calls; everything
//! else (retries, deadlines, tokens, journaling, redaction) is written once around it.

pub mod catalog;
pub mod context;
pub mod duration;
pub mod expression;
mod external;
pub mod lease;
pub mod notes;
pub mod scope;
pub mod secret;
pub mod shape;
pub mod template;

pub use catalog::{Catalog, External, Form, RetryClass, Schema, StepKind};
pub use context::{Aws, Connect, Context, Keys};
pub use runbook_core::{Executed, Fault, FaultKind, Origin};
pub use shape::{
    Action, Args, Change, Found, LookUp, Observed, Progress, Query, Repeat, StepResult, Wait,
};
