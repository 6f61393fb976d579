//! Plugins: components that bring step types, what they say of themselves, and what they may do.

pub mod component;
pub mod descriptor;
pub mod digest;
pub mod grant;
pub mod limits;
mod nearest;
pub mod project;
pub mod sign;
pub mod source;
mod unique;
