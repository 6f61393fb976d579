//! What can be broken on purpose.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something broken on purpose, until it is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Chosen by the caller. Injecting the same key again changes nothing, so
    /// a caller that crashed may repeat itself.
    pub key: String,
    /// The account that suffers; the default account if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What breaks.
    pub fault: Kind,
}

/// The ways in which the sandbox can break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Targets of a load balancer fail their health checks.
    UnhealthyTargets {
        /// ARN or name of the target group.
        target_group: String,
        /// Ids of the targets; all current ones if empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        targets: Vec<String>,
        /// Reason code; `Target.Timeout` if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An availability zone is lost: no capacity, targets unhealthy, status impaired.
    ZoneDown {
        /// Such as `us-east-1a`.
        zone: String,
    },
    /// Every call to a region is answered 503. Global services still answer.
    RegionDown {
        /// Such as `us-east-1`.
        region: String,
    },
    /// The call takes effect, but its answer never arrives.
    LostAnswer {
        /// Which calls.
        #[serde(default)]
        on: Calls,
    },
    /// The connection breaks before the call takes effect.
    LostRequest {
        /// Which calls.
        #[serde(default)]
        on: Calls,
    },
    /// The call takes effect, the connection stays silent, then breaks.
    Hang {
        /// Which calls.
        #[serde(default)]
        on: Calls,
        /// How long the silence lasts.
        seconds: u64,
    },
    /// Refused with the service's own throttling error, without effect.
    Throttle {
        /// Which calls.
        #[serde(default)]
        on: Calls,
    },
    /// Refused with 503 in the service's own format, without effect.
    ServerError {
        /// Which calls.
        #[serde(default)]
        on: Calls,
    },
    /// Refused for lack of permission, without effect.
    AccessDenied {
        /// Which calls.
        #[serde(default)]
        on: Calls,
    },
    /// Answered later than usual.
    Delay {
        /// Which calls.
        #[serde(default)]
        on: Calls,
        /// How much later.
        ms: u64,
    },
    /// What was made on EC2 is not seen for a while: left out of lists, not found by id.
    StaleReads {
        /// How long after its creation.
        ms: u64,
    },
    /// A CloudWatch alarm is in a state and stays there.
    Alarm {
        /// Name of the alarm. It may be created later.
        name: String,
        /// The state.
        state: AlarmState,
        /// Region of the alarm.
        region: String,
    },
}

/// The states of a CloudWatch alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// Within the threshold.
    Ok,
    /// Beyond the threshold.
    Alarm,
    /// Not enough datapoints to tell.
    InsufficientData,
}

impl AlarmState {
    /// As AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlarmState::Ok => "OK",
            AlarmState::Alarm => "ALARM",
            AlarmState::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// Which calls a fault meets. What is not given matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    /// Service as in an IAM action (`ec2`, `elasticloadbalancing`, `route53`, `cloudwatch`, `sns`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Regular expression for the whole operation name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Regular expression searched in the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// So many matching calls are spared first.
    pub skip: u64,
    /// So many are met then; every one if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// A fault that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveFault {
    /// The fault as it was first injected.
    #[serde(flatten)]
    pub fault: Fault,
    /// When it was first injected.
    pub since: Timestamp,
    /// How many calls it has met.
    pub hits: u64,
}
