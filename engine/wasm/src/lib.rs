//! Plugins: components that bring step types, what they say of themselves, and what they may do.

pub mod component;
pub mod descriptor;
pub mod digest;
pub mod entry;
pub mod fixture;
pub mod grant;
pub mod host;
pub mod limits;
mod nearest;
mod unique;
