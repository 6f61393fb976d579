//! The engine over a real state file and a fake cloud: a folder in which every effect is a file.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "modules of one test binary"
)]

mod cloud;
mod doctor;
mod durable;
mod flow;
mod people;
mod store;
mod world;
