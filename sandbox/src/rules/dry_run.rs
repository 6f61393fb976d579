//! `DryRun` never has an effect. moto executes some of them.
//!
//! "If you have the required permissions, the error response is
//! `DryRunOperation`": the `DryRun` parameter of every EC2 action, and
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>

use super::Settled;
use crate::call::Call;
use crate::wire::Protocol;
use crate::wire::refusal::Refusal;

pub(super) fn check(call: &Call) -> Option<Settled> {
    if call.protocol != Protocol::Ec2 || !call.param("DryRun").eq_ignore_ascii_case("true") {
        return None;
    }
    let refusal = Refusal::with(
        412,
        "DryRunOperation",
        "Request would have succeeded, but DryRun flag is set.",
    );
    Some(Settled::refused(call, &refusal, "dry_run"))
}
