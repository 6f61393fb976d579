//! Why an attempt failed, in the few classes that a decision can be taken from.

use serde::{Deserialize, Serialize};

/// The class of a failure. Recovery is decided from it, never from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Refused because of a rate limit; not executed.
    Throttled,
    /// A network or server trouble that may pass.
    Transient,
    /// Something else changes the same thing right now.
    Conflict,
    /// What the step works on does not exist.
    NotFound,
    /// The caller may not do this.
    Denied,
    /// The request is wrong and stays wrong.
    Invalid,
    /// The step's deadline passed.
    Timeout,
    /// A condition did not hold: an assertion, a check, an `until` that can no longer hold.
    Unmet,
    /// A person said no, or nobody answered in time.
    Rejected,
    /// The operator cancelled the run.
    Cancelled,
    /// The endpoint does not offer the operation.
    Unsupported,
    /// A mistake of the engine or of a plugin.
    Internal,
}

impl FaultKind {
    /// The name that runbooks and journals use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Conflict => "conflict",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Timeout => "timeout",
            Self::Unmet => "unmet",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }
}

/// Whether the outside world carried the failed call out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executed {
    /// Certainly not.
    #[default]
    No,
    /// The answer was lost, or says nothing about it.
    Unknown,
}

/// Where a fault came from, for the person who has to look it up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The service, such as `ec2`.
    pub service: String,
    /// The API action, such as `RunInstances`.
    pub action: String,
    /// The region that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The service's own error code, such as `InvalidVpcID.NotFound`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The service's id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One failure: its class, what is known about the effect, and the words for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The class.
    pub kind: FaultKind,
    /// A lowercase fragment without a full stop.
    pub message: String,
    /// Whether the effect may have happened.
    #[serde(default)]
    pub executed: Executed,
    /// Which call failed, when it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What the person can do, when the step knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Fault {
    /// A fault of `kind` that certainly had no effect.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            executed: Executed::No,
            origin: None,
            help: None,
        }
    }

    /// The same fault with advice for the person.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same fault, its effect unknown.
    #[must_use]
    pub fn unknown_effect(mut self) -> Self {
        self.executed = Executed::Unknown;
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(origin) = &self.origin else {
            return f.write_str(&self.message);
        };
        write!(f, "{}:{}", origin.service, origin.action)?;
        if let Some(region) = &origin.region {
            write!(f, " in {region}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(code) = &origin.code {
            write!(f, " ({code})")?;
        }
        if let Some(request) = &origin.request_id {
            write!(f, " [request {request}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_the_name_that_journals_use() {
        use FaultKind::*;
        let all = [
            Throttled,
            Transient,
            Conflict,
            NotFound,
            Denied,
            Invalid,
            Timeout,
            Unmet,
            Rejected,
            Cancelled,
            Unsupported,
            Internal,
        ];
        for kind in all {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn a_fault_says_which_call_failed_where_it_was_one() {
        let mut fault = Fault::new(FaultKind::NotFound, "no such group");
        assert_eq!(fault.to_string(), "no such group");
        fault.origin = Some(Origin {
            service: "ec2".into(),
            action: "DeleteVpc".into(),
            ..Origin::default()
        });
        assert_eq!(fault.to_string(), "ec2:DeleteVpc: no such group");
        fault.origin = fault.origin.map(|origin| Origin {
            region: Some("eu-west-1".into()),
            code: Some("Gone".into()),
            request_id: Some("r-1".into()),
            ..origin
        });
        let text = "ec2:DeleteVpc in eu-west-1: no such group (Gone) [request r-1]";
        assert_eq!(fault.to_string(), text);
    }
}
