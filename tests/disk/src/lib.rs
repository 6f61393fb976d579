//! Tests of the store on a disk that loses power, fills up, or breaks.
//!
//! A VFS shim records every write, sync, truncate, create and delete of a state file in one order,
//! together with what the store promised and what was done outside ([`Disk`]). From that order come the
//! states that a real disk may hold after a power loss at any point ([`Device`]), and each is opened,
//! verified and resumed by the product as it is ([`Recording::check`]). The shim also lets single writes
//! and syncs fail.
//!
//! `unsafe` is forbidden in the rest of the project. Here it is denied, and allowed in `vfs.rs` alone:
//! SQLite's VFS is a table of C functions, and a stand-in that fails only above it would not see what
//! SQLite itself does with the disk. The shim becomes the default VFS of the test process, so the product
//! needs no hook for it.
//!
//! What is not synced counts as lost here; that it outlives a killed process, whose page cache the kernel
//! keeps, is the subject of `tests/end_to_end/crash.rs`. A machine that loses power runs nothing on, so
//! there is no need for processes of their own: an image is files in another folder.
//!
//! What it cannot show: a disk that says "synced" and lies, bits that rot, and a folder that is new itself
//! (its own name in the folder above is not recorded).

mod chance;
mod check;
mod cloud;
mod disk;
mod image;
mod mark;
pub mod scenarios;
mod vfs;
mod world;

pub use chance::Chance;
pub use check::{Recording, Wrong};
pub use cloud::{Cloud, catalog};
pub use disk::{Disk, Op, Part, Trouble, When};
pub use image::{Device, Image};
pub use mark::{Call, Mark, Verb};
pub use world::{Process, Scenario, Trip, all_succeeded, book, folder, step, wait_until_closed};

/// How often the seeded part of a test is repeated: `RUNBOOK_SEEDS`, 1 when it is not set.
#[must_use]
pub fn seeds() -> u64 {
    let given = std::env::var("RUNBOOK_SEEDS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1)
}
