//! The engine over a real state file and a fake cloud: a folder in which every effect is a file.
#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "modules of one test binary"
)]

mod children;
mod cloud;
mod doctor;
mod durable;
mod edit;
mod flow;
mod hands;
mod locks;
mod operate;
mod owners;
mod people;
mod restored;
mod rollback;
mod store;
mod timing;
mod world;
