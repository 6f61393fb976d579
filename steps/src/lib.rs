//! The built-in step types: AWS services and steps that need no cloud.
//!
//! A step type is one file that holds its typed inputs and its calls. What all AWS steps share
//! (clients, faults, tags) is in `aws` and written once.

#[cfg(feature = "aws")]
#[cfg_attr(
    not(all(feature = "ec2", feature = "elbv2", feature = "route53")),
    allow(dead_code, reason = "not every service needs all that they share")
)]
mod aws;
mod catalog;
mod control;

#[cfg(feature = "aws")]
pub use aws::sign;
pub use catalog::catalog;
