//! Plugins: components that bring step types, what they say of themselves, and what they may do.

pub mod component;
pub mod descriptor;
pub mod digest;
pub mod entry;
pub mod fixture;
mod files;
pub mod grant;
pub mod host;
pub mod limits;
pub mod lock;
mod nearest;
pub mod oci;
pub mod project;
pub mod sign;
pub mod source;
pub mod store;
mod unique;
