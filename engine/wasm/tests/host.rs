//! The host against plugins of good and of ill will, built from source.

#[path = "host/fixtures.rs"]
mod fixtures;
#[path = "host/guests.rs"]
mod guests;
#[path = "host/keeping.rs"]
mod keeping;
#[path = "host/limits.rs"]
mod limits;
#[path = "host/loading.rs"]
mod loading;
#[path = "host/reach.rs"]
mod reach;
#[path = "host/server.rs"]
mod server;
#[path = "host/world.rs"]
mod world;
