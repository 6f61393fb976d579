//! The host against plugins of good and of ill will, built from source.

#[path = "host/fixtures.rs"]
mod fixtures;
#[path = "host/guests.rs"]
mod guests;
