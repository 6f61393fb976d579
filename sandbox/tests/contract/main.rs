//! What the sandbox promises: one sandbox for all tests, one account for each.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod alarms;
mod control;
mod ec2;
mod faults;
mod lifecycle;
mod load_balancing;
mod process;
mod route53;
mod support;
mod tokens;
