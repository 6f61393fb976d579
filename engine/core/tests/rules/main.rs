//! What the words of operators, deadlines and rollbacks mean, case by case.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod again;
mod back;
mod bench;
mod deadlines;
mod doubt;
mod ends;
mod fits;
mod held;
mod journals;
mod retries;
mod windows;
mod work;
