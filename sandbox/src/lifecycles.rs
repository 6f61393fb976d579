//! How long things take.

use serde::{Deserialize, Serialize};

/// Real-time delays, in milliseconds, that moto lacks. Zero switches one off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifecycles {
    /// A Route 53 change is `PENDING` this long, then `INSYNC`.
    pub dns_change_ms: u64,
    /// A newly registered target is `initial` this long.
    pub target_ms: u64,
    /// A deregistered target is `draining` this long.
    pub draining_ms: u64,
    /// A NAT gateway is `pending` this long.
    pub nat_gateway_ms: u64,
    /// A load balancer is `provisioning` this long.
    pub load_balancer_ms: u64,
    /// A snapshot is `pending` this long.
    pub snapshot_ms: u64,
    /// An instance is `pending`, `stopping` or `shutting-down` this long.
    pub instance_ms: u64,
}

impl Lifecycles {
    /// Nothing takes time.
    pub const INSTANT: Lifecycles = Lifecycles {
        dns_change_ms: 0,
        target_ms: 0,
        draining_ms: 0,
        nat_gateway_ms: 0,
        load_balancer_ms: 0,
        snapshot_ms: 0,
        instance_ms: 0,
    };
}

impl Default for Lifecycles {
    /// Long enough to be seen in a demonstration, short enough to wait for.
    fn default() -> Lifecycles {
        Lifecycles {
            dns_change_ms: 1_500,
            target_ms: 1_000,
            draining_ms: 1_000,
            nat_gateway_ms: 1_000,
            load_balancer_ms: 1_000,
            snapshot_ms: 1_000,
            instance_ms: 1_000,
        }
    }
}
