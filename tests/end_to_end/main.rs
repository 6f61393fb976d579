//! The binary, from outside: what a person types, and what comes of it.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests"
)]

mod bad_input;
mod commands;
mod crash;
mod failover;
mod operate;
mod plugin_steps;
mod plugins;
mod support;
mod sweep;
mod upkeep;
