//! The built-in step types: AWS services and steps that need no cloud.
//!
//! A step type is one file that holds its typed inputs and its calls. What all AWS steps share
//! (clients, faults, tags) is in [`aws`] and written once.

#[cfg(feature = "aws")]
mod aws;
mod catalog;
mod control;

pub use catalog::catalog;
