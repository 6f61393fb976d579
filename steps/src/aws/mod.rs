//! AWS: what all services share, and one module for each service.

pub(crate) mod client;
pub(crate) mod fault;
pub mod sign;
pub(crate) mod tags;

#[cfg(feature = "cloudwatch")]
pub(crate) mod cloudwatch;
#[cfg(feature = "ec2")]
pub(crate) mod ec2;
#[cfg(feature = "elbv2")]
pub(crate) mod elbv2;
#[cfg(feature = "route53")]
pub(crate) mod route53;
#[cfg(feature = "sns")]
pub(crate) mod sns;
#[cfg(feature = "sts")]
pub(crate) mod sts;

#[cfg(test)]
pub(crate) mod testing;
