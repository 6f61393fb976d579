//! What the words of operators, deadlines and rollbacks mean, case by case.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod again;
mod back;
mod bench;
mod deadlines;
mod doubt;
mod ends;
mod fits;
mod gates;
mod held;
mod items;
mod journals;
mod reopened;
mod retries;
mod stages;
mod undo;
mod windows;
mod work;
